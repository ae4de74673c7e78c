// Encoded keys and values: a call on them has the bits of one on the numbers that they stand for.
#include <crestmax/backend/cpu/backend.hpp>

#include "support/contract.hpp"
#include "support/encoded_case.hpp"
#include "support/instruction_sets.hpp"
#include "support/random_case.hpp"

namespace crestmax_test {
namespace {

constexpr scalar_kind blocks[] = {scalar_kind::q8_0, scalar_kind::q4_0, scalar_kind::q4_1, scalar_kind::q5_0, scalar_kind::q5_1, scalar_kind::iq4_nl};
constexpr scalar_kind codes[] = {scalar_kind::int8, scalar_kind::uint8, scalar_kind::uint4, scalar_kind::float8_e4m3, scalar_kind::float8_e5m2};

// Pages that two sequences share hold one set of open rows at most: there keys are not coded in blocks.
bool may_have_open_rows(const attention_case& c) {
  if (!c.key_offsets.empty()) return false;
  if (!c.pages) return true;
  std::set<std::int32_t> seen;
  for (const sequence_place& s : sequences_of(c)) {
    const index_type size = c.key.extent(1);
    const index_type first = c.pages->offsets.empty() ? s.number * c.pages->table_stride : c.pages->offsets[static_cast<std::size_t>(s.number)];
    for (index_type i = 0; i < (s.kv_len + size - 1) / size; ++i) {
      if (!seen.insert(c.pages->block_table[static_cast<std::size_t>(first + i)]).second) return false;
    }
  }
  return true;
}

// Some way to store rows of d numbers.
stored_as some_way(const attention_case& c, index_type d, random_source& random) {
  stored_as as;
  as.layout = random.pick({memory_layout::dense, memory_layout::padded, memory_layout::heads_first});
  if (random.chance(0.15)) {
    as.kind = random.pick({scalar_kind::float16, scalar_kind::bfloat16});
    as.layout = memory_layout::dense;
    return as;
  }
  if (d % 32 == 0 && random.chance(0.6)) {
    as.kind = blocks[random.integer(0, 5)];
    return as;
  }
  do as.kind = codes[random.integer(0, 4)]; while (as.kind == scalar_kind::uint4 && d % 2 != 0);
  as.scale_kind = random.pick({scalar_kind::float32, scalar_kind::float16, scalar_kind::bfloat16});
  as.has_offsets = random.chance(0.5);
  as.offset = random.pick({crestmax::offset_kind::zero_point, crestmax::offset_kind::minimum});
  as.group = random.pick<index_type>({0, 0, 0, 1, 5, 16, 32});
  if (as.group > d) as.group = 0;
  as.per_tensor = random.chance(0.3);
  if (random.chance(0.3) && may_have_open_rows(c) && !as.per_tensor) {
    as.keys = c.pages ? c.key.extent(1) : random.pick<index_type>({2, 16, 64});
    as.group = random.pick<index_type>({1, 0});
  }
  return as;
}

encoded_case some_case(std::uint64_t seed, const random_limits& limits = {}) {
  random_source random(seed);
  encoded_case e;
  e.plain = random_case(seed, limits);
  if (random.chance(0.6)) {
    // Head dims that suit blocks.
    for (test_tensor* t : {&e.plain.query, &e.plain.key, &e.plain.value, &e.plain.output}) {
      std::array<index_type, 4> extents = t->extents();
      extents[3] = (extents[3] + 31) / 32 * 32;
      *t = test_tensor(scalar_kind::float32, extents);
    }
  } else {
    for (test_tensor* t : {&e.plain.query, &e.plain.key, &e.plain.value, &e.plain.output}) *t = test_tensor(scalar_kind::float32, t->extents());
  }
  e.plain.query.fill_normal(random);
  e.plain.row_kind = scalar_kind::float64;
  e.plain.wants_row_max = e.plain.wants_dropped_mass = false;
  const stored_as key = some_way(e.plain, e.plain.d_qk(), random);
  const stored_as value = some_way(e.plain, e.plain.d_v(), random);
  encode(e, key, value, random);
  return e;
}

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

template <class Backend>
void have_the_bits_of_their_numbers(const Backend& backend, std::uint64_t first_seed, index_type count, const random_limits& limits = {}) {
  for (std::uint64_t seed = first_seed; seed < first_seed + static_cast<std::uint64_t>(cases(count)); ++seed) {
    const encoded_case e = some_case(seed, limits);
    const attention_result plain = run_plain(e, backend);
    const attention_result encoded = run_encoded(e, backend);
    ASSERT_TRUE(plain.status.ok()) << plain.status.message();
    ASSERT_TRUE(encoded.status.ok()) << encoded.status.message() << kinds_of(e);
    ASSERT_TRUE(have_equal_bits(plain.output, encoded.output)) << "outputs, seed " << seed << " " << kinds_of(e);
    ASSERT_TRUE(have_equal_bits(plain.lse, encoded.lse)) << "lse, seed " << seed << " " << kinds_of(e);
    ASSERT_EQ(plain.report.rows_corrected, encoded.report.rows_corrected) << "seed " << seed;
  }
}

TEST(EncodedCaches, HaveTheBitsOfTheirNumbersOnTheWidestInstructionSet) { have_the_bits_of_their_numbers(crestmax::backend::cpu(), 1000, 600); }

TEST(EncodedCaches, HaveTheBitsOfTheirNumbersOnEveryNarrowerInstructionSet) {
  for (const auto set : {crestmax::instruction_set::generic, crestmax::instruction_set::avx2}) {
    if (set < crestmax::cpu::machine_set()) have_the_bits_of_their_numbers(crestmax::backend::cpu(set), 1000, 300);
  }
}

TEST(EncodedCaches, HaveTheBitsOfTheirNumbersWithFewQueriesOverLongContexts) {
  have_the_bits_of_their_numbers(crestmax::backend::cpu(), 20000, 60, {.most_queries = 6, .most_keys = 20000, .most_products = 2e7});
}

TEST(EncodedCaches, AreExactForTheirNumbers) {
  for (std::uint64_t seed = 3000; seed < 3000 + static_cast<std::uint64_t>(cases(150)); ++seed) {
    const encoded_case e = some_case(seed);
    ASSERT_TRUE(is_exact(e.plain, run_encoded(e, crestmax::backend::cpu()), 24)) << "seed " << seed << " " << kinds_of(e);
  }
}

}  // namespace
}  // namespace crestmax_test
