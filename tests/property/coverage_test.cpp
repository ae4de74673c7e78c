// The accuracy-speed dial: what a coverage drops is never more than what it says. Values are the identity
// matrix, so that outputs are the keys' shares of the weight and a dropped key's is exactly zero.
#include "support/contract.hpp"
#include "support/oracle.hpp"
#include "support/random_case.hpp"

namespace crestmax_test {
namespace {

// Less than this is lost to underflow, not to the coverage.
constexpr double underflow = 1e-30;

void set_identity_values(attention_case& c) {
  c.value.fill(0);
  for (index_type b = 0; b < c.value.extent(0); ++b) {
    for (index_type j = 0; j < c.value.extent(1); ++j) {
      for (index_type h = 0; h < c.value.extent(2); ++h) c.value.set(b, j, h, j, 1);
    }
  }
}

// Shares of a random call whose scores fall off unevenly.
attention_case shares_case(std::uint64_t seed, scalar_kind kind) {
  random_source random(seed);
  case_shape shape;
  shape.kv_heads = random.integer(1, 2);
  shape.q_heads = shape.kv_heads * random.integer(1, 3);
  shape.q_len = random.chance(0.3) ? 1 : random.integer(1, 70);
  shape.kv_len = random.spread_integer(40, 600);
  shape.d_qk = random.integer(4, 40);
  shape.d_v = shape.kv_len;
  attention_case c = empty_case(shape.with_types(kind));
  c.query.fill_normal(random, random.pick({1.0, 2.0, 4.0}));
  const double slope = random.uniform(0, 3);
  c.key.for_each([&](index_type b, index_type j, index_type h, index_type d) {
    const double height = slope * std::cos(static_cast<double>(j) * 0.05) + 0.5;
    c.key.set(b, j, h, d, height * random.normal());
  });
  set_identity_values(c);
  add_random_modifiers(c, random);
  c.options.softmax = random.chance(0.5)
                          ? crestmax::softmax_method(crestmax::sampled_max{})
                          : crestmax::softmax_method(forced_sample(random.integer(2, 20), 16, 2));
  c.options.tiles = {.query_block = random.pick<index_type>({0, 1, 16}),
                     .key_tile = random.pick<index_type>({16, 32, 64, 256}),
                     .splits = random.pick<index_type>({0, 1, 3})};
  c.wants_dropped_mass = true;
  return c;
}

double dropped_share(const oracle_row& truth, const attention_result& result, const row_place& r) {
  return truth.mass([&](index_type j) { return result_at(result.output, r, j) == 0; });
}

void hold_above_to_its_bound(std::uint64_t first_seed, scalar_kind kind, backend_kind backend, index_type count) {
  index_type skipped = 0;
  for (std::uint64_t seed = first_seed; seed < first_seed + static_cast<std::uint64_t>(cases(count));
       ++seed) {
    attention_case c = shares_case(seed, kind);
    c.options.coverage = crestmax::above(random_source(seed).uniform(0.5, 16));
    const attention_result result = run(c, {.backend = backend});
    ASSERT_TRUE(result.status.ok()) << result.status.message();
    EXPECT_EQ(result.report.dropped_mass_kind, crestmax::mass_kind::rigorous);
    skipped += result.report.pairs_skipped;
    for (const row_place& r : some_rows(c, 40)) {
      const oracle_row truth = oracle_of(c, r);
      const double dropped = dropped_share(truth, result, r);
      const double bound = result_at(result.dropped_mass, r);
      ASSERT_LE(dropped, bound + underflow) << "seed " << seed << "\n" << describe(c);
      ASSERT_LE(bound, 1.0) << "seed " << seed;
      ASSERT_LE(bound, result.report.max_dropped_mass * (1 + 1e-5)) << "seed " << seed;
      for (index_type j = 0; j < c.d_v(); ++j) {
        const double share = result_at(result.output, r, j);
        const double expected = truth.weights[static_cast<std::size_t>(j)] / (1 - dropped);
        if (share != 0) {
          ASSERT_NEAR(share, expected, 2e-5) << "seed " << seed << ", key " << j;
        }
      }
    }
  }
  EXPECT_GT(skipped, 0) << "nothing was dropped: the test shows nothing";
}

TEST(CoverageAbove, NeverDropsMoreThanItsBoundInFloat) {
  hold_above_to_its_bound(100, scalar_kind::float32, backend_kind::cpu, 150);
}
TEST(CoverageAbove, NeverDropsMoreThanItsBoundInDouble) {
  hold_above_to_its_bound(1100, scalar_kind::float64, backend_kind::cpu, 60);
}
TEST(CoverageAbove, NeverDropsMoreThanItsBoundOnThePortableBackend) {
  hold_above_to_its_bound(2100, scalar_kind::float32, backend_kind::portable, 60);
}

TEST(CoverageAbove, WithAHugeTauIsExact) {
  for (std::uint64_t seed = 3000; seed < 3060; ++seed) {
    attention_case c = random_case(seed, {.most_queries = 40, .most_keys = 600, .most_products = 3e6});
    if (c.options.softmax.kind == crestmax::softmax_kind::running_max ||
        c.options.softmax.kind == crestmax::softmax_kind::lazy_max)
      continue;
    c.options.coverage = crestmax::above(1e6);
    ASSERT_TRUE(is_exact(c, surroundings{}, 12)) << "seed " << seed;
  }
}

TEST(CoverageAbove, TheReportCountsEveryVisiblePairOnce) {
  attention_case c = normal_case({.q_len = 100, .kv_len = 2000, .d_qk = 8, .d_v = 8}, 1);
  c.query.for_each(
      [&](index_type a, index_type b, index_type h, index_type d) { c.query.set(a, b, h, d, 6 * c.query.at(a, b, h, d)); });
  c.options.coverage = crestmax::above(1);
  c.options.tiles.key_tile = 16;
  c.options.tiles.query_block = 1;
  const attention_result result = run(c);
  ASSERT_TRUE(result.status.ok());
  EXPECT_GT(result.report.pairs_skipped, 0);
  EXPECT_EQ(result.report.pairs_accumulated + result.report.pairs_skipped, 100 * 2000);
}

// Smooth scores: a slow wave with a little noise, so that the hypothesis of continuity holds.
attention_case smooth_case(std::uint64_t seed) {
  random_source random(seed);
  const index_type kv_len = random.integer(300, 900);
  const double height = random.uniform(2, 10);
  const double length = random.uniform(60, 300);
  attention_case c = scores_case(
      random.integer(1, 5), kv_len,
      [&](index_type j) { return height * std::cos(static_cast<double>(j) / length) + 0.01 * random.normal(); },
      random.pick({scalar_kind::float32, scalar_kind::float64}), kv_len);
  set_identity_values(c);
  c.options.coverage = crestmax::plateaus;
  c.options.softmax = forced_sample(random.integer(4, 16), random.integer(8, 40), random.integer(1, 6));
  c.wants_dropped_mass = true;
  return c;
}

TEST(CoveragePlateaus, StaysWithinItsBoundWhenTheStatedLipschitzIsTrue) {
  index_type rows_with_loss = 0;
  index_type bounds_that_say_something = 0;
  for (std::uint64_t seed = 0; seed < static_cast<std::uint64_t>(cases(80)); ++seed) {
    attention_case c = smooth_case(seed);
    double lipschitz = 0;
    for (const row_place& r : rows_of(c)) lipschitz = std::max(lipschitz, oracle_of(c, r).lipschitz);
    c.options.lipschitz = lipschitz;
    const attention_result result = run(c);
    ASSERT_TRUE(result.status.ok()) << result.status.message();
    EXPECT_EQ(result.report.dropped_mass_kind, crestmax::mass_kind::hypothesis);
    EXPECT_EQ(result.report.lipschitz_from, crestmax::lipschitz_source::stated);
    bounds_that_say_something += result.report.max_dropped_mass < 0.999;
    for (const row_place& r : rows_of(c)) {
      const double dropped = dropped_share(oracle_of(c, r), result, r);
      rows_with_loss += dropped > 0.001;
      ASSERT_LE(dropped, result.report.max_dropped_mass + underflow) << "seed " << seed << "\n"
                                                                     << describe(c);
    }
  }
  EXPECT_GT(rows_with_loss, 0);
  EXPECT_GT(bounds_that_say_something, 0);
}

TEST(CoveragePlateaus, EstimatesTheLossOfSmoothRows) {
  for (std::uint64_t seed = 0; seed < static_cast<std::uint64_t>(cases(60)); ++seed) {
    const attention_case c = smooth_case(seed);
    const attention_result result = run(c);
    ASSERT_TRUE(result.status.ok()) << result.status.message();
    EXPECT_EQ(result.report.lipschitz_from, crestmax::lipschitz_source::estimated);
    for (const row_place& r : rows_of(c)) {
      const double dropped = dropped_share(oracle_of(c, r), result, r);
      ASSERT_NEAR(result_at(result.dropped_mass, r), dropped, 0.1) << "seed " << seed << "\n" << describe(c);
    }
  }
}

TEST(CoveragePlateaus, SharesOfTheKeysItReadsKeepTheirRatios) {
  for (std::uint64_t seed = 0; seed < static_cast<std::uint64_t>(cases(40)); ++seed) {
    attention_case c = shares_case(seed, scalar_kind::float32);
    c.options.coverage = crestmax::plateaus;
    const attention_result result = run(c);
    ASSERT_TRUE(result.status.ok()) << result.status.message();
    for (const row_place& r : some_rows(c, 20)) {
      const oracle_row truth = oracle_of(c, r);
      if (truth.max == -infinity) continue;
      const double dropped = dropped_share(truth, result, r);
      for (index_type j = 0; j < c.d_v(); ++j) {
        const double share = result_at(result.output, r, j);
        if (share == 0) continue;
        const double expected = truth.weights[static_cast<std::size_t>(j)] / (1 - dropped);
        ASSERT_NEAR(share, expected, 1e-4 * std::max(share, 0.01)) << "seed " << seed << ", key " << j;
      }
    }
  }
}

TEST(CoveragePlateaus, ReadsFewKeysOfALongSequence) {
  attention_case c = normal_case({.q_len = 96, .kv_len = 16384, .d_qk = 16, .d_v = 16}, 5);
  c.options.coverage = crestmax::plateaus;
  const attention_result result = run(c);
  ASSERT_TRUE(result.status.ok());
  EXPECT_LT(result.report.pairs_accumulated, 96 * 16384 / 8);
  EXPECT_EQ(result.report.pairs_accumulated + result.report.pairs_skipped, 96 * 16384);
}

}  // namespace
}  // namespace crestmax_test
