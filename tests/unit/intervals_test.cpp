#include <gtest/gtest.h>

#include <crestmax/intervals.hpp>
#include <vector>

#include "support/random.hpp"

namespace crestmax_test {
namespace {

using crestmax::interval_set;

std::vector<std::pair<index_type, index_type>> gaps(const interval_set& set, index_type begin, index_type end) {
  std::vector<std::pair<index_type, index_type>> result;
  set.for_each_gap({begin, end},
                   [&](crestmax::key_interval gap) { result.emplace_back(gap.begin, gap.end); });
  return result;
}
using pairs = std::vector<std::pair<index_type, index_type>>;

TEST(IntervalSet, StartsEmpty) {
  EXPECT_EQ(interval_set{}.size(), 0);
  EXPECT_EQ(gaps(interval_set{}, 3, 9), (pairs{{3, 9}}));
}

TEST(IntervalSet, MergesWhatTouches) {
  interval_set set;
  set.insert({0, 4});
  set.insert({8, 12});
  set.insert({4, 8});
  EXPECT_EQ(set.size(), 1);
  EXPECT_EQ(set[0].end, 12);
}

TEST(IntervalSet, IgnoresEmptyIntervals) {
  interval_set set;
  set.insert({5, 5});
  set.insert({7, 2});
  EXPECT_EQ(set.size(), 0);
}

TEST(IntervalSet, GapsLieBetweenIntervals) {
  interval_set set;
  set.insert({10, 20});
  set.insert({30, 40});
  EXPECT_EQ(gaps(set, 0, 50), (pairs{{0, 10}, {20, 30}, {40, 50}}));
  EXPECT_EQ(gaps(set, 12, 35), (pairs{{20, 30}}));
  EXPECT_EQ(gaps(set, 10, 20), pairs{});
}

TEST(IntervalSet, HoldsWhatWasInserted) {
  random_source random(11);
  for (int round = 0; round < 200; ++round) {
    interval_set set;
    std::vector<bool> truth(200, false);
    for (int i = 0; i < 30; ++i) {
      const index_type begin = random.integer(0, 199);
      const index_type end = std::min<index_type>(200, begin + random.integer(0, 12));
      set.insert({begin, end});
      for (index_type k = begin; k < end; ++k) truth[static_cast<std::size_t>(k)] = true;
    }
    for (index_type k = 0; k < 200; ++k) ASSERT_EQ(set.contains(k), truth[static_cast<std::size_t>(k)]);
    for (int i = 1; i < set.size(); ++i) ASSERT_LT(set[i - 1].end, set[i].begin);
    std::vector<bool> uncovered(200, false);
    for (const auto& [begin, end] : gaps(set, 0, 200)) {
      for (index_type k = begin; k < end; ++k) uncovered[static_cast<std::size_t>(k)] = true;
    }
    for (std::size_t k = 0; k < 200; ++k) ASSERT_NE(uncovered[k], truth[k]);
  }
}

}  // namespace
}  // namespace crestmax_test
