// AVX-512 F, BW, DQ and VL: 32 registers of 16 floats or 8 doubles, and the text of the kernels over them.
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

CRESTMAX_BEGIN_TARGET("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::avx512 {

template <class T>
struct pair_multiplies;
template <class T>
struct integer_multiplies;

// In a namespace of their own, so that what is derived from them does not bring the text of this set along when
// functions are looked up by their arguments.
namespace vectors {

#include "text/codes_x86.inc"

template <class T>
struct primitives;

template <>
struct primitives<float> {
  using pairs = pair_multiplies<float>;
  using integer_products = integer_multiplies<float>;
  using scalar = float;
  using vec = __m512;
  using integers = __m512;
  static constexpr int lanes = 16;
  static constexpr int panel_vectors = 2;
  static constexpr bool takes_rows = true;
  static constexpr int row_group = 12;  // 24 sums and two vectors of keys; factors come from memory
  static constexpr int direct_group = 4;
  static constexpr int direct_keys = 1;
  static constexpr int direct_sums = 16;
  static constexpr int direct_columns = 8;
  static constexpr int held_queries = 16;
  static constexpr index_type panel = lanes * panel_vectors;
  static constexpr int weigh_batch = 8;  // vectors whose weights are taken in lockstep

  static vec load(const float* from) { return _mm512_loadu_ps(from); }
  static void store(float* to, const vec& x) { _mm512_storeu_ps(to, x); }
  static vec broadcast(float x) { return _mm512_set1_ps(x); }
  static void clear(vec& x) { x = _mm512_setzero_ps(); }
  static vec add(const vec& a, const vec& b) { return _mm512_add_ps(a, b); }
  static vec subtract(const vec& a, float b) { return _mm512_sub_ps(a, _mm512_set1_ps(b)); }
  static vec multiply(const vec& a, float b) { return _mm512_mul_ps(a, _mm512_set1_ps(b)); }
  static vec multiply_add(const vec& a, const vec& b, float c) { return _mm512_fmadd_ps(a, b, _mm512_set1_ps(c)); }
  static void add_product(vec& sum, float a, const vec& b) { sum = _mm512_fmadd_ps(_mm512_set1_ps(a), b, sum); }
  static void add_product(vec& sum, const vec& a, const vec& b) { sum = _mm512_fmadd_ps(a, b, sum); }
  static vec maximum(const vec& a, const vec& b) { return _mm512_max_ps(b, a); }
  static vec divide(const vec& a, const vec& b) { return _mm512_div_ps(a, b); }
  static vec hide(const vec& x, const vec& number, float most) {
    const vec hidden = _mm512_set1_ps(-std::numeric_limits<float>::infinity());
    return _mm512_mask_mov_ps(x, _mm512_cmp_ps_mask(number, _mm512_set1_ps(most), _CMP_LE_OQ), hidden);
  }
  static vec minus_size(const vec& x) { return _mm512_or_ps(x, _mm512_set1_ps(-0.0f)); }
  static vec with_sign(const vec& x, const vec& of) {
    const vec sign = _mm512_set1_ps(-0.0f);
    return _mm512_or_ps(_mm512_andnot_ps(sign, x), _mm512_and_ps(sign, of));
  }

  static constexpr int least_power = least_weight_power<float>;
  static constexpr int greatest_power = 400;
  static vec reduce(const vec& x, float factor, float, float high, integers& power) {
    const vec limited = _mm512_min_ps(_mm512_set1_ps(high), x);
    // Nothing is left of a fraction beside 1.5 * 2^23: cheaper than an instruction that rounds. A compiler that may
    // reorder sums must not see both of them.
    const __m512 whole = _mm512_set1_ps(0x1.8p23f);
    power = _mm512_fmadd_ps(limited, _mm512_set1_ps(factor), whole);
    keep(power);
    power = _mm512_sub_ps(power, whole);
    return _mm512_fmsub_ps(limited, _mm512_set1_ps(factor), power);
  }
  // Some processors take 200 cycles for a result that is no normal number, 0 of a masked key included, and as long to add up products
  // that are none: weights below 2^-110 of the crest's are 0. NaN stays.
  static vec scale(const vec& x, const integers& power) {
    return _mm512_maskz_scalef_ps(_mm512_cmp_ps_mask(power, _mm512_set1_ps(least_power - 0.5f), _CMP_NLT_UQ), x, power);
  }

  // Of an encoding that the set has no instructions for.
  template <class Stored>
  static vec widen(const Stored* from) { return load(converted<float, lanes>(from).data()); }
  struct byte_codes : codes_of_bytes {
    // The low four bits of an index choose one of 16 numbers.
    static void nibbles(const std::uint8_t* from, vec& low, vec& high) {
      const vec numbers = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
      const __m512i x = _mm512_cvtepu8_epi32(_mm_loadu_si128(pointer_to<__m128i>(from)));
      low = _mm512_permutexvar_ps(x, numbers);
      high = _mm512_permutexvar_ps(_mm512_srli_epi32(x, 4), numbers);
    }
    static void split(vec& first, vec& second) {
      const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
      const vec at_even = _mm512_permutex2var_ps(first, even, second);
      second = _mm512_permutex2var_ps(first, _mm512_add_epi32(even, _mm512_set1_epi32(1)), second);
      first = at_even;
    }
    static void merge(vec& first, vec& second) {
      const __m512i lower = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      const vec in_front = _mm512_permutex2var_ps(first, lower, second);
      second = _mm512_permutex2var_ps(first, _mm512_add_epi32(lower, _mm512_set1_epi32(8)), second);
      first = in_front;
    }
    static void signed_numbers(const codes& x, vec (&to)[1]) { to[0] = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(x)); }
    static void unsigned_numbers(const codes& x, vec (&to)[1]) { to[0] = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(x)); }
    static void numbers_of_planes(const codes& upper, const codes& lower, vec (&to)[1]) {
      const __m256i both = _mm256_or_si256(_mm256_cvtepu8_epi16(lower), _mm256_slli_epi16(_mm256_cvtepu8_epi16(upper), 8));
      to[0] = _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(both));
    }
    static void numbers_of_e5m2(const codes& x, vec (&to)[1]) { to[0] = _mm512_cvtph_ps(halves_of_e5m2(x)); }
    static void numbers_of_e4m3(const codes& x, vec (&to)[1]) { to[0] = _mm512_cvtph_ps(halves_of_e4m3(x)); }
  };

  static vec widen(const float* from) { return _mm512_loadu_ps(from); }
  static vec widen(const double* from) {
    const __m512 low = _mm512_castps256_ps512(_mm512_cvtpd_ps(_mm512_loadu_pd(from)));
    return _mm512_insertf32x8(low, _mm512_cvtpd_ps(_mm512_loadu_pd(from + 8)), 1);
  }
  static vec widen(const std::uint8_t* from) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(pointer_to<__m128i>(from))));
  }
  static vec widen(const float16* from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(pointer_to<__m256i>(from)));
  }
  static vec widen(const bfloat16* from) {
    const __m256i bits = _mm256_loadu_si256(pointer_to<__m256i>(from));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }
  // The same of two vectors: numbers at even places and at odd ones; and back in order.
  static void unzip(const bfloat16* from, vec& even, vec& odd) {
    const __m512i bits = _mm512_loadu_si512(from);
    even = _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
    odd = _mm512_castsi512_ps(_mm512_and_si512(bits, _mm512_set1_epi32(-0x10000)));
  }
  static void zip(vec& even, vec& odd) {
    const __m512i low = _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    const vec first = _mm512_permutex2var_ps(even, low, odd);
    odd = _mm512_permutex2var_ps(even, _mm512_add_epi32(low, _mm512_set1_epi32(8)), odd);
    even = first;
  }

  // The first `count` of them, zeros behind; nothing further is read.
  template <class Stored>
  static vec widen_part(const Stored* from, index_type count) { return load(converted<float, lanes>(from, count).data()); }
  static vec widen_part(const float* from, index_type count) { return _mm512_maskz_loadu_ps(first_of(count), from); }
  static vec widen_part(const float16* from, index_type count) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first_of(count), from));
  }
  static vec widen_part(const bfloat16* from, index_type count) {
    const __m256i bits = _mm256_maskz_loadu_epi16(first_of(count), from);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }
  static __mmask16 first_of(index_type count) { return static_cast<__mmask16>((1u << count) - 1u); }

  static vec multiply_wide(const vec& x, double factor) {
    const __m512d f = _mm512_set1_pd(factor);
    const __m256 low = _mm512_cvtpd_ps(_mm512_mul_pd(_mm512_cvtps_pd(_mm512_castps512_ps256(x)), f));
    const __m256 high = _mm512_cvtpd_ps(_mm512_mul_pd(_mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1)), f));
    return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
  }
  static void narrow(float* to, const vec& x) { _mm512_storeu_ps(to, x); }
  static void narrow(double* to, const vec& x) {
    _mm512_storeu_pd(to, _mm512_cvtps_pd(_mm512_castps512_ps256(x)));
    _mm512_storeu_pd(to + 8, _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1)));
  }
  static void narrow(float16* to, const vec& x) {
    _mm256_storeu_si256(pointer_to<__m256i>(to), _mm512_maskz_cvtps_ph(__mmask16{0xffff}, x, _MM_FROUND_TO_NEAREST_INT));
  }
  static void narrow(bfloat16* to, const vec& x) {  // to nearest even; a NaN stays quiet
    const __m512i bits = _mm512_castps_si512(x);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    const __m512i result = _mm512_mask_or_epi32(rounded, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), bits, _mm512_set1_epi32(0x400000));
    _mm256_storeu_si256(pointer_to<__m256i>(to), _mm512_cvtepi32_epi16(_mm512_srli_epi32(result, 16)));
  }

  static constexpr index_type block = 16;
  template <class Stored>
  static void transpose(const Stored* const* rows, index_type offset, float* to, index_type stride) {
    vec r[16], s[16];
    CRESTMAX_UNROLL for (int i = 0; i < 16; ++i) r[i] = widen(rows[i] + offset);
    CRESTMAX_UNROLL for (int i = 0; i < 16; i += 2) {
      s[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
      s[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    CRESTMAX_UNROLL for (int i = 0; i < 16; i += 4) {
      r[i] = _mm512_shuffle_ps(s[i], s[i + 2], 0x44);
      r[i + 1] = _mm512_shuffle_ps(s[i], s[i + 2], 0xee);
      r[i + 2] = _mm512_shuffle_ps(s[i + 1], s[i + 3], 0x44);
      r[i + 3] = _mm512_shuffle_ps(s[i + 1], s[i + 3], 0xee);
    }
    // Quarter q of r[4 g + c] holds column 4 q + c of rows 4 g to 4 g + 3.
    CRESTMAX_UNROLL for (int c = 0; c < 4; ++c) {
      s[c] = _mm512_shuffle_f32x4(r[c], r[c + 4], 0x44);
      s[c + 4] = _mm512_shuffle_f32x4(r[c], r[c + 4], 0xee);
      s[c + 8] = _mm512_shuffle_f32x4(r[c + 8], r[c + 12], 0x44);
      s[c + 12] = _mm512_shuffle_f32x4(r[c + 8], r[c + 12], 0xee);
    }
    // In rising order: where columns overlap, the later one stands.
    CRESTMAX_UNROLL for (int c = 0; c < 4; ++c) store(to + c * stride, _mm512_shuffle_f32x4(s[c], s[c + 8], 0x88));
    CRESTMAX_UNROLL for (int c = 0; c < 4; ++c) store(to + (c + 4) * stride, _mm512_shuffle_f32x4(s[c], s[c + 8], 0xdd));
    CRESTMAX_UNROLL for (int c = 0; c < 4; ++c) store(to + (c + 8) * stride, _mm512_shuffle_f32x4(s[c + 4], s[c + 12], 0x88));
    CRESTMAX_UNROLL for (int c = 0; c < 4; ++c) store(to + (c + 12) * stride, _mm512_shuffle_f32x4(s[c + 4], s[c + 12], 0xdd));
  }

  // Pairs of bfloat16 are moved as the numbers that have their bits.
  static vec widen(const bfloat16_pair* from) { return _mm512_loadu_ps(from); }
  static void transpose(const bfloat16* const* rows, index_type offset, bfloat16_pair* to, index_type stride) {
    const bfloat16_pair* pairs_at[block];
    for (index_type i = 0; i < block; ++i) pairs_at[i] = reinterpret_cast<const bfloat16_pair*>(rows[i]);
    transpose(pairs_at, offset, pointer_to<float>(to), stride);
  }
  // `lanes` pairs of one number from each row.
  static void interleave(const bfloat16* even, const bfloat16* odd, bfloat16_pair* to) {
    const __m512i low = _mm512_cvtepu16_epi32(_mm256_loadu_si256(pointer_to<__m256i>(even)));
    const __m512i high = _mm512_cvtepu16_epi32(_mm256_loadu_si256(pointer_to<__m256i>(odd)));
    _mm512_storeu_si512(to, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
  }
  static magnitudes magnitudes_of(const bfloat16_pair* from, index_type count) {
    // One less than a magnitude is the largest of all numbers for zero.
    __m512i least = _mm512_set1_epi16(-1);
    __m512i most = _mm512_setzero_si512();
    for (index_type i = 0; i < count; i += lanes) {
      const __m512i bits = _mm512_maskz_loadu_epi32(first_of(std::min<index_type>(lanes, count - i)), from + i);
      const __m512i magnitude = _mm512_and_si512(bits, _mm512_set1_epi16(0x7fff));
      most = _mm512_max_epu16(most, magnitude);
      least = _mm512_min_epu16(least, _mm512_sub_epi16(magnitude, _mm512_set1_epi16(1)));
    }
    alignas(64) std::uint16_t lows[32], highs[32];
    _mm512_store_si512(lows, least);
    _mm512_store_si512(highs, most);
    magnitudes m{0xffff, 0};
    for (int i = 0; i < 32; ++i) {
      m.least = std::min(m.least, lows[i]);
      m.most = std::max(m.most, highs[i]);
    }
    if (m.least != 0xffff) ++m.least;
    return m;
  }

  static float highest(const vec& x) { return _mm512_reduce_max_ps(x); }
  static float total(const vec& x) { return _mm512_reduce_add_ps(x); }
  // The compiler is to keep it in a register, not to load it once per use.
  static void keep(vec& x) { asm volatile("" : "+v"(x)); }
  // Two vectors whose totals will be taken; each step adds halves of two vectors, side by side.
  static vec join(const vec& a, const vec& b) { return add(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b)); }
  // Lanes 2 i and 2 i + 1: the totals of the two vectors that were joined to pairs[i].
  static vec totals(const vec (&pairs)[8]) {
    vec fours[4], eights[2];
    CRESTMAX_UNROLL for (int i = 0; i < 4; ++i) {
      fours[i] = add(_mm512_shuffle_ps(pairs[2 * i], pairs[2 * i + 1], 0x44),
                     _mm512_shuffle_ps(pairs[2 * i], pairs[2 * i + 1], 0xee));
    }
    CRESTMAX_UNROLL for (int i = 0; i < 2; ++i) {
      eights[i] = add(_mm512_shuffle_f32x4(fours[2 * i], fours[2 * i + 1], 0x88),
                      _mm512_shuffle_f32x4(fours[2 * i], fours[2 * i + 1], 0xdd));
    }
    return add(_mm512_shuffle_f32x4(eights[0], eights[1], 0x88), _mm512_shuffle_f32x4(eights[0], eights[1], 0xdd));
  }
};

template <>
struct primitives<double> {
  using scalar = double;
  using vec = __m512d;
  using integers = __m512d;
  static constexpr int lanes = 8;
  static constexpr int panel_vectors = 2;
  static constexpr bool takes_rows = true;
  static constexpr int row_group = 12;
  static constexpr int direct_group = 4;
  static constexpr int direct_keys = 1;
  static constexpr int direct_sums = 16;
  static constexpr int direct_columns = 8;
  static constexpr int held_queries = 0;
  static constexpr index_type panel = lanes * panel_vectors;
  static constexpr int weigh_batch = 8;  // vectors whose weights are taken in lockstep

  static vec load(const double* from) { return _mm512_loadu_pd(from); }
  static void store(double* to, const vec& x) { _mm512_storeu_pd(to, x); }
  static vec broadcast(double x) { return _mm512_set1_pd(x); }
  static void clear(vec& x) { x = _mm512_setzero_pd(); }
  static vec add(const vec& a, const vec& b) { return _mm512_add_pd(a, b); }
  static vec subtract(const vec& a, double b) { return _mm512_sub_pd(a, _mm512_set1_pd(b)); }
  static vec multiply(const vec& a, double b) { return _mm512_mul_pd(a, _mm512_set1_pd(b)); }
  static vec multiply_add(const vec& a, const vec& b, double c) { return _mm512_fmadd_pd(a, b, _mm512_set1_pd(c)); }
  static void add_product(vec& sum, double a, const vec& b) { sum = _mm512_fmadd_pd(_mm512_set1_pd(a), b, sum); }
  static void add_product(vec& sum, const vec& a, const vec& b) { sum = _mm512_fmadd_pd(a, b, sum); }
  static vec maximum(const vec& a, const vec& b) { return _mm512_max_pd(b, a); }
  static vec divide(const vec& a, const vec& b) { return _mm512_div_pd(a, b); }
  static vec hide(const vec& x, const vec& number, double most) {
    const vec hidden = _mm512_set1_pd(-std::numeric_limits<double>::infinity());
    return _mm512_mask_mov_pd(x, _mm512_cmp_pd_mask(number, _mm512_set1_pd(most), _CMP_LE_OQ), hidden);
  }
  static vec minus_size(const vec& x) { return _mm512_or_pd(x, _mm512_set1_pd(-0.0)); }
  static vec with_sign(const vec& x, const vec& of) {
    const vec sign = _mm512_set1_pd(-0.0);
    return _mm512_or_pd(_mm512_andnot_pd(sign, x), _mm512_and_pd(sign, of));
  }

  static constexpr int least_power = least_weight_power<double>;
  static constexpr int greatest_power = 4000;
  static vec reduce(const vec& x, double factor, double, double high, integers& power) {
    const vec limited = _mm512_min_pd(_mm512_set1_pd(high), x);
    const __m512d whole = _mm512_set1_pd(0x1.8p52);  // as in float
    power = _mm512_fmadd_pd(limited, _mm512_set1_pd(factor), whole);
    keep(power);
    power = _mm512_sub_pd(power, whole);
    return _mm512_fmsub_pd(limited, _mm512_set1_pd(factor), power);
  }
  static vec scale(const vec& x, const integers& power) {
    return _mm512_maskz_scalef_pd(_mm512_cmp_pd_mask(power, _mm512_set1_pd(least_power - 0.5), _CMP_NLT_UQ), x, power);
  }

  // Of an encoding that the set has no instructions for.
  template <class Stored>
  static vec widen(const Stored* from) { return load(converted<double, lanes>(from).data()); }
  static vec widen(const double* from) { return _mm512_loadu_pd(from); }
  static vec widen(const float* from) { return _mm512_cvtps_pd(_mm256_loadu_ps(from)); }
  static vec widen(const std::uint8_t* from) {
    return _mm512_cvtepi32_pd(_mm256_cvtepu8_epi32(_mm_loadl_epi64(pointer_to<__m128i>(from))));
  }
  static vec widen(const float16* from) {
    return _mm512_cvtps_pd(_mm256_cvtph_ps(_mm_loadu_si128(pointer_to<__m128i>(from))));
  }
  static vec widen(const bfloat16* from) {
    const __m128i bits = _mm_loadu_si128(pointer_to<__m128i>(from));
    return _mm512_cvtps_pd(_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16)));
  }

  // The first `count` of them, zeros behind; nothing further is read.
  template <class Stored>
  static vec widen_part(const Stored* from, index_type count) { return load(converted<double, lanes>(from, count).data()); }
  static vec widen_part(const double* from, index_type count) { return _mm512_maskz_loadu_pd(first_of(count), from); }
  static vec widen_part(const float* from, index_type count) {
    return _mm512_cvtps_pd(_mm256_maskz_loadu_ps(first_of(count), from));
  }
  static vec widen_part(const float16* from, index_type count) {
    return _mm512_cvtps_pd(_mm256_cvtph_ps(_mm_maskz_loadu_epi16(first_of(count), from)));
  }
  static vec widen_part(const bfloat16* from, index_type count) {
    const __m128i bits = _mm_maskz_loadu_epi16(first_of(count), from);
    return _mm512_cvtps_pd(_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16)));
  }
  static __mmask8 first_of(index_type count) { return static_cast<__mmask8>((1u << count) - 1u); }

  static vec multiply_wide(const vec& x, double factor) { return multiply(x, factor); }
  static void narrow(double* to, const vec& x) { store(to, x); }
  template <class Stored>
  static void narrow(Stored* to, const vec& x) {
    double numbers[lanes];
    store(numbers, x);
    for (int i = 0; i < lanes; ++i) to[i] = convert<Stored>(numbers[i]);
  }

  static constexpr index_type block = 8;
  template <class Stored>
  static void transpose(const Stored* const* rows, index_type offset, double* to, index_type stride) {
    vec r[8], s[8];
    CRESTMAX_UNROLL for (int i = 0; i < 8; ++i) r[i] = widen(rows[i] + offset);
    CRESTMAX_UNROLL for (int i = 0; i < 8; i += 2) {
      s[i] = _mm512_unpacklo_pd(r[i], r[i + 1]);
      s[i + 1] = _mm512_unpackhi_pd(r[i], r[i + 1]);
    }
    // Quarter q of s[2 g + c] holds column 2 q + c of rows 2 g and 2 g + 1.
    CRESTMAX_UNROLL for (int c = 0; c < 2; ++c) {
      r[c] = _mm512_shuffle_f64x2(s[c], s[c + 2], 0x44);
      r[c + 2] = _mm512_shuffle_f64x2(s[c], s[c + 2], 0xee);
      r[c + 4] = _mm512_shuffle_f64x2(s[c + 4], s[c + 6], 0x44);
      r[c + 6] = _mm512_shuffle_f64x2(s[c + 4], s[c + 6], 0xee);
    }
    CRESTMAX_UNROLL for (int c = 0; c < 2; ++c) store(to + c * stride, _mm512_shuffle_f64x2(r[c], r[c + 4], 0x88));
    CRESTMAX_UNROLL for (int c = 0; c < 2; ++c) store(to + (c + 2) * stride, _mm512_shuffle_f64x2(r[c], r[c + 4], 0xdd));
    CRESTMAX_UNROLL for (int c = 0; c < 2; ++c) store(to + (c + 4) * stride, _mm512_shuffle_f64x2(r[c + 2], r[c + 6], 0x88));
    CRESTMAX_UNROLL for (int c = 0; c < 2; ++c) store(to + (c + 6) * stride, _mm512_shuffle_f64x2(r[c + 2], r[c + 6], 0xdd));
  }

  static double highest(const vec& x) { return _mm512_reduce_max_pd(x); }
  static double total(const vec& x) { return _mm512_reduce_add_pd(x); }
  static void keep(vec& x) { asm volatile("" : "+v"(x)); }
  static vec join(const vec& a, const vec& b) { return add(_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b)); }
  static vec totals(const vec (&pairs)[4]) {
    vec fours[2];
    CRESTMAX_UNROLL for (int i = 0; i < 2; ++i) {
      fours[i] = add(_mm512_shuffle_f64x2(pairs[2 * i], pairs[2 * i + 1], 0x88),
                     _mm512_shuffle_f64x2(pairs[2 * i], pairs[2 * i + 1], 0xdd));
    }
    return add(_mm512_shuffle_f64x2(fours[0], fours[1], 0x88), _mm512_shuffle_f64x2(fours[0], fours[1], 0xdd));
  }
};

}  // namespace vectors

using vectors::primitives;

#include "text/multiply.inc"

}  // namespace cpu::avx512

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"

CRESTMAX_END_TARGET

#endif
