// Masks that say what each query sees by an interval of keys are taken at their word: whole stretches of a row are hidden at once.
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>
#include <limits>
#include <vector>

namespace crestmax_test {
namespace {

using crestmax::index_type;

constexpr index_type unlimited = std::numeric_limits<index_type>::max();
constexpr index_type queries = 14, query_offset = -4, keys = 11;

// The same mask, asked about every pair.
template <class Mask>
struct pair_by_pair {
  Mask mask;
  bool visible(crestmax::score_position at) const { return mask.visible(at); }
  crestmax::visibility classify(crestmax::score_range range) const { return mask.classify(range); }
};

// What is left of scores of 1 at keys first, first + step, ...
template <class Mask>
std::vector<float> masked(const Mask& mask, index_type first, index_type step) {
  std::vector<crestmax::row_position> rows_at;
  for (index_type i = 0; i < queries; ++i) rows_at.push_back({0, i + query_offset, i});
  std::vector<float> scores(static_cast<std::size_t>(queries * keys), 1.0f);
  const auto chain = crestmax::chain(mask);
  const auto view = crestmax::view_of<float>(chain);
  view.mask(view.context, {scores.data(), keys, rows_at.data(), queries, 0, first, step, keys});
  return scores;
}

template <class Mask>
void expect_the_same_as_pair_by_pair(const Mask& mask) {
  static_assert(crestmax::interval_mask<Mask> && !crestmax::interval_mask<pair_by_pair<Mask>>);
  for (index_type first : {0, 1, 3, 20}) {
    for (index_type step : {1, 2, 7}) {
      EXPECT_EQ(masked(mask, first, step), masked(pair_by_pair<Mask>{mask}, first, step)) << "keys " << first << " + " << step;
    }
  }
}

TEST(IntervalMasks, CausalHidesWhatItHidesPairByPair) { expect_the_same_as_pair_by_pair(crestmax::causal{}); }

TEST(IntervalMasks, WindowsHideWhatTheyHidePairByPair) {
  for (index_type left : {index_type{-1}, index_type{0}, index_type{1}, index_type{5}, unlimited}) {
    for (index_type right : {index_type{-1}, index_type{0}, index_type{2}, index_type{6}, unlimited}) {
      SCOPED_TRACE(testing::Message() << "left " << left << ", right " << right);
      expect_the_same_as_pair_by_pair(crestmax::sliding_window{left, right});
    }
  }
}

struct even_keys {
  bool visible(crestmax::score_position at) const { return at.key % 2 == 0; }
  crestmax::visibility classify(crestmax::score_range) const { return crestmax::visibility::partial; }
  crestmax::key_interval reachable(crestmax::score_range) const { return {0, keys}; }
};

TEST(IntervalMasks, AMaskThatSaysNothingOfIntervalsIsAskedAboutEveryPair) {
  EXPECT_FALSE(crestmax::interval_mask<even_keys>);
  const std::vector<float> scores = masked(even_keys{}, 0, 1);
  EXPECT_EQ(scores[0], 1.0f);
  EXPECT_EQ(scores[1], -std::numeric_limits<float>::infinity());
}

}  // namespace
}  // namespace crestmax_test
