// Weights and sums at the limits of their types.
#include "support/contract.hpp"
#include "support/make_case.hpp"
#include "support/oracle.hpp"

namespace crestmax_test {
namespace {

TEST(EqualScores, OfALongRowKeepTheirMean) {
  constexpr index_type kv_len = 65536;
  attention_case c = scores_case(1, kv_len, [](index_type) { return 3.7; });
  random_source random(1);
  c.value.fill_normal(random, 1, 1);
  for (const auto& method :
       {crestmax::softmax_method(crestmax::sampled_max{}), crestmax::softmax_method(forced_sample()),
        crestmax::softmax_method(crestmax::anchor_shift{}),
        crestmax::softmax_method(crestmax::running_max{})}) {
    for (const index_type splits : {0, 1}) {
      c.options.softmax = method;
      c.options.tiles.splits = splits;
      const attention_result result = run(c);
      ASSERT_TRUE(is_exact(c, result, 1));
      // 2e-6 of max |V|, which is about 5.5 here; the plain sum of 65536 numbers would err by 2.8e-5.
      const accuracy a = measure(c, result, rows_of(c));
      EXPECT_LE(a.error, 2e-6 * a.value_max);
    }
  }
}

TEST(EqualScores, OverValuesOfOneGiveOne) {
  attention_case c = scores_case(3, 65536, [](index_type) { return -2.25; });
  c.value.fill(1);
  for (const index_type splits : {0, 1}) {
    c.options.tiles.splits = splits;
    const attention_result result = run(c);
    for (const row_place& r : rows_of(c)) {
      for (index_type k = 0; k < c.d_v(); ++k) EXPECT_EQ(result_at(result.output, r, k), 1.0);
      EXPECT_NEAR(result_at(result.lse, r), -2.25 + std::log(65536.0), 1e-6);
    }
  }
}

TEST(EqualScores, WithNarrowWeightsGiveTheMean) {
  for (const auto type : {crestmax::weight_type::float16, crestmax::weight_type::bfloat16}) {
    attention_case c = scores_case(2, 20000, [](index_type) { return 1.3; });
    c.options.weights = type;
    ASSERT_TRUE(is_exact(c));
  }
}

TEST(HugeValues, UnderWeightsNearOverflowAreExact) {
  // A spike that leaves weights as large as the guard lets pass, over values as large as a sum bears.
  for (const double height : {20.0, 26.0, 27.5, 28.5, 40.0, 80.0, 88.0, 100.0}) {
    attention_case c = scores_case(2, 600, [&](index_type j) { return j == 300 ? height : 0.0; });
    c.value.for_each([&](index_type a, index_type j, index_type h, index_type d) {
      c.value.set(a, j, h, d, (d % 2 == 0 ? 1e38 : -1e37) * c.value.at(a, j, h, d));
    });
    for (const bool anchors_only : {true, false}) {
      if (anchors_only)
        c.options.softmax = crestmax::anchor_shift{};
      else
        c.options.softmax = forced_sample(16, 1, 0);
      ASSERT_TRUE(is_exact(c)) << "height " << height;
    }
  }
}

TEST(HugeValues, OfTheLargestFiniteSizeOnOneKeyAreExact) {
  attention_case c = scores_case(1, 300, [](index_type j) { return j == 150 ? 35.0 : 0.0; });
  c.value.fill(0);
  c.value.fill_row(0, 150, 0, std::numeric_limits<float>::max() / 4);
  EXPECT_TRUE(is_exact(c));
}

TEST(TinyValues, KeepTheirDenormals) {
  // The floor of the contract is 2^-126: denormal values may not turn into anything larger.
  attention_case c = scores_case(2, 300, [](index_type j) { return 0.01 * static_cast<double>(j % 7); });
  c.value.for_each([&](index_type a, index_type j, index_type h, index_type d) {
    c.value.set(a, j, h, d, c.value.at(a, j, h, d) * 0x1p-130);
  });
  EXPECT_TRUE(is_exact(c));
  const attention_result result = run(c);
  double largest = 0;
  for (const row_place& r : rows_of(c))
    largest = std::max(largest, std::fabs(result_at(result.output, r, 0)));
  EXPECT_LE(largest, 0x1p-130);
}

TEST(TinyScores, OfDenormalInputsAreExact) {
  attention_case c = normal_case({.q_len = 3, .kv_len = 400}, 4);
  c.query.for_each([&](index_type a, index_type j, index_type h, index_type d) {
    c.query.set(a, j, h, d, c.query.at(a, j, h, d) * 0x1p-140);
  });
  EXPECT_TRUE(is_exact(c));
}

TEST(TinyInputs, OfDenormalHalvesAreExact) {
  attention_case c = normal_case(case_shape{.q_len = 3, .kv_len = 400}.with_types(scalar_kind::float16), 4);
  c.key.for_each(
      [&](index_type a, index_type j, index_type h, index_type d) { c.key.set(a, j, h, d, c.key.at(a, j, h, d) * 0x1p-16); });
  c.value.for_each(
      [&](index_type a, index_type j, index_type h, index_type d) { c.value.set(a, j, h, d, c.value.at(a, j, h, d) * 0x1p-18); });
  EXPECT_TRUE(is_exact(c));
}

TEST(FlushToZero, OfTheCallerIsNeitherUsedNorLost) {
#if defined(__SSE__)
  attention_case c = scores_case(2, 300, [](index_type j) { return 0.01 * static_cast<double>(j % 7); });
  c.value.for_each([&](index_type a, index_type j, index_type h, index_type d) { c.value.set(a, j, h, d, 0x1p-130); });
  const attention_result expected = run(c);
  const unsigned saved = __builtin_ia32_stmxcsr();
  const unsigned flushing = saved | 0x8040;
  __builtin_ia32_ldmxcsr(flushing);
  const attention_result given = run(c);
  const unsigned after = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(saved);
  EXPECT_EQ(after & 0x8040, 0x8040u);
  EXPECT_EQ(given.output.memory(), expected.output.memory());
#endif
}

TEST(HugeLogits, AreExact) {
  for (const double size : {1e3, 1e4, 1e6, 1e15, 1e30}) {
    for (const double sign : {1.0, -1.0}) {
      random_source random(3);
      attention_case c = scores_case(2, 500, [&](index_type) { return sign * size * random.uniform(0.5, 1); });
      ASSERT_TRUE(is_exact(c)) << sign * size;
      c.options.softmax = forced_sample();
      ASSERT_TRUE(is_exact(c)) << sign * size;
    }
  }
}

TEST(HugeLogits, OfIntegersAreExactlyAsInThePlainFormula) {
  // Products of integers are exact, so that the plain formula errs by rounding alone, at any height.
  random_source random(8);
  for (const index_type reach : {10, 200, 1500}) {
    for (const index_type d : {16, 64}) {
      attention_case c = empty_case({.q_len = 8, .kv_len = 700, .d_qk = d, .d_v = 16});
      c.query.for_each([&](index_type a, index_type b, index_type h, index_type k) {
        c.query.set(a, b, h, k, static_cast<double>(random.integer(-reach, reach)));
      });
      c.key.for_each([&](index_type a, index_type b, index_type h, index_type k) {
        c.key.set(a, b, h, k, static_cast<double>(random.integer(-8, 8)));
      });
      c.value.fill_normal(random);
      // Several keys share each row's maximum, and others stand one step below.
      for (index_type j = 0; j < 700; j += 97) {
        for (index_type k = 0; k < d; ++k) c.key.set(0, j, 0, k, c.key.at(0, 5, 0, k));
      }
      for (const auto& method :
           {crestmax::softmax_method(crestmax::sampled_max{}), crestmax::softmax_method(forced_sample()),
            crestmax::softmax_method(crestmax::running_max{})}) {
        c.options.softmax = method;
        for (const double scale : {0.125, 1.0, 1.0 / 3}) {
          c.options.scale = scale;
          ASSERT_TRUE(is_exact(c)) << "reach " << reach << ", d " << d << ", scale " << scale;
        }
      }
    }
  }
}

TEST(Float16Weights, ThatWouldOverflowAreExact) {
  for (const double height : {3.0, 5.0, 6.0, 8.0, 11.0, 12.0, 17.0, 30.0, 100.0, 1e4}) {
    for (const index_type place : {0, 100, 255, 256, 300, 599}) {
      attention_case c = scores_case(
          2, 600, [&](index_type j) { return j == place ? height : 0.001 * static_cast<double>(j % 13); });
      c.options.weights = crestmax::weight_type::float16;
      c.narrow_slack = 1;
      for (const auto& method : {crestmax::softmax_method(crestmax::sampled_max{}),
                                 crestmax::softmax_method(forced_sample(16, 1, 0)),
                                 crestmax::softmax_method(crestmax::anchor_shift{})}) {
        c.options.softmax = method;
        ASSERT_TRUE(is_exact(c)) << "height " << height << " at " << place;
      }
    }
  }
}

TEST(RoundedWeights, CostAtMostTheirRoundingTimesTheLargestValue) {
  // Few heavy keys, values of 1 and -1, and a crest that is not the maximum, so that the plain formula rounds other numbers.
  for (const auto type : {crestmax::weight_type::float16, crestmax::weight_type::bfloat16}) {
    random_source random(11);
    double worst = 0;
    for (index_type i = 0; i < cases(600); ++i) {
      const index_type heavy = random.integer(2, 5);
      const double height = random.uniform(0, 3);
      attention_case c = scores_case(
          1, 600, [&](index_type j) { return j >= 300 && j < 300 + heavy ? height + random.uniform(-0.7, 0) : j == 0 ? 0.0 : -30.0; },
          scalar_kind::float32, 2);
      c.value.fill(0);
      for (index_type j = 0; j < heavy; ++j) c.value.fill_row(0, 300 + j, 0, j % 2 == 0 ? 1 : -1);
      c.options.weights = type;
      c.narrow_slack = 2;  // all that README promises
      const attention_result result = run(c);
      ASSERT_TRUE(is_exact(c, result, 1));
      const accuracy a = measure(c, result, rows_of(c));
      const double rounding = type == crestmax::weight_type::float16 ? 0x1p-11 : 0x1p-8;
      worst = std::max(worst, (a.error - 2 * a.plain_error - 1e-6) / rounding);
    }
    EXPECT_GT(worst, 0.25) << "the promise leaves out no slack that is needed, and not much that is not";
  }
}

TEST(Float16Weights, KeepManySmallOnesInRowsThatAreCorrected) {
  // Beside a weight of 1 those of 65536 keys 17.4 nats below would round to 0.
  attention_case c = scores_case(20, 65536, [](index_type j) { return j == 0 ? 17.4 : 0.0; });
  c.value.fill(1);
  c.value.fill_row(0, 0, 0, 0);
  c.options.weights = crestmax::weight_type::float16;
  c.options.guard_limit = 0;
  c.options.tiles.splits = 1;
  const attention_result result = run(c);
  ASSERT_TRUE(is_exact(c, result, 1));
  EXPECT_EQ(result.report.rows_corrected, 20);
  const accuracy a = measure(c, result, rows_of(c));
  EXPECT_LE(a.error, (1e-6 + 0x1p-11 + 65536 * 0x1p-33) * a.value_max) << "all that README promises, without the plain formula's error";
}

TEST(Float16Weights, KeepManySmallOnes) {
  // 16384 keys 14 nats below one: their weights are subnormal under a shift above the maximum.
  random_source random(2);
  for (const auto& method :
       {crestmax::softmax_method(crestmax::sampled_max{}), crestmax::softmax_method(forced_sample())}) {
    attention_case c =
        scores_case(2, 16384, [&](index_type j) { return j == 0 ? 0.0 : -14.0 + 0.3 * random.normal(); });
    c.options.weights = crestmax::weight_type::float16;
    c.options.softmax = method;
    EXPECT_TRUE(is_exact(c));
  }
}

TEST(BFloat16Weights, AreExactUnderSpikes) {
  for (const double height : {5.0, 20.0, 28.0, 60.0, 1e4}) {
    attention_case c =
        scores_case(2, 600, [&](index_type j) { return j == 300 ? height : 0.001 * static_cast<double>(j % 13); });
    c.options.weights = crestmax::weight_type::bfloat16;
    c.narrow_slack = 1;
    EXPECT_TRUE(is_exact(c)) << height;
  }
}

}  // namespace
}  // namespace crestmax_test
