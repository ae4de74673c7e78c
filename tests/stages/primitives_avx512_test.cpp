// The AVX-512 primitives, each alone.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <crestmax/backend/cpu/avx512.hpp>
#include <crestmax/backend/cpu/backend.hpp>

#include "support/random.hpp"

#if CRESTMAX_X86_SETS
#define CRESTMAX_TEST_SET avx512
#define PrimitivesOf PrimitivesOf_avx512
#define WeightsOf WeightsOf_avx512
CRESTMAX_BEGIN_TARGET("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")
namespace crestmax_test::avx512 {
#include "primitives_by_memory.inc"
}
CRESTMAX_END_TARGET
#include "primitives_test.inc"
#include "weights_test.inc"
#endif
