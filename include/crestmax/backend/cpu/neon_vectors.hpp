// NEON, the baseline of AArch64: 32 registers of 4 floats or 2 doubles, taken in pairs. A pair is one vector here, so
// that blocks of few rows, which keep as many sums as a vector has lanes, have enough of them to hide the latency of
// a multiply-add. neon_bf16 multiplies pairs of bfloat16 in a region of its own (neon_bf16.hpp); all else is compiled once for
// both sets.
#pragma once

#include "features.hpp"

#if CRESTMAX_ARM_SETS

#include <arm_neon.h>

#include <cstring>
#include <numeric>

#include "ahead.hpp"
#include "entries.hpp"
#include "plain_codes.hpp"
#include "rows_in_place.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::neon {

struct pair_multiplies;

// In a namespace of their own, as those of AVX-512 are.
namespace vectors {

template <class T>
struct primitives;

// 4 stored numbers as floats. Widening is exact; float16 is converted by the baseline's own instruction.
inline float32x4_t four_floats(const float* from) { return vld1q_f32(from); }
inline float32x4_t four_floats(const double* from) {
  return vcvt_high_f32_f64(vcvt_f32_f64(vld1q_f64(from)), vld1q_f64(from + 2));
}
inline float32x4_t four_floats(const float16* from) {
  uint16x4_t bits;
  std::memcpy(&bits, from, sizeof bits);
  return vcvt_f32_f16(vreinterpret_f16_u16(bits));
}
inline float32x4_t four_floats(const bfloat16* from) {
  uint16x4_t bits;
  std::memcpy(&bits, from, sizeof bits);
  return vreinterpretq_f32_u32(vshll_n_u16(bits, 16));
}

inline float32x4_t four_floats(const std::uint8_t* from) {
  std::uint32_t bytes;
  std::memcpy(&bytes, from, sizeof bytes);
  return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(bytes)))));
}

// Eight numbers of 16 bits, whatever type they have where they lie.
inline uint16x8_t eight_halves(const void* from) {
  uint16x8_t bits;
  std::memcpy(&bits, from, sizeof bits);
  return bits;
}

// Pairs of bfloat16 are moved as the numbers that have their bits.
inline uint16x8_t four_pairs(const bfloat16_pair* from) { return eight_halves(from); }
inline float32x4_t four_floats(const bfloat16_pair* from) { return vreinterpretq_f32_u16(four_pairs(from)); }
inline void put_four(float* to, float32x4_t x) { vst1q_f32(to, x); }
inline void put_four(bfloat16_pair* to, float32x4_t x) { std::memcpy(static_cast<void*>(to), &x, sizeof x); }

template <>
struct primitives<float> {
  using pairs = pair_multiplies;
  using scalar = float;
  struct vec { float32x4_t low, high; };
  struct integers { int32x4_t low, high; };
  static constexpr int lanes = 8;
  static constexpr int panel_vectors = 1;
  static constexpr int row_group = 8;  // 16 sums, 2 registers of keys and 8 factors: with 12 rows compilers run out of registers
  static constexpr int direct_group = 4;
  static constexpr int direct_keys = 1;
  static constexpr int direct_sums = 8;
  static constexpr int direct_columns = 8;
  static constexpr int held_queries = 0;
  static constexpr index_type panel = lanes * panel_vectors;
  static constexpr int weigh_batch = 4;  // vectors whose weights are taken in lockstep

