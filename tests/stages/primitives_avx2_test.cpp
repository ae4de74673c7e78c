// The AVX2 primitives, each alone.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <crestmax/backend/cpu/backend.hpp>
#include <crestmax/backend/cpu/avx2.hpp>

#include "support/random.hpp"

#if CRESTMAX_X86_SETS
#define CRESTMAX_TEST_SET avx2
#define PrimitivesOf PrimitivesOf_avx2
#define WeightsOf WeightsOf_avx2
CRESTMAX_BEGIN_TARGET("avx2,fma,f16c")
namespace crestmax_test::avx2 {
#include "primitives_by_memory.inc"
}
CRESTMAX_END_TARGET
#include "primitives_test.inc"
#include "weights_test.inc"
#endif
