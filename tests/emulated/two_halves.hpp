// Included before all else where the tests are built for an emulator of AVX-512 (bochscpu-python 0.4.0): it takes both halves
// of VCVTNE2PS2BF16 from its second source, which processors do not. There the two vectors are rounded one by one.
#pragma once

#include <immintrin.h>

__attribute__((target("avx512f,avx512bf16"))) inline __m512bh rounded_one_by_one(__m512 high, __m512 low) {
  const __m512i lower = _mm512_castsi256_si512((__m256i)_mm512_cvtneps_pbh(low));
  return (__m512bh)_mm512_inserti64x4(lower, (__m256i)_mm512_cvtneps_pbh(high), 1);
}
#define _mm512_cvtne2ps_pbh rounded_one_by_one
