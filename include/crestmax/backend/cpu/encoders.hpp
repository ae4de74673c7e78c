// The encoders of all instruction sets: their vectors are the compiler's own, so a set is a region with a size of registers.
#pragma once

#include "encode_numbers.hpp"
#include "features.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::encoders::generic {

#if !defined(__GNUC__)
inline constexpr int register_bytes = 0;
#elif defined(__AVX512F__) && defined(__AVX512BW__)
inline constexpr int register_bytes = 64;
#elif defined(__AVX2__)
inline constexpr int register_bytes = 32;
#elif defined(__SSE2__) || defined(__ARM_NEON) || defined(__ALTIVEC__) || defined(__VSX__)
inline constexpr int register_bytes = 16;
#else
inline constexpr int register_bytes = 0;
#endif
#include "text/encode.inc"

}  // namespace cpu::encoders::generic

CRESTMAX_END_NAMESPACE

#if CRESTMAX_X86_SETS

CRESTMAX_BEGIN_TARGET("avx2,fma,f16c")
CRESTMAX_BEGIN_NAMESPACE
namespace cpu::encoders::avx2 {
inline constexpr int register_bytes = 32;
#include "text/encode.inc"
}  // namespace cpu::encoders::avx2
CRESTMAX_END_NAMESPACE
CRESTMAX_END_TARGET

CRESTMAX_BEGIN_TARGET("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")
CRESTMAX_BEGIN_NAMESPACE
namespace cpu::encoders::avx512 {
inline constexpr int register_bytes = 64;
#include "text/encode.inc"
}  // namespace cpu::encoders::avx512
CRESTMAX_END_NAMESPACE
CRESTMAX_END_TARGET

#endif

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// That of the widest set that the machine has, none above `most`.
inline const number_encoder& encoder_of(instruction_set most) {
#if CRESTMAX_X86_SETS
  const instruction_set set = most < machine_set() ? most : machine_set();
  if (set >= instruction_set::avx512) return encoders::avx512::encoder;
  if (set >= instruction_set::avx2) return encoders::avx2::encoder;
#else
  static_cast<void>(most);
#endif
  return encoders::generic::encoder;
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
