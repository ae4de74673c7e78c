// "Exact means exact", of the same calls on the CPU and on the device's kernel.
#include "both_backends.hpp"

namespace crestmax_test {
namespace {

using Exact = OnBothBackends;

TEST_P(Exact, NormalInputs) {
  EXPECT_TRUE(exact(normal({.q_len = 100, .kv_len = 300, .d_qk = 64, .d_v = 64})));
}

TEST_P(Exact, CausalCalls) {
  attention_case c = normal({.q_len = 200, .kv_len = 200, .d_qk = 64, .d_v = 64});
  c.modifiers.causal.enabled = true;
  EXPECT_TRUE(exact(c, 200));
}

TEST_P(Exact, CausalCallsOfFewQueriesOnManyKeys) {
  attention_case c = normal({.q_len = 70, .kv_len = 500, .d_qk = 64, .d_v = 64});
  c.modifiers.causal.enabled = true;
  EXPECT_TRUE(exact(c, 70));
}

TEST_P(Exact, HeadDimensionsOf128) {
  attention_case c = normal({.q_len = 130, .kv_len = 200, .d_qk = 128, .d_v = 128});
  EXPECT_TRUE(exact(c, 130));
  c.modifiers.causal.enabled = true;
  EXPECT_TRUE(exact(c, 130));
}

TEST_P(Exact, OtherHeadDimensions) {
  const bool half = GetParam().element == scalar_kind::float16;
  const index_type d_qk = half ? 192 : 256, d_v = half ? 128 : 256;
  EXPECT_TRUE(exact(normal({.q_len = 70, .kv_len = 150, .d_qk = d_qk, .d_v = d_v}), 70));
}

TEST_P(Exact, GroupsOfHeadsThatShareKeys) {
  attention_case c = normal({.batch = 2, .q_len = 40, .kv_len = 90, .q_heads = 6, .kv_heads = 2, .d_qk = 64, .d_v = 64});
  EXPECT_TRUE(exact(c, 200));
}

TEST_P(Exact, LengthsThatAreNoMultiplesOfATile) {
  for (const index_type q_len : {1, 15, 17, 129}) {
    for (const index_type kv_len : {1, 15, 17, 64, 65, 127}) {
      for (const bool causal : {false, true}) {
        attention_case c = normal({.q_len = q_len, .kv_len = kv_len, .q_heads = 2, .kv_heads = 1, .d_qk = 64, .d_v = 64});
        c.modifiers.causal.enabled = causal;
        c.narrow_slack = 1;  // few rows, few keys: luck decides which weights are rounded
        ASSERT_TRUE(exact(c, 300)) << q_len << " queries, " << kv_len << " keys, causal " << causal;
      }
    }
  }
}

TEST_P(Exact, RowsThatSeeNoKey) {
  attention_case c = normal({.q_len = 150, .kv_len = 20, .d_qk = 64, .d_v = 64});
  c.modifiers.causal.enabled = true;
  c.narrow_slack = 1;
  const attention_result result = result_of(c);
  EXPECT_TRUE(is_exact(c, result, 150));
  EXPECT_EQ(result_at(result.output, rows_of(c).front(), 5), 0);
  EXPECT_EQ(result_at(result.lse, rows_of(c).front()), -infinity);
}

TEST_P(Exact, CallsWithoutKeys) {
  const attention_case c = normal({.q_len = 20, .kv_len = 0, .d_qk = 64, .d_v = 64});
  const attention_result result = result_of(c);
  ASSERT_TRUE(result.status.ok()) << result.status.message();
  for (const row_place& r : rows_of(c)) {
    EXPECT_EQ(result_at(result.output, r, 63), 0);
    EXPECT_EQ(result_at(result.lse, r), -infinity);
  }
}

TEST_P(Exact, EveryOrderOfMemory) {
  for (const memory_layout layout : {memory_layout::dense, memory_layout::heads_first, memory_layout::padded_wide,
                                     memory_layout::reversed}) {
    case_shape shape{.batch = 2, .q_len = 70, .kv_len = 100, .q_heads = 2, .kv_heads = 2, .d_qk = 64, .d_v = 64};
    shape.layout = layout;
    ASSERT_TRUE(exact(normal(shape), 120)) << static_cast<int>(layout);
  }
}

TEST_P(Exact, WithoutAnLse) {
  attention_case c = normal({.q_len = 70, .kv_len = 100, .d_qk = 64, .d_v = 64});
  c.wants_lse = false;
  EXPECT_TRUE(exact(c, 70));
}

TEST_P(Exact, AScaleOfTheCallersOwn) {
  attention_case c = normal({.q_len = 70, .kv_len = 200, .d_qk = 64, .d_v = 64});
  c.options.scale = 0.5;
  EXPECT_TRUE(exact(c, 70));
}

TEST_P(Exact, AShiftFromAnchorsAlone) {
  attention_case c = normal({.q_len = 128, .kv_len = 400, .d_qk = 64, .d_v = 64});
  c.options.softmax = crestmax::anchor_shift{};
  EXPECT_TRUE(exact(c, 128));
}

TEST_P(Exact, AForcedSample) {
  attention_case c = normal({.q_len = 128, .kv_len = 900, .d_qk = 64, .d_v = 64});
  for (const index_type stride : {8, 16}) {
    c.options.softmax = forced_sample(stride, 32, 4);
    ASSERT_TRUE(exact(c, 64)) << stride;
  }
}

TEST_P(Exact, ValuesNearTheLargestOfTheirType) {
  attention_case c = normal({.q_len = 70, .kv_len = 100, .d_qk = 64, .d_v = 64});
  random_source random(3);
  c.value.for_each([&](index_type a, index_type b, index_type h, index_type d) { c.value.set(a, b, h, d, random.uniform(-6e4, 6e4)); });
  EXPECT_TRUE(exact(c, 70));
}

TEST_P(Exact, QueriesOfZero) {
  attention_case c = normal({.q_len = 70, .kv_len = 130, .d_qk = 64, .d_v = 64});
  c.query.fill(0);
  EXPECT_TRUE(exact(c, 70));
}

TEST_P(Exact, AsManyEqualScoresAsThereAreKeys) {
  attention_case c = scored(64, 2048, [](index_type) { return 3.0; });
  EXPECT_TRUE(exact(c, 16));
}

CRESTMAX_ON_BOTH_BACKENDS(Exact);

}  // namespace
}  // namespace crestmax_test
