// Sources that have no rows where a sequence has keys, found out while the call runs.
#include <gtest/gtest.h>

#include <cmath>
#include <crestmax/backend/cpu/portable.hpp>
#include <crestmax/crestmax.hpp>
#include <cstring>
#include <limits>
#include <vector>

#include "support/random.hpp"

namespace crestmax_test {
namespace {

using crestmax::kv_run;
using crestmax::status_code;
using index_type = std::int64_t;
using tensors = crestmax::contiguous_source<float, float>;

// Two tensors, but for one sequence whose keys or values end early.
struct spoiled_source {
  tensors good;
  bool spoils_keys;
  bool spoils_values;
  index_type sequence;
  index_type position;  // the first that is missing
  kv_run instead;

  kv_run key_run(index_type s, index_type head, index_type at) const { return spoil(good.key_run(s, head, at), spoils_keys, s, at); }
  kv_run value_run(index_type s, index_type head, index_type at) const {
    return spoil(good.value_run(s, head, at), spoils_values, s, at);
  }
  crestmax::source_shape shape() const { return good.shape(); }
  static constexpr crestmax::scalar_kind key_kind() { return tensors::key_kind(); }
  static constexpr crestmax::scalar_kind value_kind() { return tensors::value_kind(); }

 private:
  kv_run spoil(kv_run run, bool spoils, index_type s, index_type at) const {
    if (!spoils || s != sequence) return run;
    if (at >= position) return instead;
    run.rows = std::min(run.rows, position - at);
    return run;
  }
};

struct shape {
  const char* name;
  index_type q_len, kv_len, q_heads, kv_heads;
  crestmax::options options;
};

class FailingSource : public ::testing::TestWithParam<shape> {
 protected:
  static constexpr index_type batch = 2, d = 24;
  const shape& s = GetParam();
  std::vector<float> query = numbers(s.q_len * s.q_heads), key = numbers(s.kv_len * s.kv_heads), value = numbers(s.kv_len * s.kv_heads);
  crestmax::tensor<float> q{query.data(), {batch, s.q_len, s.q_heads, d}};
  tensors good{crestmax::tensor<float>(key.data(), {batch, s.kv_len, s.kv_heads, d}),
               crestmax::tensor<float>(value.data(), {batch, s.kv_len, s.kv_heads, d}), {}};
  kv_run no_rows{key.data(), d, 0};

  // Numbers of both signs.
  static std::vector<float> numbers(index_type rows) {
    random_source random(static_cast<std::uint64_t>(rows));
    std::vector<float> all(static_cast<std::size_t>(batch * rows * d));
    for (float& x : all) x = static_cast<float>(random.normal());
    return all;
  }

  struct result {
    crestmax::status status;
    std::vector<float> output, lse;
  };
  template <class Backend, class Source>
  result run(const Source& source) {
    result r{{}, std::vector<float>(query.size(), 7), std::vector<float>(query.size() / d, 7)};
    crestmax::options o = s.options;
    o.lse = crestmax::row_tensor<float>(r.lse.data(), {batch, s.q_len, s.q_heads});
    r.status = crestmax::attention(q, source, crestmax::tensor<float>(r.output.data(), q.extents), o, Backend{});
    return r;
  }

