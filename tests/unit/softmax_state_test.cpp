#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <crestmax/softmax_state.hpp>
#include <vector>

#include "support/random.hpp"

namespace crestmax_test {
namespace {

constexpr int dims = 3;

// A state over some keys, and the sums from the definition.
struct keys {
  std::vector<double> scores;
  std::vector<std::array<double, dims>> values;

  void add(random_source& random, index_type count, double height) {
    for (index_type i = 0; i < count; ++i) {
      scores.push_back(height * random.normal());
      values.push_back({random.normal(), random.normal(), random.normal()});
    }
  }
  crestmax::softmax_state<double> state(double shift, std::array<double, dims>& memory) const {
    memory = {};
    crestmax::softmax_state<double> s{shift, 0, memory};
    for (std::size_t j = 0; j < scores.size(); ++j) {
      const double w = std::exp(scores[j] - shift);
      s.sum += w;
      for (std::size_t k = 0; k < dims; ++k) memory[k] += w * values[j][k];
    }
    return s;
  }
};

class SoftmaxState : public ::testing::Test {
 protected:
  void SetUp() override {
    first.add(random, 40, 3);
    second.add(random, 30, 5);
    both = first;
    both.scores.insert(both.scores.end(), second.scores.begin(), second.scores.end());
    both.values.insert(both.values.end(), second.values.begin(), second.values.end());
  }
  void expect_same_result(crestmax::softmax_state<double> given) {
    std::array<double, dims> memory;
    auto expected = both.state(0, memory);
    EXPECT_NEAR(given.lse(), expected.lse(), 1e-12);
    expected.normalise();
    given.normalise();
    for (std::size_t k = 0; k < dims; ++k) EXPECT_NEAR(given.output[k], memory[k], 1e-12);
  }
  random_source random{3};
  keys first, second, both;
  std::array<double, dims> a, b;
};

TEST_F(SoftmaxState, MergesStatesOfAnyShifts) {
  for (const double x : {-20.0, 0.0, 7.5, 300.0}) {
    for (const double y : {-15.0, 0.0, 7.5, 250.0}) {
      auto merged = first.state(x, a);
      merged.merge(second.state(y, b));
      expect_same_result(merged);
    }
  }
}

TEST_F(SoftmaxState, TakesTheLargerShift) {
  auto merged = first.state(2, a);
  merged.merge(second.state(5, b));
  EXPECT_EQ(merged.shift, 5);
  auto other_way = second.state(5, b);
  other_way.merge(first.state(2, a));
  EXPECT_EQ(other_way.shift, 5);
}

TEST_F(SoftmaxState, ACommonShiftMergesByAPlainSum) {
  auto merged = first.state(4, a);
  const auto other = second.state(4, b);
  const double sum = merged.sum + other.sum;
  const double output = a[1] + b[1];
  merged.merge_common_shift(other);
  EXPECT_EQ(merged.sum, sum);
  EXPECT_EQ(a[1], output);
  expect_same_result(merged);
}

TEST_F(SoftmaxState, MergingWithACommonShiftRoundsLikeThePlainSum) {
  auto general = first.state(4, a);
  general.merge(second.state(4, b));
  std::array<double, dims> c, d;
  auto plain = first.state(4, c);
  plain.merge_common_shift(second.state(4, d));
  EXPECT_EQ(general.sum, plain.sum);
  EXPECT_EQ(a, c);
}

TEST_F(SoftmaxState, MergingAnEmptyStateChangesNothing) {
  std::array<double, dims> nothing{};
  auto merged = both.state(1, a);
  const double sum = merged.sum;
  merged.merge(crestmax::softmax_state<double>{-infinity, 0, nothing});
  EXPECT_EQ(merged.sum, sum);
  EXPECT_EQ(merged.shift, 1);
}

TEST_F(SoftmaxState, AnEmptyStateTakesOverWhatItMerges) {
  a = {};
  crestmax::softmax_state<double> merged{-infinity, 0, a};
  EXPECT_TRUE(merged.empty());
  merged.merge(both.state(1, b));
  EXPECT_EQ(merged.shift, 1);
  EXPECT_EQ(a, b);
}

TEST_F(SoftmaxState, AnEmptyStateMayStandOverAnyMemory) {
  for (const double garbage : {std::numeric_limits<double>::quiet_NaN(), infinity, 7.0}) {
    for (const bool by_sink : {false, true}) {
      a = {garbage, garbage, garbage};
      crestmax::softmax_state<double> merged{-infinity, garbage, a};
      if (by_sink) merged.add_sink(-1000);
      merged.merge(both.state(1, b));
      expect_same_result(merged);
    }
    a = {garbage, garbage, garbage};
    crestmax::softmax_state<double> shifted{-infinity, garbage, a};
    shifted.shift_to(1);
    EXPECT_EQ(shifted.sum, 0);
    EXPECT_EQ(a, (std::array<double, dims>{}));
    a = {garbage, garbage, garbage};
    crestmax::softmax_state<double>{-infinity, garbage, a}.normalise();
    EXPECT_EQ(a, (std::array<double, dims>{}));
  }
}

TEST_F(SoftmaxState, MergingAnEmptyStateWithACommonShiftChangesNothing) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::array<double, dims> garbage{nan, nan, nan};
  auto merged = both.state(1, a);
  merged.merge_common_shift(crestmax::softmax_state<double>{-infinity, nan, garbage});
  expect_same_result(merged);
}

TEST_F(SoftmaxState, AnEmptyStateTakesOverWhatItMergesWithACommonShift) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  a = {nan, nan, nan};
  crestmax::softmax_state<double> merged{-infinity, nan, a};
  merged.merge_common_shift(both.state(1, b));
  expect_same_result(merged);
}

