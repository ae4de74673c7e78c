// AVX2, FMA and F16C: 16 registers of 8 floats or 4 doubles, and the text of the kernels over them.
#pragma once

#include "features.hpp"

#if CRESTMAX_X86_SETS

#include <immintrin.h>

#include <cstring>
#include <numeric>

#include "ahead.hpp"
#include "entries.hpp"
#include "plain_codes.hpp"
#include "rows_in_place.hpp"

CRESTMAX_BEGIN_TARGET("avx2,fma,f16c")

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::avx2 {

#include "text/codes_x86.inc"

template <class T>
struct primitives;
template <class T>
struct integer_multiplies;

template <>
struct primitives<float> {
  using integer_products = integer_multiplies<float>;
  using scalar = float;
  using vec = __m256;
  using integers = __m256i;
  static constexpr int lanes = 8;
  static constexpr int panel_vectors = 2;
  static constexpr int row_group = 6;  // 12 sums, two vectors of keys and one factor: all but one register
  static constexpr int direct_group = 4;
  static constexpr int direct_keys = 2;
  static constexpr int direct_sums = 12;  // four vectors of three rows; of two and of four eight sums
  static constexpr int direct_columns = 2;  // a load or conversion for four products
  static constexpr int held_queries = 0;
  static constexpr index_type panel = lanes * panel_vectors;
  static constexpr int weigh_batch = 6;  // vectors whose weights are taken in lockstep

  static vec load(const float* from) { return _mm256_loadu_ps(from); }
  static void store(float* to, const vec& x) { _mm256_storeu_ps(to, x); }
  static vec broadcast(float x) { return _mm256_set1_ps(x); }
  static void clear(vec& x) { x = _mm256_setzero_ps(); }
  static vec add(const vec& a, const vec& b) { return _mm256_add_ps(a, b); }
  static vec subtract(const vec& a, float b) { return _mm256_sub_ps(a, _mm256_set1_ps(b)); }
  static vec multiply(const vec& a, float b) { return _mm256_mul_ps(a, _mm256_set1_ps(b)); }
  static vec multiply_add(const vec& a, const vec& b, float c) { return _mm256_fmadd_ps(a, b, _mm256_set1_ps(c)); }
  static void add_product(vec& sum, float a, const vec& b) { sum = _mm256_fmadd_ps(_mm256_set1_ps(a), b, sum); }
  static void add_product(vec& sum, const vec& a, const vec& b) { sum = _mm256_fmadd_ps(a, b, sum); }
  static vec maximum(const vec& a, const vec& b) { return _mm256_max_ps(b, a); }
  static vec divide(const vec& a, const vec& b) { return _mm256_div_ps(a, b); }
  static vec hide(const vec& x, const vec& number, float most) {
    const vec hidden = _mm256_set1_ps(-std::numeric_limits<float>::infinity());
    return _mm256_blendv_ps(x, hidden, _mm256_cmp_ps(number, _mm256_set1_ps(most), _CMP_LE_OQ));
  }
  static vec minus_size(const vec& x) { return _mm256_or_ps(x, _mm256_set1_ps(-0.0f)); }
  static vec with_sign(const vec& x, const vec& of) {
    const vec sign = _mm256_set1_ps(-0.0f);
    return _mm256_or_ps(_mm256_andnot_ps(sign, x), _mm256_and_ps(sign, of));
  }

  static constexpr int least_power = -127;
  static constexpr int greatest_power = 128;
  // A power of two as its biased exponent, in the low bits of what is left beside 1.5 * 2^23, which leaves no room for a
  // fraction: cheaper than instructions that convert.
  static vec reduce(const vec& x, float factor, float low, float, integers& power) {
    const vec whole = _mm256_set1_ps(0x1.8p23f + 127);
    const vec limited = _mm256_max_ps(_mm256_set1_ps(low), x);
    // Above the range the power alone is limited: the fraction is so large then that its polynomial times 2^power is
    // infinite. Bits of positive numbers are in the order of the numbers.
    power = _mm256_castps_si256(_mm256_fmadd_ps(limited, _mm256_set1_ps(factor), whole));
    power = _mm256_min_epi32(power, _mm256_castps_si256(_mm256_set1_ps(0x1.8p23f + 127 + greatest_power)));
    return _mm256_fmsub_ps(limited, _mm256_set1_ps(factor), _mm256_sub_ps(_mm256_castsi256_ps(power), whole));
  }
  static vec scale(const vec& x, const integers& power) {
    return _mm256_mul_ps(x, _mm256_castsi256_ps(_mm256_slli_epi32(power, 23)));
  }

  static vec widen(const float* from) { return _mm256_loadu_ps(from); }
  static vec widen(const double* from) {
    return _mm256_set_m128(_mm256_cvtpd_ps(_mm256_loadu_pd(from + 4)), _mm256_cvtpd_ps(_mm256_loadu_pd(from)));
  }
  static vec widen(const std::uint8_t* from) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(pointer_to<__m128i>(from))));
  }
  static vec widen(const float16* from) {
    return _mm256_cvtph_ps(_mm_loadu_si128(pointer_to<__m128i>(from)));
  }
  static vec widen(const bfloat16* from) {
    const __m128i bits = _mm_loadu_si128(pointer_to<__m128i>(from));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }
  // Of an encoding that the set has no instructions for.
  template <class Stored>
  static vec widen(const Stored* from) { return load(converted<float, lanes>(from).data()); }
  struct byte_codes : codes_of_bytes {
    static void nibbles(const std::uint8_t* from, vec& low, vec& high) {
      const __m256i x = _mm256_cvtepu8_epi32(_mm_loadl_epi64(pointer_to<__m128i>(from)));
      low = _mm256_cvtepi32_ps(_mm256_and_si256(x, _mm256_set1_epi32(15)));
      high = _mm256_cvtepi32_ps(_mm256_srli_epi32(x, 4));
    }
    static void split(vec& first, vec& second) {
      const __m256d even = _mm256_castps_pd(_mm256_shuffle_ps(first, second, 0x88)), odd = _mm256_castps_pd(_mm256_shuffle_ps(first, second, 0xdd));
      first = _mm256_castpd_ps(_mm256_permute4x64_pd(even, 0xd8));
      second = _mm256_castpd_ps(_mm256_permute4x64_pd(odd, 0xd8));
    }
    static void merge(vec& first, vec& second) {
      const vec lower = _mm256_unpacklo_ps(first, second), upper = _mm256_unpackhi_ps(first, second);
      first = _mm256_permute2f128_ps(lower, upper, 0x20);
      second = _mm256_permute2f128_ps(lower, upper, 0x31);
    }
    static void signed_numbers(const codes& x, vec (&to)[2]) {
      to[0] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(x));
      to[1] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(x, 8)));
    }
    static void unsigned_numbers(const codes& x, vec (&to)[2]) {
      to[0] = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(x));
      to[1] = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(x, 8)));
    }
    static void numbers_of_planes(const codes& upper, const codes& lower, vec (&to)[2]) {
      to[0] = _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_unpacklo_epi8(lower, upper)));
      to[1] = _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_unpackhi_epi8(lower, upper)));
    }
    static void numbers_of_halves(const __m256i& x, vec (&to)[2]) {
      to[0] = _mm256_cvtph_ps(_mm256_castsi256_si128(x));
      to[1] = _mm256_cvtph_ps(_mm256_extracti128_si256(x, 1));
    }
    static void numbers_of_e5m2(const codes& x, vec (&to)[2]) { numbers_of_halves(halves_of_e5m2(x), to); }
    static void numbers_of_e4m3(const codes& x, vec (&to)[2]) { numbers_of_halves(halves_of_e4m3(x), to); }
  };
  // The same of two vectors: numbers at even places and at odd ones; and back in order.
  static void unzip(const bfloat16* from, vec& even, vec& odd) {
    const __m256i bits = _mm256_loadu_si256(pointer_to<__m256i>(from));
    even = _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
    odd = _mm256_castsi256_ps(_mm256_and_si256(bits, _mm256_set1_epi32(-0x10000)));
  }
  static void zip(vec& even, vec& odd) {
    const vec outer = _mm256_unpacklo_ps(even, odd);  // 0 1 2 3, 8 9 10 11
    const vec inner = _mm256_unpackhi_ps(even, odd);
    even = _mm256_permute2f128_ps(outer, inner, 0x20);
    odd = _mm256_permute2f128_ps(outer, inner, 0x31);
  }

  // The first `count` of them, zeros behind; nothing further is read.
  template <class Stored>
  static vec widen_part(const Stored* from, index_type count) {
    Stored part[lanes] = {};
    std::memcpy(part, from, sizeof(Stored) * static_cast<std::size_t>(count));
    return widen(part);
  }

  static vec multiply_wide(const vec& x, double factor) {
    const __m256d f = _mm256_set1_pd(factor);
    const __m128 low = _mm256_cvtpd_ps(_mm256_mul_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(x)), f));
    return _mm256_set_m128(_mm256_cvtpd_ps(_mm256_mul_pd(_mm256_cvtps_pd(_mm256_extractf128_ps(x, 1)), f)), low);
  }
  static void narrow(float* to, const vec& x) { _mm256_storeu_ps(to, x); }
  static void narrow(double* to, const vec& x) {
    _mm256_storeu_pd(to, _mm256_cvtps_pd(_mm256_castps256_ps128(x)));
    _mm256_storeu_pd(to + 4, _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1)));
  }
  static void narrow(float16* to, const vec& x) {
    _mm_storeu_si128(pointer_to<__m128i>(to), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
  }
  static void narrow(bfloat16* to, const vec& x) {  // to nearest even; a NaN stays quiet
    const __m256i bits = _mm256_castps_si256(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    const __m256i nan = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    const __m256i upper = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, nan, is_nan), 16);
    _mm_storeu_si128(pointer_to<__m128i>(to),
                     _mm_packus_epi32(_mm256_castsi256_si128(upper), _mm256_extracti128_si256(upper, 1)));
  }

  static constexpr index_type block = 8;
  template <class Stored>
  static void transpose(const Stored* const* rows, index_type offset, float* to, index_type stride) {
    vec r[8], s[8];
    CRESTMAX_UNROLL for (int i = 0; i < 8; ++i) r[i] = widen(rows[i] + offset);
    CRESTMAX_UNROLL for (int i = 0; i < 8; i += 2) {
      s[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
      s[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    CRESTMAX_UNROLL for (int i = 0; i < 8; i += 4) {
      r[i] = _mm256_shuffle_ps(s[i], s[i + 2], 0x44);
      r[i + 1] = _mm256_shuffle_ps(s[i], s[i + 2], 0xee);
      r[i + 2] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0x44);
      r[i + 3] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0xee);
    }
    // In rising order: where columns overlap, the later one stands.
    CRESTMAX_UNROLL for (int i = 0; i < 4; ++i) store(to + i * stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    CRESTMAX_UNROLL for (int i = 0; i < 4; ++i) store(to + (i + 4) * stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }

  static float highest(const vec& x) {
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
  }
  static float total(const vec& x) {
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
  }
  // The compiler is to keep it in a register, not to load it once per use.
  static void keep(vec& x) { asm volatile("" : "+x"(x)); }
  // Two vectors whose totals will be taken; each step adds halves of two vectors, side by side.
  static vec join(const vec& a, const vec& b) { return add(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b)); }
  // Lanes 2 i and 2 i + 1: the totals of the two vectors that were joined to pairs[i].
  static vec totals(const vec (&pairs)[4]) {
    vec fours[2];
    CRESTMAX_UNROLL for (int i = 0; i < 2; ++i) {
      fours[i] = add(_mm256_shuffle_ps(pairs[2 * i], pairs[2 * i + 1], 0x44),
                     _mm256_shuffle_ps(pairs[2 * i], pairs[2 * i + 1], 0xee));
    }
    return add(_mm256_permute2f128_ps(fours[0], fours[1], 0x20), _mm256_permute2f128_ps(fours[0], fours[1], 0x31));
  }
};

template <>
struct primitives<double> {
  using scalar = double;
  using vec = __m256d;
  using integers = __m128i;
  static constexpr int lanes = 4;
  static constexpr int panel_vectors = 2;
  static constexpr int row_group = 6;
  static constexpr int direct_group = 4;
  static constexpr int direct_keys = 1;
  static constexpr int direct_sums = 12;  // four vectors of three rows; of two and of four eight sums
  static constexpr int direct_columns = 2;  // a load or conversion for four products
  static constexpr int held_queries = 0;
  static constexpr index_type panel = lanes * panel_vectors;
  static constexpr int weigh_batch = 6;  // vectors whose weights are taken in lockstep

  static vec load(const double* from) { return _mm256_loadu_pd(from); }
  static void store(double* to, const vec& x) { _mm256_storeu_pd(to, x); }
  static vec broadcast(double x) { return _mm256_set1_pd(x); }
  static void clear(vec& x) { x = _mm256_setzero_pd(); }
  static vec add(const vec& a, const vec& b) { return _mm256_add_pd(a, b); }
  static vec subtract(const vec& a, double b) { return _mm256_sub_pd(a, _mm256_set1_pd(b)); }
  static vec multiply(const vec& a, double b) { return _mm256_mul_pd(a, _mm256_set1_pd(b)); }
  static vec multiply_add(const vec& a, const vec& b, double c) { return _mm256_fmadd_pd(a, b, _mm256_set1_pd(c)); }
  static void add_product(vec& sum, double a, const vec& b) { sum = _mm256_fmadd_pd(_mm256_set1_pd(a), b, sum); }
  static void add_product(vec& sum, const vec& a, const vec& b) { sum = _mm256_fmadd_pd(a, b, sum); }
  static vec maximum(const vec& a, const vec& b) { return _mm256_max_pd(b, a); }
  static vec divide(const vec& a, const vec& b) { return _mm256_div_pd(a, b); }
  static vec hide(const vec& x, const vec& number, double most) {
    const vec hidden = _mm256_set1_pd(-std::numeric_limits<double>::infinity());
    return _mm256_blendv_pd(x, hidden, _mm256_cmp_pd(number, _mm256_set1_pd(most), _CMP_LE_OQ));
  }
  static vec minus_size(const vec& x) { return _mm256_or_pd(x, _mm256_set1_pd(-0.0)); }
  static vec with_sign(const vec& x, const vec& of) {
    const vec sign = _mm256_set1_pd(-0.0);
    return _mm256_or_pd(_mm256_andnot_pd(sign, x), _mm256_and_pd(sign, of));
  }

  static constexpr int least_power = -1023;
  static constexpr int greatest_power = 1024;
  static vec reduce(const vec& x, double factor, double low, double high, integers& power) {
    const vec limited = _mm256_min_pd(_mm256_set1_pd(high), _mm256_max_pd(_mm256_set1_pd(low), x));
    power = _mm256_cvtpd_epi32(_mm256_mul_pd(limited, _mm256_set1_pd(factor)));
    return _mm256_fmsub_pd(limited, _mm256_set1_pd(factor), _mm256_cvtepi32_pd(power));
  }
  static vec scale(const vec& x, const integers& power) {
    const __m256i biased = _mm256_cvtepi32_epi64(_mm_add_epi32(power, _mm_set1_epi32(1023)));
    return _mm256_mul_pd(x, _mm256_castsi256_pd(_mm256_slli_epi64(biased, 52)));
  }

  static vec widen(const double* from) { return _mm256_loadu_pd(from); }
  static vec widen(const float* from) { return _mm256_cvtps_pd(_mm_loadu_ps(from)); }
  static vec widen(const std::uint8_t* from) {
    std::int32_t bytes;
    std::memcpy(&bytes, from, sizeof bytes);
    return _mm256_cvtepi32_pd(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(bytes)));
  }
  static vec widen(const float16* from) {
    return _mm256_cvtps_pd(_mm_cvtph_ps(_mm_loadl_epi64(pointer_to<__m128i>(from))));
  }
  static vec widen(const bfloat16* from) {
    const __m128i bits = _mm_loadl_epi64(pointer_to<__m128i>(from));
    return _mm256_cvtps_pd(_mm_castsi128_ps(_mm_slli_epi32(_mm_cvtepu16_epi32(bits), 16)));
  }
  // Of an encoding that the set has no instructions for.
  template <class Stored>
  static vec widen(const Stored* from) { return load(converted<double, lanes>(from).data()); }

  // The first `count` of them, zeros behind; nothing further is read.
  template <class Stored>
  static vec widen_part(const Stored* from, index_type count) {
    Stored part[lanes] = {};
    std::memcpy(part, from, sizeof(Stored) * static_cast<std::size_t>(count));
    return widen(part);
  }

  static vec multiply_wide(const vec& x, double factor) { return multiply(x, factor); }
  static void narrow(double* to, const vec& x) { store(to, x); }
  template <class Stored>
  static void narrow(Stored* to, const vec& x) {
    double numbers[lanes];
    store(numbers, x);
    for (int i = 0; i < lanes; ++i) to[i] = convert<Stored>(numbers[i]);
  }

  static constexpr index_type block = 4;
  template <class Stored>
  static void transpose(const Stored* const* rows, index_type offset, double* to, index_type stride) {
    vec r[4], s[4];
    CRESTMAX_UNROLL for (int i = 0; i < 4; ++i) r[i] = widen(rows[i] + offset);
    CRESTMAX_UNROLL for (int i = 0; i < 4; i += 2) {
      s[i] = _mm256_unpacklo_pd(r[i], r[i + 1]);
      s[i + 1] = _mm256_unpackhi_pd(r[i], r[i + 1]);
    }
    CRESTMAX_UNROLL for (int i = 0; i < 2; ++i) store(to + i * stride, _mm256_permute2f128_pd(s[i], s[i + 2], 0x20));
    CRESTMAX_UNROLL for (int i = 0; i < 2; ++i) store(to + (i + 2) * stride, _mm256_permute2f128_pd(s[i], s[i + 2], 0x31));
  }

  static double highest(const vec& x) {
    const __m128d half = _mm_max_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
    return _mm_cvtsd_f64(_mm_max_sd(half, _mm_unpackhi_pd(half, half)));
  }
  static double total(const vec& x) {
    const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
    return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
  }
  static void keep(vec& x) { asm volatile("" : "+x"(x)); }
  static vec join(const vec& a, const vec& b) { return add(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b)); }
  static vec totals(const vec (&pairs)[2]) {
    return add(_mm256_permute2f128_pd(pairs[0], pairs[1], 0x20), _mm256_permute2f128_pd(pairs[0], pairs[1], 0x31));
  }
};

