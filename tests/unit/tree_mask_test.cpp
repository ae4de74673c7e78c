// Masks of trees: tokens of a speculative decoder see what their bits say.
#include <gtest/gtest.h>

#include <crestmax/modifiers.hpp>
#include <vector>

#include "support/random.hpp"

namespace crestmax_test {
namespace {

using crestmax::index_type;
using crestmax::tree_mask;
using crestmax::visibility;
using words = std::vector<std::uint64_t>;

tree_mask mask_of(const words& bits, index_type tokens) { return {{bits.data(), {1, tokens, tree_mask::words_of(tokens)}}}; }

TEST(TreeMask, LeavesWhatStandsBeforeTheTreeVisible) {
  const words none(3, 0);
  const tree_mask mask = mask_of(none, 3);
  EXPECT_TRUE(mask.visible({0, 0, 10, 0, 9}));
  EXPECT_FALSE(mask.visible({0, 0, 10, 0, 10}));
}

TEST(TreeMask, SaysByBitsWhichTokensAQuerySees) {
  const words bits{0b001, 0b011, 0b101};  // two tokens that follow the first
  const tree_mask mask = mask_of(bits, 3);
  EXPECT_TRUE(mask.visible({0, 0, 12, 2, 10}));
  EXPECT_FALSE(mask.visible({0, 0, 12, 2, 11})) << "a sibling";
  EXPECT_TRUE(mask.visible({0, 0, 12, 2, 12}));
}

TEST(TreeMask, SaysOfEveryTileWhatItSaysOfItsKeys) {
  random_source random(6);
  for (int round = 0; round < 2000; ++round) {
    const index_type tokens = random.pick<index_type>({3, 64, 65, 130});
    const double density = random.pick({0.0, 0.02, 0.5, 0.98, 1.0});
    words bits(static_cast<std::size_t>(tokens * tree_mask::words_of(tokens)));
    for (auto& word : bits) {
      for (int bit = 0; bit < 64; ++bit) word |= std::uint64_t{random.chance(density)} << bit;
    }
    const tree_mask mask = mask_of(bits, tokens);
    const index_type offset = random.pick<index_type>({-2, 0, 1, 100});
    const index_type keys = tokens + offset;
    const index_type q0 = random.integer(0, tokens - 1), q1 = std::min(tokens - 1, q0 + random.integer(0, 3));
    const index_type k0 = random.integer(0, keys - 1), k1 = random.integer(k0, std::min(keys - 1, k0 + 80));
    index_type seen = 0, pairs = 0;
    for (index_type q = q0; q <= q1; ++q) {
      for (index_type k = k0; k <= k1; ++k, ++pairs) seen += mask.visible({0, 0, q + offset, q, k});
    }
    const visibility truth = seen == 0 ? visibility::none : seen == pairs ? visibility::all : visibility::partial;
    ASSERT_EQ(mask.classify({0, 0, q0 + offset, q1 + offset, offset, k0, k1}), truth) << round;
  }
}

TEST(TreeMask, OfEachSequenceIsItsOwnOrOneForAll) {
  const words bits{1, 0};
  const tree_mask each{{bits.data(), {2, 1, 1}}};
  EXPECT_TRUE(each.visible({0, 0, 5, 0, 5}));
  EXPECT_FALSE(each.visible({1, 0, 5, 0, 5}));
  const tree_mask one{{bits.data(), {1, 1, 1}}};
  EXPECT_TRUE(one.visible({1, 0, 5, 0, 5}));
}

TEST(TreeMask, WantsARowOfBitsForEveryQuery) {
  const words bits(6);
  const auto code_of = [&](index_type sequences, index_type rows, index_type row_words) {
    return tree_mask{{bits.data(), {sequences, rows, row_words}}}.check({2, 3, 10, 1}).code;
  };
  EXPECT_EQ(code_of(2, 3, 1), crestmax::status_code::ok);
  EXPECT_EQ(code_of(1, 3, 1), crestmax::status_code::ok);
  EXPECT_EQ(code_of(0, 3, 1), crestmax::status_code::mismatch);
  EXPECT_EQ(code_of(1, 2, 1), crestmax::status_code::mismatch);
  EXPECT_EQ(code_of(1, 3, 0), crestmax::status_code::mismatch);
}

TEST(TreeMask, IsOffWithoutBits) { EXPECT_FALSE(tree_mask{}.active()); }

}  // namespace
}  // namespace crestmax_test
