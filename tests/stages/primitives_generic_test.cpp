// The generic primitives, each alone.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <crestmax/backend/cpu/backend.hpp>
#include <crestmax/backend/cpu/generic.hpp>

#include "support/random.hpp"

#define CRESTMAX_TEST_SET generic
#define CRESTMAX_TEST_SET_PACKS_ALWAYS
#define PrimitivesOf PrimitivesOf_generic
#define WeightsOf WeightsOf_generic
namespace crestmax_test::generic {
#include "primitives_by_memory.inc"
}
#include "primitives_test.inc"
#include "weights_test.inc"
