#include <gtest/gtest.h>

#include <crestmax/attention.hpp>
#include <vector>

#include "support/random.hpp"

namespace crestmax_test {
namespace {

TEST(ContiguousSource, HandsOutOneRunPerHead) {
  std::vector<float> key(2 * 10 * 3 * 4);
  std::vector<crestmax::float16> value(2 * 10 * 3 * 5);
  const auto source = crestmax::make_source(crestmax::tensor<float>(key.data(), {2, 10, 3, 4}),
                                            crestmax::tensor<crestmax::float16>(value.data(), {2, 10, 3, 5}));
  const crestmax::kv_run run = source.key_run(1, 2, 6);
  EXPECT_EQ(run.data, key.data() + (1 * 10 + 6) * 12 + 2 * 4);
  EXPECT_EQ(run.row_stride, 12);
  EXPECT_EQ(run.rows, 4);
  EXPECT_EQ(source.value_run(1, 2, 6).data, value.data() + (1 * 10 + 6) * 15 + 2 * 5);
  EXPECT_EQ(source.key_kind(), scalar_kind::float32);
  EXPECT_EQ(source.value_kind(), scalar_kind::float16);
}

TEST(ContiguousSource, FindsPackedSequencesByTheirOffsets) {
  std::vector<float> key(10 * 2);
  const std::int32_t offsets[] = {0, 4, 10};
  const crestmax::tensor<float> t(key.data(), {1, 10, 1, 2});
  const auto source = crestmax::make_source(t, t, offsets);
  EXPECT_EQ(source.key_run(1, 0, 3).data, key.data() + (4 + 3) * 2);
}

TEST(ContiguousSource, FollowsStrides) {
  std::vector<float> key(1000);
  const crestmax::tensor<float> t(key.data(), {2, 5, 3, 4}, {300, 7, 50, 1});
  const auto source = crestmax::make_source(t, t);
  const crestmax::kv_run run = source.key_run(1, 2, 3);
  EXPECT_EQ(run.data, key.data() + 300 + 3 * 7 + 2 * 50);
  EXPECT_EQ(run.row_stride, 7);
}

class PagedSource : public ::testing::Test {
 protected:
  static constexpr index_type pages = 6, page_size = 4, heads = 2, d = 3;
  std::vector<float> key = std::vector<float>(pages * page_size * heads * d);
  std::vector<float> value = std::vector<float>(pages * page_size * heads * d);
  std::int32_t table[6] = {5, 0, 2, 1, 4, -1};
  std::int32_t lengths[2] = {11, 6};
  std::int32_t offsets[3] = {0, 3, 5};
  crestmax::paged_cache<float> cache() {
    return {.key_pages = crestmax::tensor<float>(key.data(), {pages, page_size, heads, d}),
            .value_pages = crestmax::tensor<float>(value.data(), {pages, page_size, heads, d}),
            .block_table = table,
            .key_lengths = lengths,
            .table_stride = 3};
  }
  const float* place(index_type page, index_type row, index_type head) const {
    return key.data() + ((page * page_size + row) * heads + head) * d;
  }
};

TEST_F(PagedSource, HandsOutOneRunPerPage) {
  const auto source = crestmax::make_source(cache());
  const crestmax::kv_run run = source.key_run(0, 1, 6);
  EXPECT_EQ(run.data, place(0, 2, 1));
  EXPECT_EQ(run.row_stride, heads * d);
  EXPECT_EQ(run.rows, 2);
  EXPECT_EQ(source.key_run(0, 1, 8).data, place(2, 0, 1));
}

TEST_F(PagedSource, ReadsTheSecondRowOfARectangularTable) {
  EXPECT_EQ(crestmax::make_source(cache()).key_run(1, 0, 5).data, place(4, 1, 0));
}

TEST_F(PagedSource, ReadsACompressedTable) {
  auto c = cache();
  c.table_stride = 0;
  c.page_offsets = offsets;
  EXPECT_EQ(crestmax::make_source(c).key_run(1, 0, 1).data, place(1, 1, 0));
}

TEST_F(PagedSource, ValuesHaveTheirOwnStrides) {
  auto c = cache();
  c.value_pages = crestmax::tensor<float>(value.data(), {pages, page_size, heads, d},
                                          {page_size * heads * d, d, page_size * d, 1});
  const crestmax::kv_run run = crestmax::make_source(c).value_run(0, 1, 1);
  EXPECT_EQ(run.data, value.data() + 5 * page_size * heads * d + 1 * page_size * d + 1 * d);
  EXPECT_EQ(run.row_stride, d);
}

TEST(KvSourceConcept, TellsSourcesFromOthers) {
  EXPECT_TRUE((crestmax::kv_source<crestmax::contiguous_source<float, float>>));
  EXPECT_TRUE((crestmax::kv_source<crestmax::paged_source<crestmax::bfloat16, crestmax::float16>>));
  EXPECT_FALSE(crestmax::kv_source<int>);
}

}  // namespace
}  // namespace crestmax_test