  static vec load(const float* from) { return {vld1q_f32(from), vld1q_f32(from + 4)}; }
  static void store(float* to, const vec& x) {
    vst1q_f32(to, x.low);
    vst1q_f32(to + 4, x.high);
  }
  static vec broadcast(float x) { return {vdupq_n_f32(x), vdupq_n_f32(x)}; }
  static void clear(vec& x) { x = broadcast(0); }
  static vec add(const vec& a, const vec& b) { return {vaddq_f32(a.low, b.low), vaddq_f32(a.high, b.high)}; }
  static vec subtract(const vec& a, float b) {
    return {vsubq_f32(a.low, vdupq_n_f32(b)), vsubq_f32(a.high, vdupq_n_f32(b))};
  }
  static vec multiply(const vec& a, float b) { return {vmulq_n_f32(a.low, b), vmulq_n_f32(a.high, b)}; }
  static vec multiply_add(const vec& a, const vec& b, float c) {
    return {vfmaq_f32(vdupq_n_f32(c), a.low, b.low), vfmaq_f32(vdupq_n_f32(c), a.high, b.high)};
  }
  static void add_product(vec& sum, float a, const vec& b) {
    sum.low = vfmaq_n_f32(sum.low, b.low, a);
    sum.high = vfmaq_n_f32(sum.high, b.high, a);
  }
  static void add_product(vec& sum, const vec& a, const vec& b) {
    sum.low = vfmaq_f32(sum.low, a.low, b.low);
    sum.high = vfmaq_f32(sum.high, a.high, b.high);
  }
  static vec maximum(const vec& a, const vec& b) {  // of a number and a NaN, the number
    return {vmaxnmq_f32(a.low, b.low), vmaxnmq_f32(a.high, b.high)};
  }
  static vec divide(const vec& a, const vec& b) { return {vdivq_f32(a.low, b.low), vdivq_f32(a.high, b.high)}; }
  static vec hide(const vec& x, const vec& number, float most) { return {hide(x.low, number.low, most), hide(x.high, number.high, most)}; }
  static float32x4_t hide(float32x4_t x, float32x4_t number, float most) {
    return vbslq_f32(vcleq_f32(number, vdupq_n_f32(most)), vdupq_n_f32(-std::numeric_limits<float>::infinity()), x);
  }
  static vec minus_size(const vec& x) { return {vnegq_f32(vabsq_f32(x.low)), vnegq_f32(vabsq_f32(x.high))}; }
  static vec with_sign(const vec& x, const vec& of) { return {with_sign(x.low, of.low), with_sign(x.high, of.high)}; }
  static float32x4_t with_sign(float32x4_t x, float32x4_t of) { return vbslq_f32(vdupq_n_u32(0x80000000), of, x); }

  static constexpr int least_power = -127;
  static constexpr int greatest_power = 128;
  // The power comes negated: so it is added to the product, for which there is an instruction.
  static vec reduce(const vec& x, float factor, float low, float high, integers& power) {
    const vec limited{limit(x.low, low, high), limit(x.high, low, high)};
    power = {vcvtnq_s32_f32(vmulq_n_f32(limited.low, -factor)), vcvtnq_s32_f32(vmulq_n_f32(limited.high, -factor))};
    return {vfmaq_n_f32(vcvtq_f32_s32(power.low), limited.low, factor),
            vfmaq_n_f32(vcvtq_f32_s32(power.high), limited.high, factor)};
  }
  static float32x4_t limit(float32x4_t x, float low, float high) {  // NaN stays NaN
    return vminq_f32(vmaxq_f32(x, vdupq_n_f32(low)), vdupq_n_f32(high));
  }
  static vec scale(const vec& x, const integers& power) {
    return {vmulq_f32(x.low, power_of_two(power.low)), vmulq_f32(x.high, power_of_two(power.high))};
  }
  static float32x4_t power_of_two(int32x4_t negated) {
    return vreinterpretq_f32_s32(vshlq_n_s32(vsubq_s32(vdupq_n_s32(127), negated), 23));
  }

  template <class Stored>
  static vec widen(const Stored* from) { return {four_floats(from), four_floats(from + 4)}; }

  // Two vectors of bfloat16: those at even places and at odd ones; and back in order.
  static void unzip(const bfloat16* from, vec& even, vec& odd) {
    const auto words = [&](int i) {
      return vreinterpretq_u32_u16(eight_halves(from + i));
    };
    const uint32x4_t low = words(0);
    const uint32x4_t high = words(8);
    const uint32x4_t upper = vdupq_n_u32(0xffff0000u);
    even = {vreinterpretq_f32_u32(vshlq_n_u32(low, 16)), vreinterpretq_f32_u32(vshlq_n_u32(high, 16))};
    odd = {vreinterpretq_f32_u32(vandq_u32(low, upper)), vreinterpretq_f32_u32(vandq_u32(high, upper))};
  }
  static void zip(vec& even, vec& odd) {
    const vec evens = even;
    even = {vzip1q_f32(evens.low, odd.low), vzip2q_f32(evens.low, odd.low)};
    odd = {vzip1q_f32(evens.high, odd.high), vzip2q_f32(evens.high, odd.high)};
  }

