// Coverage within, over caches in planes: what rows say of their error holds, whatever the shape, the mask and the surroundings.
#include "support/contract.hpp"
#include "support/instruction_sets.hpp"
#include "support/planes_case.hpp"

namespace crestmax_test {
namespace {

constexpr index_type d = 64;

// Random queries, keys and values, some keys heavier than others.
planes_case random_planes(std::uint64_t seed, const planes_shape& shape, index_type q_len, index_type q_heads, double size = 2) {
  const auto number = [seed](std::uint64_t part, index_type b, index_type j, index_type h, index_type k) { return normal_at(4 * seed + part, b, j, h, k); };
  return {shape, q_len, q_heads, [=](index_type b, index_type i, index_type h, index_type k) { return size * number(1, b, i, h, k); },
          [=](index_type b, index_type j, index_type h, index_type k) { return number(2, b, j, h, k); },
          [=](index_type b, index_type j, index_type h, index_type k) { return 0.3 + number(3, b, j, h, k); }};
}

// Rows whose error is above what they say of it, in units of that; none of them says more than it was allowed.
struct errors_of_rows {
  index_type rows = 0;
  index_type beyond_two_and_a_half = 0;
  double largest_stated = 0;
  double square = 0;  // mean of the squares of errors in sigmas
};
errors_of_rows measure(const planes_case& c, const planes_result& r) {
  errors_of_rows e;
  for (index_type b = 0; b < c.shape.sequences; ++b) {
    for (index_type i = 0; i < c.q_len; ++i) {
      for (index_type h = 0; h < c.q_heads; ++h) {
        const index_type row = (b * c.q_len + i) * c.q_heads + h;
        const planes_truth t = truth_of(c, b, i, h);
        const double stated = static_cast<double>(r.error[static_cast<std::size_t>(row)]);
        const double error = distance(c, r, t, row, t.norm) / (stated + 1e-6);
        ++e.rows;
        e.beyond_two_and_a_half += error > 2.5 ? 1 : 0;
        e.square += error * error;
        e.largest_stated = std::max(e.largest_stated, stated);
      }
    }
  }
  e.square /= static_cast<double>(e.rows);
  return e;
}

void expect_within(const planes_case& c, const planes_result& r, const std::string& where) {
  ASSERT_TRUE(r.status.ok()) << r.status.message() << where;
  const errors_of_rows e = measure(c, r);
  EXPECT_EQ(e.beyond_two_and_a_half, 0) << where;
  EXPECT_LE(e.largest_stated, c.options.coverage.tolerance) << where;
  EXPECT_FLOAT_EQ(static_cast<float>(r.report.max_output_error), static_cast<float>(e.largest_stated)) << where;
}

class Within : public OnEverySet {};
INSTANTIATE_TEST_SUITE_P(Sets, Within,
                         ::testing::ValuesIn([] {
                           std::vector<kernel_set> sets;
                           for (const kernel_set& set : every_kernel_set()) {
                             if (set.backend != backend_kind::tiles) sets.push_back(set);
                           }
                           return sets;
                         }()),
                         name_of_set);

TEST_P(Within, SaysWhatAnOutputIsOffBy) {
  for (const double tolerance : {0.03, 0.01, 0.003, 0.001}) {
    planes_case c = random_planes(1, {.kv_len = 2100, .kv_heads = 2, .d = d}, 1, 6);
    c.options.coverage = crestmax::within(tolerance);
    const planes_result r = run_planes(c, GetParam().with());
    expect_within(c, r, std::to_string(tolerance));
    // Sets whose panels are one vector, or that read nothing in place, read all planes.
    if (GetParam().set == crestmax::instruction_set::generic || GetParam().set == crestmax::instruction_set::neon ||
        GetParam().set == crestmax::instruction_set::neon_bf16) continue;
    EXPECT_GT(r.report.max_output_error, 0.3 * tolerance);
    EXPECT_EQ(r.report.output_error_kind, crestmax::output_error_kind::sigma);
  }
}

TEST_P(Within, HoldsForHeadDimsOfAllKinds) {
  for (const index_type dims : {index_type{2}, index_type{16}, index_type{30}, index_type{32}, index_type{80}, index_type{96}, index_type{128}, index_type{192}}) {
    planes_case c = random_planes(2, {.kv_len = 1100, .d = dims}, 1, 3, 1.5);
    c.options.coverage = crestmax::within(0.02);
    expect_within(c, run_planes(c, GetParam().with()), "d " + std::to_string(dims));
  }
}

TEST_P(Within, HoldsForEveryLengthOfTheUnfinishedBlock) {
  for (const index_type more : {index_type{0}, index_type{1}, index_type{17}, index_type{62}, index_type{63}}) {
    planes_case c = random_planes(3, {.kv_len = 1088 + more, .d = d}, 1, 2);
    c.options.coverage = crestmax::within(0.01);
    expect_within(c, run_planes(c, GetParam().with()), std::to_string(more) + " keys more");
  }
}

TEST_P(Within, HasTheSameBitsOnPages) {
  planes_case whole = random_planes(4, {.sequences = 2, .kv_len = 1500, .kv_heads = 2, .d = d}, 1, 4);
  planes_case paged = random_planes(4, {.sequences = 2, .kv_len = 1500, .kv_heads = 2, .d = d, .page_size = 128}, 1, 4);
  whole.options.coverage = paged.options.coverage = crestmax::within(0.01);
  const planes_result a = run_planes(whole, GetParam().with()), b = run_planes(paged, GetParam().with());
  expect_within(paged, b, "paged");
  EXPECT_EQ(a.output, b.output);
  EXPECT_EQ(a.lse, b.lse);
  EXPECT_EQ(a.error, b.error);
}

TEST_P(Within, ServesMasksSinksAndScoreModifiersThatDoNotWidenDifferences) {
  const float slopes[] = {0.01f, 0.001f, 0.02f, 0.0f}, logits[] = {2.0f, -1.0f, 5.0f, 0.0f};
  const std::function<void(planes_modifiers&)> chosen[] = {
      [](planes_modifiers& m) { m.causal = crestmax::causal{}; },
      [](planes_modifiers& m) { m.window = {.left = 700, .right = 0}; },
      [](planes_modifiers& m) { m.window = {.left = 90, .right = -1}; },
      [&](planes_modifiers& m) { m.alibi = {slopes}; },
      [](planes_modifiers& m) { m.cap = {3.0f}; },
      [&](planes_modifiers& m) { m.sinks = {logits}; },
      [&](planes_modifiers& m) { m.causal = crestmax::causal{}, m.alibi = {slopes}, m.cap = {10.0f}, m.sinks = {logits}; }};
  for (const auto& choose : chosen) {
    planes_case c = random_planes(5, {.kv_len = 1700, .kv_heads = 2, .d = d}, 3, 4);
    choose(c.modifiers);
    c.options.coverage = crestmax::within(0.01);
    expect_within(c, run_planes(c, GetParam().with()), "modifiers " + std::to_string(&choose - chosen));
  }
}

TEST_P(Within, ReadsEverythingWhereTheToleranceAsksForIt) {
  planes_case c = random_planes(6, {.kv_len = 1300, .d = d}, 1, 2);
  c.options.coverage = crestmax::within(1e-9);
  const planes_result r = run_planes(c, GetParam().with());
  ASSERT_TRUE(r.status.ok());
  for (index_type h = 0; h < 2; ++h) {
    const planes_truth t = truth_of(c, 0, 0, h);
    EXPECT_LE(distance(c, r, t, h, t.norm), 2e-6);
    EXPECT_EQ(r.error[static_cast<std::size_t>(h)], 0.0f);
  }
}

TEST_P(Within, FindsTheKeyThatHasNearlyAllWeight) {
  planes_case c = random_planes(7, {.kv_len = 3000, .d = d}, 1, 1, 0.2);
  // A query that points at one key in the middle.
  for (index_type k = 0; k < d; ++k) c.query[static_cast<std::size_t>(k)] = static_cast<float>(2.5 * c.key.decoded(0, 1777, 0, k));
  c.options.coverage = crestmax::within(0.001);
  const planes_result r = run_planes(c, GetParam().with());
  expect_within(c, r, "one key");
  EXPECT_LT(r.report.keys_refined, 100);
}

TEST_P(Within, TouchesNothingOutsideOfItsBuffers) {
  for (const index_type page : {index_type{0}, index_type{64}}) {
    planes_case c = random_planes(8, {.kv_len = 1217, .kv_heads = 2, .d = 48, .page_size = page}, 2, 4);
    c.options.coverage = crestmax::within(0.01);
    const planes_result first = run_planes(c, GetParam().with({.memory = placing::before_a_guard_page}));
    expect_within(c, first, "before a guard page");
    const planes_result other = run_planes(c, GetParam().with({.memory = placing::after_a_guard_page}));
    EXPECT_TRUE(first.outside_is_untouched && other.outside_is_untouched);
    EXPECT_EQ(first.output, other.output);
  }
}

TEST(WithinBits, DoNotDependOnThreadsOrTheBatch) {
  planes_case c = random_planes(9, {.sequences = 2, .kv_len = 5000, .kv_heads = 2, .d = d}, 1, 4);
  c.options.coverage = crestmax::within(0.003);
  const planes_result expected = run_planes(c);
  ASSERT_TRUE(expected.status.ok()) << expected.status.message();
  EXPECT_GT(expected.report.keys_refined, 0);
  for (const int threads : {2, 3, 4}) {
    const planes_result r = run_planes(c, {.executor = {executor_kind::shuffled_threads, threads, 11}});
    EXPECT_EQ(r.output, expected.output) << threads;
    EXPECT_EQ(r.error, expected.error) << threads;
    EXPECT_EQ(r.report.bytes_read, expected.report.bytes_read) << threads;
  }
  planes_case second = random_planes(9, {.sequences = 1, .kv_len = 5000, .kv_heads = 2, .d = d}, 1, 4);
  second.options = c.options;
  const planes_result alone = run_planes(second);
  EXPECT_TRUE(std::equal(alone.output.begin(), alone.output.end(), expected.output.begin()));
}

TEST(WithinReports, FewerBytesThanExactDecodeReads) {
  planes_case c = random_planes(10, {.kv_len = 8192, .d = 128}, 1, 1, 1);
  c.options.coverage = crestmax::within(0.01);
  const planes_result r = run_planes(c);
  expect_within(c, r, "8192 keys");
  const double share = static_cast<double>(r.report.bytes_read) / (4.0 * 128 * 8192);
  EXPECT_GT(share, 0.25);
  EXPECT_LT(share, 0.36);
  EXPECT_EQ(r.report.rows, 1);
  EXPECT_EQ(r.report.pairs_visible + r.report.pairs_masked, 8192);
}

TEST(WithinReads, AllPlanesOfShortSequencesOfPrefillAndInDouble) {
  for (const auto& [kv_len, q_len] : {std::pair<index_type, index_type>{500, 1}, {2000, 200}}) {
    planes_case c = random_planes(11, {.kv_len = kv_len, .d = d}, q_len, 2);
    c.options.coverage = crestmax::within(0.05);
    const planes_result r = run_planes(c);
    ASSERT_TRUE(r.status.ok());
    EXPECT_EQ(r.report.max_output_error, 0);
    const planes_truth t = truth_of(c, 0, 0, 0);
    EXPECT_LE(distance(c, r, t, 0, t.norm), 2e-6);
  }
}

TEST(WithinPoisons, OnlyRowsThatSeeAValueThatIsNoNumber) {
  planes_case c = random_planes(12, {.kv_len = 1400, .kv_heads = 2, .d = d}, 1, 2);
  c.options.coverage = crestmax::within(0.01);
  c.modifiers.window = {.left = 100, .right = 0};
  c.value.set_step(2 * 500, std::numeric_limits<float>::quiet_NaN());       // of head 0, hidden
  c.value.set_step(2 * 1350 + 1, std::numeric_limits<float>::quiet_NaN());  // of head 1, seen
  const planes_result r = run_planes(c);
  ASSERT_TRUE(r.status.ok());
  const planes_truth t = truth_of(c, 0, 0, 0);
  EXPECT_LE(distance(c, r, t, 0, t.norm), 0.025);
  EXPECT_TRUE(std::isnan(r.output[d]));
}

// Rows made to be hard on bounds: rounding errors of keys that all point along the query, spikes, keys that most rows look at, equal keys, a channel of
// huge numbers.
planes_case hard_planes(int kind, index_type kv_len) {
  const auto number = [](std::uint64_t part, index_type j, index_type k) { return normal_at(1000 + part, 0, j, 0, k); };
  return {{.kv_len = kv_len, .d = d}, 1, 3,
          [=](index_type, index_type, index_type h, index_type k) { return kind == 4 && k == 5 ? 0.01 : number(1, h, k) * (kind == 1 ? 3 : 1); },
          [=](index_type, index_type j, index_type, index_type k) {
            const double q = number(1, 0, k);
            if (kind == 0) return std::floor(number(2, j, k) * 2) / 2 + std::copysign(0.11, q);  // off its middle, along the query
            if (kind == 1 && j % 611 == 77) return 0.9 * q;
            if (kind == 2 && j == 82) return 0.6 * q;
            if (kind == 3) return 0.25;
            return number(2, j, k) * (kind == 4 && k == 5 ? 300 : 1);
          },
          [=](index_type, index_type j, index_type, index_type k) { return kind == 3 ? 1.0 + 0.001 * static_cast<double>(k) : 0.2 + number(3, j, k); }};
}

void expect_bounded(planes_case& c, const std::string& where, const surroundings& s = {}) {
  for (const crestmax::coverage_mode& mode : {crestmax::within_bound(0.03), crestmax::within_bound(0.003), crestmax::within_bound_of_output(0.03), crestmax::within_bound_of_output(0.003)}) {
    c.options.coverage = mode;
    const planes_result r = run_planes(c, s);
    ASSERT_TRUE(r.status.ok()) << r.status.message();
    EXPECT_LE(r.report.max_output_error, mode.tolerance) << where;
    for (index_type h = 0; h < c.q_heads; ++h) {
      const planes_truth t = truth_of(c, 0, 0, h);
      const bool of_output = mode.kind == crestmax::coverage_kind::within_bound_of_output;
      const double stated = static_cast<double>(r.error[static_cast<std::size_t>(h)]);
      EXPECT_LE(distance(c, r, t, h, of_output ? t.norm : t.largest_value), stated + 2e-6) << where << ", row " << h << ", tolerance " << mode.tolerance;
    }
  }
}

TEST_P(Within, BoundsHoldForRandomRows) {
  planes_case c = random_planes(20, {.kv_len = 1500, .d = d}, 1, 3, 1);
  expect_bounded(c, "random", GetParam().with());
}

TEST(WithinBounds, HoldForAdversarialRows) {
  for (int kind = 0; kind < 5; ++kind) {
    planes_case c = hard_planes(kind, 1600);
    expect_bounded(c, "kind " + std::to_string(kind));
  }
}

TEST(WithinSays, SigmasOfAdversarialRowsWithinTheirTolerance) {
  for (int kind = 0; kind < 5; ++kind) {
    planes_case c = hard_planes(kind, 1600);
    c.options.coverage = crestmax::within(0.01);
    const planes_result r = run_planes(c);
    ASSERT_TRUE(r.status.ok());
    EXPECT_LE(r.report.max_output_error, 0.01) << kind;
  }
}

// Refused, and nothing is written.
void expect_refused(planes_case& c, const std::vector<std::string>& words) {
  const planes_result r = run_planes(c);
  EXPECT_EQ(r.status.code, crestmax::status_code::bad_option);
  for (const std::string& word : words) EXPECT_NE(std::string(r.status.message()).find(word), std::string::npos) << r.status.message();
  for (const std::vector<float>* numbers : {&r.output, &r.lse, &r.error}) {
    EXPECT_TRUE(std::all_of(numbers->begin(), numbers->end(), [](float x) { return crestmax::equals(x, -77.0f); }));
  }
}

TEST(WithinRefuses, TolerancesThatAreNotPositiveAndFinite) {
  planes_case c = random_planes(13, {.kv_len = 1100, .d = d}, 1, 2);
  for (const double bad : {0.0, -0.01, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    c.options.coverage = crestmax::within(bad);
    expect_refused(c, {"tolerance", "positive"});
  }
}

TEST(WithinRefuses, MethodsWithoutAFixedShift) {
  planes_case c = random_planes(14, {.kv_len = 1100, .d = d}, 1, 2);
  c.options.coverage = crestmax::within(0.01);
  c.options.softmax = crestmax::running_max{};
  expect_refused(c, {"coverage"});
}

TEST(WithinRefuses, FloatCachesAndModifiersThatItKnowsNothingOf) {
  std::vector<float> memory(4096, 0.5f), out(64, -77.0f);
  const crestmax::tensor<float> query(memory.data(), {1, 1, 1, 16}), key(memory.data(), {1, 100, 1, 16}), output(out.data(), {1, 1, 1, 16});
  crestmax::options o;
  o.coverage = crestmax::within(0.01);
  const crestmax::status s = crestmax::attention(query, key, key, output, o);
  EXPECT_EQ(s.code, crestmax::status_code::bad_option);
  EXPECT_NE(std::string(s.message()).find("planes16"), std::string::npos) << s.message();
  planes_case c = random_planes(15, {.kv_len = 1100, .d = 16}, 1, 1);
  o.key_coding = c.key.coding();
  o.value_coding = c.value.coding();
  const crestmax::tensor<const float> rows(c.query.data(), {1, 1, 1, 16});
  const crestmax::status other = crestmax::attention(rows, c.key.view(), c.value.view(), output, o, ripple{1});
  EXPECT_EQ(other.code, crestmax::status_code::bad_option);
  EXPECT_NE(std::string(other.message()).find("soft_cap"), std::string::npos) << other.message();
  EXPECT_TRUE(std::all_of(out.begin(), out.end(), [](float x) { return crestmax::equals(x, -77.0f); }));
}

}  // namespace
}  // namespace crestmax_test
