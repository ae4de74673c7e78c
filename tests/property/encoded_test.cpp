// Encoded keys and values: a call on them has the bits of one on the numbers that they stand for.
#include <crestmax/backend/cpu/backend.hpp>

#include "support/contract.hpp"
#include "support/encoded_case.hpp"
#include "support/make_case.hpp"
#include "support/random_case.hpp"

namespace crestmax_test {
namespace {

std::string kinds_of(const encoded_case& e) {
  return std::string(crestmax::name(e.key.view.kind)) + " " + crestmax::name(e.value.view.kind) + " " + describe(e.plain);
}

testing::AssertionResult have_equal_bits(const test_tensor& a, const test_tensor& b) {
  if (a.memory() == b.memory()) return testing::AssertionSuccess();
  index_type differ = 0;
  double most = 0;
  a.for_each([&](index_type i, index_type j, index_type k, index_type l) {
    const double x = a.at(i, j, k, l), y = b.at(i, j, k, l);
    differ += x != y ? 1 : 0;
    most = std::max(most, std::fabs(x - y));
  });
  return testing::AssertionFailure() << differ << " numbers differ, by at most " << most;
}

// Bits are to be those of the plain run.
testing::AssertionResult have_equal_results(const attention_result& plain, const attention_result& encoded) {
  if (!plain.status.ok()) return testing::AssertionFailure() << "plain: " << plain.status.message();
  if (!encoded.status.ok()) return testing::AssertionFailure() << "encoded: " << encoded.status.message();
  if (testing::AssertionResult outputs = have_equal_bits(plain.output, encoded.output); !outputs) return outputs << " (outputs)";
  if (testing::AssertionResult lse = have_equal_bits(plain.lse, encoded.lse); !lse) return lse << " (lse)";
  if (plain.report.rows_corrected == encoded.report.rows_corrected) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "corrected " << encoded.report.rows_corrected << " instead of " << plain.report.rows_corrected;
}

template <class Backend>
void have_the_bits_of_their_numbers_in(encoded_case (&case_of)(std::uint64_t, random_limits), const Backend& backend, std::uint64_t first_seed, index_type count,
                                       const random_limits& limits, const encoded_run& how) {
  for (std::uint64_t seed = first_seed; seed < first_seed + static_cast<std::uint64_t>(cases(count)); ++seed) {
    const encoded_case e = case_of(seed, limits);
    encoded_run plain = how;
    plain.memory = placing::as_it_is;
    const attention_result encoded = run_encoded(e, backend, how);
    ASSERT_TRUE(have_equal_results(run_plain(e, backend, plain), encoded)) << "seed " << seed << " " << kinds_of(e);
    ASSERT_TRUE(encoded.outside_is_untouched) << "seed " << seed << " " << kinds_of(e);
  }
}

template <class Backend>
void have_the_bits_of_their_numbers(const Backend& backend, std::uint64_t first_seed, index_type count, const random_limits& limits = {},
                                    const encoded_run& how = {}) {
  have_the_bits_of_their_numbers_in(some_encoded_case, backend, first_seed, count, limits, how);
}
template <class Backend>
void planes_have_the_bits_of_their_numbers(const Backend& backend, std::uint64_t first_seed, index_type count, const random_limits& limits = {},
                                           const encoded_run& how = {}) {
  have_the_bits_of_their_numbers_in(some_planes_case, backend, first_seed, count, limits, how);
}

using crestmax::backend::cpu;

TEST(EncodedCaches, HaveTheBitsOfTheirNumbersOnTheWidestInstructionSet) { have_the_bits_of_their_numbers(cpu(), 1000, 400); }

TEST(EncodedCaches, HaveTheBitsOfTheirNumbersOnEveryNarrowerInstructionSet) {
  for (const auto set : {crestmax::instruction_set::generic, crestmax::instruction_set::avx2}) {
    if (set < crestmax::cpu::machine_set()) have_the_bits_of_their_numbers(cpu(set), 1000, 200);
  }
}

TEST(EncodedCaches, HaveTheBitsOfTheirNumbersWithFewQueriesOverLongContexts) {
  have_the_bits_of_their_numbers(cpu(), 20000, 60, {.most_queries = 6, .most_keys = 20000, .most_products = 2e7});
}

TEST(EncodedCaches, HaveTheBitsOfTheirNumbersInDouble) { have_the_bits_of_their_numbers(cpu(), 4000, 100, {.most_products = 5e6}, {.in_double = true}); }

TEST(EncodedCaches, HaveTheBitsOfTheirNumbersWhoeverRunsTheItems) {
  have_the_bits_of_their_numbers(cpu(), 5000, 60, {}, {.executor = {executor_kind::shuffled_threads, 3, 7}});
}

// Nothing is read in front of rows, scales and open rows, nor behind them.
TEST(EncodedCaches, AreReadToTheirLastByteAndNoFurther) {
  for (const placing place : {placing::before_a_guard_page, placing::after_a_guard_page}) {
    have_the_bits_of_their_numbers(cpu(), 6000, 80, {.most_queries = 20, .most_keys = 300, .most_products = 2e6}, {.memory = place});
  }
}

TEST(CachesInPlanes, HaveTheBitsOfTheirNumbersOnEveryInstructionSet) {
  for (const auto set : {crestmax::instruction_set::generic, crestmax::instruction_set::avx2, crestmax::instruction_set::avx512, crestmax::instruction_set::widest}) {
    if (set == crestmax::instruction_set::widest || crestmax::cpu::machine_has(set)) planes_have_the_bits_of_their_numbers(cpu(set), 30000, 100);
  }
}
TEST(CachesInPlanes, HaveTheBitsOfTheirNumbersWithFewQueriesOverLongContexts) {
  planes_have_the_bits_of_their_numbers(cpu(), 31000, 40, {.most_queries = 6, .most_keys = 20000, .most_products = 2e7});
}
TEST(CachesInPlanes, HaveTheBitsOfTheirNumbersInDoubleAndByThreads) {
  planes_have_the_bits_of_their_numbers(cpu(), 32000, 60, {.most_products = 5e6}, {.executor = {executor_kind::shuffled_threads, 3, 7}, .in_double = true});
}
TEST(CachesInPlanes, AreReadToTheirLastByteAndNoFurther) {
  for (const placing place : {placing::before_a_guard_page, placing::after_a_guard_page}) {
    planes_have_the_bits_of_their_numbers(cpu(), 33000, 80, {.most_queries = 20, .most_keys = 300, .most_products = 2e6}, {.memory = place});
  }
}

TEST(EncodedCaches, AreExactForTheirNumbers) {
  for (std::uint64_t seed = 3000; seed < 3000 + static_cast<std::uint64_t>(cases(150)); ++seed) {
    const encoded_case e = some_encoded_case(seed);
    ASSERT_TRUE(is_exact(e.plain, run_encoded(e, cpu()), 24)) << "seed " << seed << " " << kinds_of(e);
  }
}

// One sequence of causal queries, keys and values of one kind.
encoded_case causal_case(const stored_as& key, const stored_as& value, std::uint64_t seed, double size = 1, index_type keys = 100) {
  random_source random(seed);
  encoded_case e;
  e.plain = empty_case({.q_len = keys, .kv_len = keys, .q_heads = 2, .kv_heads = 1, .d_qk = 64, .d_v = 64});
  e.plain.modifiers.causal = crestmax::causal{true};
  e.plain.query.fill_normal(random);
  encode(e, key, value, random, size);
  return e;
}

// Rows of output that hold a NaN, and of those before `first`.
struct poisoned_rows {
  index_type before = 0, from = 0;
};
poisoned_rows poisoned(const attention_result& r, index_type first) {
  poisoned_rows found;
  for (index_type q = 0; q < r.output.extent(1); ++q) {
    bool any = false;
    for (index_type i = 0; i < r.output.extent(3); ++i) any |= std::isnan(r.output.at(0, q, 0, i));
    (q < first ? found.before : found.from) += any ? 1 : 0;
  }
  return found;
}

TEST(EncodedCaches, WithAScaleThatIsNoNumberPoisonTheRowsThatSeeItsKey) {
  for (const bool of_keys : {true, false}) {
    encoded_case e = causal_case({.kind = scalar_kind::int8}, {.kind = scalar_kind::int8}, 1);
    encoded_rows& rows = of_keys ? e.key : e.value;
    write_number(scalar_kind::float32, rows.scales.data() + 40 * 4, not_a_number);
    const attention_result r = run_encoded(e, cpu());
    ASSERT_TRUE(r.status.ok()) << r.status.message();
    EXPECT_EQ(poisoned(r, 40).before, 0);
    EXPECT_EQ(poisoned(r, 40).from, 60);
  }
}

TEST(EncodedCaches, WithACodeThatIsNoNumberPoisonTheRowsThatSeeItsKey) {
  for (const scalar_kind kind : {scalar_kind::float8_e4m3, scalar_kind::float8_e5m2}) {
    encoded_case e = causal_case({.kind = kind}, {.kind = kind}, 2);
    e.value.bytes[static_cast<std::size_t>(33 * e.value.view.strides[1] + 5)] = std::byte{0x7f};
    const attention_result r = run_encoded(e, cpu());
    EXPECT_EQ(poisoned(r, 33).before, 0) << crestmax::name(kind);
    EXPECT_EQ(poisoned(r, 33).from, 67) << crestmax::name(kind);
  }
}

TEST(EncodedCaches, OfZeroBlocksAreZeros) {
  for (const scalar_kind kind : blocks) {
    encoded_case e = causal_case({.kind = scalar_kind::q8_0}, {.kind = kind}, 3);
    std::fill(e.value.bytes.begin(), e.value.bytes.end(), std::byte{0});
    const attention_result r = run_encoded(e, cpu());
    r.output.for_each([&](index_type a, index_type b, index_type c, index_type d) { ASSERT_EQ(r.output.at(a, b, c, d), 0) << crestmax::name(kind); });
  }
}

// All codes at their ends, and huge scales: the contract of exact calls.
TEST(EncodedCaches, OfSaturatedCodesAreExact) {
  for (const scalar_kind kind : {scalar_kind::q8_0, scalar_kind::q4_0, scalar_kind::iq4_nl, scalar_kind::int8, scalar_kind::uint8, scalar_kind::uint4}) {
    for (const double size : {1e-3, 1.0, 30.0}) {
      encoded_case e = causal_case({.kind = kind}, {.kind = kind}, 4, size);
      random_source random(5);
      for (encoded_rows* rows : {&e.key, &e.value}) {
        const index_type block = is_block_of_32(kind) ? plain_block_of(kind).bytes : 1;
        const index_type codes_at = is_block_of_32(kind) ? plain_block_of(kind).codes_at : 0;
        for (std::size_t i = 0; i < rows->bytes.size(); ++i) {
          if (static_cast<index_type>(i) % block >= codes_at) rows->bytes[i] = random.chance(0.5) ? std::byte{0xff} : std::byte{0x80};
        }
        test_tensor& numbers = rows == &e.key ? e.plain.key : e.plain.value;
        numbers.for_each([&](index_type a, index_type b, index_type c, index_type d) { numbers.set(a, b, c, d, cached_number(rows->view, rows->coding, a, b, c, d)); });
      }
      ASSERT_TRUE(is_exact(e.plain, run_encoded(e, cpu()), 24)) << crestmax::name(kind) << " " << size;
    }
  }
}

// One key far above all others, at every place of a run.
TEST(EncodedCaches, WithASpikeAreExact) {
  for (index_type spike = 0; spike < 100; spike += 7) {
    encoded_case e = causal_case({.kind = scalar_kind::q8_0}, {.kind = scalar_kind::q4_1}, 6);
    for (index_type block = 0; block < 2; ++block) write_number(scalar_kind::float16, e.key.bytes.data() + spike * e.key.view.strides[1] + block * 34, 3.0);
    e.plain.key.for_each([&](index_type a, index_type b, index_type c, index_type d) { e.plain.key.set(a, b, c, d, cached_number(e.key.view, e.key.coding, a, b, c, d)); });
    ASSERT_TRUE(is_exact(e.plain, run_encoded(e, cpu()), 24)) << spike;
  }
}

}  // namespace
}  // namespace crestmax_test