TEST_F(SoftmaxState, AShiftThatIsNoNumberIsNotHidden) {
  a = {};
  crestmax::softmax_state<double> merged{-infinity, 0, a};
  merged.merge(crestmax::softmax_state<double>{std::numeric_limits<double>::quiet_NaN(), 1, b});
  EXPECT_TRUE(std::isnan(merged.lse()));
}

TEST_F(SoftmaxState, EmptyMeansZeroAndMinusInfinity) {
  a = {};
  crestmax::softmax_state<double> none{-infinity, 0, a};
  none.merge(crestmax::softmax_state<double>{-infinity, 0, a});
  EXPECT_EQ(none.lse(), -infinity);
  none.normalise();
  EXPECT_EQ(a, (std::array<double, dims>{}));
}

TEST_F(SoftmaxState, ASinkJoinsTheDenominatorOnly) {
  for (const double sink : {-30.0, 0.0, 40.0}) {
    auto with_sink = both.state(2, a);
    const double lse = with_sink.lse();
    with_sink.add_sink(sink);
    EXPECT_NEAR(with_sink.lse(), std::log(std::exp(lse) + std::exp(sink)), 1e-12);
    with_sink.normalise();
    auto without = both.state(2, b);
    without.normalise();
    EXPECT_NEAR(a[0], b[0] * std::exp(lse - with_sink.lse()), 1e-12);
  }
}

TEST_F(SoftmaxState, ASinkAloneIsItsOwnLse) {
  a = {};
  crestmax::softmax_state<double> none{-infinity, 0, a};
  none.add_sink(3.5);
  EXPECT_EQ(none.lse(), 3.5);
  none.normalise();
  EXPECT_EQ(a[0], 0);
}

TEST_F(SoftmaxState, ASinkOfMinusInfinityIsNone) {
  auto state = both.state(2, a);
  const double sum = state.sum;
  state.add_sink(-infinity);
  EXPECT_EQ(state.sum, sum);
  a = {};
  crestmax::softmax_state<double> none{-infinity, 0, a};
  none.add_sink(-infinity);
  EXPECT_EQ(none.lse(), -infinity);
}

TEST_F(SoftmaxState, AFinishedCallIsAState) {
  // shift = lse, sum = 1, output = the normalised output.
  auto finished = first.state(0, a);
  const double lse = finished.lse();
  finished.normalise();
  crestmax::softmax_state<double> merged{lse, 1, a};
  merged.merge(second.state(1, b));
  expect_same_result(merged);
}

TEST_F(SoftmaxState, TheOrderOfMergesDoesNotMatterBeyondRounding) {
  auto forward = first.state(0, a);
  forward.merge(second.state(9, b));
  expect_same_result(forward);
  auto backward = second.state(9, b);
  backward.merge(first.state(0, a));
  expect_same_result(backward);
}

}  // namespace
}  // namespace crestmax_test
