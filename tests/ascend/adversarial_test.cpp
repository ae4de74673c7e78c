// Rows that are made to break a shift fixed in advance, and what the counters say of them.
#include "on_model.hpp"

namespace crestmax_test {
namespace {

constexpr scalar_kind half = scalar_kind::float16;
constexpr scalar_kind brain = scalar_kind::bfloat16;

// A key that neither the sample (8, 24, ...), nor an anchor tile, nor a window sees: far from the queries' own positions.
constexpr index_type hidden_key = 1001;
attention_case spike(scalar_kind kind, double height, index_type q_len = 128) {
  return scored_case(kind, q_len, 2048, [=](index_type j) { return j == hidden_key ? height : 0.0; });
}

TEST(Float16Weights, OverflowSilentlyAndTheGuardSeesIt) {
  const attention_case c = spike(half, 8);  // 8 - 8 ln 2 below the shift: e^13.5 > 65504
  const model_result result = run_on_model(c);
  EXPECT_TRUE(result_is_exact(c, result));
  EXPECT_EQ(result.counters.corrected_tiles, 1u);
  EXPECT_EQ(result.counters.failing_rows, 128u);
  EXPECT_EQ(result.counters.keys_redone, 2048u);
}

TEST(Float16Weights, BearFiveNatsOfUndershoot) {
  const attention_case c = spike(half, 5);
  const model_result result = run_on_model(c);
  EXPECT_TRUE(result_is_exact(c, result));
  EXPECT_EQ(result.counters.corrected_tiles, 0u);
}

TEST(Float16Weights, AreWrongWithoutTheGuard) {
  const attention_case c = spike(half, 8);
  const model_result result = run_on_model(c, {.guard_tile_limit = 1e30});
  ASSERT_TRUE(result.outcome.ok) << result.outcome.report;
  EXPECT_FALSE(result_is_exact(c, result));
}

// One weight saturates and its tile has no other: the sum is exactly 65504, which a guard of <= would let pass.
TEST(Float16Weights, ALoneSaturatedWeightIsSeen) {
  const attention_case c = scored_case(half, 64, 2048, [](index_type j) {
    if (j == hidden_key) return 7.0;
    return j / 64 == hidden_key / 64 ? -200.0 : j == 0 ? 0.0 : -5.0;
  });
  const model_result result = run_on_model(c);
  EXPECT_TRUE(result_is_exact(c, result));
  EXPECT_EQ(result.counters.failing_rows, 64u);
  const model_result tolerated = run_on_model(c, {.guard_tile_limit = 65504.01});
  ASSERT_TRUE(tolerated.outcome.ok) << tolerated.outcome.report;
  EXPECT_EQ(tolerated.counters.failing_rows, 0u);
  EXPECT_FALSE(result_is_exact(c, tolerated));
}

TEST(Bfloat16Weights, BearTwentyNatsOfUndershoot) {
  const attention_case c = spike(brain, 20);
  const model_result result = run_on_model(c);
  EXPECT_TRUE(result_is_exact(c, result));
  EXPECT_EQ(result.counters.corrected_tiles, 0u);
}

// e^25 times 1e32 leaves float32's range, the output does not.
TEST(Bfloat16Weights, GoToTheCorrectionWhereTheyTakeTheOutputOutOfRange) {
  for (const auto on : {crestmax::ascend::device::atlas_2201, crestmax::ascend::device::atlas_3510}) {
    for (const index_type only : {-1, 70}) {  // all columns, or one of one row's sums
      attention_case c = scored_case(brain, 128, 4096, [](index_type j) { return j == 2073 ? 25.0 : 0.0; });
      if (only >= 0) {
        c.query.for_each([&](index_type a, index_type i, index_type h, index_type d) { c.query.set(a, i, h, d, i == only && d == 0 ? 1 : 0); });
      }
      c.value.for_each([&](index_type a, index_type j, index_type h, index_type d) {
        if (only < 0 || d == 33) c.value.set(a, j, h, d, 1e32 * c.value.at(a, j, h, d));
      });
      const model_result result = run_on_model(c, {.on = on});
      EXPECT_TRUE(result_is_exact(c, result, 128));
      EXPECT_EQ(result.counters.corrected_tiles, 1u);
      EXPECT_EQ(result.counters.failing_rows, only < 0 ? 128u : 1u);
    }
  }
}

TEST(Bfloat16Weights, GoToTheCorrectionWhereTheyOverflow) {
  for (const double height : {40.0, 100.0, 5000.0}) {  // past the limit, past float32, far past
    const attention_case c = spike(brain, height);
    const model_result result = run_on_model(c);
    EXPECT_TRUE(result_is_exact(c, result)) << height;
    EXPECT_EQ(result.counters.corrected_tiles, 1u) << height;
  }
}

TEST(TheCorrection, RedoesOnlyTilesWithFailingRows) {
  attention_case c = device_case(half, 512, 2048, 64, 64, false);
  // Row 200 alone, of the second query tile, meets a key of its own far above all else.
  for (index_type d = 0; d < 64; ++d) c.key.set(0, hidden_key, 0, d, c.query.at(0, 200, 0, d) * 2);
  const model_result result = run_on_model(c);
  EXPECT_TRUE(result_is_exact(c, result, 512));
  EXPECT_EQ(result.counters.corrected_tiles, 1u);
  EXPECT_GE(result.counters.failing_rows, 1u);
}

TEST(TheCorrection, ServesAllTilesAndMasks) {  // a guard that nothing passes
  for (const scalar_kind kind : {half, brain}) {
    for (const bool causal : {false, true}) {
      const attention_case c = device_case(kind, 300, 1100, 128, 128, causal, 2, 1);
      const model_result result = run_on_model(c, {.guard_tile_limit = 1e-30});
      EXPECT_TRUE(result_is_exact(c, result));
      EXPECT_EQ(result.counters.corrected_tiles, 6u);
      EXPECT_EQ(result.counters.failing_rows, 600u);
    }
  }
}

TEST(TheCorrection, ServesEveryHeadDimAndBothTargets) {
  for (const auto on : {crestmax::ascend::device::atlas_2201, crestmax::ascend::device::atlas_3510}) {
    const model_settings s{.on = on, .cores = 2, .guard_tile_limit = 1e-30};
    EXPECT_TRUE(is_exact_on_model(device_case(half, 200, 600, 64, 64, true), s));
    EXPECT_TRUE(is_exact_on_model(device_case(half, 200, 600, 192, 128, false), s));
    EXPECT_TRUE(is_exact_on_model(device_case(brain, 100, 300, 256, 256, true), s));
  }
}

TEST(TheCorrection, ServesRowsWithoutKeysAndTails) {
  for (const index_type q_len : {1, 17, 130, 200}) {
    for (const index_type kv_len : {1, 70, 129}) {
      SCOPED_TRACE(testing::Message() << q_len << " x " << kv_len);
      EXPECT_TRUE(is_exact_on_model(device_case(half, q_len, kv_len, 64, 64, true), {.guard_tile_limit = 1e-30}, 300));
    }
  }
}

TEST(TheCorrection, FollowsAMaximumThatRisesWithEveryKey) {
  for (const scalar_kind kind : {half, brain}) {
    const attention_case c = scored_case(kind, 70, 2048, [](index_type j) { return static_cast<double>(j) * 0.5; });
    EXPECT_TRUE(is_exact_on_model(c, {.guard_tile_limit = 1e-30})) << crestmax::name(kind);
  }
}

TEST(TheGuard, AlsoFailsSumsThatAreTooSmall) {
  const attention_case c = device_case(half, 128, 512, 64, 64, false);
  const model_result result = run_on_model(c, {.guard_least_sum = 1e12});
  EXPECT_TRUE(result_is_exact(c, result));
  EXPECT_EQ(result.counters.failing_rows, 128u);
}

TEST(Rows, OfEqualScoresAreExact) {
  for (const scalar_kind kind : {half, brain}) {
    for (const double score : {0.0, 3.0, -7.0}) {
      const attention_case c = scored_case(kind, 100, 2048, [=](index_type) { return score; });
      const model_result result = run_on_model(c);
      EXPECT_TRUE(result_is_exact(c, result)) << crestmax::name(kind) << " " << score;
      EXPECT_EQ(result.counters.corrected_tiles, 0u);
    }
  }
}

TEST(Rows, OfTinyScoresAreExact) {
  for (const scalar_kind kind : {half, brain}) {
    EXPECT_TRUE(is_exact_on_model(scored_case(kind, 100, 1500, [](index_type j) { return -1e-6 * static_cast<double>(j % 7); })));
    attention_case c = device_case(kind, 100, 700, 64, 64, true);
    c.query.fill(0);
    EXPECT_TRUE(is_exact_on_model(c));
  }
}

TEST(Rows, OfLargeScoresAreExact) {
  for (const scalar_kind kind : {half, brain}) {
    attention_case c = device_case(kind, 200, 1500, 64, 64, true);
    c.options.scale = 4.0;  // deviations of 32 nats: a single key takes nearly all
    EXPECT_TRUE(is_exact_on_model(c)) << crestmax::name(kind);
    EXPECT_TRUE(is_exact_on_model(scored_case(kind, 60, 1500, [](index_type j) { return j % 2 == 0 ? 30000.0 : -30000.0; })));
    EXPECT_TRUE(is_exact_on_model(scored_case(kind, 60, 1500, [](index_type j) { return -20000.0 + 16.0 * static_cast<double>(j % 3); })));
  }
}

// Scores so large that the margin is lost in the rounding of the shift: weights of 1 where e^5.5 was meant.
TEST(Rows, OfScoresThatSwallowTheMarginGoToTheCorrection) {
  attention_case c = scored_case(half, 70, 700, [](index_type j) { return j == 0 ? 30000.0 : 29968.0; }, true);
  c.query.for_each([&](index_type a, index_type b, index_type h, index_type d) { c.query.set(a, b, h, d, d == 0 ? 30000.0 : 0.0); });
  const model_result result = run_on_model(c);
  EXPECT_TRUE(result_is_exact(c, result, 70));
  EXPECT_EQ(result.counters.failing_rows, 70u);
}

TEST(Rows, OfHugeScoresOfEitherSignAreExact) {
  for (const bool causal : {false, true}) {
    for (const double height : {1e19, 1e21, 1e27, 7e34}) {
      for (const double sign : {-1.0, 1.0}) {
        const attention_case c = scored_case(
            brain, 130, 500, [=](index_type j) { return sign * height * (1 + static_cast<double>(j % 5) / 16); }, causal);
        EXPECT_TRUE(is_exact_on_model(c, {}, 130)) << sign * height << (causal ? " causal" : "");
        EXPECT_TRUE(is_exact_on_model(c, {.guard_tile_limit = 1e-30}, 130)) << sign * height << ", corrected";
      }
      const attention_case both = scored_case(brain, 130, 500, [=](index_type j) { return j % 3 == 0 ? height : -height; }, causal);
      EXPECT_TRUE(is_exact_on_model(both, {}, 130)) << height;
    }
  }
}

TEST(Rows, OfHugeScoresAreExactAtEveryScale) {
  for (const double scale : {1e-9, 1e3, 1e9}) {
    const double height = std::min(1.0, 1 / scale) * 9e34;
    for (const index_type q_len : {70, 300}) {  // of 300 rows the first 100 see no key
      attention_case c = scored_case(brain, q_len, 200, [=](index_type j) { return -height * (1 - static_cast<double>(j % 3) / 8); }, true);
      c.options.scale = scale;
      EXPECT_TRUE(is_exact_on_model(c, {}, 300)) << scale;
    }
  }
}

TEST(Rows, BelowAllServedScoresFailTheirGuard) {  // not right, but the counters say so
  const model_result result = run_on_model(scored_case(brain, 70, 500, [](index_type) { return -1e37; }));
  ASSERT_TRUE(result.outcome.ok) << result.outcome.report;
  EXPECT_EQ(result.counters.failing_rows, 70u);
}

// The correction has no guard of its own: its weights have to fit whatever margin is allowed.
TEST(TheCorrection, IsExactWithEveryMarginThatIsServed) {
  for (const auto& [kind, margin] : {std::pair{half, -7.9}, {half, 0.0}, {brain, 0.0}, {brain, 21.0}}) {
    const model_settings s{.margin = margin, .guard_tile_limit = 1e-30};
    EXPECT_TRUE(is_exact_on_model(device_case(kind, 130, 500, 64, 64, true), s)) << margin;
    for (const double query : {1e3, 2e3, 3e3, 1e4}) {  // scores whose last bits are 4, 8, 16 and 32 nats
      attention_case c = scored_case(kind, 70, 500, [](index_type j) { return j % 3 == 0 ? 32768.0 : 32736.0; });
      c.query.for_each([&](index_type a, index_type b, index_type h, index_type d) { c.query.set(a, b, h, d, d == 0 ? query : 0.0); });
      EXPECT_TRUE(is_exact_on_model(c, s)) << margin << " " << query;
    }
  }
}

TEST(Rows, WhoseMaximumIsAnywhereAreExact) {
  for (const index_type at : {0, 7, 63, 64, 500, 777, 1023, 1400, 1499}) {
    for (const bool causal : {false, true}) {
      const attention_case c = scored_case(half, 130, 1500, [=](index_type j) { return j == at ? 30.0 : 0.1 * static_cast<double>(j % 5); }, causal);
      EXPECT_TRUE(is_exact_on_model(c)) << at << (causal ? " causal" : "");
    }
  }
}

}  // namespace
}  // namespace crestmax_test
