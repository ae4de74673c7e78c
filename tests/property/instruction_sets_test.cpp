// The same calls on the plain C++ kernels and on every instruction set of the machine: bits may differ, and results
// no more than the errors that each of them may have. Every row is compared; the bound is measured on some of them.
#include "support/contract.hpp"
#include "support/instruction_sets.hpp"
#include "support/random_case.hpp"

namespace crestmax_test {
namespace {

// The largest difference between two results, or infinity where a NaN or an infinity stands in one alone.
double difference(const test_tensor& a, const test_tensor& b, const std::vector<row_place>& rows, bool relative) {
  double largest = 0;
  for (const row_place& r : rows) {
    for (index_type k = 0; k < a.extent(3); ++k) {
      const double x = result_at(a, r, k);
      const double y = result_at(b, r, k);
      if (x == y || (std::isnan(x) && std::isnan(y))) continue;
      const double size = relative ? std::max(1.0, std::min(std::fabs(x), std::fabs(y))) : 1.0;
      const double off = std::fabs(x - y) / size;
      largest = std::isfinite(off) ? std::max(largest, off) : infinity;
    }
  }
  return largest;
}

// What the contract allows a result to be off the truth.
struct error_bounds {
  double output, lse;
};

error_bounds bounds_of(const attention_case& c, const attention_result& result) {
  const accuracy measured = measure(c, result, some_rows(c, 40));
  EXPECT_EQ(measured.trouble, "");
  return {measured.allowed, 2 * measured.plain_lse_error + (c.computes_in_double() ? 1e-13 : 1e-6) + half_ulp(c.row_kind, 1)};
}

class EveryTwoSets : public OnEverySet {
 protected:
  // This set against every set before it.
  void expect_agreement(std::uint64_t first_seed, index_type count, const random_limits& limits) {
    for (std::uint64_t seed = first_seed; seed < first_seed + static_cast<std::uint64_t>(cases(count)); ++seed) {
      attention_case c = random_case(seed, limits);
      c.narrow_slack = 1;
      const attention_result ours = run(c, GetParam().with());
      ASSERT_TRUE(ours.status.ok()) << ours.status.message();
      const error_bounds allowed = bounds_of(c, ours);
      const std::vector<row_place> rows = rows_of(c);
      for (const kernel_set& set : every_kernel_set()) {
        if (set.is(GetParam())) break;
        if (!machine_runs(set)) continue;
        const attention_result other = run(c, set.with());
        ASSERT_TRUE(other.status.ok()) << other.status.message();
        const error_bounds allowed_other = bounds_of(c, other);
        ASSERT_LE(difference(ours.output, other.output, rows, false), allowed.output + allowed_other.output)
            << "output, against " << set.name << ", seed " << seed << "\n" << describe(c);
        ASSERT_LE(difference(ours.lse, other.lse, rows, true), allowed.lse + allowed_other.lse)
            << "lse, against " << set.name << ", seed " << seed << "\n" << describe(c);
        ASSERT_EQ(ours.report.rows, other.report.rows) << "seed " << seed;
      }
    }
  }
};

std::vector<kernel_set> sets_after_the_first() {
  auto sets = every_kernel_set();
  sets.erase(sets.begin());
  return sets;
}

// Each against all before it: the portable one, the yardstick, is the first.
INSTANTIATE_TEST_SUITE_P(Sets, EveryTwoSets, ::testing::ValuesIn(sets_after_the_first()), name_of_set);

TEST_P(EveryTwoSets, AgreeOnRandomCalls) {
  expect_agreement(80000, 120, {.most_queries = 100, .most_keys = 800, .most_products = 3e6});
}

TEST_P(EveryTwoSets, AgreeOnFewQueriesOverLongContexts) {
  expect_agreement(81000, 25, {.most_queries = 4, .most_keys = 6000, .most_products = 3e6});
}

TEST_P(EveryTwoSets, AgreeOnTinyShapes) {
  expect_agreement(82000, 400, {.most_queries = 5, .most_keys = 40, .most_products = 1e5});
}

}  // namespace
}  // namespace crestmax_test
