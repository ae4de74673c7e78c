// What a key-value source promises (kv_source.hpp): the library's own keep it, and one that does not is found out.
#include <gtest/gtest.h>

#include <crestmax/backend/cpu/portable.hpp>
#include <crestmax/crestmax.hpp>
#include <vector>

#include "support/checked_source.hpp"
#include "support/executors.hpp"

namespace crestmax_test {
namespace {

using index_type = crestmax::index_type;
using promises = std::vector<std::string>;

class SourcePromises : public ::testing::Test {
 protected:
  static constexpr index_type len = 60, heads = 2, d = 4;
  std::vector<float> memory = std::vector<float>(4 * len * heads * d);
  crestmax::tensor<const float> tensor{memory.data(), {2, len, heads, d}};

  void SetUp() override {
    for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<float>(i % 29) - 14.0f;
  }
};

TEST_F(SourcePromises, AreKeptByTensors) {
  EXPECT_EQ(broken_promises(crestmax::make_source(tensor, tensor), {len, 7}), promises{});
}

TEST_F(SourcePromises, AreKeptByTensorsOfOtherStrides) {
  const crestmax::tensor<const float> t(memory.data(), {2, len, heads, d - 1}, {len * heads * d, d, len * d, 1});
  EXPECT_EQ(broken_promises(crestmax::make_source(t, tensor), {len, len}), promises{});
}

TEST_F(SourcePromises, AreKeptByPackedTensors) {
  const std::int32_t offsets[] = {0, 13, 13, 60};
  const crestmax::tensor<const float> packed(memory.data(), {1, len, heads, d});
  EXPECT_EQ(broken_promises(crestmax::make_source(packed, packed, offsets), {13, 0, 47}), promises{});
}

TEST_F(SourcePromises, AreKeptByPages) {
  const std::int32_t table[] = {3, 0, 1, 4, 2, -1}, lengths[] = {30, 11}, offsets[] = {0, 3, 5};
  const crestmax::tensor<const float> pages(memory.data(), {5, 12, heads, d});
  crestmax::paged_cache<float> cache{
      .key_pages = pages, .value_pages = pages, .block_table = table, .key_lengths = lengths, .table_stride = 3};
  EXPECT_EQ(broken_promises(crestmax::make_source(cache), {30, 11}), promises{});
  cache.page_offsets = offsets;
  EXPECT_EQ(broken_promises(crestmax::make_source(cache), {30, 11}), promises{});
}

// Turns rows of bytes into floats when it is asked for them, into memory of its own.
struct dequantising_source {
  const signed char* rows;
  float* scratch;  // of `held` runs of four rows
  index_type held;
  index_type* turn;

  crestmax::kv_run key_run(index_type, index_type, index_type position) const {
    float* const to = scratch + (*turn)++ % held * 16;
    const index_type count = std::min<index_type>(4, 60 - position);
    for (index_type i = 0; i < 4 * count; ++i) to[i] = rows[4 * position + i];
    return {to, 4, count};
  }
  crestmax::kv_run value_run(index_type sequence, index_type head, index_type position) const { return key_run(sequence, head, position); }
  crestmax::source_shape shape() const { return {1, 60, 1, 4, 4}; }
  static constexpr crestmax::scalar_kind key_kind() { return crestmax::scalar_kind::float32; }
  static constexpr crestmax::scalar_kind value_kind() { return crestmax::scalar_kind::float32; }
};

class ScratchSource : public ::testing::Test {
 protected:
  std::vector<signed char> rows = std::vector<signed char>(240);
  std::vector<float> scratch = std::vector<float>(16 * 64);
  index_type turn = 0;
  void SetUp() override {
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<signed char>(i * 7 % 101);
  }
  // What one thread finds out that asks for two runs, one after the other, and then for the first again.
  promises broken_by(const dequantising_source& source) {
    const checked_source<dequantising_source> checked{&source, {60}};
    for (const index_type position : {0, 4, 0}) checked.key_run(0, 0, position);
    return checked.ledger->broken();
  }
};

TEST_F(ScratchSource, ThatFillsOneRunOverAndOverIsFoundOut) {
  EXPECT_NE(broken_by({rows.data(), scratch.data(), 1, &turn}), promises{});
}

TEST_F(ScratchSource, ThatTakesTurnsIsFoundOut) {
  EXPECT_NE(broken_by({rows.data(), scratch.data(), 8, &turn}), promises{});
}

TEST_F(ScratchSource, IsFoundOutByACall) {
  const dequantising_source source{rows.data(), scratch.data(), 2, &turn};
  const checked_source<dequantising_source> checked{&source, {60}};
  float query[4] = {1, 2, 3, 4}, output[4];
  const crestmax::tensor<float> q(query, {1, 1, 1, 4}), out(output, {1, 1, 1, 4});
  ASSERT_TRUE(crestmax::attention(q, checked, out, {}, crestmax::backend::portable{}).ok());
  EXPECT_NE(checked.ledger->broken(), promises{});
}

// A call asks for keys that there are, and for no others, whatever way it takes.
struct asking_call {
  const char* name;
  index_type q_len, kv_len;
  crestmax::options options;
};

class CallThatAsks : public ::testing::TestWithParam<asking_call> {};

TEST_P(CallThatAsks, AsksForKeysOfItsSequencesAlone) {
  const asking_call& c = GetParam();
  constexpr index_type page = 7, d = 8;
  const index_type pages = (c.kv_len + page - 1) / page;
  std::vector<float> memory(static_cast<std::size_t>(pages * page * 2 * d), 0.25f), query(static_cast<std::size_t>(c.q_len * 2 * d), 1.0f),
      output(query.size());
  std::vector<std::int32_t> table(static_cast<std::size_t>(pages));
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<std::int32_t>(table.size() - 1 - i);
  const std::int32_t lengths[] = {static_cast<std::int32_t>(c.kv_len)};
  const crestmax::tensor<const float> rows(memory.data(), {pages, page, 2, d});
  const auto source = crestmax::make_source(crestmax::paged_cache<float>{
      .key_pages = rows, .value_pages = rows, .block_table = table, .key_lengths = lengths, .table_stride = pages});
  const checked_source<crestmax::paged_source<float, float>> checked{&source, {c.kv_len}};
  const crestmax::tensor<float> q(query.data(), {1, c.q_len, 2, d}), out(output.data(), {1, c.q_len, 2, d});
  for (const int threads : {1, 3}) {
    const crestmax::status s = crestmax::attention(q, checked, out, c.options, crestmax::causal{}, crestmax::backend::portable{},
                                                   test_executor{executor_kind::shuffled_threads, threads, 5});
    ASSERT_TRUE(s.ok()) << s.message();
  }
  EXPECT_EQ(checked.ledger->broken(), promises{});
  EXPECT_GT(checked.ledger->answers(), 0u);
}

INSTANTIATE_TEST_SUITE_P(By, CallThatAsks,
                         ::testing::Values(asking_call{"PackedBlocks", 20, 90, {}}, asking_call{"BlocksReadInPlace", 1, 90, {}},
                                           asking_call{"Splits", 1, 530, {.tiles = {.splits = 2}}},
                                           asking_call{"Samples", 1, 300, {.coverage = crestmax::plateaus}},
                                           asking_call{"Diagnostics", 2, 90, {.diagnostics = true}}),
                         [](const auto& of) { return of.param.name; });

}  // namespace
}  // namespace crestmax_test
