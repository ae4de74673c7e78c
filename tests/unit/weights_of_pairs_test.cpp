// exp where weights will be rounded to bfloat16 (AVX512_BF16): other steps than those of the wider primitives.
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>

#include <bit>
#include <cmath>

#if CRESTMAX_X86_SETS
namespace {

namespace kernels = crestmax::cpu::avx512;
using crestmax::index;
using pair_vectors = kernels::avx512_bf16::primitives;

#include "weighed.inc"

class WeightsOfPairs : public ::testing::Test {
 protected:
  void SetUp() override {
    constexpr auto least_set = crestmax::instruction_set::avx512_bf16;
    if (least_set > crestmax::cpu::machine_set) GTEST_SKIP() << "[note] not executed: this machine has no " << name(least_set);
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
  EXPECT_GT(weights.finite(), 250000);
}

TEST_F(WeightsOfPairs, OfZeroAreExactlyTheMargin) {
  for (int margin = -60; margin <= 60; ++margin) {
    ASSERT_EQ((weight_of<float, pair_vectors>(0.0f, margin)), std::ldexp(1.0f, -margin));
    ASSERT_EQ((weight_of<float, pair_vectors>(-0.0f, margin)), std::ldexp(1.0f, -margin));
  }
}

TEST_F(WeightsOfPairs, PastTheRangeAreZeroOrInfinite) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (float x = 91.0f; x < infinity; x *= 1.00037f) {
    ASSERT_EQ((weight_of<float, pair_vectors>(x, 2)), infinity) << x;
    ASSERT_EQ((weight_of<float, pair_vectors>(-x - 20.0f, 2)), 0.0f) << -x - 20.0f;
  }
}

TEST_F(WeightsOfPairs, DoNotHideTrouble) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ((weight_of<float, pair_vectors>(-infinity, 2)), 0.0f);
  EXPECT_EQ((weight_of<float, pair_vectors>(infinity, 2)), infinity);
  EXPECT_TRUE(std::isnan(weight_of<float, pair_vectors>(std::numeric_limits<float>::quiet_NaN(), 2)));
  EXPECT_TRUE(std::isnan(weight_of<float, pair_vectors>(-std::numeric_limits<float>::quiet_NaN(), 2)));
}

}  // namespace
#endif
