// What anchors, the strided sample and the plateau windows find, seen from outside: rows that would fail their guard without.
#include "on_model.hpp"

namespace crestmax_test {
namespace {

constexpr scalar_kind half = scalar_kind::float16;

std::uint32_t corrected(const attention_case& c, const model_settings& s) {
  const model_result result = run_on_model(c, s);
  EXPECT_TRUE(result_is_exact(c, result));
  return result.counters.corrected_tiles;
}

constexpr index_type middle = 1000;  // sampled: 8 + 62 * 16

TEST(TheCrest, OfAPlateauIsFoundByTheSample) {
  const attention_case c = scored_case(half, 128, 2048, [](index_type j) { return std::abs(j - middle) < 24 ? 20.0 : 0.0; });
  EXPECT_EQ(corrected(c, {}), 0u);
  EXPECT_EQ(corrected(c, {.sample_stride = 0}), 1u);
}

TEST(TheCrest, OfASpikeOnAHillIsFoundByItsWindow) {
  const attention_case c =
      scored_case(half, 128, 2048, [](index_type j) { return j == middle + 3 ? 20.0 : std::abs(j - middle) < 24 ? 4.0 : 0.0; });
  EXPECT_EQ(corrected(c, {}), 0u);
  EXPECT_EQ(corrected(c, {.windows = 0}), 1u);
}

TEST(TheCrest, OfSeveralHillsIsFoundWhereverTheyAre) {  // each vector core has two windows for its rows
  for (const index_type far : {300, 500, 1500}) {
    const attention_case c = scored_case(half, 128, 2048, [=](index_type j) {
      return j == far + 5 ? 20.0 : std::abs(j - far) < 16 ? 4.0 : std::abs(j - middle) < 16 ? 4.5 : 0.0;
    });
    EXPECT_EQ(corrected(c, {}), 0u) << far;
  }
}

TEST(TheCrest, OfOneHalfOfTheRowsIsNotLostInTheOther) {
  // Rows of the second vector core have a hill of their own, lower than that of the first core's rows.
  attention_case c = scored_case(half, 128, 2048, [](index_type j) { return j == 405 ? 20.0 : std::abs(j - 400) < 24 ? 9.0 : 0.0; });
  for (index_type i = 64; i < 128; ++i) {
    c.query.set(0, i, 0, 0, 0);
    c.query.set(0, i, 0, 1, 1);
  }
  for (index_type j = 0; j < 2048; ++j) c.key.set(0, j, 0, 1, j == 1403 ? 20.0 : std::abs(j - 1400) < 24 ? 3.0 : 0.0);
  EXPECT_EQ(corrected(c, {.windows = 2}), 0u);
}

TEST(TheCrest, AtTheFirstKeyIsAnAnchor) {
  const attention_case c = scored_case(half, 128, 2048, [](index_type j) { return j == 0 ? 20.0 : 0.0; });
  EXPECT_EQ(corrected(c, {.sample_stride = 0}), 0u);
}

TEST(TheCrest, NearTheQueryIsAnAnchor) {
  for (const bool causal : {false, true}) {
    // 128 queries stand at the last 128 of 2048 keys.
    const attention_case c = scored_case(half, 128, 2048, [](index_type j) { return j == 1890 ? 20.0 : 0.0; }, causal);
    EXPECT_EQ(corrected(c, {.sample_stride = 0}), 0u);
  }
}

TEST(TheCrest, IsNotTakenFromKeysThatARowDoesNotSee) {
  // The last key alone is high, and only the last row sees it: its sums, not the others', are around it.
  const attention_case c = scored_case(half, 128, 2048, [](index_type j) { return j == 2047 ? 40.0 : 0.0; }, true);
  EXPECT_EQ(corrected(c, {}), 0u);
}

TEST(TheCrest, IsExactWhereAllTilesAreCheaperThanASample) {
  const model_result result = run_on_model(device_case(half, 128, 320, 64, 64, false));
  EXPECT_EQ(result.counters.keys_sampled, 0u);
  EXPECT_EQ(result.counters.keys_crest, 320u);
}

TEST(TheSample, TakesEverySixteenthKeyOnce) {
  const model_result result = run_on_model(device_case(half, 128, 2048, 64, 64, false));
  EXPECT_EQ(result.counters.keys_sampled, 2048u / 16);
  EXPECT_EQ(result.counters.keys_swept, 2048u);
  // Anchors: the first tile, and of 128 queries at the end 31 keys before: three tiles. Four windows.
  EXPECT_EQ(result.counters.keys_crest, 64u * (1 + 3 + 4));
}

TEST(TheSample, IsOneCopyPerBlock) {
  const index_type kv_len = 4096;
  const model_result with = run_on_model(device_case(half, 16, kv_len, 64, 64, false), {.windows = 0});
  const model_result without = run_on_model(device_case(half, 16, kv_len, 64, 64, false), {.sample_stride = 0});
  ASSERT_TRUE(with.outcome.ok && without.outcome.ok);
  const auto loads = [](const model_result& r) { return r.outcome.counters.at("instructions AIC MTE2"); };
  // 256 sampled keys are four blocks of 64: a copy, a wait and a signal each.
  EXPECT_EQ(loads(with) - loads(without), 4u * 3);
}

TEST(TheSample, TakesASmallerStrideWhereOneDescriptorCannotHoldIt) {
  attention_case c = device_case(half, 128, 1024, 64, 64, false, 64, 64);  // rows 4096 elements apart: 16 of them are too many
  const crestmax::ascend::tiling_request r = [&] {
    auto request = request_of(c, {});
    request.query = request.key = request.value = request.output = {0, 0, 64 * 128, 128};
    return request;
  }();
  crestmax::ascend::tiling t;
  ASSERT_FALSE(make_tiling(r, t));
  EXPECT_EQ(t.arguments.sample_stride, 4);
}

}  // namespace
}  // namespace crestmax_test
