// A call from C gives the bits of the same call from C++, in every way that C offers. Where scores pass through modifiers that act on rows, which
// the tests' own chain applies one by one, it is held to float64 math instead; modifiers_test.cpp has their bits.
#include <gtest/gtest.h>

#include <algorithm>

#include "from_c.hpp"
#include "support/contract.hpp"
#include "support/random_case.hpp"

namespace crestmax_test {

std::uintptr_t attention_of_the_first_copy() { return reinterpret_cast<std::uintptr_t>(&crestmax_attention); }

namespace {

testing::AssertionResult same_memory(const char* what, const test_tensor& a, const test_tensor& b) {
  if (a.memory() == b.memory()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << what << " has other bits";
}

testing::AssertionResult same_result(const attention_result& a, const attention_result& b) {
  if (!a.status.ok()) return testing::AssertionFailure() << a.status.message();
  if (!b.status.ok()) return testing::AssertionFailure() << b.status.message();
  const struct { const char* name; const test_tensor* a; const test_tensor* b; } outputs[] = {
      {"output", &a.output, &b.output}, {"lse", &a.lse, &b.lse}, {"row_max", &a.row_max, &b.row_max}, {"dropped_mass", &a.dropped_mass, &b.dropped_mass}};
  for (const auto& o : outputs) {
    if (auto same = same_memory(o.name, *o.a, *o.b); !same) return same;
  }
  return testing::AssertionSuccess();
}

bool acts_on_rows(const attention_case& c) {
  const auto& parts = c.modifiers.scores.parts;
  if (c.modifiers.tensor.changes_scores()) return true;
  return std::any_of(parts.begin(), parts.end(), [](const auto& part) { return !std::holds_alternative<ripple>(part); });
}

class FromC : public ::testing::TestWithParam<way> {
 protected:
  void expect_the_bits_of_cpp(std::uint64_t first_seed, index_type count, const random_limits& limits) {
    const auto last = first_seed + static_cast<std::uint64_t>(cases(count));
    for (std::uint64_t seed = first_seed; seed < last; ++seed) {
      attention_case c = random_case(seed, limits);
      c.wants_row_max = seed % 3 == 0;
      c.wants_dropped_mass = seed % 5 == 0;
      const int workers = GetParam() == way::one_call ? 1 : 3;
      const attention_result given = run_in_c(c, GetParam(), workers);
      ASSERT_TRUE(acts_on_rows(c) ? is_exact(c, given, 24) : same_result(given, run(c))) << "seed " << seed << "\n" << describe(c);
    }
  }
};

TEST_P(FromC, AnyCallHasTheBitsOfCpp) { expect_the_bits_of_cpp(100, 120, {.most_products = 3e6}); }

TEST_P(FromC, MaskTensorsHaveTheBitsOfCpp) { expect_the_bits_of_cpp(500, 20, {.most_products = 3e6, .mask_tensors = true}); }

TEST_P(FromC, FewQueriesOverLongContextsHaveTheBitsOfCpp) {
  expect_the_bits_of_cpp(900, 12, {.most_queries = 4, .most_keys = 9000, .most_products = 1e7});
}

TEST_P(FromC, NarrowWeightsHaveTheBitsOfCpp) {
  expect_the_bits_of_cpp(700, 6, {.most_products = 3e6, .allow_packed = false, .narrow_weights = true});
}

INSTANTIATE_TEST_SUITE_P(Way, FromC, ::testing::Values(way::one_call, way::parallel_for, way::items, way::team),
                         [](const auto& w) { return name_of(w.param); });

}  // namespace
}  // namespace crestmax_test
