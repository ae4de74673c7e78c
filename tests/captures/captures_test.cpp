// Every capture in every mode. Lines that are printed are for a reader; what must hold is asserted.
#include "captures.hpp"
#include "support/pair_sets.hpp"

namespace crestmax_test {
namespace {

constexpr index_type compared_rows = 48;

class Captures : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_FALSE(captures().empty()) << "no captures in " << capture_folder(); }
};

void expect_exact(const capture& from, const attention_case& c, const char* mode) {
  const attention_result result = run(c);
  ASSERT_TRUE(result.status.ok()) << result.status.message();
  ASSERT_TRUE(is_exact(c, result, compared_rows)) << from.name << ", " << mode;
  const accuracy a = measure(c, result, some_rows(c, compared_rows));
  std::printf(
      "%-24s %-22s error %.1e (plain %.1e, allowed %.1e), rows corrected %lld of %lld, sampled %.1f %%\n",
      from.name.c_str(), mode, a.error, a.plain_error, a.allowed,
      static_cast<long long>(result.report.rows_corrected), static_cast<long long>(result.report.rows),
      100.0 * static_cast<double>(result.report.pairs_sampled) /
          static_cast<double>(result.report.pairs_visible));
}

TEST_F(Captures, AreExactUnderThePlannersChoice) {
  for (const capture& from : captures()) expect_exact(from, case_of(from), "planner");
}

TEST_F(Captures, AreExactWithAForcedStrideOf8And16) {
  for (const capture& from : captures()) {
    attention_case c = case_of(from, 512);
    c.options.softmax = forced_sample(8, 32, 4);
    expect_exact(from, c, "stride 8");
    c.options.softmax = forced_sample(16, 32, 4);
    expect_exact(from, c, "stride 16");
  }
}

TEST_F(Captures, AreExactWithoutAnchors) {
  // The sample alone misses most maxima of text decoders: the guard has to notice.
  for (const capture& from : captures()) {
    attention_case c = case_of(from, 256);
    c.options.softmax = crestmax::sampled_max{.stride = 16,
                                              .radius = 1,
                                              .windows = 0,
                                              .coarse = crestmax::choice::on,
                                              .first_keys = 0,
                                              .nearest_keys = 0};
    expect_exact(from, c, "sample alone");
  }
}

TEST_F(Captures, AreExactWhenEveryRowIsCorrected) {
  for (const capture& from : captures()) {
    attention_case c = case_of(from, 256);
    c.options.guard_limit = 0;
    expect_exact(from, c, "every row corrected");
    const attention_result result = run(c);
    EXPECT_EQ(result.report.rows_corrected, result.report.rows) << from.name;
  }
}

TEST_F(Captures, AreExactUnderEveryBaseline) {
  for (const capture& from : captures()) {
    attention_case c = case_of(from, 128);
    c.options.softmax = crestmax::running_max{};
    expect_exact(from, c, "running_max");
    c.options.softmax = crestmax::lazy_max{};
    expect_exact(from, c, "lazy_max");
    c.options.softmax = crestmax::anchor_shift{};
    expect_exact(from, c, "anchor_shift");
  }
}

TEST_F(Captures, AreExactAsStored) {
  for (const capture& from : captures()) {
    expect_exact(from, case_of(from, 128, scalar_kind::float16), "float16");
    expect_exact(from, case_of(from, 128, scalar_kind::bfloat16), "bfloat16");
  }
}

TEST_F(Captures, AreExactInDouble) {
  for (const capture& from : captures())
    expect_exact(from, case_of(from, 32, scalar_kind::float64), "float64");
}

TEST_F(Captures, AreExactWithFloat16Weights) {
  for (const capture& from : captures()) {
    attention_case c = case_of(from, 128);
    c.options.weights = crestmax::weight_type::float16;
    expect_exact(from, c, "float16 weights");
  }
}

TEST_F(Captures, AreExactFromPages) {
  for (const capture& from : captures())
    expect_exact(from, paged(case_of(from, 4), 16, false, 1), "paged decode");
}

TEST_F(Captures, AreExactOnThePortableBackend) {
  for (const capture& from : captures()) {
    attention_case c = case_of(from, 64);
    c.options.softmax = forced_sample();
    ASSERT_TRUE(is_exact(c, {.backend = backend_kind::portable}, 24)) << from.name;
  }
}

TEST_F(Captures, AreExactInPairsOfBfloat16) {
  for (const pair_set& set : pair_sets()) {
    for (const capture& from : captures()) {
      const attention_case c = case_of(from, 64, scalar_kind::bfloat16);
      const attention_result result = run(c, set.where);
      ASSERT_TRUE(is_exact(c, result, 24)) << from.name << " with " << set.name;
      ASSERT_STREQ(result.report.weights, "bfloat16");
    }
  }
}

