// The NEON primitives, each alone.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <crestmax/backend/cpu/backend.hpp>
#include <crestmax/backend/cpu/neon.hpp>

#include "support/random.hpp"

#if CRESTMAX_ARM_SETS
#define CRESTMAX_TEST_SET neon
#define PrimitivesOf PrimitivesOf_neon
#define WeightsOf WeightsOf_neon
namespace crestmax_test::neon {
#include "primitives_by_memory.inc"
}
#include "primitives_test.inc"
#include "weights_test.inc"
#endif
