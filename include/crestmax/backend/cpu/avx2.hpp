// The set of AVX2. Machines that have dot products of integers as well (AVX-VNNI) use them for encoded keys and values, by a region of their own.
#pragma once

#include "avx2_vnni.hpp"

#if CRESTMAX_X86_SETS

CRESTMAX_BEGIN_TARGET("avx2,fma,f16c")

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::avx2 {

// A template, so that only who runs kernels compiles them.
template <class T>
struct integer_multiplies {
  template <kind_set Kinds>
  static constexpr integer_kernels<T> plain() { return kernels_of_integers<integers, Kinds>(); }
  template <kind_set Kinds>
  static constexpr integer_kernels<T> dots() { return vnni::kernels_of_integers<vnni::integers, Kinds>(); }
};

#include "text/table.inc"

}  // namespace cpu::avx2

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"

CRESTMAX_END_TARGET

#endif
