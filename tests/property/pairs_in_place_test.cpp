// Decode in bfloat16: keys are read in place and multiplied in pairs with the queries; the contract is that of numbers.
#include "support/contract.hpp"
#include "support/pair_sets.hpp"
#include "support/random_case.hpp"

namespace crestmax_test {
namespace {

attention_case decode(index_type q_len, index_type kv_len, index_type d_qk, std::uint64_t seed) {
  return in_bfloat16(normal_case({.q_len = q_len, .kv_len = kv_len, .q_heads = 8, .kv_heads = 2, .d_qk = d_qk, .d_v = 40}, seed));
}

void scale(test_tensor& t, double factor) {
  t.for_each([&](index_type a, index_type j, index_type h, index_type d) { t.set(a, j, h, d, factor * t.at(a, j, h, d)); });
}

TEST(PairsInPlace, AreExactInEveryHeadDim) {
  for (const pair_set& set : pair_sets()) {
    for (const index_type d_qk : {32, 64, 96, 128, 192, 256}) {
      for (const index_type kv_len : {1, 37, 700, 4500}) {
        if (emulated && kv_len > 1000) continue;  // for the oracle's sake
        ASSERT_TRUE(is_exact(decode(1, kv_len, d_qk, 1), set.where)) << set.name << ", d " << d_qk << ", " << kv_len << " keys";
        ASSERT_TRUE(is_exact(decode(3, kv_len, d_qk, 2), set.where)) << set.name << ", d " << d_qk << ", " << kv_len << " keys";
      }
    }
  }
}

TEST(PairsInPlace, OfSubnormalKeysUnderHugeQueriesAreExact) {
  for (const pair_set& set : pair_sets()) {
    for (const bool keys_are_tiny : {true, false}) {
      attention_case c = decode(2, 600, 64, 3);
      scale(c.query, keys_are_tiny ? 0x1p122 : 0x1p-128);
      scale(c.key, keys_are_tiny ? 0x1p-128 : 0x1p122);
      ASSERT_TRUE(is_exact(c, set.where)) << set.name;
    }
  }
}

TEST(PairsInPlace, OfOneHeadWithSubnormalQueriesBesideOthersAreExact) {
  // Its block multiplies numbers while the one beside it multiplies pairs: they do not take turns then.
  for (const pair_set& set : pair_sets()) {
    attention_case c = decode(1, 4500, 64, 4);
    for (index_type k = 0; k < 64; ++k) c.query.set(0, 0, 1, k, 0x1p-128);
    ASSERT_TRUE(is_exact(c, set.where)) << set.name;
  }
}

TEST(PairsInPlace, OfHiddenKeysMayBeAnything) {
  for (const pair_set& set : pair_sets()) {
    for (const double poison : {not_a_number, infinity, 3e38}) {
      attention_case c = decode(3, 701, 64, 5);
      c.modifiers.causal.enabled = true;
      auto& mask = c.keep(std::vector<std::uint8_t>(701, 1));
      for (const std::size_t j : {std::size_t{0}, std::size_t{100}, std::size_t{700}}) {
        mask[j] = 0;
        for (const index_type head : {0, 1}) {
          c.key.fill_row(0, static_cast<index_type>(j), head, poison);
          c.value.fill_row(0, static_cast<index_type>(j), head, poison);
        }
      }
      c.modifiers.mask = crestmax::boolean_mask<std::uint8_t>(crestmax::tensor<const std::uint8_t>(mask.data(), {1, 1, 1, 701}));
      ASSERT_TRUE(is_exact(c, set.where)) << set.name << ", " << poison;
    }
  }
}

TEST(PairsInPlace, OfHiddenValuesThatAreNoNumbersAreExactWhereHeadsShareAnItem) {
  // The last resort of the correction packs, also on tiles, which store 16 rows of scores whatever a block has.
  for (const pair_set& set : pair_sets()) {
    for (const index_type group : {1, 3, 4}) {
      attention_case c = in_bfloat16(normal_case({.kv_len = 1300, .q_heads = 8 * group, .kv_heads = 8, .d_qk = 32, .d_v = 32}, 8));
      c.options.weights = crestmax::weight_type::bfloat16;
      c.options.tiles = {.query_block = 32, .splits = 2};
      auto& mask = c.keep(std::vector<std::uint8_t>(1300, 1));
      for (const std::size_t j : {std::size_t{100}, std::size_t{700}, std::size_t{1200}}) {
        mask[j] = 0;
        for (index_type head = 0; head < 8; ++head) c.value.fill_row(0, static_cast<index_type>(j), head, not_a_number);
      }
      c.modifiers.mask = crestmax::boolean_mask<std::uint8_t>(crestmax::tensor<const std::uint8_t>(mask.data(), {1, 1, 1, 1300}));
      ASSERT_TRUE(is_exact(c, set.where)) << set.name << ", " << group << " heads a group";
    }
  }
}

TEST(PairsInPlace, OfRowsThatAreAllCorrectedAreExact) {
  for (const pair_set& set : pair_sets()) {
    attention_case c = decode(2, 4500, 128, 6);
    c.options.guard_limit = 0;
    ASSERT_TRUE(is_exact(c, set.where)) << set.name;
  }
}

}  // namespace
}  // namespace crestmax_test
