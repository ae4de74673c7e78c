// The guard's edge: keys so far above the crest that it has to notice, however rows are worked on, and those that it lets pass.
#include "support/contract.hpp"
#include "support/instruction_sets.hpp"
#include "support/make_case.hpp"

namespace crestmax_test {
namespace {

// Two keys that stand `raw` above all others in units of 1 / scale, one rounding of that apart, with values of 1 and -1: the
// output is the difference of two weights, each as wrong as the rounding of its score's distance from the shift.
attention_case two_keys_above(double low, double raw, double nats, index_type q_len = 1) {
  const double ulp = std::ldexp(1.0, std::ilogb(raw) - 23);
  attention_case c = scores_case(
      q_len, 600,
      [&](index_type j) { return j == 300 ? low + raw + ulp / 2 : j == 301 ? low + raw + 1.5 * ulp : low; },
      scalar_kind::float32, 1, 1);
  c.options.scale = nats / raw;
  c.value.fill(0);
  c.value.set(0, 300, 0, 0, 1);
  c.value.set(0, 301, 0, 0, -1);
  return c;
}

class Guard : public OnEverySet {};
INSTANTIATE_TEST_SUITE_P(Sets, Guard, ::testing::ValuesIn(every_kernel_set()), name_of_set);

TEST_P(Guard, HoldsTwoKeysFarAboveTheCrestToExactness) {
  const attention_case c = two_keys_above(-200, 512, 512 * 113.0 / 2048);
  EXPECT_TRUE(is_exact(c, GetParam().with()));
}

TEST_P(Guard, HoldsEveryHeightOfTwoKeysToExactness) {
  for (const index_type q_len : {1, 20}) {
    for (const double raw : {8.0, 512.0}) {
      for (const double share : {0.0, 0.6, 0.95}) {
        for (double nats = 14; nats < 29; nats += 0.37) {
          const attention_case c = two_keys_above(-std::round(share * raw), raw, nats, q_len);
          ASSERT_TRUE(is_exact(c, GetParam().with(), 1)) << raw << " " << share << " " << nats << " " << q_len;
        }
      }
    }
  }
}

TEST_P(Guard, LetsNoOverflowedSumPass) {
  // Eight weights of which each is finite; their values are so small that outputs stay finite as well.
  for (const index_type q_len : {1, 20}) {
    for (const index_type splits : {1, 3}) {
      attention_case c = scores_case(q_len, 600, [](index_type j) { return j >= 300 && j < 308 ? 88.5 : 0.0; });
      c.value.fill(1e-10);
      c.options.tiles.splits = splits;
      c.options.guard_limit = crestmax::most_guard_limit;
      const attention_result result = run(c, GetParam().with());
      EXPECT_TRUE(is_exact(c, result, 4));
      EXPECT_EQ(result.report.rows_corrected, q_len);
    }
  }
}

// Queries in place and packed, keys in numbers and in pairs, whole and split: every way has to see the same spike.
TEST_P(Guard, SeesAKeyAboveTheLimitOnEveryWay) {
  for (const scalar_kind kind : {scalar_kind::float32, scalar_kind::bfloat16, scalar_kind::float16}) {
    for (const index_type q_len : {1, 3, 40, 100}) {
      for (const index_type splits : {1, 4}) {
        for (const bool above_limit : {false, true}) {
          const double height = (above_limit ? 25 : 23) * crestmax::ln2;
          attention_case c = scores_case(
              q_len, 2500, [&](index_type j) { return j == 700 ? height : -60.0 * static_cast<double>(j % 16); }, kind, 8, 32);
          for (index_type j = 0; j < 2500; j += 16) c.key.set(0, j, 0, 0, j < 4 ? 0 : -60);
          c.options.tiles.splits = splits;
          c.options.softmax = crestmax::anchor_shift{};
          const attention_result result = run(c, GetParam().with());
          ASSERT_TRUE(result.status.ok()) << result.status.message();
          EXPECT_EQ(result.report.rows_corrected, above_limit ? q_len : 0)
              << name(kind) << ", " << q_len << " queries, splits " << splits;
        }
      }
    }
  }
}

TEST(FlatRows, AreNotAddedUpOverTilesByTheGuard) {
  for (const index_type kv_len : {65536, 1048576}) {
    for (const index_type q_len : {1, 20}) {
      for (const double height : {0.0, 9.0}) {  // above the anchors
        if (kv_len * q_len > 2000000) continue;
        attention_case c = scores_case(q_len, kv_len, [&](index_type j) { return j < 8 || j >= kv_len - 128 ? 0.0 : height; });
        const attention_result result = run(c);
        ASSERT_TRUE(result.status.ok()) << result.status.message();
        EXPECT_EQ(result.report.rows_corrected, 0) << kv_len << " keys at " << height;
      }
    }
  }
}

}  // namespace
}  // namespace crestmax_test