  // The first `count` of them, zeros behind; nothing further is read.
  template <class Stored>
  static vec widen_part(const Stored* from, index_type count) {
    Stored part[lanes] = {};
    std::memcpy(part, from, sizeof(Stored) * static_cast<std::size_t>(count));
    return widen(part);
  }

  static vec multiply_wide(const vec& x, double factor) {
    return {multiply_wide(x.low, factor), multiply_wide(x.high, factor)};
  }
  static float32x4_t multiply_wide(float32x4_t x, double factor) {
    const float32x2_t first = vcvt_f32_f64(vmulq_n_f64(vcvt_f64_f32(vget_low_f32(x)), factor));
    return vcvt_high_f32_f64(first, vmulq_n_f64(vcvt_high_f64_f32(x), factor));
  }
  static void narrow(float* to, const vec& x) { store(to, x); }
  static void narrow(double* to, const vec& x) {
    vst1q_f64(to, vcvt_f64_f32(vget_low_f32(x.low)));
    vst1q_f64(to + 2, vcvt_high_f64_f32(x.low));
    vst1q_f64(to + 4, vcvt_f64_f32(vget_low_f32(x.high)));
    vst1q_f64(to + 6, vcvt_high_f64_f32(x.high));
  }
  static void narrow(float16* to, const vec& x) {
    const uint16x4_t halves[2] = {vreinterpret_u16_f16(vcvt_f16_f32(x.low)), vreinterpret_u16_f16(vcvt_f16_f32(x.high))};
    std::memcpy(to, halves, sizeof halves);
  }
  static void narrow(bfloat16* to, const vec& x) {
    const uint16x4_t halves[2] = {upper_half(x.low), upper_half(x.high)};
    std::memcpy(to, halves, sizeof halves);
  }
  static uint16x4_t upper_half(float32x4_t x) {  // to nearest even; a NaN stays quiet
    const uint32x4_t bits = vreinterpretq_u32_f32(x);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    const uint32x4_t rounded = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
    const uint32x4_t nan = vorrq_u32(bits, vdupq_n_u32(0x400000));
    return vshrn_n_u32(vbslq_u32(vceqq_f32(x, x), rounded, nan), 16);
  }

  static constexpr index_type block = 4;
  template <class Stored, class Element>
  static void transpose(const Stored* const* rows, index_type offset, Element* to, index_type stride) {
    float32x4_t r[4], s[4];
    CRESTMAX_UNROLL for (int i = 0; i < 4; ++i) r[i] = four_floats(rows[i] + offset);
    CRESTMAX_UNROLL for (int i = 0; i < 2; ++i) {
      s[i] = vzip1q_f32(r[i], r[i + 2]);
      s[i + 2] = vzip2q_f32(r[i], r[i + 2]);
    }
    // In rising order: where columns overlap, the later one stands.
    CRESTMAX_UNROLL for (int i = 0; i < 4; i += 2) {
      put_four(to + i * stride, vzip1q_f32(s[i], s[i + 1]));
      put_four(to + (i + 1) * stride, vzip2q_f32(s[i], s[i + 1]));
    }
  }

