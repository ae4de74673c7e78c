// Pairs of bfloat16 multiplied in registers (BFDOT).
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>

#include <memory>
#include <vector>

#include "pairs_policy.hpp"
#include "support/attached.hpp"

#if CRESTMAX_ARM_SETS
namespace {
constexpr auto least_set = crestmax::instruction_set::neon_bf16;
using backend_type = crestmax_test::policy_planned_for<crestmax::cpu::neon::kernels, least_set>;
}  // namespace

#define CRESTMAX_TEST_SET neon
#define PairsOf PairsOf_neon
#include "pairs_test.inc"
#endif
