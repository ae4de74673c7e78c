// The sets of AVX-512: the sets above it multiply pairs of bfloat16 in regions of their own (avx512_bf16.hpp, amx.hpp); all else is
// compiled once for the three of them, and they share one table.
#pragma once

#include "amx.hpp"
#include "avx512_vnni.hpp"

#if CRESTMAX_X86_SETS

CRESTMAX_BEGIN_TARGET("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::avx512 {

// A template, so that only who runs kernels compiles them.
template <class T>
struct pair_multiplies {
  using registers = avx512_bf16::register_pairs<avx512_bf16::primitives, T>;
  using tiles = amx::tile_pairs<amx::primitives, amx::hardware_tiles, T>;
};

template <class T>
struct integer_multiplies {
  template <kind_set Kinds>
  static constexpr integer_kernels<T> plain() { return {}; }
  template <kind_set Kinds>
  static constexpr integer_kernels<T> dots() { return vnni::kernels_of_integers<vnni::integers, Kinds>(); }
};

#include "text/table.inc"

}  // namespace cpu::avx512

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"

CRESTMAX_END_TARGET

#endif