  static void transpose(const bfloat16* const* rows, index_type offset, bfloat16_pair* to, index_type stride) {
    const bfloat16_pair* pairs_at[block];
    for (index_type i = 0; i < block; ++i) pairs_at[i] = reinterpret_cast<const bfloat16_pair*>(rows[i]);
    transpose(pairs_at, offset, to, stride);
  }
  // `lanes` pairs of one number from each row.
  static void interleave(const bfloat16* even, const bfloat16* odd, bfloat16_pair* to) {
    const uint16x8_t first = eight_halves(even);
    const uint16x8_t second = eight_halves(odd);
    put_four(to, vreinterpretq_f32_u16(vzip1q_u16(first, second)));
    put_four(to + 4, vreinterpretq_f32_u16(vzip2q_u16(first, second)));
  }
  static magnitudes magnitudes_of(const bfloat16_pair* from, index_type count) {
    // One less than a magnitude is the largest of all numbers for zero.
    uint16x8_t least = vdupq_n_u16(0xffff);
    uint16x8_t most = vdupq_n_u16(0);
    const auto look_at = [&](const bfloat16_pair* four) {
      const uint16x8_t magnitude = vandq_u16(four_pairs(four), vdupq_n_u16(0x7fff));
      most = vmaxq_u16(most, magnitude);
      least = vminq_u16(least, vsubq_u16(magnitude, vdupq_n_u16(1)));
    };
    const index_type whole = count / 4 * 4;
    for (index_type i = 0; i < whole; i += 4) look_at(from + i);
    bfloat16_pair rest[4] = {};
    std::memcpy(static_cast<void*>(rest), from + whole, sizeof(bfloat16_pair) * static_cast<std::size_t>(count - whole));
    look_at(rest);
    const std::uint16_t low = vminvq_u16(least);
    return {low == 0xffff ? low : static_cast<std::uint16_t>(low + 1), vmaxvq_u16(most)};
  }

  static float highest(const vec& x) { return vmaxnmvq_f32(vmaxnmq_f32(x.low, x.high)); }
  static float total(const vec& x) { return vaddvq_f32(vaddq_f32(x.low, x.high)); }
  // The compiler is to keep it in registers, not to load it once per use.
  static void keep(vec& x) { asm volatile("" : "+w"(x.low), "+w"(x.high)); }
  // Two vectors whose totals will be taken; each step adds neighbours of two registers, side by side. One half is enough.
  static vec join(const vec& a, const vec& b) {
    const float32x4_t both = vpaddq_f32(vaddq_f32(a.low, a.high), vaddq_f32(b.low, b.high));
    return {both, both};
  }
  // Lanes 2 i and 2 i + 1: the totals of the two vectors that were joined to pairs[i].
  static vec totals(const vec (&pairs)[4]) {
    return {vpaddq_f32(pairs[0].low, pairs[1].low), vpaddq_f32(pairs[2].low, pairs[3].low)};
  }
};

template <>
struct primitives<double> {
  using scalar = double;
  struct vec { float64x2_t low, high; };
  struct integers { int64x2_t low, high; };
  static constexpr int lanes = 4;
  static constexpr int panel_vectors = 1;
  static constexpr int row_group = 8;
  static constexpr int direct_group = 4;
  static constexpr int direct_keys = 1;
  static constexpr int direct_sums = 8;
  static constexpr int direct_columns = 8;
  static constexpr int held_queries = 0;
  static constexpr index_type panel = lanes * panel_vectors;
  static constexpr int weigh_batch = 4;  // vectors whose weights are taken in lockstep

  static vec load(const double* from) { return {vld1q_f64(from), vld1q_f64(from + 2)}; }
  static void store(double* to, const vec& x) {
    vst1q_f64(to, x.low);
    vst1q_f64(to + 2, x.high);
  }
  static vec broadcast(double x) { return {vdupq_n_f64(x), vdupq_n_f64(x)}; }
  static void clear(vec& x) { x = broadcast(0); }
  static vec add(const vec& a, const vec& b) { return {vaddq_f64(a.low, b.low), vaddq_f64(a.high, b.high)}; }
  static vec subtract(const vec& a, double b) {
    return {vsubq_f64(a.low, vdupq_n_f64(b)), vsubq_f64(a.high, vdupq_n_f64(b))};
  }
  static vec multiply(const vec& a, double b) { return {vmulq_n_f64(a.low, b), vmulq_n_f64(a.high, b)}; }
  static vec multiply_add(const vec& a, const vec& b, double c) {
    return {vfmaq_f64(vdupq_n_f64(c), a.low, b.low), vfmaq_f64(vdupq_n_f64(c), a.high, b.high)};
  }
  static void add_product(vec& sum, double a, const vec& b) {
    sum.low = vfmaq_n_f64(sum.low, b.low, a);
    sum.high = vfmaq_n_f64(sum.high, b.high, a);
  }
  static void add_product(vec& sum, const vec& a, const vec& b) {
    sum.low = vfmaq_f64(sum.low, a.low, b.low);
    sum.high = vfmaq_f64(sum.high, a.high, b.high);
  }
  static vec maximum(const vec& a, const vec& b) {
    return {vmaxnmq_f64(a.low, b.low), vmaxnmq_f64(a.high, b.high)};
  }
  static vec divide(const vec& a, const vec& b) { return {vdivq_f64(a.low, b.low), vdivq_f64(a.high, b.high)}; }
  static vec hide(const vec& x, const vec& number, double most) { return {hide(x.low, number.low, most), hide(x.high, number.high, most)}; }
  static float64x2_t hide(float64x2_t x, float64x2_t number, double most) {
    return vbslq_f64(vcleq_f64(number, vdupq_n_f64(most)), vdupq_n_f64(-std::numeric_limits<double>::infinity()), x);
  }
  static vec minus_size(const vec& x) { return {vnegq_f64(vabsq_f64(x.low)), vnegq_f64(vabsq_f64(x.high))}; }
  static vec with_sign(const vec& x, const vec& of) { return {with_sign(x.low, of.low), with_sign(x.high, of.high)}; }
  static float64x2_t with_sign(float64x2_t x, float64x2_t of) { return vbslq_f64(vdupq_n_u64(0x8000000000000000), of, x); }

