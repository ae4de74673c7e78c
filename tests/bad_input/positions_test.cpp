// Positions and trees of the caller's that are wrong: each array is named, with the entry that is no position.
#include "bad_input.hpp"

namespace crestmax_test {
namespace {

class BadPositions : public BadInput {
 protected:
  std::vector<std::int32_t> key_positions = std::vector<std::int32_t>(batch * kv_len, 3);
  std::vector<std::int32_t> query_positions = std::vector<std::int32_t>(batch * q_len, 5);
  std::vector<std::uint64_t> bits = std::vector<std::uint64_t>(batch * q_len, 7);
  crestmax::token_positions& positions = modifiers.placed.positions;
  crestmax::tensor<const std::uint64_t, 3>& tree = modifiers.placed.tree.bits;

  void SetUp() override {
    positions.key = {key_positions.data(), {batch, kv_len}};
    positions.query = {query_positions.data(), {batch, q_len}};
    modifiers.placed.causal.enabled = true;
    tree = {bits.data(), {batch, q_len, 1}};
  }
};

TEST_F(BadPositions, AreGoodBeforeTheyAreBroken) { expect_success(); }

TEST_F(BadPositions, OfKeysBelowZeroAreNamedByTheirEntry) {
  key_positions[kv_len + 4] = -1;
  expect_error(status_code::bad_index, {"positions.key, sequence 1, entry 4", "0 or more", "given -1"});
}
TEST_F(BadPositions, OfQueriesBelowZeroAreNamedByTheirEntry) {
  query_positions[2] = std::numeric_limits<std::int32_t>::min();
  expect_error(status_code::bad_index, {"positions.query, sequence 0, entry 2"});
}
TEST_F(BadPositions, AreCheckedForEveryModifierThatGoesByThem) {
  modifiers.placed.causal.enabled = false;
  key_positions[0] = -1;
  expect_success();
  modifiers.placed.window = {4, -1};
  expect_error(status_code::bad_index, {"positions.key, sequence 0, entry 0"});
  modifiers.placed.window = {};
  const std::vector<float> slopes(q_heads, 0.1f);
  modifiers.placed.alibi.slopes = slopes;
  expect_error(status_code::bad_index, {"positions.key, sequence 0, entry 0"});
}
TEST_F(BadPositions, BehindASequencesLengthAreNotLookedAt) {
  lengths = {4, 10};
  options.key_lengths = lengths;
  for (std::size_t j = 4; j < kv_len; ++j) key_positions[j] = -1;
  expect_success();
  lengths[0] = 5;
  expect_error(status_code::bad_index, {"positions.key, sequence 0, entry 4"});
}
TEST_F(BadPositions, OfFewerKeysOrQueriesThanThereAreAreRefused) {
  positions.key.extents[1] = kv_len - 1;
  expect_error(status_code::mismatch, {"positions.key", "at least 10", "given 9"});
  positions.key.extents[1] = kv_len;
  positions.query.extents[1] = q_len - 1;
  expect_error(status_code::mismatch, {"positions.query", "at least 3", "given 2"});
}
TEST_F(BadPositions, OfFewerSequencesThanThereAreAreRefusedUnlessOneServesAll) {
  positions.key.extents[0] = 0;
  expect_error(status_code::mismatch, {"positions.key", "sequences", "given 0"});
  positions.key.extents[0] = 1;
  expect_success();
}
TEST_F(BadPositions, ThatWereNotGivenAreNamed) {
  positions = {};
  expect_error(status_code::mismatch, {"positions.key", "given 0"});
}
TEST_F(BadPositions, BehindPointersThatAreNullOrMisalignedAreNamed) {
  positions.key.data = nullptr;
  expect_error(status_code::null_pointer, {"positions.key", "null"});
  positions.key.data = reinterpret_cast<const std::int32_t*>(reinterpret_cast<std::uintptr_t>(key_positions.data()) + 1);
  expect_error(status_code::misaligned, {"positions.key"});
  positions.key.data = key_positions.data();
  positions.query.data = nullptr;
  expect_error(status_code::null_pointer, {"positions.query", "null"});
}
TEST_F(BadPositions, ThatAreNotContiguousAreRefused) {
  positions.key.strides[1] = 2;
  expect_error(status_code::bad_stride, {"positions.key"});
}
TEST_F(BadPositions, WhoseStridesLeaveTheAddressSpaceAreRefused) {
  positions.query.strides[0] = std::numeric_limits<index_type>::max();
  expect_error(status_code::bad_stride, {"positions.query"});
}

TEST_F(BadPositions, OfTreesWithTooFewRowsOrWordsAreRefused) {
  tree.extents[1] = q_len - 1;
  expect_error(status_code::mismatch, {"tree_mask", "rows", "given 2"});
  tree.extents[1] = q_len;
  tree.extents[2] = 0;
  expect_error(status_code::mismatch, {"tree_mask", "words", "given 0"});
}
TEST_F(BadPositions, OfTreesBehindPointersThatAreNullOrMisalignedAreNamed) {
  tree.data = nullptr;
  expect_error(status_code::null_pointer, {"tree_mask", "null"});
  tree.data = reinterpret_cast<const std::uint64_t*>(reinterpret_cast<std::uintptr_t>(bits.data()) + 4);
  expect_error(status_code::misaligned, {"tree_mask"});
}

}  // namespace
}  // namespace crestmax_test