TEST_F(Captures, AboveDropsNoMoreThanItsBound) {
  for (const capture& from : captures()) {
    for (const double tau : {4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0}) {
      attention_case c = case_of(from, 128);
      set_group_values(c);
      c.options.coverage = crestmax::above(tau);
      c.options.tiles = {.query_block = 16, .key_tile = 64};  // small blocks have something to drop
      c.wants_dropped_mass = true;
      const attention_result result = run(c);
      ASSERT_TRUE(result.status.ok()) << result.status.message();
      double most = 0;
      for (const row_place& r : some_rows(c, compared_rows)) {
        const double dropped = dropped_share(oracle_of(c, r), result, r);
        most = std::max(most, dropped);
        ASSERT_LE(dropped, result_at(result.dropped_mass, r) + 1e-30) << from.name << ", tau " << tau;
      }
      EXPECT_EQ(result.report.dropped_mass_kind, crestmax::mass_kind::rigorous);
      std::printf("%-24s above(%4.1f): skipped %4.1f %%, dropped at most %.1e, bound at most %.1e\n",
                  from.name.c_str(), tau,
                  100.0 * static_cast<double>(result.report.pairs_skipped) /
                      static_cast<double>(result.report.pairs_visible),
                  most, result.report.max_dropped_mass);
    }
  }
}

TEST_F(Captures, AboveDropsSomethingSomewhere) {
  std::int64_t skipped = 0;
  for (const capture& from : captures()) {
    attention_case c = case_of(from, 64);
    c.options.coverage = crestmax::above(4);
    c.options.tiles = {.query_block = 8, .key_tile = 32};
    skipped += run(c).report.pairs_skipped;
  }
  EXPECT_GT(skipped, 0);
}

TEST_F(Captures, PlateausReportWhatTheySkip) {
  for (const capture& from : captures()) {
    attention_case c = case_of(from, 256);
    c.options.coverage = crestmax::plateaus;
    c.wants_dropped_mass = true;
    const attention_result result = run(c);
    ASSERT_TRUE(result.status.ok()) << result.status.message();
    const accuracy a = measure(c, result, some_rows(c, compared_rows));
    const crestmax::report& r = result.report;
    EXPECT_EQ(r.dropped_mass_kind, crestmax::mass_kind::estimate) << from.name;
    EXPECT_EQ(r.pairs_accumulated + r.pairs_skipped, r.pairs_visible) << from.name;
    EXPECT_TRUE(a.trouble.empty()) << a.trouble;
    EXPECT_LE(r.max_dropped_estimate, 1.0);
    std::printf(
        "%-24s plateaus: error %.1e of max |V| %.1f, skipped %4.1f %%, estimate of the loss %.2e, "
        "L %.1f nats, estimate with that L %.3g\n",
        from.name.c_str(), a.error, a.value_max,
        100.0 * static_cast<double>(r.pairs_skipped) / static_cast<double>(r.pairs_visible),
        r.max_dropped_estimate, r.lipschitz, r.max_dropped_mass);
  }
}

TEST_F(Captures, PlateausStayWithinTheirBoundWhenTheTrueLIsStated) {
  for (const capture& from : captures()) {
    attention_case c = case_of(from, 32);
    set_group_values(c);
    double lipschitz = 0;
    for (const row_place& r : some_rows(c, compared_rows))
      lipschitz = std::max(lipschitz, oracle_of(c, r).lipschitz);
    c.options.coverage = crestmax::plateaus;
    c.options.lipschitz = lipschitz;
    const attention_result result = run(c);
    for (const row_place& r : some_rows(c, compared_rows)) {
      ASSERT_LE(dropped_share(oracle_of(c, r), result, r), result.report.max_dropped_mass + 1e-30)
          << from.name;
    }
  }
}

TEST_F(Captures, UndershootsStayBelowLTimesStride) {
  for (const capture& from : captures()) {
    for (const index_type stride : {8, 16}) {
      attention_case c = case_of(from, 128);
      c.options.softmax = forced_sample(stride, 32, 4);
      c.options.diagnostics = true;
      c.wants_row_max = true;
      const attention_result result = run(c);
      ASSERT_TRUE(result.status.ok()) << result.status.message();
      const crestmax::report& r = result.report;
      EXPECT_EQ(r.rows_above_bound, 0) << from.name;
      EXPECT_LE(r.max_undershoot, r.max_sampling_bound) << from.name;
      EXPECT_EQ(r.lipschitz_from, crestmax::lipschitz_source::measured) << from.name;
      for (const row_place& row : some_rows(c, 16)) {
        const oracle_row truth = oracle_of(c, row);
        ASSERT_NEAR(result_at(result.row_max, row), truth.max, 1e-4 * (1 + std::fabs(truth.max)))
            << from.name;
        ASSERT_LE(truth.lipschitz, r.lipschitz * 1.001) << from.name;
      }
      std::printf(
          "%-24s stride %2lld: undershoot at most %.2f nats, bound L * stride at most %.1f (L %.1f)\n",
          from.name.c_str(), static_cast<long long>(stride), r.max_undershoot, r.max_sampling_bound,
          r.lipschitz);
    }
  }
}

}  // namespace
}  // namespace crestmax_test