  static constexpr int least_power = -1023;
  static constexpr int greatest_power = 1024;
  static vec reduce(const vec& x, double factor, double low, double high, integers& power) {
    const vec limited{limit(x.low, low, high), limit(x.high, low, high)};
    power = {vcvtnq_s64_f64(vmulq_n_f64(limited.low, -factor)), vcvtnq_s64_f64(vmulq_n_f64(limited.high, -factor))};
    return {vfmaq_n_f64(vcvtq_f64_s64(power.low), limited.low, factor),
            vfmaq_n_f64(vcvtq_f64_s64(power.high), limited.high, factor)};
  }
  static float64x2_t limit(float64x2_t x, double low, double high) {
    return vminq_f64(vmaxq_f64(x, vdupq_n_f64(low)), vdupq_n_f64(high));
  }
  static vec scale(const vec& x, const integers& power) {
    return {vmulq_f64(x.low, power_of_two(power.low)), vmulq_f64(x.high, power_of_two(power.high))};
  }
  static float64x2_t power_of_two(int64x2_t negated) {
    return vreinterpretq_f64_s64(vshlq_n_s64(vsubq_s64(vdupq_n_s64(1023), negated), 52));
  }

  static vec widen(const double* from) { return load(from); }
  template <class Stored>
  static vec widen(const Stored* from) {
    const float32x4_t x = four_floats(from);
    return {vcvt_f64_f32(vget_low_f32(x)), vcvt_high_f64_f32(x)};
  }

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

  static constexpr index_type block = 2;
  template <class Stored>
  static void transpose(const Stored* const* rows, index_type offset, double* to, index_type stride) {
    const float64x2_t first = two_doubles(rows[0] + offset);
    const float64x2_t second = two_doubles(rows[1] + offset);
    vst1q_f64(to, vzip1q_f64(first, second));
    vst1q_f64(to + stride, vzip2q_f64(first, second));
  }
  static float64x2_t two_doubles(const double* from) { return vld1q_f64(from); }
  template <class Stored>
  static float64x2_t two_doubles(const Stored* from) {
    const double numbers[2] = {convert<double>(from[0]), convert<double>(from[1])};
    return vld1q_f64(numbers);
  }

  static double highest(const vec& x) { return vmaxnmvq_f64(vmaxnmq_f64(x.low, x.high)); }
  static double total(const vec& x) { return vaddvq_f64(vaddq_f64(x.low, x.high)); }
  static void keep(vec& x) { asm volatile("" : "+w"(x.low), "+w"(x.high)); }
  static vec join(const vec& a, const vec& b) {
    const float64x2_t both = vpaddq_f64(vaddq_f64(a.low, a.high), vaddq_f64(b.low, b.high));
    return {both, both};
  }
  static vec totals(const vec (&pairs)[2]) { return {pairs[0].low, pairs[1].low}; }
};

}  // namespace vectors

using vectors::primitives;

#include "text/multiply.inc"

}  // namespace cpu::neon

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"

#endif
