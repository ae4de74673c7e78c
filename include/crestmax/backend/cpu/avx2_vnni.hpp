// Dot products of integers (AVX-VNNI) beside AVX2: a product and a sum in one.
#pragma once

#include "avx2_vectors.hpp"

#if CRESTMAX_X86_SETS

CRESTMAX_BEGIN_TARGET("avx2,fma,f16c,avxvnni")

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::avx2::vnni {

struct integers : avx2::integers {
  static void add_products(sums& sum, const words& a, const words& b) { sum = _mm256_dpwssd_avx_epi32(sum, a, b); }
};

#include "text/integer_codes.inc"
#include "text/integer_scores.inc"
#include "text/integer_outputs.inc"

}  // namespace cpu::avx2::vnni

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"

CRESTMAX_END_TARGET

#endif
