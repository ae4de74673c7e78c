// Dot products of integers (AVX512_VNNI): of 16 bits, 32 a register, with sums of 32.
#pragma once

#include "avx512_vectors.hpp"

#if CRESTMAX_X86_SETS

CRESTMAX_BEGIN_TARGET("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::avx512::vnni {

// As those of avx2_vectors.hpp.
struct integers {
  using numbers = vectors::primitives<float>;
  using words = __m512i;
  using sums = __m512i;
  static constexpr int words_in_chunk = 1;

  static words load(const std::int16_t* from) { return _mm512_loadu_si512(from); }
  static sums same(std::int32_t x) { return _mm512_set1_epi32(x); }
  static sums products(const words& a, const words& b) { return _mm512_madd_epi16(a, b); }
  static void add_products(sums& sum, const words& a, const words& b) { sum = _mm512_dpwssd_epi32(sum, a, b); }
  static numbers::vec to_numbers(const sums& x) { return _mm512_cvtepi32_ps(x); }
  static words two(const std::int16_t* from) {
    std::int32_t both;
    std::memcpy(&both, from, sizeof both);
    return _mm512_set1_epi32(both);
  }
  static void round(const numbers::vec (&x)[1], std::int16_t* to) {
    _mm256_storeu_si256(pointer_to<__m256i>(to), _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(x[0])));
  }
  template <code_layout Layout>
  static void widen(const std::uint8_t* from, words (&to)[1]) {
    if constexpr (Layout == code_layout::bytes) {
      to[0] = _mm512_cvtepi8_epi16(_mm256_loadu_si256(pointer_to<__m256i>(from)));
    } else {
      const __m256i bytes = _mm256_cvtepu8_epi16(_mm_loadu_si128(pointer_to<__m128i>(from)));
      const __m256i low = _mm256_and_si256(bytes, _mm256_set1_epi16(15));
      to[0] = _mm512_sub_epi16(_mm512_inserti64x4(_mm512_castsi256_si512(low), _mm256_srli_epi16(bytes, 4), 1), _mm512_set1_epi16(8));
    }
  }
  template <code_layout Layout>
  static void pair(const std::uint8_t* a, const std::uint8_t* b, int, words (&to)[2]) {
    if constexpr (Layout == code_layout::bytes) {
      const __m256i first = _mm256_loadu_si256(pointer_to<__m256i>(a));
      const __m256i second = _mm256_loadu_si256(pointer_to<__m256i>(b));
      to[0] = _mm512_cvtepi8_epi16(_mm256_unpacklo_epi8(first, second));  // columns 0 to 7 and 16 to 23
      to[1] = _mm512_cvtepi8_epi16(_mm256_unpackhi_epi8(first, second));
    } else {
      const __m128i first = _mm_loadu_si128(pointer_to<__m128i>(a));
      const __m128i second = _mm_loadu_si128(pointer_to<__m128i>(b));
      const __m512i bytes = _mm512_cvtepu8_epi16(_mm256_set_m128i(_mm_unpackhi_epi8(first, second), _mm_unpacklo_epi8(first, second)));
      const __m512i zero = _mm512_set1_epi16(8);
      to[0] = _mm512_sub_epi16(_mm512_and_si512(bytes, _mm512_set1_epi16(15)), zero);
      to[1] = _mm512_sub_epi16(_mm512_srli_epi16(bytes, 4), zero);
    }
  }
  template <code_layout Layout>
  static void in_order(numbers::vec& first, numbers::vec& second) {
    if constexpr (Layout == code_layout::adjacent_nibbles) {
      numbers::zip(first, second);
    } else if constexpr (Layout == code_layout::bytes) {
      const numbers::vec low = _mm512_shuffle_f32x4(first, second, 0x44);
      second = _mm512_shuffle_f32x4(first, second, 0xee);
      first = low;
    }
  }
};

#include "text/integer_codes.inc"
#include "text/integer_scores.inc"
#include "text/integer_outputs.inc"

}  // namespace cpu::avx512::vnni

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"

CRESTMAX_END_TARGET

#endif
