// Each standard modifier against its definition, and what masks say of tiles against what they say of keys.
#include <gtest/gtest.h>

#include <algorithm>
#include <crestmax/modifiers.hpp>
#include <vector>

#include "support/random.hpp"

namespace crestmax_test {
namespace {

using crestmax::score_position;
using crestmax::score_range;
using crestmax::visibility;

score_position at(index_type query, index_type key, index_type head = 0) { return {0, head, query, query, key}; }

// What visible() says of a range, key by key.
template <class Mask>
visibility by_keys(const Mask& mask, const score_range& r) {
  index_type seen = 0;
  index_type hidden = 0;
  for (index_type q = r.first_query; q <= r.last_query; ++q) {
    for (index_type k = r.first_key; k <= r.last_key; ++k) {
      ++(mask.visible({r.sequence, r.head, q, q - r.query_offset, k}) ? seen : hidden);
    }
  }
  return seen == 0 ? visibility::none : hidden == 0 ? visibility::all : visibility::partial;
}

// Over every small range: a mask that says none or all must be right, and `exact` ones also say partial
// only where it is. No visible key may lie outside of what is reachable.
template <class Mask>
void expect_consistent(const Mask& mask, bool exact, index_type offset, index_type queries = 7, index_type keys = 9) {
  for (index_type q0 = offset; q0 < offset + queries; ++q0) {
    for (index_type q1 = q0; q1 < offset + queries; ++q1) {
      for (index_type k0 = 0; k0 < keys; ++k0) {
        for (index_type k1 = k0; k1 < keys; ++k1) {
          const score_range range{0, 0, q0, q1, offset, k0, k1};
          const visibility truth = by_keys(mask, range);
          const visibility given = mask.classify(range);
          if (exact || given != visibility::partial) {
            ASSERT_EQ(given, truth) << "queries " << q0 << ".." << q1 << ", keys " << k0 << ".." << k1;
          }
          if constexpr (requires { mask.reachable(range); }) {
            const crestmax::key_interval hull = mask.reachable(range);
            for (index_type q = q0; q <= q1; ++q) {
              for (index_type k = k0; k <= k1; ++k) {
                if (mask.visible(at(q, k))) {
                  ASSERT_TRUE(hull.begin <= k && k < hull.end) << q << " " << k;
                }
              }
            }
          }
        }
      }
    }
  }
}

TEST(Causal, SeesKeysUpToTheQuery) {
  const crestmax::causal mask;
  EXPECT_TRUE(mask.visible(at(3, 3)));
  EXPECT_TRUE(mask.visible(at(3, 0)));
  EXPECT_FALSE(mask.visible(at(3, 4)));
}

TEST(Causal, SaysOfEveryTileWhatItSaysOfItsKeys) {
  for (const index_type offset : {-4, 0, 2}) expect_consistent(crestmax::causal{}, true, offset);
}

TEST(Causal, CanBeOff) {
  EXPECT_TRUE(crestmax::causal{}.active());
  EXPECT_FALSE(crestmax::causal{false}.active());
}

TEST(SlidingWindow, SeesKeysWithinItsSides) {
  const crestmax::sliding_window mask{2, 1};
  EXPECT_FALSE(mask.visible(at(5, 2)));
  EXPECT_TRUE(mask.visible(at(5, 3)));
  EXPECT_TRUE(mask.visible(at(5, 6)));
  EXPECT_FALSE(mask.visible(at(5, 7)));
}

TEST(SlidingWindow, SaysOfEveryTileWhatItSaysOfItsKeys) {
  for (index_type left = -1; left < 5; ++left) {
    for (index_type right = -1; right < 4; ++right) {
      // Not exact: a tile between two queries' windows may be called partial.
      for (const index_type offset : {-3, 0, 2})
        expect_consistent(crestmax::sliding_window{left, right}, false, offset);
    }
  }
}

TEST(SlidingWindow, OfOneQueryIsExact) {
  for (index_type left = -1; left < 5; ++left) {
    for (index_type right = -1; right < 4; ++right) {
      for (index_type q = -2; q < 9; ++q) expect_consistent(crestmax::sliding_window{left, right}, true, q, 1);
    }
  }
}

TEST(SlidingWindow, IsOffWithoutSides) {
  EXPECT_FALSE(crestmax::sliding_window{}.active());
  EXPECT_TRUE((crestmax::sliding_window{0, -1}.active()));
  EXPECT_TRUE((crestmax::sliding_window{-1, 0}.active()));
}

TEST(SlidingWindow, HugeSidesDoNotOverflow) {
  constexpr index_type huge = std::numeric_limits<index_type>::max();
  const crestmax::sliding_window mask{huge, huge};
  const score_range range{0, 0, 0, 5, 0, 0, 9};
  EXPECT_EQ(mask.classify(range), visibility::all);
  const crestmax::key_interval hull = mask.reachable(range);
  EXPECT_LE(hull.begin, 0);
  EXPECT_GE(hull.end, 10);
}

TEST(Alibi, LowersTheScoreByItsSlopeTimesTheDistance) {
  const float slopes[2] = {0.5f, 0.25f};
  const crestmax::alibi m{slopes};
  EXPECT_EQ(m(1.0f, at(10, 4, 0)), 1.0f - 0.5f * 6);
  EXPECT_EQ(m(1.0, at(10, 4, 1)), 1.0 - 0.25 * 6);
  EXPECT_EQ(m(1.0f, at(10, 10, 0)), 1.0f);
}

TEST(Alibi, IsOffWithoutSlopesAndWantsOnePerHead) {
  EXPECT_FALSE(crestmax::alibi{}.active());
  const float slopes[2] = {0.5f, 0.25f};
  EXPECT_TRUE((crestmax::alibi{slopes}.check({1, 1, 1, 2}).ok()));
  const crestmax::status bad = crestmax::alibi{slopes}.check({1, 1, 1, 3});
  EXPECT_EQ(bad.code, crestmax::status_code::mismatch);
  EXPECT_STREQ(bad.message(), "alibi.slopes: expected one per query head: 3, given 2");
}

TEST(SoftCap, IsCapTimesTanh) {
  const crestmax::soft_cap m{30.0f};
  EXPECT_NEAR(m(45.0, at(0, 0)), 30 * std::tanh(1.5), 1e-12);
  EXPECT_NEAR(static_cast<double>(m(-45.0f, at(0, 0))), -30 * std::tanh(1.5), 1e-5);
  EXPECT_EQ(m(0.0, at(0, 0)), 0.0);
  EXPECT_EQ(m(infinity, at(0, 0)), 30.0);
}

TEST(SoftCap, ZeroIsOffAndNegativeOrNanIsAnError) {
  EXPECT_FALSE(crestmax::soft_cap{}.active());
  EXPECT_TRUE(crestmax::soft_cap{5.0f}.check({}).ok());
  for (const float bad :
       {-1.0f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    EXPECT_EQ(crestmax::soft_cap{bad}.check({}).code, crestmax::status_code::bad_option) << bad;
    EXPECT_TRUE(crestmax::soft_cap{bad}.active()) << "an off modifier is not checked: " << bad;
  }
}

TEST(Sinks, AreOneFiniteLogitPerHead) {
  const float logits[2] = {1.5f, -2.0f};
  const crestmax::attention_sinks m{logits};
  EXPECT_EQ(m.sink(1), -2.0);
  EXPECT_TRUE(m.check({1, 1, 1, 2}).ok());
  EXPECT_EQ(m.check({1, 1, 1, 4}).code, crestmax::status_code::mismatch);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const float poisoned[1] = {bad};
    EXPECT_EQ(crestmax::attention_sinks{poisoned}.check({1, 1, 1, 1}).code,
              crestmax::status_code::bad_option);
  }
  EXPECT_FALSE(crestmax::attention_sinks{}.active());
}

TEST(AdditiveBias, AddsTheTablesEntry) {
  std::vector<float> table(2 * 3 * 4 * 5);
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<float>(i);
  const crestmax::additive_bias m(crestmax::tensor<float>(table.data(), {2, 3, 4, 5}));
  // The table's row is the query's row in the tensor, not its position.
  EXPECT_EQ(m(100.0f, score_position{1, 2, 77, 3, 4}),
            100.0f + static_cast<float>(((1 * 3 + 2) * 4 + 3) * 5 + 4));
  EXPECT_EQ(m(100.0, score_position{0, 0, 77, 0, 1}), 101.0);
}

TEST(AdditiveBias, BroadcastsExtentsOfOne) {
  std::vector<float> table{1, 2, 3};
  const crestmax::additive_bias m(crestmax::tensor<float>(table.data(), {1, 3, 1, 1}));
  EXPECT_EQ(m(0.0f, score_position{5, 2, 9, 9, 100}), 3.0f);
}

TEST(AdditiveBias, ReadsSixteenBitTables) {
  crestmax::bfloat16 table[1] = {{0x3fc0}};  // 1.5
  const crestmax::additive_bias m(crestmax::tensor<crestmax::bfloat16>(table, {1, 1, 1, 1}));
  EXPECT_EQ(m(1.0f, at(0, 0)), 2.5f);
}

TEST(AdditiveBias, WantsExtentsOfOneOrTheShape) {
  float table[60] = {};
  const crestmax::additive_bias m(crestmax::tensor<float>(table, {1, 3, 4, 5}));
  EXPECT_TRUE(m.check({2, 4, 5, 3}).ok());
  EXPECT_EQ(m.check({2, 4, 6, 3}).code, crestmax::status_code::mismatch);
  EXPECT_EQ(m.check({2, 5, 5, 3}).code, crestmax::status_code::mismatch);
  EXPECT_FALSE(crestmax::additive_bias<float>{}.active());
}

TEST(BooleanMask, SaysOfEveryTileWhatItSaysOfItsKeys) {
  random_source random(5);
  for (const double density : {0.0, 0.1, 0.5, 0.95, 1.0}) {
    std::vector<std::uint8_t> table(7 * 9);
    for (auto& x : table) x = random.chance(density) ? 1 : 0;
    for (const auto& extents : {std::array<index_type, 4>{1, 1, 7, 9}, {1, 1, 1, 9}, {1, 1, 7, 1}, {1, 1, 1, 1}}) {
      const crestmax::boolean_mask mask(crestmax::tensor<std::uint8_t>(table.data(), extents));
      for (const index_type offset : {-2, 0, 3}) expect_consistent(mask, true, offset);
    }
  }
}

// An entry that counts how often it is looked at.
struct counted_entry {
  bool seen;
  static inline index_type looks = 0;
  explicit operator bool() const {
    ++looks;
    return seen;
  }
};

TEST(BooleanMask, LooksAtNoKeysBetweenThoseOfAStride) {
  std::vector<counted_entry> table(10000, counted_entry{false});
  for (std::size_t k = 3; k < table.size(); k += 100) table[k].seen = true;
  const crestmax::boolean_mask<counted_entry> mask(crestmax::tensor<const counted_entry>(table.data(), {1, 1, 1, 10000}));
  counted_entry::looks = 0;
  EXPECT_EQ(mask.classify({0, 0, 0, 0, 0, 3, 9903, 100}), visibility::all);
  EXPECT_EQ(mask.classify({0, 0, 0, 0, 0, 4, 9904, 100}), visibility::none);
  EXPECT_EQ(counted_entry::looks, 200);
}

TEST(BooleanMask, TakesBooleansWithoutATypeArgument) {
  bool table[2] = {true, false};
  const crestmax::boolean_mask mask(crestmax::tensor<bool>(table, {1, 1, 1, 2}));
  EXPECT_TRUE(mask.visible(at(0, 0)));
  EXPECT_FALSE(mask.visible(at(0, 1)));
}

}  // namespace
}  // namespace crestmax_test
