// What was left out is never below the truth, what was kept never above it, each operation by itself.
#include <gtest/gtest.h>

#include <crestmax/mass_bound.hpp>

namespace {

using crestmax::mass_bound;
constexpr double infinite = std::numeric_limits<double>::infinity();

TEST(MassBound, OfNothingLeftOutIsZero) {
  mass_bound mass{0, 3};
  mass.lower_shift(2);
  EXPECT_EQ(mass.share(0), 0);
}

TEST(MassBound, RoundsEverySumAwayFromWhatFlatters) {
  mass_bound mass{};
  long double left_out = 0;
  for (int i = 1; i < 1000; ++i) {
    mass.leave_out(1.0 / i);
    mass.keep(1.0 / i);
    left_out += static_cast<long double>(1.0 / i);
  }
  EXPECT_GE(static_cast<long double>(mass.left_out), left_out);
  EXPECT_LE(static_cast<long double>(mass.kept), left_out);
  EXPECT_NEAR(mass.left_out, mass.kept, 1e-10);
}

TEST(MassBound, IsTheShareOfBothAndOfWhatJoined) {
  const mass_bound mass{1, 2};
  EXPECT_GE(mass.share(0), 1.0 / 3);
  EXPECT_NEAR(mass.share(0), 1.0 / 3, 1e-12);
  EXPECT_NEAR(mass.share(5), 1.0 / 8, 1e-12);
}

TEST(MassBound, NeverExceedsOne) {
  EXPECT_EQ((mass_bound{1e300, 0}).share(0), 1);
  EXPECT_EQ((mass_bound{infinite, 1}).share(0), 1);
  EXPECT_EQ((mass_bound{1, infinite}).share(0), 1);
  EXPECT_EQ((mass_bound{std::nan(""), 1}).share(0), 1);
}

TEST(MassBound, OfALossThatIsNoNumberKnowsNothing) {
  mass_bound mass{0, 1};
  mass.leave_out(std::nan(""));
  EXPECT_EQ(mass.left_out, infinite);
}

TEST(MassBound, ForgetsNoLossThatUnderflows) {
  mass_bound mass{1e-300, 1};
  mass.lower_shift(-700);
  EXPECT_GT(mass.left_out, 0);
  EXPECT_GT(mass.share(1e-3), 0);
}

TEST(MassBound, KeepsNothingOfWhatIsNoNumber) {
  mass_bound mass{1, 2};
  mass.keep(std::nan(""));
  EXPECT_EQ(mass.kept, 0);
}

TEST(MassBound, MergesAStateOfALowerShift) {
  mass_bound mass{1, 2};
  mass.merge({3, 4}, std::log(2.0));
  EXPECT_GE(mass.left_out, 2.5);
  EXPECT_NEAR(mass.left_out, 2.5, 1e-12);
  EXPECT_LE(mass.kept, 4.0);
  EXPECT_NEAR(mass.kept, 4.0, 1e-12);
}

TEST(ScoreErrors, GrowWithBothNormsAndTheScale) {
  const auto errors = crestmax::score_errors<float>::of(64, 0.5, 0, 0);
  const double one = errors.bound(1, 1, 0);
  EXPECT_GE(one, 0.5 * 64 * 0x1p-24);
  EXPECT_NEAR(errors.bound(10, 20, 0) / one, 200, 1e-6);
  EXPECT_NEAR(crestmax::score_errors<float>::of(64, -1.0, 0, 0).bound(1, 1, 0) / one, 2, 1e-6);
}

TEST(ScoreErrors, AreInfiniteWhereProductsMightOverflow) {
  const auto errors = crestmax::score_errors<float>::of(4, 1.0, 0, 0);
  EXPECT_EQ(errors.bound(1e20, 1e20, 0), infinite);
  EXPECT_EQ(errors.bound(std::nan(""), 1, 0), infinite);
}

TEST(ScoreErrors, OfModifiedScoresGrowWithTheScore) {
  const auto errors = crestmax::score_errors<float>::of(4, 1.0, 1, 0);
  EXPECT_GE(errors.bound(0, 0, 1e6), 0.06);
  EXPECT_LT(errors.bound(0, 0, 1), 1e-5);
}

TEST(ScoreErrors, GrowWithEveryModifier) {
  const auto one = crestmax::score_errors<float>::of(4, 1.0, 1, 0);
  const auto two = crestmax::score_errors<float>::of(4, 1.0, 2, 0);
  EXPECT_NEAR(two.bound(0, 0, 1e6) / one.bound(0, 0, 1e6), 2, 1e-6);
}

}  // namespace
