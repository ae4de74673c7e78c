// Long sequences, large head dims, many heads: the ends of what is promised.
#include "support/contract.hpp"
#include "support/make_case.hpp"

namespace crestmax_test {
namespace {

// The contract's absolute limit: 2e-6 of max |V| on standard normal inputs in float.
void expect_two_millionths(attention_case c, index_type rows) {
  for (const auto& method :
       {crestmax::softmax_method(crestmax::sampled_max{}), crestmax::softmax_method(forced_sample()),
        crestmax::softmax_method(crestmax::running_max{})}) {
    c.options.softmax = method;
    const attention_result result = run(c);
    ASSERT_TRUE(is_exact(c, result, rows));
    const accuracy a = measure(c, result, some_rows(c, rows));
    EXPECT_LE(a.error, 2e-6 * a.value_max) << describe(c);
  }
}

TEST(StandardNormalInputs, OfADecodeErrByAtMostTwoMillionths) {
  for (const index_type kv_len : {512, 4096, 65536}) {
    expect_two_millionths(
        normal_case({.q_len = 1, .kv_len = kv_len, .q_heads = 4, .kv_heads = 1, .d_qk = 64, .d_v = 64}, 1),
        4);
  }
}

TEST(StandardNormalInputs, OfAPrefillErrByAtMostTwoMillionths) {
  for (const index_type d : {64, 128}) {
    attention_case c = normal_case({.q_len = 300, .kv_len = 3000, .d_qk = d, .d_v = d}, 2);
    expect_two_millionths(c, 40);
    c.modifiers.causal.enabled = true;
    expect_two_millionths(c, 40);
  }
}

TEST(LongSequences, OfQueriesAreExact) {
  const attention_case c = normal_case({.q_len = 65536, .kv_len = 9, .d_qk = 8, .d_v = 8}, 3);
  EXPECT_TRUE(is_exact(c));
}

TEST(LongSequences, UnderASlidingWindowTouchOnlyTheWindow) {
  attention_case c = normal_case({.q_len = 65536, .kv_len = 65536, .d_qk = 8, .d_v = 8}, 4);
  c.modifiers.window = {40, 0};
  const attention_result result = run(c);
  EXPECT_TRUE(is_exact(c, result, 12));
  const crestmax::report& r = result.report;
  EXPECT_EQ(r.pairs_visible + r.pairs_masked, std::int64_t{65536} * 65536);
  EXPECT_LT(r.pairs_accumulated, std::int64_t{65536} * 400);
}

TEST(LongSequences, CausalRowsNeverTouchWhatLiesAhead) {
  attention_case c = normal_case({.q_len = 4000, .kv_len = 4000, .d_qk = 8, .d_v = 8}, 5);
  c.modifiers.causal.enabled = true;
  const crestmax::report r = run(c).report;
  // Half of the square, and at most one block of rows by one tile beyond it.
  EXPECT_LT(r.pairs_accumulated, std::int64_t{4000} * (2000 + 256));
  EXPECT_GE(r.pairs_accumulated, std::int64_t{4000} * 4001 / 2);
  EXPECT_EQ(r.pairs_accumulated + r.pairs_masked, std::int64_t{4000} * 4000);
}

TEST(HeadDims, FromOneTo576AreExact) {
  for (index_type d = 1; d <= 576; d += d < 70 ? 1 : 23) {
    const attention_case c =
        normal_case({.q_len = 3, .kv_len = 70, .d_qk = d, .d_v = d}, static_cast<std::uint64_t>(d));
    ASSERT_TRUE(is_exact(c)) << d;
    ASSERT_TRUE(is_exact(c, {.backend = backend_kind::portable})) << d;
  }
}

TEST(HeadDims, OfKeysAndValuesMayDiffer) {
  for (const index_type d_qk : {1, 17, 64, 576}) {
    for (const index_type d_v : {1, 33, 128, 512}) {
      const attention_case c =
          normal_case({.q_len = 5, .kv_len = 90, .q_heads = 2, .d_qk = d_qk, .d_v = d_v}, 6);
      ASSERT_TRUE(is_exact(c)) << d_qk << " and " << d_v;
    }
  }
}

TEST(Heads, OfLargeGroupsAreExact) {
  for (const index_type group : {1, 5, 16, 97, 128, 200}) {
    for (const index_type q_len : {1, 3}) {
      const attention_case c =
          normal_case({.q_len = q_len, .kv_len = 300, .q_heads = 2 * group, .kv_heads = 2}, 7);
      ASSERT_TRUE(is_exact(c)) << group;
    }
  }
}

TEST(Heads, ThatAreSweptTogetherShareABatchWithLongerQueries) {
  attention_case c = normal_case(
      {.batch = 2, .q_len = 16, .kv_len = 9000, .q_heads = 32, .kv_heads = 8, .d_qk = 8, .d_v = 8}, 8);
  c.query_lengths = {1, 16};
  EXPECT_TRUE(is_exact(c));
}

TEST(KeyLengths, AroundTileAndPanelBoundariesAreExact) {
  for (const index_type kv_len : {1,   2,   15,  16,  17,  31,  32,  33,   47,   48,   255, 256,
                             257, 287, 288, 289, 511, 512, 513, 1023, 1024, 1025, 1040}) {
    for (const auto& method :
         {crestmax::softmax_method(crestmax::sampled_max{}), crestmax::softmax_method(forced_sample())}) {
      attention_case c = normal_case({.q_len = 7, .kv_len = kv_len}, static_cast<std::uint64_t>(kv_len));
      c.options.softmax = method;
      ASSERT_TRUE(is_exact(c)) << kv_len;
      c.modifiers.causal.enabled = true;
      ASSERT_TRUE(is_exact(c)) << kv_len << ", causal";
    }
  }
}

TEST(QueryLengths, AroundBlockBoundariesAreExact) {
  for (const index_type q_len : {1, 2, 5, 6, 7, 11, 12, 13, 47, 48, 49, 95, 96, 97, 191, 192, 193}) {
    attention_case c =
        normal_case({.q_len = q_len, .kv_len = 260, .q_heads = 3, .kv_heads = 1, .d_qk = 8, .d_v = 8}, 8);
    c.modifiers.causal.enabled = true;
    ASSERT_TRUE(is_exact(c, surroundings{}, 600)) << q_len;
    ASSERT_TRUE(is_exact(c, {.backend = backend_kind::portable}, 600)) << q_len;
  }
}

}  // namespace
}  // namespace crestmax_test
