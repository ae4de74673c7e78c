// Pairs of bfloat16 multiplied in tiles (AMX_BF16).
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>

#include <memory>
#include <vector>

#include "pairs_policy.hpp"
#include "support/attached.hpp"

#if CRESTMAX_X86_SETS
namespace {
constexpr auto least_set = crestmax::instruction_set::amx;
using backend_type = crestmax_test::policy_planned_for<crestmax::cpu::avx512::kernels, least_set>;
}  // namespace

#define CRESTMAX_TEST_SET avx512
#define PairsOf PairsOf_amx
#include "pairs_test.inc"
#endif
