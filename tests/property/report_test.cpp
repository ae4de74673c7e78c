// What each number of the report means: a test for each. Those of lost weight are in certificates_test.cpp and coverage_test.cpp,
// those of diagnostics in diagnostics_test.cpp, the balance of pairs in diagnostics_test.cpp as well.
#include "support/contract.hpp"
#include "support/random_case.hpp"

namespace crestmax_test {
namespace {

// One row of 4096 keys with one peak, anchors at both ends, one window.
attention_case peak_case() {
  attention_case c = scores_case(1, 4096, [](index_type j) { return j == 8 + 16 * 100 ? 5.0 : 0.0; });
  c.options.softmax = forced_sample(16, 32, 1);
  c.options.tiles.splits = 1;
  return c;
}

// One row whose anchors miss a lone spike of so many nats.
attention_case spike_case(double height) {
  attention_case c = scores_case(1, 4096, [&](index_type j) { return j == 1000 ? height : 0.0; });
  c.options.softmax = crestmax::anchor_shift{};
  c.options.tiles.splits = 1;
  return c;
}

TEST(TheReport, CountsTheRowsOfAllHeads) {
  const attention_case c = normal_case({.batch = 2, .q_len = 5, .kv_len = 70, .q_heads = 6, .kv_heads = 3}, 1);
  EXPECT_EQ(run(c).report.rows, 2 * 5 * 6);
}

TEST(TheReport, CountsTheSampleOfEveryStrideAndTheLastKey) { EXPECT_EQ(run(peak_case()).report.pairs_sampled, 4096 / 16 + 1); }

TEST(TheReport, CountsAnchorsAndWindowsAsCrest) {
  const crestmax::report r = run(peak_case()).report;
  EXPECT_EQ(r.pairs_crest - r.pairs_plateau, 32 + 32) << "whole runs of 32 keys";
  EXPECT_GE(r.pairs_plateau, 2 * 32 + 1);
  EXPECT_LE(r.pairs_plateau, 4 * 32);
}

TEST(TheReport, CountsTheBytesOfKeysAndValuesOnceForEachBlock) {
  EXPECT_EQ(run(spike_case(0)).report.bytes_read, 4096 * (4 + 8) * 4);
}

TEST(TheReport, CountsEveryRiseOfAShift) {
  attention_case c = scores_case(1, 10 * 32, [](index_type j) { return static_cast<double>(j / 32); });
  c.options.softmax = crestmax::running_max{};
  c.options.tiles = {.key_tile = 32, .splits = 1};
  EXPECT_EQ(run(c).report.rescales, 9);
}

TEST(TheReport, CountsTheRowsThatAreCorrected) { EXPECT_EQ(run(spike_case(60)).report.rows_corrected, 1); }

TEST(TheReport, CountsARowOnceForEverySplitThatIsCorrected) {
  attention_case c = scores_case(1, 4096, [](index_type j) { return j == 1000 || j == 3000 ? 60.0 : 0.0; });
  c.options.softmax = crestmax::anchor_shift{};
  c.options.tiles.splits = 4;
  EXPECT_EQ(run(c).report.rows_corrected, 2);
}

TEST(TheReport, BoundsTheUndershootOfACorrectedRow) {
  for (const index_type splits : {1, 3}) {
    attention_case c = spike_case(60);
    c.options.tiles.splits = splits;
    EXPECT_EQ(run(c).report.max_undershoot_bound, 60) << splits;
  }
}

TEST(TheReport, BoundsTheUndershootOfARowThatPasses) {
  const double bound = run(spike_case(5)).report.max_undershoot_bound;
  EXPECT_GE(bound, 5);
  EXPECT_NEAR(bound, std::log(4095 + std::exp(5.0)), 1e-2);
}

TEST(TheReport, BoundsTheUndershootInKeysThatWereLeftOut) {
  // The spike stands in a tile that is dropped: with a margin of 20 nats it is below shift - tau.
  attention_case c = spike_case(10);
  c.options.softmax = crestmax::anchor_shift{.margin = 20.0};
  c.options.coverage = crestmax::above(1);
  const crestmax::report r = run(c).report;
  EXPECT_GT(r.pairs_skipped, 0);
  EXPECT_GE(r.max_undershoot_bound, 10);
}

TEST(TheReport, HasNoUndershootOfMethodsWithoutACrest) {
  for (const auto& method : {crestmax::softmax_method(crestmax::running_max{}), crestmax::softmax_method(crestmax::lazy_max{})}) {
    attention_case c = spike_case(60);
    c.options.softmax = method;
    EXPECT_EQ(run(c).report.max_undershoot_bound, 0);
  }
}

TEST(TheReport, BoundsTheUndershootOfEveryRow) {
  index_type corrected = 0;
  for (std::uint64_t seed = 0; seed < static_cast<std::uint64_t>(cases(60)); ++seed) {
    attention_case c = random_case(seed, {.most_queries = 40, .most_keys = 1500, .most_products = 3e6});
    random_source random(seed);
    const bool has_crest = c.options.softmax.kind == crestmax::softmax_kind::sampled_max ||
                           c.options.softmax.kind == crestmax::softmax_kind::anchor_shift;
    c.options.diagnostics = true;
    if (random.chance(0.4)) c.options.guard_limit = random.uniform(0.3, 3);
    if (has_crest && random.chance(0.3)) c.options.coverage = crestmax::above(random.uniform(0.5, 10));
    const crestmax::report r = run(c).report;
    if (has_crest) corrected += r.rows_corrected;
    ASSERT_LE(r.max_undershoot, r.max_undershoot_bound) << "seed " << seed << "\n" << describe(c);
  }
  EXPECT_GT(corrected, 0);
}

TEST(TheReport, SaysWhatALossIsWorth) {
  attention_case c = peak_case();
  EXPECT_EQ(run(c).report.dropped_mass_kind, crestmax::mass_kind::none);
  c.options.coverage = crestmax::above(3);
  EXPECT_EQ(run(c).report.dropped_mass_kind, crestmax::mass_kind::rigorous);
  c.options.coverage = crestmax::plateaus;
  EXPECT_EQ(run(c).report.dropped_mass_kind, crestmax::mass_kind::estimate);
  c.options.lipschitz = 5.0;
  EXPECT_EQ(run(c).report.dropped_mass_kind, crestmax::mass_kind::hypothesis);
}

TEST(TheReport, EstimatesNoMoreThanItBounds) {
  attention_case c = peak_case();
  c.options.coverage = crestmax::plateaus;
  c.options.lipschitz = 0.01;
  const crestmax::report r = run(c).report;
  EXPECT_GT(r.max_dropped_estimate, 0.1);
  EXPECT_GT(r.max_dropped_mass, r.max_dropped_estimate);
  c.options.coverage = crestmax::above(3);
  const crestmax::report above = run(c).report;
  EXPECT_EQ(above.max_dropped_estimate, above.max_dropped_mass);
}

TEST(TheReport, GivesTheLThatIsStated) {
  attention_case c = peak_case();
  c.options.coverage = crestmax::plateaus;
  c.options.lipschitz = 0.75;
  const crestmax::report r = run(c).report;
  EXPECT_EQ(r.lipschitz, 0.75);
  EXPECT_EQ(r.lipschitz_from, crestmax::lipschitz_source::stated);
}

TEST(TheReport, GivesTheLThatWindowsShow) {
  attention_case c = peak_case();
  c.options.coverage = crestmax::plateaus;
  const crestmax::report r = run(c).report;
  EXPECT_NEAR(r.lipschitz, 5, 1e-5);
  EXPECT_EQ(r.lipschitz_from, crestmax::lipschitz_source::estimated);
}

}  // namespace
}  // namespace crestmax_test
