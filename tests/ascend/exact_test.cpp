// The kernel on the model against the float64 oracle, within the contract "exact means exact".
#include "on_model.hpp"

namespace crestmax_test {
namespace {

constexpr scalar_kind half = scalar_kind::float16;
constexpr scalar_kind brain = scalar_kind::bfloat16;

TEST(TheKernel, IsExactForOneTileOfQueriesAndKeys) {
  EXPECT_TRUE(is_exact_on_model(device_case(half, 128, 64, 128, 128, false), {}, 128));
}

TEST(TheKernel, IsExactForOneQueryAndOneKey) {
  EXPECT_TRUE(is_exact_on_model(device_case(half, 1, 1, 64, 64, false)));
  EXPECT_TRUE(is_exact_on_model(device_case(brain, 1, 1, 64, 64, true)));
}

TEST(TheKernel, IsExactInFloat16AtHeadDim64) {
  EXPECT_TRUE(is_exact_on_model(device_case(half, 512, 512, 64, 64, false)));
  EXPECT_TRUE(is_exact_on_model(device_case(half, 512, 512, 64, 64, true)));
}

TEST(TheKernel, IsExactInBfloat16AtHeadDim64) {
  EXPECT_TRUE(is_exact_on_model(device_case(brain, 512, 512, 64, 64, false)));
  EXPECT_TRUE(is_exact_on_model(device_case(brain, 512, 512, 64, 64, true)));
}

TEST(TheKernel, IsExactInFloat16AtHeadDim128) {
  EXPECT_TRUE(is_exact_on_model(device_case(half, 384, 1024, 128, 128, false)));
  EXPECT_TRUE(is_exact_on_model(device_case(half, 384, 1024, 128, 128, true)));
}

TEST(TheKernel, IsExactInBfloat16AtHeadDim128) {
  EXPECT_TRUE(is_exact_on_model(device_case(brain, 384, 1024, 128, 128, false)));
  EXPECT_TRUE(is_exact_on_model(device_case(brain, 384, 1024, 128, 128, true)));
}

TEST(TheKernel, IsExactAtHeadDim256WithTilesOf64Queries) {
  EXPECT_TRUE(is_exact_on_model(device_case(half, 150, 700, 256, 256, true)));
  EXPECT_TRUE(is_exact_on_model(device_case(brain, 150, 700, 256, 256, false)));
}

TEST(TheKernel, IsExactAtHeadDims192And128) {
  EXPECT_TRUE(is_exact_on_model(device_case(half, 150, 700, 192, 128, true)));
  EXPECT_TRUE(is_exact_on_model(device_case(brain, 150, 700, 192, 128, false)));
}

TEST(TheKernel, IsExactForLongContexts) {
  EXPECT_TRUE(is_exact_on_model(device_case(half, 256, 2048, 128, 128, false)));
  EXPECT_TRUE(is_exact_on_model(device_case(brain, 256, 2048, 128, 128, true)));
}

TEST(TheKernel, IsExactForSquareCallsOf2048) {
  EXPECT_TRUE(is_exact_on_model(device_case(half, 2048, 2048, 64, 64, true), {.cores = 2}));
}

TEST(TheKernel, MapsQueryHeadsOnKeyHeads) {
  EXPECT_TRUE(is_exact_on_model(device_case(half, 100, 300, 64, 64, true, 6, 2), {.cores = 2}));
  EXPECT_TRUE(is_exact_on_model(device_case(brain, 40, 200, 128, 128, false, 4, 1, 2), {.cores = 3}));
}

TEST(TheKernel, TakesTailsOfQueriesAndKeys) {
  for (const index_type q_len : {1, 15, 17, 63, 65, 127, 129, 200}) {
    for (const index_type kv_len : {1, 15, 33, 64, 65, 130, 449}) {
      SCOPED_TRACE(testing::Message() << q_len << " x " << kv_len);
      EXPECT_TRUE(is_exact_on_model(device_case(half, q_len, kv_len, 64, 64, false), {}, 16));
      EXPECT_TRUE(is_exact_on_model(device_case(half, q_len, kv_len, 64, 64, true), {}, 16));
    }
  }
}

TEST(TheKernel, GivesZeroAndMinusInfinityWhereARowSeesNoKey) {
  for (const index_type kv_len : {1, 40, 100, 129}) {
    const attention_case c = device_case(half, 300, kv_len, 64, 64, true);  // the first 300 - kv_len rows see none
    const model_result result = run_on_model(c);
    ASSERT_TRUE(result_is_exact(c, result, 300));
    for (index_type i = 0; i < 300 - kv_len; ++i) {
      EXPECT_EQ(result.attention.output.at(0, i, 0, 5), 0);
      EXPECT_EQ(result.attention.lse.at(0, i, 0, 0), -infinity);
    }
    EXPECT_TRUE(std::isfinite(result.attention.lse.at(0, 300 - kv_len, 0, 0)));
  }
}

TEST(TheKernel, GivesZeroAndMinusInfinityWithoutKeys) {
  const attention_case c = device_case(half, 20, 0, 64, 64, false);
  const model_result result = run_on_model(c);
  ASSERT_TRUE(result.outcome.ok) << result.outcome.report;
  EXPECT_EQ(result.attention.output.at(0, 19, 0, 63), 0);
  EXPECT_EQ(result.attention.lse.at(0, 19, 0, 0), -infinity);
}

TEST(TheKernel, TouchesNothingBetweenRows) {  // the model refuses what is outside of every row
  EXPECT_TRUE(is_exact_on_model(device_case(half, 70, 200, 64, 64, true, 2, 1, 2), {.padding = 16}));
  EXPECT_TRUE(is_exact_on_model(device_case(brain, 33, 530, 128, 128, false, 2, 2), {.padding = 48}));
}

TEST(TheKernel, WritesNoLseWhereNoneIsWanted) {
  attention_case c = device_case(half, 70, 200, 64, 64, true);
  c.wants_lse = false;
  EXPECT_TRUE(is_exact_on_model(c));
}

TEST(TheKernel, TakesTheScaleOfTheCall) {
  attention_case c = device_case(half, 128, 700, 64, 64, false);
  c.options.scale = 0.01;
  EXPECT_TRUE(is_exact_on_model(c));
  c.options.scale = 0.7;
  EXPECT_TRUE(is_exact_on_model(c));
}

TEST(TheKernel, GivesTheSameBitsOnAnyNumberOfCores) {
  const attention_case c = device_case(half, 300, 900, 64, 64, true, 4, 2, 2);
  const model_result one = run_on_model(c, {.cores = 1});
  ASSERT_TRUE(one.outcome.ok) << one.outcome.report;
  for (const index_type cores : {2, 3, 7, 100}) {
    const model_result more = run_on_model(c, {.cores = cores});
    ASSERT_TRUE(more.outcome.ok) << more.outcome.report;
    EXPECT_EQ(more.bits, one.bits) << cores << " cores";
  }
}

TEST(TheKernel, GivesARowTheSameBitsInAnyBatch) {
  const attention_case two = device_case(half, 200, 700, 64, 64, true, 2, 2, 2);
  attention_case second = device_case(half, 200, 700, 64, 64, true, 2, 2, 1);
  for (const auto& [from, to] : {std::pair{&two.query, &second.query}, {&two.key, &second.key}, {&two.value, &second.value}}) {
    to->for_each([&, from = from, to = to](index_type a, index_type b, index_type h, index_type d) { to->set(a, b, h, d, from->at(1, b, h, d)); });
  }
  const model_result both = run_on_model(two), alone = run_on_model(second);
  ASSERT_TRUE(both.outcome.ok && alone.outcome.ok);
  for (index_type i = 0; i < 200; ++i) {
    for (index_type d = 0; d < 64; ++d) {
      ASSERT_EQ(both.attention.output.at(1, i, 1, d), alone.attention.output.at(0, i, 1, d)) << "row " << i;
    }
    ASSERT_EQ(both.attention.lse.at(1, i, 1, 0), alone.attention.lse.at(0, i, 1, 0)) << "row " << i;
  }
}

TEST(TheKernelFor3510, IsExactAtEveryHeadDim) {
  const model_settings s{.on = crestmax::ascend::device::atlas_3510};
  EXPECT_TRUE(is_exact_on_model(device_case(half, 300, 700, 64, 64, true, 2, 1), s));
  EXPECT_TRUE(is_exact_on_model(device_case(brain, 300, 700, 64, 64, false), s));
  EXPECT_TRUE(is_exact_on_model(device_case(half, 200, 1500, 128, 128, false), s));
  EXPECT_TRUE(is_exact_on_model(device_case(brain, 200, 1500, 128, 128, true), s));
  EXPECT_TRUE(is_exact_on_model(device_case(half, 100, 500, 192, 128, true), s));
  EXPECT_TRUE(is_exact_on_model(device_case(half, 100, 500, 256, 256, true), s));
}

}  // namespace
}  // namespace crestmax_test
