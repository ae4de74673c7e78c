// products::integer: how far results are from those of products::exact, on random cases, on normal data and on rows that are made to hurt.
#include <crestmax/backend/cpu/backend.hpp>

#include "support/contract.hpp"
#include "support/encoded_case.hpp"
#include "support/make_case.hpp"
#include "support/random_case.hpp"

namespace crestmax_test {
namespace {

using crestmax::products;
using crestmax::backend::cpu;

std::string kinds_of(const encoded_case& e) {
  return std::string(crestmax::name(e.key.view.kind)) + " " + crestmax::name(e.value.view.kind) + " " + describe(e.plain);
}

template <class Backend>
attention_result run_with(const encoded_case& e, products of, const Backend& backend, const encoded_run& how = {}) {
  encoded_case c = e;
  c.plain.options.products = of;
  return run_encoded(c, backend, how);
}

// The largest magnitude of a tensor's numbers.
double largest(const test_tensor& t) {
  double most = 0;
  t.for_each([&](index_type i, index_type j, index_type k, index_type l) { most = std::max(most, std::fabs(t.at(i, j, k, l))); });
  return most;
}
// The largest sum of magnitudes of a row.
double largest_sum(const test_tensor& t) {
  const auto [batch, length, heads, d] = t.extents();
  double most = 0;
  for (index_type i = 0; i < batch; ++i) {
    for (index_type j = 0; j < length; ++j) {
      for (index_type h = 0; h < heads; ++h) {
        double sum = 0;
        for (index_type k = 0; k < d; ++k) sum += std::fabs(t.at(i, j, h, k));
        most = std::max(most, sum);
      }
    }
  }
  return most;
}
double largest_difference(const test_tensor& a, const test_tensor& b) {
  double most = 0;
  a.for_each([&](index_type i, index_type j, index_type k, index_type l) {
    const double x = a.at(i, j, k, l), y = b.at(i, j, k, l);
    if (std::isnan(x) && std::isnan(y)) return;
    const double difference = std::fabs(x - y);
    most = std::isnan(difference) || difference > most ? difference : most;
  });
  return most;
}
double finite_or_zero(double x) { return std::isfinite(x) ? x : 0; }
double largest_finite_difference(const test_tensor& a, const test_tensor& b) {
  double most = 0;
  a.for_each([&](index_type i, index_type j, index_type k, index_type l) {
    EXPECT_EQ(std::isfinite(a.at(i, j, k, l)), std::isfinite(b.at(i, j, k, l)));
    most = std::max(most, std::fabs(finite_or_zero(a.at(i, j, k, l)) - finite_or_zero(b.at(i, j, k, l))));
  });
  return most;
}

// What options.hpp states, in nats: of rows with one scale, or one for a block of them. Codes of channels stand for at most 16 times what the
// numbers of such a row do.
double bound_of_scores(const encoded_case& e) {
  return std::fabs(e.plain.scale()) * largest(e.plain.query) * largest_sum(e.plain.key) / 65534 * (e.key.coding.group > 0 ? 16 : 1);
}
// The same for outputs, of weights that are off by so many nats. Integer codes stand for at most 4 times the largest number of these cases.
double bound_of_outputs(const encoded_case& e, double nats) {
  const double most = largest(e.plain.value);
  return most * std::expm1(2 * nats) + 4 * most * 16 / 65534 + 1e-5 * most;
}

template <class Backend>
void are_within_the_bounds(const Backend& backend, std::uint64_t first_seed, index_type count, const random_limits& limits = {},
                           const encoded_run& how = {}) {
  for (std::uint64_t seed = first_seed; seed < first_seed + static_cast<std::uint64_t>(cases(count)); ++seed) {
    const encoded_case e = some_encoded_case(seed, limits);
    if (e.plain.options.coverage.kind != crestmax::coverage_kind::everything) continue;
    const attention_result exact = run_with(e, products::exact, backend);
    const attention_result integer = run_with(e, products::integer, backend, how);
    ASSERT_TRUE(integer.outside_is_untouched) << "seed " << seed << " " << kinds_of(e);
    ASSERT_TRUE(integer.status.ok()) << integer.status.message() << kinds_of(e);
    const double nats = bound_of_scores(e);
    ASSERT_LE(largest_finite_difference(exact.lse, integer.lse), nats + 1e-4) << "lse, seed " << seed << " " << kinds_of(e);
    ASSERT_LE(largest_difference(exact.output, integer.output), bound_of_outputs(e, nats)) << "outputs, seed " << seed << " " << kinds_of(e);
  }
}

TEST(IntegerProducts, AreWithinTheirBoundsOnTheWidestInstructionSet) { are_within_the_bounds(cpu(), 1000, 120); }

TEST(IntegerProducts, AreWithinTheirBoundsByAvx2) {
  are_within_the_bounds(cpu(crestmax::instruction_set::avx2), 2000, 60);
}

TEST(IntegerProducts, AreWithinTheirBoundsWithFewQueriesOverLongContexts) {
  are_within_the_bounds(cpu(), 20000, 20, {.most_queries = 6, .most_keys = 20000, .most_products = 2e7});
}

TEST(IntegerProducts, ReadCodesToTheirLastByteAndNoFurther) {
  for (const placing place : {placing::before_a_guard_page, placing::after_a_guard_page}) {
    are_within_the_bounds(cpu(), 6000, 40, {.most_queries = 20, .most_keys = 300, .most_products = 2e6}, {.memory = place});
  }
}

// Queries and cache of one sequence, all of a kind, of normal size.
encoded_case decode_case(scalar_kind kind, index_type kv_len, index_type q_heads, index_type kv_heads, index_type d, std::uint64_t seed) {
  random_source random(seed);
  encoded_case e;
  e.plain = empty_case({.q_len = 1, .kv_len = kv_len, .q_heads = q_heads, .kv_heads = kv_heads, .d_qk = d, .d_v = d});
  e.plain.query.fill_normal(random);
  stored_as key, value;
  key.kind = value.kind = kind;
  if (kind == scalar_kind::uint4 || kind == scalar_kind::uint8) {
    key.has_offsets = value.has_offsets = true;
    key.offset = value.offset = crestmax::offset_kind::minimum;
    key.group = 1;
    key.keys = 64;
  }
  encode(e, key, value, random);
  return e;
}

constexpr scalar_kind integer_kinds[] = {scalar_kind::q8_0, scalar_kind::int8, scalar_kind::q4_0, scalar_kind::uint4, scalar_kind::q4_1, scalar_kind::q5_0, scalar_kind::q5_1, scalar_kind::iq4_nl, scalar_kind::uint8};

TEST(IntegerProducts, AreWithinATenThousandthOfTheLargestValueOnNormalData) {
  for (const scalar_kind kind : integer_kinds) {
    const encoded_case e = decode_case(kind, 2000, 8, 2, 128, 7);
    const attention_result exact = run_with(e, products::exact, cpu());
    const attention_result integer = run_with(e, products::integer, cpu());
    const double difference = largest_difference(exact.output, integer.output);
    EXPECT_LE(difference, 1e-4 * largest(e.plain.value)) << crestmax::name(kind);
    EXPECT_GT(difference, 0) << crestmax::name(kind) << ": no integers were multiplied";
  }
}

TEST(IntegerProducts, KeepTheirBoundWhereOneChannelOfAQueryIsHuge) {
  for (const scalar_kind kind : integer_kinds) {
    encoded_case e = decode_case(kind, 333, 4, 1, 64, 8);
    for (index_type h = 0; h < 4; ++h) e.plain.query.set(0, 0, h, 17 * h, 1000);
    const attention_result exact = run_with(e, products::exact, cpu());
    const attention_result integer = run_with(e, products::integer, cpu());
    const double nats = bound_of_scores(e);
    EXPECT_LE(largest_difference(exact.lse, integer.lse), nats + 1e-4) << crestmax::name(kind);
    EXPECT_LE(largest_difference(exact.output, integer.output), bound_of_outputs(e, nats)) << crestmax::name(kind);
  }
}

TEST(IntegerProducts, KeepTheirBoundOfTinyQueries) {
  for (const double size : {1e-20, 1e-35, 0.0}) {
    encoded_case e = decode_case(scalar_kind::q8_0, 100, 4, 1, 64, 9);
    e.plain.query.for_each([&](index_type i, index_type j, index_type k, index_type l) { e.plain.query.set(i, j, k, l, size * e.plain.query.at(i, j, k, l)); });
    const attention_result exact = run_with(e, products::exact, cpu());
    const attention_result integer = run_with(e, products::integer, cpu());
    EXPECT_LE(largest_difference(exact.output, integer.output), bound_of_outputs(e, 0)) << size;
  }
}

TEST(IntegerProducts, AreExactInBlocksWithAQueryThatIsNoNumber) {
  encoded_case e = decode_case(scalar_kind::int8, 500, 4, 1, 64, 10);
  e.plain.query.set(0, 0, 2, 5, not_a_number);
  const attention_result exact = run_with(e, products::exact, cpu());
  const attention_result integer = run_with(e, products::integer, cpu());
  for (index_type h = 0; h < 4; ++h) {
    EXPECT_EQ(std::isnan(integer.lse.at(0, 0, h, 0)), h == 2);
    if (h == 2) continue;
    EXPECT_EQ(integer.lse.at(0, 0, h, 0), exact.lse.at(0, 0, h, 0));
  }
}

TEST(IntegerProducts, OfValuesWhoseScaleIsNoNumberAreNoNumbersWhereTheExactOnesAreNone) {
  encoded_case e = decode_case(scalar_kind::q8_0, 300, 4, 1, 64, 11);
  write_number(scalar_kind::float16, e.value.bytes.data() + 100 * 68 + 34, not_a_number);  // of the second block of row 100
  const attention_result exact = run_with(e, products::exact, cpu());
  const attention_result integer = run_with(e, products::integer, cpu());
  EXPECT_TRUE(std::isnan(exact.output.at(0, 0, 0, 32)));
  integer.output.for_each([&](index_type i, index_type j, index_type k, index_type l) {
    EXPECT_EQ(std::isnan(integer.output.at(i, j, k, l)), std::isnan(exact.output.at(i, j, k, l)));
  });
}

TEST(IntegerProducts, OfEncodingsWithoutIntegersAreExact) {
  const encoded_case e = decode_case(scalar_kind::float8_e4m3, 700, 8, 2, 64, 12);
  const attention_result exact = run_with(e, products::exact, cpu());
  const attention_result integer = run_with(e, products::integer, cpu());
  EXPECT_EQ(exact.output.memory(), integer.output.memory());
}

TEST(IntegerProducts, DoNotDependOnWorkers) {
  for (const scalar_kind kind : {scalar_kind::q4_0, scalar_kind::uint4}) {
    const encoded_case e = decode_case(kind, 9000, 8, 2, 64, 13);
    const attention_result one = run_with(e, products::integer, cpu());
    const attention_result many = run_with(e, products::integer, cpu(), {.executor = {executor_kind::shuffled_threads, 3, 7}});
    EXPECT_EQ(one.output.memory(), many.output.memory()) << crestmax::name(kind);
  }
}

TEST(IntegerProducts, AreRefusedByAnyOtherName) {
  encoded_case e = decode_case(scalar_kind::q8_0, 10, 1, 1, 32, 14);
  const attention_result r = run_with(e, static_cast<products>(2), cpu());
  EXPECT_EQ(r.status.code, crestmax::status_code::bad_option);
}

}  // namespace
}  // namespace crestmax_test
