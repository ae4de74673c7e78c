// Pairs of bfloat16 multiplied in tiles of plain C++: the kernels of AMX.
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>

#include <memory>
#include <vector>

#include "support/tiled.hpp"

namespace {
using backend_type = crestmax_test::tiled_backend;
constexpr auto least_set = crestmax::instruction_set::portable;
}  // namespace

#define CRESTMAX_TEST_SET tiled
#define PairsOf PairsOf_tiled
#include "pairs_test.inc"
