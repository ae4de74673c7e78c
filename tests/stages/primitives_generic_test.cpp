// The generic primitives, each alone.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <crestmax/backend/cpu/backend.hpp>

#include "support/random.hpp"

#define CRESTMAX_TEST_SET generic
#define CRESTMAX_TEST_SET_PACKS_ALWAYS
#define PrimitivesOf PrimitivesOf_generic
namespace crestmax_test::generic {
#include "primitives_by_memory.inc"
}
#include "primitives_test.inc"
