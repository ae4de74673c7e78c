// Positions of the caller's in place of those in the sequence: what masks say of tiles then, where queries stand, and what at_positions() takes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <crestmax/modifiers.hpp>
#include <vector>

#include "support/random.hpp"

namespace crestmax_test {
namespace {

using crestmax::at_positions;
using crestmax::causal;
using crestmax::index_type;
using crestmax::positions_of;
using crestmax::score_range;
using crestmax::sliding_window;
using crestmax::visibility;
using numbers = std::vector<std::int32_t>;

numbers random_numbers(random_source& random, index_type count, index_type most) {
  numbers n;
  for (index_type i = 0; i < count; ++i) n.push_back(static_cast<std::int32_t>(random.integer(0, most)));
  return n;
}

// What a mask says of a range against what it says of its pairs.
template <class Mask>
void expect_consistent(const Mask& mask, const score_range& r) {
  index_type seen = 0, pairs = 0, first = r.last_key + 1, end = 0;
  for (index_type q = r.first_query; q <= r.last_query; ++q) {
    for (index_type k = r.first_key; k <= r.last_key; k += r.key_step, ++pairs) {
      if (!mask.visible({0, 0, q, q - r.query_offset, k})) continue;
      ++seen;
      first = std::min(first, k);
      end = std::max(end, k + 1);
    }
  }
  const visibility given = mask.classify(r);
  ASSERT_TRUE(given != visibility::none || seen == 0);
  ASSERT_TRUE(given != visibility::all || seen == pairs);
  if constexpr (requires { mask.reachable(r); }) {
    const crestmax::key_interval hull = mask.reachable(r);
    ASSERT_TRUE(seen == 0 || (hull.begin <= first && end <= hull.end)) << hull.begin << " " << hull.end << ", visible " << first << " " << end;
  }
}

TEST(Positions, MasksSayOfEveryTileWhatHoldsForItsPairs) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    random_source random(seed);
    const numbers keys = random_numbers(random, 60, random.pick<index_type>({5, 40, 1000}));
    const numbers queries = random_numbers(random, 9, keys[0] + 3);
    const auto positions = positions_of(keys, queries);
    const index_type offset = 60 - 9;
    const index_type q0 = random.integer(0, 8), k0 = random.integer(0, 59);
    const index_type step = random.pick<index_type>({1, 1, 3, 16});
    const index_type last = k0 + random.integer(0, (59 - k0) / step) * step;
    const score_range range{0, 0, offset + q0, offset + random.integer(q0, 8), offset, k0, last, step};
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    expect_consistent(at_positions(positions, causal{}), range);
    expect_consistent(at_positions(positions, sliding_window{random.integer(-1, 20), random.integer(-1, 20)}), range);
  }
}

TEST(Positions, ThatDoNotReachATileHideItWhole) {
  const numbers keys{9, 8, 7, 6, 0, 1, 2, 3}, queries{3};
  const auto mask = at_positions(positions_of(keys, queries), causal{});
  EXPECT_EQ(mask.classify({0, 0, 7, 7, 7, 0, 3}), visibility::none);
  EXPECT_EQ(mask.classify({0, 0, 7, 7, 7, 4, 7}), visibility::all);
  EXPECT_EQ(mask.classify({0, 0, 7, 7, 7, 3, 4}), visibility::partial);
}

TEST(Positions, AHullIsThatOfTheKeysOfAStrideAlone) {
  numbers keys(100, 50);
  for (std::size_t j = 2; j < keys.size(); j += 7) keys[j] = static_cast<std::int32_t>(j);
  const crestmax::position_hull hull = crestmax::hull_of_positions(keys.data() + 2, 14, 7);
  EXPECT_EQ(hull.low, 2);
  EXPECT_EQ(hull.high, 93);
}

TEST(Positions, AHullIsThatOfEveryLength) {
  random_source random(3);
  const numbers keys = random_numbers(random, 100, 1 << 30);
  for (index_type count = 1; count <= 100; ++count) {
    const auto [low, high] = std::minmax_element(keys.begin(), keys.begin() + count);
    const crestmax::position_hull hull = crestmax::hull_of_positions(keys.data(), count, 1);
    ASSERT_EQ(hull.low, *low) << count;
    ASSERT_EQ(hull.high, *high) << count;
  }
}

