// Products of pairs of bfloat16 in registers (FEAT_BF16's BFDOT): twice the numbers of a multiply-add.
//
// BFDOT takes subnormal factors for zero, makes zero of subnormal products, sums of two products and sums, and rounds either
// sum to odd: exact sums stay exact, others err by less than one unit in the last place, to either side, and there are half as
// many of them as of multiply-adds. What it flushes is up to four times 2^-126 for two numbers, twice as much as of other sets.
// The guards of text/pack.inc leave room for that: a score loses at most 2 d 2^-126 times a scale of at most 2^60, and an
// output of n keys 2 n 2^-126, where sums of weights are above 2^-margin / 2 and the largest value is 2^(margin - 80) or more.
// Items run with a floating point control register of zero, so processors with FEAT_EBF16 do not multiply otherwise.
//
// Instructions by name, as compilers have their intrinsics only where the whole translation unit is for such a processor.
#pragma once

#include "neon_vectors.hpp"

#if CRESTMAX_ARM_SETS

#if defined(__clang__)
CRESTMAX_BEGIN_TARGET("bf16")
#else
CRESTMAX_BEGIN_TARGET("+bf16")
#endif

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::neon::neon_bf16 {

struct primitives : vectors::primitives<float> {
  using vectors::primitives<float>::load;
  using vectors::primitives<float>::add_product;
  struct pair_vec { uint16x8_t low, high; };
  static pair_vec load(const bfloat16_pair* from) { return {vectors::four_pairs(from), vectors::four_pairs(from + 4)}; }
  static void add_product(vec& sum, const bfloat16_pair& a, const pair_vec& b) {
    float bits;  // in a vector register from the start
    std::memcpy(&bits, &a, sizeof bits);
    sum = {with_products(sum.low, b.low, bits), with_products(sum.high, b.high, bits)};
  }
  static void add_product(vec& sum, const pair_vec& a, const pair_vec& b) {
    sum = {with_products(sum.low, a.low, b.low), with_products(sum.high, a.high, b.high)};
  }
  // Sums by value: what assembly writes to through a reference, g++ keeps in memory.
  static float32x4_t with_products(float32x4_t sum, uint16x8_t a, uint16x8_t b) {
    asm("bfdot %0.4s, %1.8h, %2.8h" : "+w"(sum) : "w"(a), "w"(b));
    return sum;
  }
  static float32x4_t with_products(float32x4_t sum, uint16x8_t a, float pair) {
    asm("bfdot %0.4s, %1.8h, %2.2h[0]" : "+w"(sum) : "w"(a), "w"(pair));
    return sum;
  }
  using vectors::primitives<float>::keep;
  static void keep(pair_vec& x) { asm volatile("" : "+w"(x.low), "+w"(x.high)); }
  // Stores a panel of weights, rounded; adds them as rounded to a sum.
  static void store_rounded(bfloat16* to, const vec (&x)[1], vec& sum) {
    uint16x8_t both;
    asm("bfcvtn %0.4h, %1.4s" : "=w"(both) : "w"(x[0].low));
    asm("bfcvtn2 %0.8h, %1.4s" : "+w"(both) : "w"(x[0].high));
    vst1q_u16(reinterpret_cast<std::uint16_t*>(to), both);
    sum.low = with_products(sum.low, both, vdupq_n_u16(0x3f80));
  }
};

#include "text/row_scores.inc"
#include "text/tile_multiply.inc"
#include "text/pairs.inc"

}  // namespace cpu::neon::neon_bf16

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"

CRESTMAX_END_TARGET

#endif
