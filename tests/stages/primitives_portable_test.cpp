// The portable primitives, each alone.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <crestmax/backend/cpu/backend.hpp>
#include <crestmax/backend/cpu/portable.hpp>

#include "support/random.hpp"

#define CRESTMAX_TEST_SET portable
#define PrimitivesOf PrimitivesOf_portable
#define WeightsOf WeightsOf_portable
namespace crestmax_test::portable {
#include "primitives_by_memory.inc"
}
#include "primitives_test.inc"
#include "weights_test.inc"
