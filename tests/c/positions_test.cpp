// Positions and trees from C: the same bits as from C++, and what is wrong with them by name.
#include <crestmax/c/read.hpp>

#include "broken_call.hpp"
#include "support/random_case.hpp"
#include "support/random_positions.hpp"

namespace crestmax_test {
namespace {

void expect_the_bits_of_cpp(const attention_case& c, std::uint64_t seed) {
  const attention_result in_c = run_in_c(c, way::one_call);
  const attention_result in_cpp = run(c);
  ASSERT_TRUE(in_c.status.ok() && in_cpp.status.ok()) << in_c.status.message() << "; " << in_cpp.status.message();
  in_cpp.output.for_each([&](index_type i, index_type j, index_type h, index_type k) {
    const double a = in_c.output.at(i, j, h, k), b = in_cpp.output.at(i, j, h, k);
    ASSERT_TRUE(a == b || (std::isnan(a) && std::isnan(b))) << "seed " << seed << ": " << a << " " << b;
  });
}

TEST(PositionsFromC, GiveTheBitsOfCpp) {
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cases(60)) && !testing::Test::HasFatalFailure(); ++seed) {
    attention_case c = random_case(seed, {.most_products = 1e6, .allow_modifiers = false});
    random_source random(seed);
    add_random_positions(c, random);
    if (random.chance(0.3)) add_random_tree(c, random);
    expect_the_bits_of_cpp(c, seed);
  }
}
TEST(PositionsFromC, OfCausalCallsAtTheTopLeftGiveTheBitsOfCpp) {
  for (std::uint64_t seed = 1; seed <= 20 && !testing::Test::HasFatalFailure(); ++seed) {
    attention_case c = random_case(seed, {.most_products = 1e6, .allow_modifiers = false});
    c.modifiers.causal = {.enabled = true, .align = crestmax::causal_align::top_left};
    expect_the_bits_of_cpp(c, seed);
  }
}

class BadPositionsFromC : public BadInputFromC {
 protected:
  std::vector<int32_t> key = std::vector<int32_t>(kv_len, 1), query = std::vector<int32_t>(q_len, 2);
  std::vector<uint64_t> bits = std::vector<uint64_t>(q_len, 7);
  crestmax_positions positions = crestmax_dense_positions(key.data(), kv_len, query.data(), q_len, 1);
  void SetUp() override { modifier.positions = &positions; }
};

TEST_F(BadPositionsFromC, AreGoodBeforeTheyAreBroken) { EXPECT_EQ(call(), CRESTMAX_OK) << status.message; }
TEST_F(BadPositionsFromC, BelowZeroAreNamedByTheirEntry) {
  key[3] = -5;
  expect_refusal(CRESTMAX_BAD_INDEX, {"positions.key, sequence 0, entry 3", "given -5"});
}
TEST_F(BadPositionsFromC, ThatAreNullAreNamed) {
  positions.query = nullptr;
  expect_refusal(CRESTMAX_NULL_POINTER, {"positions.query"});
}
TEST_F(BadPositionsFromC, OfTooFewKeysAreNamed) {
  positions.key_count = kv_len - 1;
  expect_refusal(CRESTMAX_MISMATCH, {"positions.key", "given 9"});
}
TEST_F(BadPositionsFromC, WithoutASizeAreRefused) {
  positions.size = 0;
  expect_refusal(CRESTMAX_BAD_STRUCT, {"positions"});
}
TEST_F(BadPositionsFromC, OfModifiersThatGoByPlacesAreRefused) {
  modifier = crestmax_at_positions(&positions, crestmax_soft_cap(3));
  expect_refusal(CRESTMAX_BAD_OPTION, {"positions", "kind"});
}
TEST_F(BadPositionsFromC, OfAnAlignmentThatThereIsNotIsNamed) {
  modifier = crestmax_causal();
  modifier.align = 2;
  expect_refusal(CRESTMAX_BAD_OPTION, {"causal.align", "given 2"});
  modifier = crestmax_sliding_window(1, 1);
  modifier.align = CRESTMAX_TOP_LEFT;
  expect_refusal(CRESTMAX_BAD_OPTION, {"align"});
}
TEST_F(BadPositionsFromC, OfTreesAreNamed) {
  modifier = crestmax_tree_mask(nullptr, 1, q_len, 1);
  expect_refusal(CRESTMAX_NULL_POINTER, {"tree_mask"});
  modifier = crestmax_tree_mask(bits.data(), 1, q_len, 1);
  modifier.table.type = CRESTMAX_BYTE;
  expect_refusal(CRESTMAX_BAD_OPTION, {"tree_mask.type"});
  modifier.table.type = CRESTMAX_WORD;
  modifier.table.extents[1] = 2;
  expect_refusal(CRESTMAX_MISMATCH, {"tree_mask", "given 2"});
}

// A program of the version before knows neither positions nor alignments.
TEST_F(BadPositionsFromC, OfAnOlderCallerAreNotRead) {
  key[3] = -5;
  modifier.align = 77;
  modifier.size = crestmax::c::first_size<crestmax_modifier>;
  EXPECT_EQ(call(), CRESTMAX_OK) << status.message;
}

}  // namespace
}  // namespace crestmax_test