// Integers of 16 bits, 16 a register, and sums of 32: what text/integer_codes.inc and those behind it ask for.
struct integers {
  using numbers = primitives<float>;
  using words = __m256i;
  using sums = __m256i;
  static constexpr int words_in_chunk = 2;  // registers of 32 codes

  static words load(const std::int16_t* from) { return _mm256_loadu_si256(pointer_to<__m256i>(from)); }
  static sums same(std::int32_t x) { return _mm256_set1_epi32(x); }
  // Sums of the products of two neighbours.
  static sums products(const words& a, const words& b) { return _mm256_madd_epi16(a, b); }
  static void add_products(sums& sum, const words& a, const words& b) {
    sum = _mm256_add_epi32(sum, products(a, b));
    asm("" : "+x"(sum));  // a compiler that adds products among themselves first has no registers for them
  }
  static numbers::vec to_numbers(const sums& x) { return _mm256_cvtepi32_ps(x); }
  // Two integers in all places of two; from memory, whatever else the compiler knows of them.
  static words two(const std::int16_t* from) {
    return _mm256_castps_si256(_mm256_broadcast_ss(pointer_to<float>(static_cast<const void*>(from))));
  }
  // 16 numbers to the nearest integers; what is no integer of 16 bits becomes some.
  static void round(const numbers::vec (&x)[2], std::int16_t* to) {
    const __m256i packed = _mm256_packs_epi32(_mm256_cvtps_epi32(x[0]), _mm256_cvtps_epi32(x[1]));
    _mm256_storeu_si256(pointer_to<__m256i>(to), _mm256_permute4x64_epi64(packed, 0xd8));
  }
  // A chunk of codes.
  template <code_layout Layout>
  static void widen(const std::uint8_t* from, words (&to)[2]) {
    const __m128i first = _mm_loadu_si128(pointer_to<__m128i>(from));
    if constexpr (Layout == code_layout::bytes) {
      to[0] = _mm256_cvtepi8_epi16(first);
      to[1] = _mm256_cvtepi8_epi16(_mm_loadu_si128(pointer_to<__m128i>(from + 16)));
    } else {
      split(_mm256_cvtepu8_epi16(first), to);
    }
  }
  // Columns of a chunk, of two keys in turn: those of one of its two parts.
  template <code_layout Layout>
  static void pair(const std::uint8_t* a, const std::uint8_t* b, int part, words (&to)[2]) {
    if constexpr (Layout == code_layout::bytes) {
      const __m128i first = _mm_loadu_si128(pointer_to<__m128i>(a + 16 * part));
      const __m128i second = _mm_loadu_si128(pointer_to<__m128i>(b + 16 * part));
      to[0] = _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(first, second));
      to[1] = _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(first, second));
    } else {
      const __m128i first = _mm_loadl_epi64(pointer_to<__m128i>(a + 8 * part));
      const __m128i second = _mm_loadl_epi64(pointer_to<__m128i>(b + 8 * part));
      split(_mm256_cvtepu8_epi16(_mm_unpacklo_epi8(first, second)), to);
    }
  }
  // Sums of columns that came so.
  template <code_layout Layout>
  static void in_order(numbers::vec& first, numbers::vec& second) {
    if constexpr (Layout == code_layout::adjacent_nibbles) numbers::zip(first, second);
  }

 private:
  static void split(const __m256i& bytes, words (&to)[2]) {
    const __m256i zero = _mm256_set1_epi16(8);
    to[0] = _mm256_sub_epi16(_mm256_and_si256(bytes, _mm256_set1_epi16(15)), zero);
    to[1] = _mm256_sub_epi16(_mm256_srli_epi16(bytes, 4), zero);
  }
};

#include "text/multiply.inc"
#include "text/integer_codes.inc"
#include "text/integer_scores.inc"
#include "text/integer_outputs.inc"

}  // namespace cpu::avx2

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"

CRESTMAX_END_TARGET

#endif