TEST(Positions, TheHighestUpToAnotherIsFoundAtItsLastPlace) {
  random_source random(4);
  for (index_type count : {1, 15, 16, 255, 256, 257, 1000}) {
    const numbers keys = random_numbers(random, count, 40);
    for (std::int32_t most = -1; most < 42; ++most) {
      index_type expected = -1;
      for (index_type j = 0; j < count; ++j) {
        const std::int32_t key = keys[static_cast<std::size_t>(j)];
        if (key <= most && (expected < 0 || key >= keys[static_cast<std::size_t>(expected)])) expected = j;
      }
      ASSERT_EQ(crestmax::place_of_highest(keys.data(), count, most), expected) << count << " " << most;
    }
  }
}

TEST(Positions, APlaceInARingIsFoundWithoutLookingAtAllKeys) {
  for (const index_type kept : {0, 1, 4}) {
    for (const index_type size : {1, 2, 7, 64}) {
      for (index_type newest = kept; newest < kept + size; ++newest) {  // its place
        numbers keys;
        for (index_type j = 0; j < kept + size; ++j) {
          keys.push_back(static_cast<std::int32_t>(j < kept ? j : 1000 - (newest - j + size) % size));
        }
        EXPECT_EQ(crestmax::place_in_ring(keys.data(), kept + size, 1000), newest) << kept << " " << size;
      }
    }
  }
}
TEST(Positions, APlaceInARingIsOneOfThePositionOrNone) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    random_source random(seed);
    const numbers keys = random_numbers(random, random.integer(1, 40), 30);
    const auto position = static_cast<std::int32_t>(random.integer(0, 31));
    const index_type place = crestmax::place_in_ring(keys.data(), std::ssize(keys), position);
    EXPECT_TRUE(place == -1 || keys.at(static_cast<std::size_t>(place)) == position) << seed;
  }
}

crestmax::key_interval own_keys(const numbers& keys, const numbers& queries) {
  const auto mask = at_positions(positions_of(keys, queries), causal{});
  const index_type kv_len = std::ssize(keys), q_len = std::ssize(queries);
  return mask.own_keys({0, 0, kv_len - q_len, kv_len - 1, kv_len - q_len, 0, kv_len - 1});
}
bool operator==(const crestmax::key_interval& a, std::pair<index_type, index_type> b) { return a.begin == b.first && a.end == b.second; }

TEST(Positions, QueriesStandAtTheKeysOfTheirPositions) {
  EXPECT_TRUE(own_keys({0, 1, 2, 3, 4, 5}, {4, 5}) == std::pair(4, 6));
  EXPECT_TRUE(own_keys({8, 9, 10, 5, 6, 7}, {9, 10}) == std::pair(1, 3)) << "a ring";
}
TEST(Positions, QueriesWhoseKeysWrapAroundStandAtTheLastOfThem) {
  EXPECT_TRUE(own_keys({8, 9, 4, 5, 6, 7}, {7, 8, 9}) == std::pair(1, 2));
}
TEST(Positions, QueriesWithoutAKeyStandAtTheOneBefore) {
  EXPECT_TRUE(own_keys({3, 9, 1}, {7}) == std::pair(0, 1));
  EXPECT_TRUE(own_keys({3, 9, 1}, {0}) == std::pair(0, 0)) << "none is before: it cannot tell";
}

TEST(Positions, AreAskedOfTheSequence) {
  const numbers keys{0, 1, 2, 50, 51, 52}, queries{1, 50};
  using view = crestmax::tensor<const std::int32_t, 2>;
  const auto mask = at_positions({view(keys.data(), {2, 3}), view(queries.data(), {2, 1})}, causal{});
  EXPECT_TRUE(mask.visible({0, 0, 2, 0, 1}));
  EXPECT_FALSE(mask.visible({0, 0, 2, 0, 2}));
  EXPECT_TRUE(mask.visible({1, 0, 2, 0, 0}));
  EXPECT_FALSE(mask.visible({1, 0, 2, 0, 1}));
}

TEST(Positions, AlibiCountsTheDistanceBetweenThem) {
  const numbers keys{100, 40}, queries{102};
  const float slopes[1] = {0.5f};
  const auto bias = at_positions(positions_of(keys, queries), crestmax::alibi{slopes});
  EXPECT_EQ(bias(1.0f, {0, 0, 1, 0, 0}), 0.0f);
  EXPECT_EQ(bias(1.0, {0, 0, 1, 0, 1}), -30.0);
}

TEST(Positions, ModifiersThatGoByPlacesStayAsTheyAre) {
  const crestmax::token_positions positions;
  EXPECT_TRUE((std::is_same_v<decltype(at_positions(positions, crestmax::soft_cap{})), crestmax::soft_cap>));
  EXPECT_TRUE((std::is_same_v<decltype(at_positions(positions, causal{} | crestmax::boolean_mask<bool>{})),
                              crestmax::modifier_chain<crestmax::positioned<causal>, crestmax::boolean_mask<bool>>>));
}

