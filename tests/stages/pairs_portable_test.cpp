// Pairs of bfloat16 multiplied in registers of plain C++.
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>
#include <crestmax/backend/cpu/portable.hpp>

#include <memory>
#include <vector>

#include "support/attached.hpp"

namespace {
using backend_type = crestmax::backend::portable;
constexpr auto least_set = crestmax::instruction_set::portable;
}  // namespace

#define CRESTMAX_TEST_SET portable
#define PairsOf PairsOf_portable
#include "pairs_test.inc"
