// Ragged batches with tables of their longest sequence, against the oracle.
#include "support/contract.hpp"
#include "support/make_case.hpp"

namespace crestmax_test {
namespace {

class RaggedBatches : public ::testing::Test {
 protected:
  static void add_bias(attention_case& c, std::array<index_type, 4> extents) {
    auto& bias = c.keep(std::vector<float>(static_cast<std::size_t>(extents[0] * extents[1] * extents[2] * extents[3])));
    random_source random(3);
    for (float& x : bias) x = static_cast<float>(random.normal());
    c.modifiers.scores.parts.emplace_back(crestmax::additive_bias<float>(crestmax::tensor<const float>(bias.data(), extents)));
  }
  static void add_mask(attention_case& c, std::array<index_type, 4> extents) {
    auto& mask = c.keep(std::vector<std::uint8_t>(static_cast<std::size_t>(extents[0] * extents[1] * extents[2] * extents[3])));
    random_source random(4);
    for (std::uint8_t& x : mask) x = random.chance(0.7) ? 1 : 0;
    c.modifiers.mask = crestmax::boolean_mask<std::uint8_t>(crestmax::tensor<const std::uint8_t>(mask.data(), extents));
  }
};

TEST_F(RaggedBatches, OfPackedSequencesAreExactWithABiasOfTheLongest) {
  attention_case c = normal_case({.q_len = 21, .kv_len = 21, .q_heads = 2, .kv_heads = 1}, 1);
  c.query_offsets = c.key_offsets = {0, 5, 12, 21};
  add_bias(c, {3, 2, 9, 9});
  EXPECT_TRUE(is_exact(c));
}

TEST_F(RaggedBatches, OfPackedSequencesAreExactWithAMaskOfTheLongest) {
  attention_case c = normal_case({.q_len = 21, .kv_len = 30, .q_heads = 2, .kv_heads = 1}, 2);
  c.query_offsets = {0, 5, 12, 21};
  c.key_offsets = {0, 5, 20, 30};
  add_mask(c, {3, 1, 9, 15});
  EXPECT_TRUE(is_exact(c));
}

TEST_F(RaggedBatches, OfPaddedSequencesAreExactWithTablesOfTheLongest) {
  attention_case c = normal_case({.batch = 2, .q_len = 40, .kv_len = 90, .q_heads = 2, .kv_heads = 2}, 3);
  c.query_lengths = {7, 3};
  c.key_lengths = {30, 55};
  add_bias(c, {1, 1, 7, 55});
  add_mask(c, {2, 1, 7, 55});
  EXPECT_TRUE(is_exact(c));
}

TEST_F(RaggedBatches, FromPagesAreExactWithTablesOfTheLongest) {
  attention_case c = normal_case({.batch = 2, .q_len = 6, .kv_len = 90, .q_heads = 2, .kv_heads = 2}, 4);
  c.key_lengths = {30, 55};
  c = paged(c, 16, false, 5);
  add_bias(c, {2, 1, 6, 55});
  EXPECT_TRUE(is_exact(c));
}

}  // namespace
}  // namespace crestmax_test