// One of a program's own that has not said by what it goes cannot be given positions.
struct silent {
  float operator()(float score, crestmax::score_position) const { return score; }
  double operator()(double score, crestmax::score_position) const { return score; }
};
template <class M>
concept can_be_positioned = requires(const M& m) { at_positions(crestmax::token_positions{}, m); };
TEST(Positions, AModifierThatHasNotSaidByWhatItGoesIsRefused) {
  EXPECT_FALSE(can_be_positioned<silent>);
  EXPECT_TRUE(can_be_positioned<causal>);
}

TEST(Positions, AModifierThatIsOffIsOffWithThem) {
  const crestmax::token_positions positions;
  EXPECT_FALSE(at_positions(positions, causal{false}).active());
  EXPECT_FALSE(at_positions(positions, sliding_window{}).active());
}

TEST(Positions, AreOfAKindOfTheirOwnForBackendsThatKnowCausalCallsOnly) {
  const crestmax::token_positions positions;
  EXPECT_EQ(crestmax::kind_of_modifier(at_positions(positions, causal{})), crestmax::modifier_kind::at_positions);
  EXPECT_EQ(crestmax::kind_of_modifier(causal{.align = crestmax::causal_align::top_left}), crestmax::modifier_kind::causal_top_left);
  EXPECT_EQ(crestmax::kind_of_modifier(causal{}), crestmax::modifier_kind::causal);
}

TEST(CausalAtTheTopLeft, SeesKeysUpToTheQuerysRow) {
  const causal mask{.align = crestmax::causal_align::top_left};
  for (const index_type offset : {-5, 0, 3}) {
    for (index_type q = 0; q < 6; ++q) {
      for (index_type k = 0; k < 8; ++k) EXPECT_EQ(mask.visible({0, 0, q + offset, q, k}), k <= q) << offset << q << k;
    }
  }
}

TEST(CausalAtTheTopLeft, SaysOfEveryTileWhatItSaysOfItsKeys) {
  const causal mask{.align = crestmax::causal_align::top_left};
  for (const index_type offset : {-5, 0, 3}) {
    for (index_type q0 = 0; q0 < 6; ++q0) {
      for (index_type q1 = q0; q1 < 6; ++q1) {
        for (index_type k0 = 0; k0 < 8; ++k0) {
          for (index_type k1 = k0; k1 < 8; ++k1) expect_consistent(mask, {0, 0, q0 + offset, q1 + offset, offset, k0, k1});
        }
      }
    }
  }
}

TEST(CausalAtTheTopLeft, HasItsQueriesAtTheFirstKeys) {
  const crestmax::key_interval own = causal{.align = crestmax::causal_align::top_left}.own_keys({0, 0, 95, 97, 90, 0, 99});
  EXPECT_TRUE(own == std::pair(5, 8));
}

struct growing_bias {
  static constexpr bool by_position = true;
  float slope_of(index_type) const { return 0.5f; }
  template <class T>
  T operator()(T score, crestmax::score_position at) const {
    return score - static_cast<T>(std::log1p(static_cast<double>(std::abs(at.key - at.query))));
  }
};

TEST(Positions, ABiasThatDoesNotSaySoIsNotTakenForALinearOne) {
  using placed = decltype(at_positions(std::declval<crestmax::token_positions>(), growing_bias{}));
  using linear = decltype(at_positions(std::declval<crestmax::token_positions>(), crestmax::alibi{}));
  EXPECT_FALSE((crestmax::row_modifier<placed, float>));
  EXPECT_TRUE((crestmax::row_modifier<linear, float>));
}

struct idle_mask {
  static constexpr bool by_position = true;
  bool hides_keys() const { return false; }
  bool visible(crestmax::score_position) const { return false; }
  visibility classify(score_range) const { return visibility::none; }
  double sink(index_type head) const { return static_cast<double>(head); }
};

TEST(Positions, PassOnWhatIsKnownOfAModifierAtRunTimeAndItsSinks) {
  const numbers keys{0, 1, 2}, queries{2};
  const auto placed = at_positions(positions_of(keys, queries), idle_mask{});
  EXPECT_FALSE(crestmax::hides_keys(placed));
  EXPECT_EQ(placed.sink(3), 3.0);
}

}  // namespace
}  // namespace crestmax_test