  // The first sequence is right to the bit, the other one NaN.
  template <class Backend>
  void expect_the_second_to_fail(const spoiled_source& source) {
    const result right = run<Backend>(good);
    ASSERT_TRUE(right.status.ok()) << right.status.message();
    const result r = run<Backend>(source);
    EXPECT_EQ(r.status.code, status_code::source_failed) << r.status.message();
    EXPECT_NE(std::string(r.status.message()).find("sequence 1, position"), std::string::npos) << r.status.message();
    const auto check = [](const std::vector<float>& given, const std::vector<float>& wanted) {
      const std::size_t half = wanted.size() / batch;
      EXPECT_EQ(std::memcmp(given.data(), wanted.data(), half * sizeof(float)), 0);
      for (std::size_t i = half; i < wanted.size(); ++i) ASSERT_TRUE(std::isnan(given[i])) << i;
    };
    check(r.output, right.output);
    check(r.lse, right.lse);
  }
  void expect_the_second_to_fail(const spoiled_source& source) {
    expect_the_second_to_fail<crestmax::backend::portable>(source);
    expect_the_second_to_fail<crestmax::backend::generic>(source);
    expect_the_second_to_fail<crestmax::backend::cpu>(source);
  }
};

TEST_P(FailingSource, OfNoKeysEndsTheCallWithAStatus) {
  expect_the_second_to_fail({good, true, false, 1, s.kv_len / 3, no_rows});
}

TEST_P(FailingSource, OfNoValuesEndsTheCallWithAStatus) {
  expect_the_second_to_fail({good, false, true, 1, s.kv_len / 3, no_rows});
}

TEST_P(FailingSource, OfNoRowsAtAllEndsTheCallWithAStatus) {
  expect_the_second_to_fail({good, true, true, 1, 0, no_rows});
}

TEST_P(FailingSource, OfNegativeRowsEndsTheCallWithAStatus) {
  expect_the_second_to_fail({good, true, true, 1, s.kv_len / 3, {key.data(), d, -5}});
}

TEST_P(FailingSource, OfNullRowsEndsTheCallWithAStatus) {
  expect_the_second_to_fail({good, true, true, 1, s.kv_len / 3, {nullptr, d, 100}});
}

TEST_P(FailingSource, OfMisalignedRowsEndsTheCallWithAStatus) {
  const void* const crooked = reinterpret_cast<const char*>(key.data()) + 1;
  expect_the_second_to_fail({good, true, true, 1, s.kv_len / 3, {crooked, 0, 100}});
}

TEST_P(FailingSource, OfTheLastKeyAloneEndsTheCallWithAStatus) {
  if (s.options.coverage.kind != crestmax::coverage_kind::everything) return;  // it may be left out
  expect_the_second_to_fail({good, true, true, 1, s.kv_len - 1, no_rows});
}

// Rows of a block of keys are read in three places.
struct no_planes {
  index_type keys;
  kv_run key_run(index_type, index_type, index_type) const { return {nullptr, 0, 0}; }
  kv_run value_run(index_type, index_type, index_type) const { return {nullptr, 0, 0}; }
  crestmax::source_shape shape() const { return {1, keys, 1, 24, 24}; }
  static constexpr crestmax::scalar_kind key_kind() { return crestmax::scalar_kind::planes16; }
  static constexpr crestmax::scalar_kind value_kind() { return crestmax::scalar_kind::planes16; }
};

TEST(FailingPlanes, OfNoRowsEndTheCallWithAStatus) {
  for (const index_type q_len : {1, 40}) {
    const std::vector<float> query(static_cast<std::size_t>(q_len * 24), 1.0f);
    std::vector<float> output(query.size(), 7.0f);
    const crestmax::status status = crestmax::attention(crestmax::tensor<const float>(query.data(), {1, q_len, 1, 24}), no_planes{200},
                                                        crestmax::tensor<float>(output.data(), {1, q_len, 1, 24}));
    EXPECT_EQ(status.code, status_code::source_failed) << status.message();
    for (const float x : output) EXPECT_TRUE(std::isnan(x));
  }
}

// Rows of planes, the first half of which keep what a source promises; from key 128 on `spoil` has made something of a run.
struct spoiled_planes {
  static constexpr index_type row = 48, keys = 200;
  const std::vector<crestmax::planes16>* blocks;
  kv_run (*spoil)(kv_run good);

