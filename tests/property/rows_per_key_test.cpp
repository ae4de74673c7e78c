// Every number of rows that share a key, at every number of keys: rows go in groups, keys in runs and panels, and each of them ends
// in every way.
#include "support/contract.hpp"
#include "support/instruction_sets.hpp"
#include "support/make_case.hpp"

namespace crestmax_test {
namespace {

class RowsPerKey : public OnEverySet {};
INSTANTIATE_TEST_SUITE_P(Sets, RowsPerKey, ::testing::ValuesIn(every_kernel_set()), name_of_set);

constexpr index_type counts_of_rows[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 24, 33};
constexpr index_type most_keys = 40;

// So many rows of one key-value head: heads, or two queries of half as many.
attention_case rows_case(index_type rows, case_shape shape, std::uint64_t seed) {
  shape.q_len = rows % 2 == 0 && seed % 2 == 0 ? 2 : 1;
  shape.q_heads = rows / shape.q_len;
  return normal_case(shape, seed);
}

struct types {
  scalar_kind query, cache, output;
};
constexpr types every_types[] = {{scalar_kind::float32, scalar_kind::float32, scalar_kind::float32},
                                 {scalar_kind::float32, scalar_kind::float16, scalar_kind::float32},
                                 {scalar_kind::float32, scalar_kind::bfloat16, scalar_kind::float32},
                                 {scalar_kind::bfloat16, scalar_kind::bfloat16, scalar_kind::bfloat16}};

// Types in turn; and head dimensions, odd ones and those whose queries may stay in registers.
TEST_P(RowsPerKey, AreExactAtEveryTail) {
  constexpr index_type dims[] = {24, 64, 7, 128, 33};
  std::uint64_t seed = 0;
  for (index_type round = 0; round < cases(4); ++round) {
    for (std::size_t i = 0; i < std::size(counts_of_rows); ++i) {
      for (index_type keys = 1; keys <= most_keys; ++keys, ++seed) {
        const types& t = every_types[(i + static_cast<std::size_t>(keys + round)) % std::size(every_types)];
        const case_shape shape{.kv_len = keys, .d_qk = dims[seed % 5], .d_v = dims[seed / 5 % 5], .query = t.query, .key = t.cache,
                               .value = t.cache, .output = t.output};
        ASSERT_TRUE(is_exact(rows_case(counts_of_rows[i], shape, seed), GetParam().with(), 3)) << counts_of_rows[i] << " rows, " << keys << " keys";
      }
    }
  }
}

// Runs of keys that go on in memory as they began are not looked up one by one; a page, a tile and the sequence end that.
TEST_P(RowsPerKey, AreExactWhereverTheirPagesEnd) {
  for (const index_type page : {1, 16, 31, 64, 79, 80, 96, 100, 128, 176, 256}) {
    const index_type rows = 1 + page % 7;
    const attention_case c = rows_case(rows, {.kv_len = 611, .d_qk = 32, .d_v = 40}, static_cast<std::uint64_t>(page));
    ASSERT_TRUE(is_exact(paged(c, page, false, 3), GetParam().with(), 3)) << "pages of " << page;
  }
}
TEST_P(RowsPerKey, AreExactWhereverATileEnds) {
  for (index_type keys = 500; keys <= 595; keys += 3) {
    const attention_case c = rows_case(1 + keys % 5, {.kv_len = keys, .d_qk = 16, .d_v = 8}, static_cast<std::uint64_t>(keys));
    ASSERT_TRUE(is_exact(c, GetParam().with(), 2)) << keys << " keys";
  }
}
TEST_P(RowsPerKey, OfASampleAreExact) {
  for (const index_type stride : {1, 2, 7, 16}) {
    for (const index_type page : {0, 48, 512}) {
      attention_case c = rows_case(1 + stride % 4, {.kv_len = 3000, .d_qk = 16, .d_v = 8}, static_cast<std::uint64_t>(stride));
      c.options.softmax = forced_sample(stride);
      ASSERT_TRUE(is_exact(page > 0 ? paged(c, page, false, 3) : c, GetParam().with(), 2)) << "stride " << stride << ", pages of " << page;
    }
  }
}

}  // namespace
}  // namespace crestmax_test
