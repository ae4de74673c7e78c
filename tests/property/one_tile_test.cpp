// Blocks whose keys fit one tile: scored once, under their true maxima.
#include "support/contract.hpp"
#include "support/instruction_sets.hpp"
#include "support/make_case.hpp"

namespace crestmax_test {
namespace {

constexpr index_type longest_tile = 512;  // of any set, read in place or packed

class OneTile : public OnEverySet {};
INSTANTIATE_TEST_SUITE_P(Sets, OneTile, ::testing::ValuesIn(every_kernel_set()), name_of_set);

attention_case short_case(index_type q_len, index_type kv_len, index_type d, bool is_causal, scalar_kind kind = scalar_kind::float32) {
  const auto seed = static_cast<std::uint64_t>(100 * q_len + kv_len);
  attention_case c = normal_case(case_shape{.q_len = q_len, .kv_len = kv_len, .d_qk = d, .d_v = d}.with_types(kind), seed);
  c.modifiers.causal.enabled = is_causal;
  return c;
}

TEST_P(OneTile, IsExactForEveryTwoShortLengths) {
  for (index_type q_len = 1; q_len <= 40; ++q_len) {
    for (index_type kv_len = 1; kv_len <= 40; ++kv_len) {
      const index_type d = 1 + (17 * q_len + 29 * kv_len) % 80;
      const attention_case c = short_case(q_len, kv_len, d, (q_len + kv_len) % 3 == 0);
      ASSERT_TRUE(is_exact(c, GetParam().with(), 4));
    }
  }
}

TEST_P(OneTile, IsExactInEveryHeadDim) {
  for (const scalar_kind kind : {scalar_kind::float32, scalar_kind::bfloat16}) {
    for (index_type d = 1; d <= 80; ++d) {
      const attention_case c = short_case(15 + d % 5, 14 + d % 7, d, d % 2 == 0, kind);
      ASSERT_TRUE(is_exact(c, GetParam().with(), 6));
    }
  }
}

TEST_P(OneTile, IsExactBesideTheEndOfATile) {
  for (const index_type tile : {index_type{256}, longest_tile}) {
    for (index_type kv_len = tile - 1; kv_len <= tile + 1; ++kv_len) {
      for (const index_type q_len : {1, 3, 16, 17, 50}) {
        for (const scalar_kind kind : {scalar_kind::float32, scalar_kind::bfloat16}) {
          const attention_case c = short_case(q_len, kv_len, 24, q_len % 2 == 1, kind);
          ASSERT_TRUE(is_exact(c, GetParam().with(), 6));
        }
      }
    }
  }
}

TEST_P(OneTile, NeedsNoCorrectionWhereverTheSpikeIs) {
  for (const index_type q_len : {1, 17, 60}) {
    for (index_type spike = 0; spike < 200; spike += 13) {
      const attention_case c = scores_case(q_len, 200, [&](index_type j) { return j == spike ? 1e4 : -1e4 + static_cast<double>(j); });
      const attention_result result = run(c, GetParam().with());
      ASSERT_TRUE(is_exact(c, result, 4)) << spike;
      EXPECT_EQ(result.report.rows_corrected, 0) << spike;
      EXPECT_EQ(result.report.max_undershoot_bound, 0) << spike;
    }
  }
}

TEST_P(OneTile, IsExactAmongScoresOfMinusInfinity) {
  for (index_type last = 0; last < 40; last += 3) {
    const attention_case c = scores_case(20, 40, [&](index_type j) { return j == last ? 3.0 : -infinity; });
    ASSERT_TRUE(is_exact(c, GetParam().with(), 4)) << last;
  }
  const attention_case none = scores_case(20, 40, [](index_type) { return -infinity; });
  EXPECT_TRUE(is_exact(none, GetParam().with(), 4));
}

TEST_P(OneTile, IsExactForRowsThatSeeNothing) {
  for (const index_type q_len : {18, 30}) {
    attention_case c = short_case(q_len, 17, 20, true);  // the first queries stand before all keys
    ASSERT_TRUE(is_exact(c, GetParam().with()));
    c.modifiers.sinks = {c.keep(std::vector<float>{1.5f})};
    ASSERT_TRUE(is_exact(c, GetParam().with()));
  }
}

TEST_P(OneTile, IsExactUnderASinkAboveEveryScore) {
  for (const float sink : {-1e4f, 0.0f, 3.0f, 50.0f, 1e4f}) {
    attention_case c = short_case(25, 30, 16, true);
    c.modifiers.sinks = {c.keep(std::vector<float>{sink})};
    ASSERT_TRUE(is_exact(c, GetParam().with())) << sink;
  }
}

TEST_P(OneTile, IsExactUnderModifiers) {
  for (index_type n = 9; n <= 73; n += 8) {
    attention_case c = short_case(n, n, 40, n % 16 == 1);
    c.modifiers.scores.parts = {crestmax::soft_cap{5.0f}, ripple{2.0f}};
    ASSERT_TRUE(is_exact(c, GetParam().with(), 8)) << n;
    c.modifiers.window = crestmax::sliding_window{7, 2};
    ASSERT_TRUE(is_exact(c, GetParam().with(), 8)) << n;
  }
}

TEST_P(OneTile, IsReadAndCountedOnce) {
  attention_case c = short_case(30, 100, 24, false);
  for (const auto& coverage : {crestmax::everything, crestmax::above(4), crestmax::plateaus}) {
    c.options.coverage = coverage;
    const crestmax::report r = run(c, GetParam().with()).report;
    EXPECT_EQ(r.pairs_crest, 30 * 100);
    EXPECT_EQ(r.pairs_accumulated, 30 * 100);
    EXPECT_EQ(r.pairs_sampled, 0);
    EXPECT_EQ(r.pairs_plateau, 0);
    EXPECT_EQ(r.pairs_skipped, 0);
    EXPECT_EQ(r.rescales, 0);
    EXPECT_EQ(r.bytes_read, 100 * (24 + 24) * 4);
    EXPECT_EQ(r.max_dropped_mass, 0);
    EXPECT_EQ(r.max_dropped_estimate, 0);
  }
}

TEST_P(OneTile, ShowsTheTrueL) {
  attention_case c = scores_case(3, 100, [](index_type j) { return j == 40 ? 5.0 : j == 41 ? -2.0 : 0.0; });
  c.options.coverage = crestmax::plateaus;
  EXPECT_NEAR(run(c, GetParam().with()).report.lipschitz, 7, 1e-5);
}

TEST_P(OneTile, HasNoMoreKeysThanAPlansTile) {
  attention_case c = short_case(30, 96, 24, false);
  c.options.tiles = {.key_tile = 32, .splits = 1};
  c.options.softmax = forced_sample(16, 8, 1);
  EXPECT_GT(run(c, GetParam().with()).report.pairs_sampled, 0);
  c.options.tiles.key_tile = 96;
  EXPECT_EQ(run(c, GetParam().with()).report.pairs_sampled, 0);
}

TEST_P(OneTile, IsCorrectedLikeAnyOtherBlock) {
  attention_case c = short_case(30, 40, 24, true);
  c.options.guard_limit = 0;
  const attention_result result = run(c, GetParam().with());
  EXPECT_EQ(result.report.rows_corrected, 30);
  EXPECT_EQ(result.report.max_undershoot_bound, 0);
  EXPECT_TRUE(is_exact(c, result, 30));
}

TEST_P(OneTile, KeepsInfinityAndNaNToTheRowsThatSeeThem) {
  for (const double unusual : {infinity, -infinity, std::numeric_limits<double>::quiet_NaN()}) {
    attention_case c = short_case(20, 20, 12, true);
    c.value.set(0, 7, 0, 3, unusual);
    c.key.set(0, 12, 0, 5, unusual);
    ASSERT_TRUE(is_exact(c, GetParam().with(), 20)) << unusual;
  }
}

TEST_P(OneTile, IsExactInNarrowWeights) {
  for (const auto weights : {crestmax::weight_type::float16, crestmax::weight_type::bfloat16}) {
    for (const index_type n : {5, 17, 40, 130}) {
      attention_case c = short_case(n, n, 32, n % 2 == 1);
      c.options.weights = weights;
      ASSERT_TRUE(is_exact(c, GetParam().with(), 8)) << n;
    }
  }
}

}  // namespace
}  // namespace crestmax_test
