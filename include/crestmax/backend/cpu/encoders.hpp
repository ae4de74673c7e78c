// The encoders of all instruction sets: their vectors are the compiler's own, so a set is a region with a size of registers.
#pragma once

#include "encode_numbers.hpp"
#include "features.hpp"

#if CRESTMAX_X86_SETS
#include <immintrin.h>
#endif

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
struct own {
  static constexpr bool has_float16 = false, packs_bytes = false, has_extremes = false;
};
#include "text/encode.inc"

}  // namespace cpu::encoders::generic

CRESTMAX_END_NAMESPACE

#if CRESTMAX_X86_SETS

CRESTMAX_BEGIN_TARGET("avx2,fma,f16c")
CRESTMAX_BEGIN_NAMESPACE
namespace cpu::encoders::avx2 {
inline constexpr int register_bytes = 32;
// What compilers do not make of their vectors.
struct own {
  static constexpr bool has_float16 = true, packs_bytes = true, has_extremes = false;
  static auto widened(const float16* from) { return _mm256_cvtph_ps(_mm_loadu_si128(pointer_to<__m128i>(from))); }
  static auto widened(const bfloat16* from) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(pointer_to<__m128i>(from))), 16));
  }
  static auto narrowed(__m256 x) {
    typedef std::int32_t words __attribute__((vector_size(32)));
    return __builtin_bit_cast(words, _mm256_cvtepu16_epi32(_mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT)));
  }
  // The low bytes of words.
  static __m256i packed(const auto& a, const auto& b) {
    const __m256i low = _mm256_set1_epi32(0xff);
    return _mm256_packus_epi32(_mm256_and_si256(__builtin_bit_cast(__m256i, a), low), _mm256_and_si256(__builtin_bit_cast(__m256i, b), low));
  }
  static void store_bytes(const auto (&c)[4], std::uint8_t* to) {
    const __m256i bytes = _mm256_packus_epi16(packed(c[0], c[1]), packed(c[2], c[3]));
    _mm256_storeu_si256(pointer_to<__m256i>(to), _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
  }
  static void store_half_of_bytes(const auto (&c)[4], std::uint8_t* to) {
    const __m256i pairs = _mm256_permute4x64_epi64(packed(c[0], c[1]), 0xd8);
    _mm_storeu_si128(pointer_to<__m128i>(to), _mm_packus_epi16(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1)));
  }
};
#include "text/encode.inc"
}  // namespace cpu::encoders::avx2
CRESTMAX_END_NAMESPACE
CRESTMAX_END_TARGET

CRESTMAX_BEGIN_TARGET("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")
CRESTMAX_BEGIN_NAMESPACE
namespace cpu::encoders::avx512 {
inline constexpr int register_bytes = 64;
struct own {
  static constexpr bool has_float16 = true, packs_bytes = false, has_extremes = true;
  typedef std::int32_t words __attribute__((vector_size(64)));
  static words larger(words a, words b) { return __builtin_bit_cast(words, _mm512_max_epi32(__builtin_bit_cast(__m512i, a), __builtin_bit_cast(__m512i, b))); }
  static words smaller(words a, words b) { return __builtin_bit_cast(words, _mm512_min_epi32(__builtin_bit_cast(__m512i, a), __builtin_bit_cast(__m512i, b))); }
  static auto widened(const float16* from) { return _mm512_cvtph_ps(_mm256_loadu_si256(pointer_to<__m256i>(from))); }
  static auto widened(const bfloat16* from) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(pointer_to<__m256i>(from))), 16));
  }
  static auto narrowed(__m512 x) {
    return __builtin_bit_cast(words, _mm512_cvtepu16_epi32(_mm512_maskz_cvtps_ph(__mmask16{0xffff}, x, _MM_FROUND_TO_NEAREST_INT)));
  }
};
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
