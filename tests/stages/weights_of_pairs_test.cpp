// exp where weights will be rounded to bfloat16 (AVX512_BF16): other steps than those of the wider primitives.
#include <gtest/gtest.h>

#include <crestmax/backend/cpu/avx512.hpp>
#include <crestmax/crestmax.hpp>

#include <bit>
#include <cmath>

#if CRESTMAX_X86_SETS
namespace {

namespace kernels = crestmax::cpu::avx512;
using crestmax::index_type;
using pair_vectors = kernels::avx512_bf16::primitives;

#include "weighed.inc"

class WeightsOfPairs : public ::testing::Test {
 protected:
  void SetUp() override {
    constexpr auto least_set = crestmax::instruction_set::avx512_bf16;
    if (least_set > crestmax::cpu::machine_set()) GTEST_SKIP() << "[note] not executed: this machine has no " << name(least_set);
  }
};

TEST_F(WeightsOfPairs, OfEveryBfloat16HaveTheStatedError) {
  expect_weights_of_every_pattern<float, crestmax::bfloat16, pair_vectors>();
}

TEST_F(WeightsOfPairs, HaveTheStatedErrorFromMinus120To100) {
  weighed<float, pair_vectors> weights;
  weights.take_patterns(-0.0f, -120.0f, 257);
  weights.take_patterns(0.0f, 100.0f, 257);
  EXPECT_GT(weights.finite(), 8000000);
}

TEST_F(WeightsOfPairs, HaveTheStatedErrorAroundPowersOfTwo) {
  weighed<float, pair_vectors> weights;
  for (int power = -126; power <= 127; ++power) weights.take_around(static_cast<float>(power * crestmax::ln2), 500);
  EXPECT_GT(weights.finite(), 200000);
}

TEST_F(WeightsOfPairs, OfZeroAreExactlyTheMargin) { expect_exact_weights_of_zero<pair_vectors>(); }
TEST_F(WeightsOfPairs, PastTheRangeAreZeroOrInfinite) { expect_limits_past_the_range<pair_vectors>(); }
TEST_F(WeightsOfPairs, DoNotHideTrouble) { expect_trouble_to_show<pair_vectors>(); }

}  // namespace
#endif
