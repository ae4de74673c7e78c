// What a call says of its rows: true maximum, undershoot, L, and the method's bound L * stride.
#include "support/contract.hpp"
#include "support/oracle.hpp"
#include "support/random_case.hpp"

namespace crestmax_test {
namespace {

// Scores may be off by the arithmetic of the compute type, which grows with their size.
double score_tolerance(const attention_case& c, const oracle_row& truth) {
  const double precision = c.computes_in_double() ? 1e-12 : 1e-4;
  return precision * (1 + std::fabs(truth.max)) + half_ulp(c.row_kind, truth.max);
}

attention_case diagnosed_case(std::uint64_t seed) {
  attention_case c = random_case(seed, {.most_queries = 60, .most_keys = 3000, .most_products = 1e7});
  c.options.diagnostics = true;
  c.wants_row_max = true;
  return c;
}

TEST(Diagnostics, TheRowMaximumIsTheTrueOne) {
  for (std::uint64_t seed = 0; seed < static_cast<std::uint64_t>(cases(150)); ++seed) {
    const attention_case c = diagnosed_case(seed);
    const attention_result result = run(c);
    ASSERT_TRUE(result.status.ok()) << result.status.message();
    for (const row_place& r : some_rows(c, 16)) {
      const oracle_row truth = oracle_of(c, r);
      const double given = result_at(result.row_max, r);
      const bool close = truth.max == given || std::fabs(given - truth.max) <= score_tolerance(c, truth);
      ASSERT_TRUE(close) << given << " for " << truth.max << ", seed " << seed << "\n" << describe(c);
    }
  }
}

TEST(Diagnostics, TheRowMaximumNeedsNoOtherDiagnostics) {
  for (std::uint64_t seed = 500; seed < 530; ++seed) {
    attention_case c = diagnosed_case(seed);
    c.options.diagnostics = false;
    const attention_result result = run(c);
    for (const row_place& r : some_rows(c, 16)) {
      const oracle_row truth = oracle_of(c, r);
      if (truth.max != -infinity) {
        ASSERT_NEAR(result_at(result.row_max, r), truth.max, score_tolerance(c, truth)) << "seed " << seed;
      }
    }
    EXPECT_NE(result.report.lipschitz_from, crestmax::lipschitz_source::measured);
  }
}

TEST(Diagnostics, DoNotChangeTheResult) {
  for (std::uint64_t seed = 600; seed < 640; ++seed) {
    attention_case c = diagnosed_case(seed);
    const attention_result diagnosed = run(c);
    c.options.diagnostics = false;
    c.wants_row_max = false;
    const attention_result plain = run(c);
    ASSERT_EQ(diagnosed.output.memory(), plain.output.memory()) << "seed " << seed;
    ASSERT_EQ(diagnosed.lse.memory(), plain.lse.memory()) << "seed " << seed;
  }
}

TEST(Diagnostics, LIsTheLargestDifferenceOfNeighbouringVisibleScores) {
  for (std::uint64_t seed = 1000; seed < 1000 + static_cast<std::uint64_t>(cases(80)); ++seed) {
    attention_case c = random_case(seed, {.most_queries = 12, .most_keys = 800, .most_products = 1e6});
    c.options.diagnostics = true;
    const attention_result result = run(c);
    ASSERT_TRUE(result.status.ok()) << result.status.message();
    double lipschitz = 0;
    double highest = 0;
    for (const row_place& r : rows_of(c)) {
      const oracle_row truth = oracle_of(c, r);
      lipschitz = std::max(lipschitz, truth.lipschitz);
      if (truth.max != -infinity) highest = std::max(highest, std::fabs(truth.max));
    }
    EXPECT_EQ(result.report.lipschitz_from, crestmax::lipschitz_source::measured);
    ASSERT_NEAR(result.report.lipschitz, lipschitz, 1e-4 * (1 + lipschitz + highest))
        << "seed " << seed << "\n"
        << describe(c);
  }
}

TEST(Diagnostics, NoRowUndershootsByMoreThanLTimesStride) {
  index_type sampled = 0;
  for (std::uint64_t seed = 2000; seed < 2000 + static_cast<std::uint64_t>(cases(200)); ++seed) {
    attention_case c = diagnosed_case(seed);
    c.options.softmax = forced_sample(1 + static_cast<index_type>(seed % 40), 32, static_cast<index_type>(seed % 5));
    c.options.softmax.first_keys = static_cast<index_type>(seed % 3);
    c.options.softmax.nearest_keys = static_cast<index_type>(seed % 7);
    const attention_result result = run(c);
    ASSERT_TRUE(result.status.ok()) << result.status.message();
    sampled += result.report.pairs_sampled;
    ASSERT_EQ(result.report.rows_above_bound, 0) << "seed " << seed << "\n" << describe(c);
    ASSERT_LE(result.report.max_undershoot, result.report.max_sampling_bound * 1.001 + 1e-12)
        << "seed " << seed;
  }
  EXPECT_GT(sampled, 0);
}

TEST(Diagnostics, CountTheRowsWhoseSamplesAMaskHid) {
  // A ramp; every sample but the lowest is hidden. L * stride bounds what samples miss only where they
  // are visible: such a row is counted, and exact all the same.
  attention_case c = scores_case(1, 4096, [](index_type j) { return 0.1 * static_cast<double>(j); });
  auto& mask = c.keep(std::vector<std::uint8_t>(4096, 1));
  for (std::size_t k = 8 + 16; k < 4096; k += 16) mask[k] = 0;
  mask[4095] = 0;
  c.modifiers.mask =
      crestmax::boolean_mask(crestmax::tensor<const std::uint8_t>(mask.data(), {1, 1, 1, 4096}));
  c.options.softmax = crestmax::sampled_max{.stride = 16,
                                            .radius = 1,
                                            .windows = 0,
                                            .coarse = crestmax::choice::on,
                                            .first_keys = 0,
                                            .nearest_keys = 0};
  c.options.diagnostics = true;
  const attention_result result = run(c);
  EXPECT_EQ(result.report.rows_above_bound, 1);
  EXPECT_GT(result.report.max_undershoot, 400);
  EXPECT_TRUE(is_exact(c, result, 1));
}

TEST(Counters, AddUpToEveryPairHoweverRowsWereWorkedOn) {
  attention_case c = normal_case({.q_len = 4, .kv_len = 2048}, 3);
  auto& mask = c.keep(std::vector<std::uint8_t>(2048, std::uint8_t{1}));
  std::fill(mask.begin(), mask.begin() + 1024, std::uint8_t{0});
  c.modifiers.mask = crestmax::boolean_mask<std::uint8_t>(
      crestmax::tensor<const std::uint8_t>(mask.data(), {1, 1, 1, 2048}));
  c.options.tiles.key_tile = 256;
  for (const bool diagnosed : {false, true}) {
    for (const double limit : {crestmax::most_guard_limit, 0.0}) {
      for (const index_type splits : {1, 4}) {
        c.wants_row_max = diagnosed;
        c.options.guard_limit = limit;
        c.options.tiles.splits = splits;
        const crestmax::report r = run(c).report;
        EXPECT_EQ(r.pairs_visible + r.pairs_masked, 4 * 2048) << diagnosed << limit << splits;
        EXPECT_EQ(r.pairs_accumulated, r.pairs_visible) << diagnosed << limit << splits;
        EXPECT_GE(r.pairs_visible, 4 * 1024) << "tiles are seen whole: " << diagnosed << limit << splits;
        EXPECT_LE(r.pairs_visible, 4 * (1024 + 256)) << diagnosed << limit << splits;
      }
    }
  }
}

}  // namespace
}  // namespace crestmax_test
