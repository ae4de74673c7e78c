// What append() writes is what attention() reads: keys and values in one cache, against the formula over the numbers that it holds.
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>

#include "test_cache.hpp"

namespace crestmax_test {
namespace {

constexpr auto f16 = scalar_kind::float16;

// One query over keys that are their own values.
std::vector<double> formula(const std::vector<std::vector<double>>& rows, const std::vector<float>& query) {
  std::vector<double> output(query.size(), 0.0);
  double sum = 0;
  for (const auto& row : rows) {
    double score = 0;
    for (std::size_t i = 0; i < row.size(); ++i) score += row[i] * static_cast<double>(query[i]);
    const double weight = std::exp(score / std::sqrt(static_cast<double>(row.size())));
    sum += weight;
    for (std::size_t i = 0; i < row.size(); ++i) output[i] += weight * row[i];
  }
  for (double& x : output) x /= sum;
  return output;
}

template <class Stored>
void expect_what_was_appended(test_cache& cache, index_type kv_len, index_type first_slot) {
  const cache_facts& f = cache.facts();
  std::vector<float> query(static_cast<std::size_t>(f.heads * f.dim)), output(query.size());
  random_source random(3);
  for (float& x : query) x = static_cast<float>(random.normal());
  const crestmax::tensor_view view = cache.view();
  const crestmax::tensor<const Stored> rows(static_cast<const Stored*>(view.data), view.extents, view.strides);
  const std::vector<std::int32_t> table{static_cast<std::int32_t>(first_slot / f.page_size), static_cast<std::int32_t>(first_slot / f.page_size + 1)};
  const std::vector<std::int32_t> lengths{static_cast<std::int32_t>(kv_len)};
  const crestmax::paged_cache<Stored> pages{.key_pages = rows, .value_pages = rows, .block_table = table, .key_lengths = lengths, .table_stride = 2};
  const crestmax::tensor<const float> q(query.data(), {1, 1, f.heads, f.dim});
  const crestmax::status s = crestmax::attention(q, pages, crestmax::tensor<float>(output.data(), {1, 1, f.heads, f.dim}),
                                                 {.key_coding = cache.coding(), .value_coding = cache.coding()});
  ASSERT_TRUE(s.ok()) << s.message();
  for (index_type head = 0; head < f.heads; ++head) {
    std::vector<std::vector<double>> held;
    for (index_type key = 0; key < kv_len; ++key) {
      const bool open = f.keys > 1 && key >= kv_len / f.keys * f.keys;
      held.push_back(open ? cache.open_row(0, key, head) : cache.row(first_slot + key, head));
    }
    const auto from = query.begin() + head * f.dim;
    const auto expected = formula(held, {from, from + f.dim});
    for (index_type i = 0; i < f.dim; ++i) {
      ASSERT_NEAR(output[static_cast<std::size_t>(head * f.dim + i)], expected[static_cast<std::size_t>(i)], 1e-5) << head << " " << i;
    }
  }
}

TEST(Appended, RowsOfBlocksAreReadAsTheyWereWritten) {
  test_cache cache({.kind = scalar_kind::q5_1, .page_size = 16});
  append_all(cache, test_rows(scalar_kind::float32, 27, cache.facts()), slots_from(16, 27));
  expect_what_was_appended<crestmax::q5_1>(cache, 27, 16);
}

TEST(Appended, RowsWithScalesAreReadAsTheyWereWritten) {
  test_cache cache({.kind = scalar_kind::float8_e4m3, .what = beside::scales, .stored = f16, .page_size = 16});
  append_all(cache, test_rows(scalar_kind::bfloat16, 27, cache.facts()), slots_from(16, 27));
  expect_what_was_appended<crestmax::float8_e4m3>(cache, 27, 16);
}

TEST(Appended, RowsWithZeroPointsByGroupsAreReadAsTheyWereWritten) {
  test_cache cache({.kind = scalar_kind::uint4, .what = beside::zero_points, .page_size = 16, .group = 32, .heads_first = true});
  append_all(cache, test_rows(scalar_kind::float32, 27, cache.facts()), slots_from(16, 27));
  expect_what_was_appended<crestmax::uint4>(cache, 27, 16);
}

TEST(Appended, BlocksOfKeysAreReadWithTheirOpenRowsAndAfterACut) {
  test_cache cache({.kind = scalar_kind::uint8, .what = beside::minimums, .stored = f16, .page_size = 16, .group = 1, .keys = 8});
  const std::vector<std::int32_t> sequence_of(27, 0);
  append_all(cache, test_rows(scalar_kind::float32, 27, cache.facts()), slots_from(16, 27), {.sequence_of = sequence_of});
  expect_what_was_appended<std::uint8_t>(cache, 27, 16);
  const crestmax::status s = run_truncate(cache.view(), {.from = 27, .to = 21, .slot = 16 + 21}, {.coding = cache.coding(), .sequences = test_cache::sequences});
  ASSERT_TRUE(s.ok()) << s.message();
  expect_what_was_appended<std::uint8_t>(cache, 21, 16);
}

TEST(Appended, BlocksOfPlanesAreReadWithTheirOpenRowsAndAfterACut) {
  test_cache cache({.kind = scalar_kind::planes16, .what = beside::minimums, .stored = f16, .page_size = 64, .group = 1, .keys = 64});
  const std::vector<std::int32_t> sequence_of(100, 0);
  append_all(cache, test_rows(scalar_kind::float32, 100, cache.facts()), slots_from(64, 100), {.sequence_of = sequence_of});
  expect_what_was_appended<crestmax::planes16>(cache, 100, 64);
  const crestmax::status s = run_truncate(cache.view(), {.from = 100, .to = 50, .slot = 64 + 50}, {.coding = cache.coding(), .sequences = test_cache::sequences});
  ASSERT_TRUE(s.ok()) << s.message();
  expect_what_was_appended<crestmax::planes16>(cache, 50, 64);
}

TEST(Appended, PlanesByTokenAreReadAsFarAsTheirBlockHasCome) {
  test_cache cache({.kind = scalar_kind::planes16, .what = beside::minimums, .page_size = 64});
  append_all(cache, test_rows(scalar_kind::float32, 75, cache.facts()), slots_from(64, 75));
  expect_what_was_appended<crestmax::planes16>(cache, 75, 64);
}

}  // namespace
}  // namespace crestmax_test