  kv_run run_of(index_type position) const {
    kv_run run{blocks->data() + position / 64 * 64 * row + position % 64 * row, row, std::min(64 - position % 64, keys - position)};
    run.beside.place = position % 64;
    return position < 128 ? run : spoil(run);
  }
  kv_run key_run(index_type, index_type, index_type position) const { return run_of(position); }
  kv_run value_run(index_type, index_type, index_type position) const { return run_of(position); }
  crestmax::source_shape shape() const { return {1, keys, 1, 24, 24}; }
  static constexpr crestmax::scalar_kind key_kind() { return crestmax::scalar_kind::planes16; }
  static constexpr crestmax::scalar_kind value_kind() { return crestmax::scalar_kind::planes16; }
};

crestmax::status attend_planes(index_type q_len, kv_run (*spoil)(kv_run)) {
  const std::vector<crestmax::planes16> blocks(4 * 64 * spoiled_planes::row);
  const std::vector<float> query(static_cast<std::size_t>(q_len * 24), 1.0f);
  std::vector<float> output(query.size(), 7.0f);
  const crestmax::status status = crestmax::attention(crestmax::tensor<const float>(query.data(), {1, q_len, 1, 24}), spoiled_planes{&blocks, spoil},
                                                      crestmax::tensor<float>(output.data(), {1, q_len, 1, 24}));
  for (const float x : output) EXPECT_EQ(std::isnan(x), !status.ok());
  return status;
}

TEST(FailingPlanes, OfRunsThatDoNotLieInTheirBlockEndTheCallWithAStatus) {
  kv_run (*const broken[])(kv_run) = {
      [](kv_run run) { run.beside.place = -1; return run; },
      [](kv_run run) { run.beside.place = 64; return run; },
      [](kv_run run) { run.rows = 65 - run.beside.place; return run; },
      [](kv_run run) { run.rows = std::numeric_limits<index_type>::max(); return run; },
      [](kv_run run) { run.row_stride = 0; return run; },
  };
  for (const index_type q_len : {1, 40}) {
    ASSERT_TRUE(attend_planes(q_len, [](kv_run run) { return run; }).ok());
    ASSERT_TRUE(attend_planes(q_len, [](kv_run run) { run.rows = 1; run.row_stride = 0; return run; }).ok()) << "a row alone has no stride";
    for (const auto spoil : broken) EXPECT_EQ(attend_planes(q_len, spoil).code, status_code::source_failed);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Of, FailingSource,
    ::testing::Values(shape{"BlocksThatArePacked", 20, 300, 1, 1, {}}, shape{"BlocksThatAreReadInPlace", 1, 300, 2, 1, {}},
                      shape{"Splits", 1, 1100, 1, 1, {.tiles = {.splits = 4}}},
                      shape{"SplitsOfHeadsSideBySide", 2, 1100, 4, 2, {.tiles = {.splits = 3}}},
                      shape{"SplitsThatArePacked", 9, 1100, 2, 1, {.tiles = {.splits = 3}}},
                      shape{"SplitsUnderARunningMaximum", 1, 1100, 1, 1, {.softmax = crestmax::running_max{}, .tiles = {.splits = 4}}},
                      shape{"Plateaus", 3, 1100, 1, 1, {.coverage = crestmax::plateaus}},
                      shape{"TilesThatAreDropped", 18, 600, 1, 1, {.coverage = crestmax::above(4)}},
                      shape{"Diagnostics", 18, 300, 1, 1, {.diagnostics = true}}),
    [](const auto& of) { return of.param.name; });

// What another thread would do at the worst moment: the first score that is looked at spoils what was checked before.
struct spoiler {
  std::int32_t* number;
  std::int32_t value;
  template <class T>
  T operator()(T score, crestmax::score_position) const {
    *number = value;
    return score;
  }
};

class ArraysThatChange : public ::testing::Test {
 protected:
  static constexpr index_type pages = 8, page_size = 100, d = 4, kv_len = 750;
  std::vector<float> memory = std::vector<float>(pages * page_size * d, 0.5f);
  std::vector<std::int32_t> table{0, 1, 2, 3, 4, 5, 6, 7}, page_offsets{0, 8}, lengths{kv_len}, key_offsets{0, kv_len}, query_offsets{0, 1};
  float query[d] = {1, 1, 1, 1}, output[d] = {};
  crestmax::tensor<float> q{query, {1, 1, 1, d}}, out{output, {1, 1, 1, d}};
  crestmax::tensor<float> paged{memory.data(), {pages, page_size, 1, d}}, dense{memory.data(), {1, pages * page_size, 1, d}};

  crestmax::status run_paged(const spoiler& spoil) {
    const crestmax::paged_cache<float> cache{
        .key_pages = paged, .value_pages = paged, .block_table = table, .key_lengths = lengths, .page_offsets = page_offsets};
    return crestmax::attention(q, cache, out, {}, spoil, crestmax::backend::portable{});
  }
  void expect_failure(const crestmax::status& s, const char* name) {
    EXPECT_EQ(s.code, status_code::source_failed) << s.message();
    EXPECT_NE(std::string(s.message()).find(name), std::string::npos) << s.message();
    for (const float x : output) EXPECT_TRUE(std::isnan(x));
  }
};

TEST_F(ArraysThatChange, WhileACallRunsHavePagesCheckedWhereTheyAreRead) {
  for (const std::int32_t page : {-1, 8, std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::min()}) {
    expect_failure(run_paged({&table[5], page}), "block_table, sequence 0, position 5");
    table[5] = 5;
  }
}

TEST_F(ArraysThatChange, WhileACallRunsHavePageOffsetsCheckedWhereTheyAreRead) {
  for (const std::int32_t offset : {-4, 3, std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::min()}) {
    expect_failure(run_paged({&page_offsets[0], offset}), "block_table, sequence 0");
    page_offsets[0] = 0;
  }
}

// The plan has them.
TEST_F(ArraysThatChange, WhileACallRunsMayBeKeyOffsetsWhichItDoesNotRead) {
  for (const std::int32_t offset : {-400, 300, std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::min()}) {
    const crestmax::options o{.query_offsets = query_offsets, .key_offsets = key_offsets};
    const crestmax::status s =
        crestmax::attention(q, dense, dense, out, o, spoiler{&key_offsets[0], offset}, crestmax::backend::portable{});
    EXPECT_TRUE(s.ok()) << s.message();
    for (const float x : output) EXPECT_EQ(x, 0.5f);
    key_offsets[0] = 0;
  }
}

TEST_F(ArraysThatChange, BetweenTheirCheckAndACallHavePagesCheckedWhereTheyAreRead) {
  crestmax::paged_cache<float> cache{
      .key_pages = paged, .value_pages = paged, .block_table = table, .key_lengths = lengths, .table_stride = 8};
  ASSERT_TRUE(crestmax::check_pages(cache, cache.checked).ok());
  table[3] = 1000;
  expect_failure(crestmax::attention(q, cache, out, {}, crestmax::backend::portable{}), "block_table, sequence 0, position 3");
}

}  // namespace
}  // namespace crestmax_test
