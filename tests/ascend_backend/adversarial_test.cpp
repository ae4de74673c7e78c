// Rows that a sample must be free to miss, on both backends; what fails the guard is corrected and counted.
#include "both_backends.hpp"

namespace crestmax_test {
namespace {

using Spikes = OnBothBackends;

TEST_P(Spikes, OfEveryHeightAtTellingPositions) {
  constexpr index_type kv_len = 500;
  random_source noise(99);
  attention_case c = scored(2, kv_len, [&](index_type) { return noise.uniform(-1, 1); });
  c.narrow_slack = 1;  // two rows alike
  for (const double height : {5.0, 11.5, 24.0, 60.0, 1000.0}) {
    for (const index_type place : {0, 5, 63, 64, 200, 255, 300, 467, 499}) {
      const double before = c.key.at(0, place, 0, 0);
      c.key.set(0, place, 0, 0, height);
      ASSERT_TRUE(exact(c, 2)) << "height " << height << " at " << place;
      c.key.set(0, place, 0, 0, before);
    }
  }
}

TEST_P(Spikes, OfDifferentRowsInDifferentPlaces) {
  // Row i looks along dimension i % 64, in which one key of its own stands out.
  constexpr index_type rows = 150, kv_len = 700, d = 64;
  random_source random(31);
  for (const double height : {8.0, 25.0, 300.0}) {
    attention_case c = normal({.q_len = rows, .kv_len = kv_len, .d_qk = d, .d_v = d}, 8);
    c.query.for_each([&](index_type, index_type i, index_type, index_type k) { c.query.set(0, i, 0, k, k == i % d ? 1 : 0); });
    c.key.fill_normal(random, 0.5);
    for (index_type k = 0; k < d; ++k) c.key.set(0, random.integer(0, kv_len - 1), 0, k, height * random.uniform(0.5, 1));
    c.options.scale = 1.0;
    for (const bool causal : {false, true}) {
      c.modifiers.causal.enabled = causal;
      c.options.softmax = crestmax::sampled_max{};
      ASSERT_TRUE(exact(c, 80)) << "height " << height << ", causal " << causal;
      c.options.softmax = crestmax::anchor_shift{};
      ASSERT_TRUE(exact(c, 80)) << "anchors, height " << height << ", causal " << causal;
    }
  }
}

TEST_P(Spikes, InOneRowOfATileLeaveTheOthersAlone) {
  attention_case c = normal({.q_len = 40, .kv_len = 1600, .d_qk = 64, .d_v = 64}, 21);
  c.options.softmax = crestmax::anchor_shift{};
  c.options.scale = 1.0;
  c.query.fill(0);
  c.key.for_each([&](index_type a, index_type j, index_type h, index_type d) {
    if (d == 0) c.key.set(a, j, h, d, j == 1000 ? 50 : 0);  // past all anchors, which may be tiles of 512 keys
  });
  for (index_type i = 0; i < 40; ++i) c.query.set(0, i, 0, 0, i == 5 ? 5 : 0.001);
  const attention_result result = result_of(c);
  EXPECT_TRUE(is_exact(c, result, 40));
  EXPECT_EQ(result.report.rows_corrected, 1);
}

TEST_P(Spikes, ThatTheGuardCatchesAreReportedAsCorrected) {
  attention_case c = scored(2, 700, [](index_type j) { return j == 300 ? 60.0 : 0.0; });
  c.options.softmax = crestmax::anchor_shift{};
  EXPECT_EQ(result_of(c).report.rows_corrected, 2);
  c.key.set(0, 300, 0, 0, 2.0);
  EXPECT_EQ(result_of(c).report.rows_corrected, 0);
}

// A weight of float16 is cut to 65504 without a word: the guard must know it from the sum.
TEST_P(Spikes, ThatWouldOverflowFloat16AreExact) {
  for (const double height : {15.5, 16.0, 16.6, 16.7, 17.0, 20.0}) {  // exp of it minus 8 ln 2: around 65504
    attention_case c = scored(64, 700, [&](index_type j) { return j == 300 ? height : -20.0; });
    c.options.softmax = crestmax::anchor_shift{};
    ASSERT_TRUE(exact(c, 4)) << height;
  }
}

CRESTMAX_ON_BOTH_BACKENDS(Spikes);

using Corrections = OnBothBackends;

TEST_P(Corrections, OfEveryRowAreExact) {
  for (const bool causal : {false, true}) {
    attention_case c = normal({.q_len = 150, .kv_len = 300, .q_heads = 2, .kv_heads = 1, .d_qk = 64, .d_v = 64});
    c.modifiers.causal.enabled = causal;
    c.options.guard_limit = 0;
    const attention_result result = result_of(c);
    EXPECT_TRUE(is_exact(c, result, 150));
    EXPECT_EQ(result.report.rows_corrected, result.report.rows);
  }
}

TEST_P(Corrections, OfFallingAndRisingScoresAreExact) {
  for (const double slope : {-0.5, 0.5}) {
    attention_case c = scored(64, 300, [&](index_type j) { return slope * static_cast<double>(j); });
    c.options.guard_limit = 0;
    ASSERT_TRUE(exact(c, 4)) << slope;
  }
}

CRESTMAX_ON_BOTH_BACKENDS(Corrections);

}  // namespace
}  // namespace crestmax_test
