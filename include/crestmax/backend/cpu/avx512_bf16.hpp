// Products of pairs of bfloat16 in registers (AVX512_BF16): twice the numbers of a multiply-add.
#pragma once

#include "avx512_vectors.hpp"

#if CRESTMAX_X86_SETS

CRESTMAX_BEGIN_TARGET("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::avx512::avx512_bf16 {

struct primitives : vectors::primitives<float> {
  using vectors::primitives<float>::load;
  using vectors::primitives<float>::add_product;
  static __m512i load(const bfloat16_pair* from) { return _mm512_loadu_si512(from); }
  static void add_product(vec& sum, const bfloat16_pair& a, const __m512i& b) {
    std::int32_t bits;
    std::memcpy(&bits, &a, sizeof bits);
    sum = _mm512_dpbf16_ps(sum, __builtin_bit_cast(__m512bh, _mm512_set1_epi32(bits)), __builtin_bit_cast(__m512bh, b));
  }
  static void add_product(vec& sum, const __m512i& a, const __m512i& b) {
    sum = _mm512_dpbf16_ps(sum, __builtin_bit_cast(__m512bh, a), __builtin_bit_cast(__m512bh, b));
  }
  using vectors::primitives<float>::keep;
  static void keep(__m512i& x) { asm volatile("" : "+v"(x)); }
  // Weights are rounded to bfloat16: beside that the rounding of the product is nothing, and these four steps are right
  // for all numbers where those of the wider primitives are six. Scaling rounds the power down.
  static constexpr bool rounds_down = true;
  static vec reduce(const vec& x, float factor, float, float, integers& power) {
    power = _mm512_mul_ps(x, _mm512_set1_ps(factor));
    return _mm512_reduce_ps(power, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  }
  // Stores a panel of weights, rounded; adds them as rounded to a sum.
  static void store_rounded(bfloat16* to, const vec (&x)[2], vec& sum) {
    const __m512bh both = _mm512_cvtne2ps_pbh(x[1], x[0]);
    _mm512_storeu_si512(to, __builtin_bit_cast(__m512i, both));
    sum = _mm512_dpbf16_ps(sum, both, __builtin_bit_cast(__m512bh, _mm512_set1_epi16(0x3f80)));
  }
};

#include "text/row_scores.inc"
#include "text/tile_multiply.inc"
#include "text/pairs.inc"

}  // namespace cpu::avx512::avx512_bf16

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"

CRESTMAX_END_TARGET

#endif
