// The correction, with every row sent through it: a lowered limit of the guard.
#include <crestmax/crestmax.hpp>

#include "support/contract.hpp"
#include "support/random_case.hpp"

namespace crestmax_test {
namespace {

bool has_fixed_shift(const attention_case& c) {
  return c.options.softmax.kind == crestmax::softmax_kind::sampled_max ||
         c.options.softmax.kind == crestmax::softmax_kind::anchor_shift;
}

TEST(Correction, OfEveryRowIsExact) {
  index_type corrected = 0;
  for (std::uint64_t seed = 0; seed < static_cast<std::uint64_t>(cases(400)); ++seed) {
    attention_case c = random_case(seed);
    c.options.guard_limit = 0;
    for (const auto backend : {backend_kind::cpu, backend_kind::portable}) {
      const attention_result result = run(c, {.backend = backend});
      ASSERT_TRUE(is_exact(c, result, 16)) << "seed " << seed;
      if (has_fixed_shift(c)) corrected += result.report.rows_corrected;
    }
  }
  EXPECT_GT(corrected, 0);
}

TEST(Correction, TakesEveryRowThatSeesAKeyWhenTheLimitIsZero) {
  attention_case c = normal_case({.q_len = 30, .kv_len = 500, .q_heads = 2}, 1);
  c.modifiers.causal.enabled = true;
  c.options.guard_limit = 0;
  const attention_result result = run(c);
  EXPECT_EQ(result.report.rows_corrected, 60);
  EXPECT_EQ(result.report.rows, 60);
}

TEST(Correction, OfSomeRowsOfABlockIsExact) {
  // The sums of weights spread around this limit, so that blocks are mixed.
  index_type corrected = 0;
  index_type rows = 0;
  for (std::uint64_t seed = 1000; seed < 1000 + static_cast<std::uint64_t>(cases(200)); ++seed) {
    attention_case c = random_case(seed);
    c.options.guard_limit = random_source(seed).uniform(0.3, 3);
    const attention_result result = run(c);
    ASSERT_TRUE(is_exact(c, result, 24)) << "seed " << seed;
    corrected += result.report.rows_corrected;
    rows += result.report.rows;
  }
  EXPECT_GT(corrected, rows / 20);
  EXPECT_LT(corrected, rows * 19 / 20);
}

TEST(Correction, OfSplitsIsExact) {
  for (const double limit : {0.0, 0.7}) {
    attention_case c = normal_case({.q_len = 3, .kv_len = 9000, .q_heads = 4, .kv_heads = 2}, 2);
    c.options.tiles.splits = 5;
    c.options.guard_limit = limit;
    ASSERT_TRUE(is_exact(c)) << limit;
  }
}

TEST(Correction, UnderEveryCoverageStaysWithinIt) {
  for (const auto coverage : {crestmax::above(6), crestmax::above(1000)}) {
    attention_case c = normal_case({.q_len = 20, .kv_len = 800}, 3);
    c.options.coverage = coverage;
    c.options.guard_limit = 0;
    const attention_result result = run(c);
    // What is corrected is exact: nothing is dropped.
    ASSERT_TRUE(is_exact(c, result, 20));
    EXPECT_EQ(result.report.max_dropped_mass, 0);
  }
}

TEST(Scales, OfEverySizeAndSignAreExact) {
  for (const double scale : {0.0, -0.0, -0.125, -3.0, 1e-30, -1e-30, 1e-12, 5.0, 1e3, 1e21}) {
    for (const bool forced : {false, true}) {
      attention_case c = normal_case({.q_len = 6, .kv_len = 500}, 4);
      c.options.scale = scale;
      if (forced) c.options.softmax = forced_sample();
      ASSERT_TRUE(is_exact(c)) << scale;
    }
  }
}

TEST(Scales, OfZeroGiveTheMeanOfTheValues) {
  attention_case c = normal_case({.q_len = 1, .kv_len = 64}, 5);
  c.options.scale = 0.0;
  double mean = 0;
  for (index_type j = 0; j < 64; ++j) mean += c.value.at(0, j, 0, 2) / 64;
  EXPECT_NEAR(run(c).output.at(0, 0, 0, 2), mean, 1e-6);
}

TEST(SignedZeros, ChangeNothing) {
  attention_case c = normal_case({.q_len = 4, .kv_len = 300}, 6);
  random_source random(6);
  for (test_tensor* t : {&c.query, &c.key, &c.value}) {
    t->for_each([&](index_type a, index_type b, index_type h, index_type d) {
      if (random.chance(0.5)) t->set(a, b, h, d, 0.0);
    });
  }
  const attention_result positive = run(c);
  ASSERT_TRUE(is_exact(c, positive, 64));
  for (test_tensor* t : {&c.query, &c.key, &c.value}) {
    t->for_each([&](index_type a, index_type b, index_type h, index_type d) {
      if (t->at(a, b, h, d) == 0) t->set(a, b, h, d, -0.0);
    });
  }
  ASSERT_TRUE(is_exact(c));
}

TEST(SharedMemory, OfValueAsAPartOfKeyIsExact) {
  // As in multi-head latent attention: d_qk = 576, and the first 512 numbers of a key are its value.
  attention_case c = normal_case({.q_len = 3, .kv_len = 200, .q_heads = 16, .d_qk = 576, .d_v = 512}, 7);
  c.value.for_each(
      [&](index_type a, index_type j, index_type h, index_type d) { c.value.set(a, j, h, d, c.key.at(a, j, h, d)); });
  c.modifiers.causal.enabled = true;
  const attention_result separate = run(c);
  ASSERT_TRUE(is_exact(c, separate, 24));
  auto key = c.key.view<float>();
  test_tensor output = c.output;
  const auto status = crestmax::attention(c.query.view<float>(), key,
                                          crestmax::tensor<float>(key.data, {1, 200, 1, 512}, key.strides),
                                          output.view<float>(), {}, crestmax::causal{});
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(output.memory(), separate.output.memory());
}

TEST(Sinks, AsHighAsALargeScoreShareItsWeight) {
  for (const double height : {1e3, 1e4, 1e5, 1e6}) {
    attention_case c = scores_case(1, 1, [&](index_type) { return height; });
    c.value.fill(1);
    c.modifiers.sinks.logits = c.keep(std::vector<float>{static_cast<float>(height)});
    EXPECT_NEAR(run(c).output.at(0, 0, 0, 0), 0.5, 1e-6) << height;
  }
}

TEST(Splits, OfWhichSomeAreCorrectedMergeExactlyAtAnyHeight) {
  // Nine keys share the weight, eight of them in a second split whose crest the anchors missed.
  for (const double height : {1e2, 1e4, 1e6}) {
    attention_case c = scores_case(1, 8192, [&](index_type j) {
      return j == 0 ? height : j >= 6000 && j < 6008 ? height + 40 : height - 60;
    });
    c.value.fill(0);
    c.value.fill_row(0, 6003, 0, 1);
    c.options.softmax = crestmax::anchor_shift{};
    c.options.tiles.splits = 2;
    EXPECT_NEAR(run(c).output.at(0, 0, 0, 0), 0.125, 1e-6) << height;
  }
}

TEST(Float16Weights, AreExactWhateverTheMarginAskedFor) {
  for (const double margin : {0.0, 10.0, 16.0, 20.0}) {
    attention_case c = scores_case(1, 2, [](index_type j) { return j == 0 ? 0.0 : -1.0; });
    c.value.fill_row(0, 0, 0, 1);
    c.value.fill_row(0, 1, 0, 3);
    c.options.weights = crestmax::weight_type::float16;
    c.options.softmax = crestmax::anchor_shift{.margin = margin};
    EXPECT_NEAR(run(c).output.at(0, 0, 0, 0), 1 + 2 / (1 + std::exp(1.0)), 1e-3) << margin;
  }
}

TEST(ShortContexts, TakeTheSampleThatPlateausNeed) {
  for (const index_type kv_len : {200, 700, 1024, 1040}) {
    attention_case c = scores_case(1, kv_len, [](index_type j) { return j >= 100 && j < 130 ? 20.0 : 0.0; });
    c.value.fill(0);
    for (index_type j = 100; j < 130; ++j) c.value.fill_row(0, j, 0, 1);
    c.options.coverage = crestmax::plateaus;
    EXPECT_NEAR(run(c).output.at(0, 0, 0, 0), 1.0, 1e-3) << kv_len;
  }
}

}  // namespace
}  // namespace crestmax_test
