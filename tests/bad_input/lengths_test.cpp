// Lengths, offsets and the page table.
#include "bad_input.hpp"

namespace crestmax_test {
namespace {

class Lengths : public BadInput {
 protected:
  std::vector<std::int32_t> numbers;
  void packed() {
    query = crestmax::tensor<float>(at(0), {1, 6, q_heads, d_qk});
    key = crestmax::tensor<float>(at(1024), {1, 20, kv_heads, d_qk});
    value = crestmax::tensor<float>(at(2048), {1, 20, kv_heads, d_v});
    output = crestmax::tensor<float>(at(3072), {1, 6, q_heads, d_v});
    lse = crestmax::row_tensor<float>(at(4096), {1, 6, q_heads});
    options.query_offsets = query_offsets;
    options.key_offsets = key_offsets;
  }
  std::vector<std::int32_t> query_offsets{0, 2, 6};
  std::vector<std::int32_t> key_offsets{0, 12, 20};
};

TEST_F(Lengths, OfPackedSequencesAreAccepted) {
  packed();
  expect_success();
}

// Tables are for the longest sequence, here of 4 queries and 12 keys, not for all rows of a packed tensor.
TEST_F(Lengths, OfPackedSequencesWantTablesOfTheLongest) {
  packed();
  const std::vector<float> bias(2 * 4 * 12);
  const std::vector<std::uint8_t> mask(4 * 12, 1);
  modifiers.scores.parts = {crestmax::additive_bias(crestmax::tensor(bias.data(), {2, 1, 4, 12}))};
  modifiers.mask = crestmax::boolean_mask(crestmax::tensor(mask.data(), {1, 1, 4, 12}));
  expect_success();
  modifiers.mask = {};
  modifiers.scores.parts = {crestmax::additive_bias(crestmax::tensor(bias.data(), {2, 1, 3, 12}))};
  expect_error(status_code::mismatch, {"additive_bias", "4, given 3"});
  modifiers.scores.parts = {crestmax::additive_bias(crestmax::tensor(bias.data(), {2, 1, 4, 11}))};
  expect_error(status_code::mismatch, {"additive_bias", "12, given 11"});
}

TEST_F(Lengths, OfPaddedSequencesWantTablesOfTheLongest) {
  const std::vector<std::int32_t> queries{1, 2}, keys{7, 9};
  options.query_lengths = queries;
  options.key_lengths = keys;
  const std::vector<std::uint8_t> mask(2 * 9, 1);
  modifiers.mask = crestmax::boolean_mask(crestmax::tensor(mask.data(), {1, 1, 2, 9}));
  expect_success();
  modifiers.mask = crestmax::boolean_mask(crestmax::tensor(mask.data(), {1, 1, 2, 8}));
  expect_error(status_code::mismatch, {"boolean_mask", "9, given 8"});
}

TEST_F(Lengths, ThatTheSourceAndTheOptionsGiveMustAgree) {
  packed();
  numbers = {0, 12, 20};
  EXPECT_TRUE(crestmax::attention(query, crestmax::make_source(key, value, numbers), output, options).ok());
  numbers = {0, 11, 20};
  const crestmax::status s = crestmax::attention(query, crestmax::make_source(key, value, numbers), output, options);
  EXPECT_EQ(s.code, status_code::mismatch) << s.message();
  EXPECT_EQ(std::string(s.message()).rfind("key_offsets", 0), 0u) << s.message();
}

TEST_F(Lengths, OfTheWrongCountAreNamed) {
  numbers = {1, 2, 3};
  options.key_lengths = numbers;
  expect_error(status_code::mismatch, {"key_lengths", "2, given 3"});
  options.key_lengths = {};
  options.query_lengths = numbers;
  expect_error(status_code::mismatch, {"query_lengths", "2, given 3"});
}

TEST_F(Lengths, OutOfRangeAreNamed) {
  numbers = {3, -1};
  options.key_lengths = numbers;
  expect_error(status_code::bad_index, {"key_lengths", "given -1"});
  numbers = {11, 3};
  options.key_lengths = numbers;
  expect_error(status_code::bad_index, {"key_lengths, sequence 0: ", "up to 10, given 11"});
  options.key_lengths = {};
  numbers = {1, 4};
  options.query_lengths = numbers;
  expect_error(status_code::bad_index, {"query_lengths", "up to 3, given 4"});
}

TEST_F(Lengths, WhoseOffsetsFallAreNamed) {
  query_offsets = {0, 4, 3};
  packed();
  expect_error(status_code::bad_index, {"query_offsets, entry 2: ", "at least 4, given 3"});
  query_offsets = {0, 2, 6};
  key_offsets = {0, -5, 20};
  packed();
  expect_error(status_code::bad_index, {"key_offsets", "at least 0, given -5"});
}

TEST_F(Lengths, WhoseOffsetsDoNotStartAtZeroAreNamed) {
  query_offsets = {1, 2, 6};
  packed();
  expect_error(status_code::bad_index, {"query_offsets", "0, given 1"});
}

TEST_F(Lengths, WhoseOffsetsPassTheTensorAreNamed) {
  key_offsets = {0, 12, 21};
  packed();
  expect_error(status_code::bad_index, {"key_offsets", "20, given 21"});
}

TEST_F(Lengths, WhoseOffsetsAreForAnotherNumberOfSequencesAreNamed) {
  key_offsets = {0, 12, 15, 20};
  packed();
  expect_error(status_code::mismatch, {"key_offsets", "3, given 4"});
}

TEST_F(Lengths, WithOffsetsWantABatchOfOne) {
  options.query_offsets = query_offsets;
  expect_error(status_code::mismatch, {"query", "1, given 2"});
}

TEST_F(Lengths, LongerThanTheirOffsetsAreNamed) {
  packed();
  numbers = {12, 9};
  options.key_lengths = numbers;
  expect_error(status_code::bad_index, {"key_lengths", "8, given 9"});
}

TEST_F(Lengths, OfPackedKeysNeedOneSequencePerQueryBatch) {
  packed();
  options.query_offsets = {};
  expect_error(status_code::mismatch, {"key_offsets"});
}

class Pages : public BadInput {
 protected:
  void SetUp() override { with_pages = true; }
};

TEST_F(Pages, OfTheGoodCallAreAccepted) { expect_success(); }

TEST_F(Pages, OutOfRangeAreNamed) {
  table[1] = 8;
  expect_error(status_code::bad_index, {"block_table", "8, given 8"});
  table[1] = -1;
  expect_error(status_code::bad_index, {"block_table", "given -1"});
}

TEST_F(Pages, OutOfRangeAreNamedBySequenceAndEntry) {
  table[4] = 9;
  expect_error(status_code::bad_index, {"block_table, sequence 1, entry 1: ", "below 8, given 9"});
  page_offsets = {0, 3, 6};
  table = {0, 1, 2, -1, 9, 3};
  expect_error(status_code::bad_index, {"block_table, sequence 1, entry 0: "});
}

TEST_F(Pages, WithABadLengthAreNamedBySequence) {
  lengths = {10, 13};
  expect_error(status_code::bad_index, {"key_lengths, sequence 1: "});
  lengths = {-1, 9};
  expect_error(status_code::bad_index, {"key_lengths, sequence 0: "});
}

class CheckedPages : public Pages {
 protected:
  crestmax::paged_cache<float> cache() {
    return {.key_pages = key_pages, .value_pages = value_pages, .block_table = table, .key_lengths = lengths, .table_stride = table_stride};
  }
};

TEST_F(CheckedPages, AreTakenByEveryCallOnTheirTable) {
  auto one = cache();
  crestmax::checked_pages checked;
  ASSERT_TRUE(crestmax::check_pages(one, checked).ok());
  auto other_layer = cache();
  other_layer.key_pages = crestmax::tensor<float>(at(5000), {8, 4, kv_heads, d_qk});
  for (auto* layer : {&one, &other_layer}) {
    layer->checked = checked;
    const crestmax::status s = crestmax::attention(query, *layer, output);
    EXPECT_TRUE(s.ok()) << s.message();
  }
}

TEST_F(CheckedPages, SpareACallThePassOverTheTable) {
  const auto run = [&](const crestmax::paged_cache<float>& c) {
    return crestmax::attention(query, c, output, {}, crestmax::sliding_window{.left = 0, .right = 0});
  };
  auto c = cache();
  crestmax::checked_pages checked;
  ASSERT_TRUE(crestmax::check_pages(c, checked).ok());
  table[0] = 99;  // of keys that no query sees
  EXPECT_EQ(run(c).code, status_code::bad_index);
  c.checked = checked;
  const crestmax::status s = run(c);
  EXPECT_TRUE(s.ok()) << s.message();
}

TEST_F(CheckedPages, OfABadTableAreRefusedByName) {
  table[1] = 8;
  crestmax::checked_pages checked;
  const crestmax::status s = crestmax::check_pages(cache(), checked);
  EXPECT_EQ(s.code, status_code::bad_index);
  EXPECT_EQ(std::string(s.message()).rfind("block_table, sequence 0, entry 1: ", 0), 0u) << s.message();
  EXPECT_EQ(checked, crestmax::checked_pages{});
}

TEST_F(CheckedPages, OfAnotherTableAreNotTaken) {
  const std::vector<std::int32_t> good = table;
  auto c = cache();
  c.block_table = good;
  ASSERT_TRUE(crestmax::check_pages(c, c.checked).ok());
  table[1] = 8;
  c.block_table = table;
  EXPECT_EQ(crestmax::attention(query, c, output).code, status_code::bad_index);
  c.block_table = good;
  c.key_pages.extents[0] = c.value_pages.extents[0] = 3;
  EXPECT_EQ(crestmax::attention(query, c, output).code, status_code::bad_index);
}

TEST_F(Pages, ThatAreNotUsedMayBeAnything) {
  lengths = {8, 9};
  table[2] = -1;
  expect_success();
}

TEST_F(Pages, TooFewForALengthAreNamed) {
  lengths = {13, 9};
  expect_error(status_code::bad_index, {"key_lengths", "3, given 4"});
}

TEST_F(Pages, WithLengthsOfTheWrongCountAreNamed) {
  lengths = {10};
  expect_error(status_code::mismatch, {"key_lengths", "2, given 1"});
}

TEST_F(Pages, WithNegativeLengthsAreNamed) {
  lengths = {10, -9};
  expect_error(status_code::bad_index, {"key_lengths", "given -9"});
}

TEST_F(Pages, WithATableThatIsTooShortAreNamed) {
  table.resize(5);
  expect_error(status_code::mismatch, {"block_table", "6, given 5"});
}

TEST_F(Pages, WithoutLengthsAreNamed) {
  lengths.clear();
  expect_error(status_code::mismatch, {"key_lengths", "2, given 0"});
}

TEST_F(Pages, WithATableTooLargeToCountAreNamed) {
  table_stride = crestmax::index_type{1} << 40;
  expect_error(status_code::mismatch, {"block_table", "given 6"});
}

TEST_F(Pages, WithANegativeTableStrideAreNamed) {
  table_stride = -3;
  expect_error(status_code::bad_option, {"table_stride", "given -3"});
}

TEST_F(Pages, OfDifferentSizesAreNamed) {
  value_pages.extents[1] = 2;
  expect_error(status_code::mismatch, {"value_pages", "page size (that of key_pages) 4, given 2"});
  value_pages.extents[1] = 4;
  value_pages.extents[0] = 7;
  expect_error(status_code::mismatch, {"value_pages", "8, given 7"});
}

TEST_F(Pages, OfSizeZeroAreNamed) {
  key_pages.extents[1] = value_pages.extents[1] = 0;
  expect_error(status_code::bad_extent, {"key_pages", "at least 1, given 0"});
}

TEST_F(Pages, WithBadCompressedOffsetsAreNamed) {
  page_offsets = {0, 3, 6};
  expect_success();
  page_offsets = {0, 3, 7};
  expect_error(status_code::bad_index, {"page_offsets", "6, given 7"});
  page_offsets = {0, 2, 6};
  expect_error(status_code::bad_index, {"key_lengths", "2, given 3"});
  page_offsets = {0, 3};
  expect_error(status_code::mismatch, {"page_offsets", "3, given 2"});
}

TEST_F(Pages, WithOtherLengthsInTheOptionsAreNamed) {
  const std::vector<std::int32_t> more{1, 2}, same = lengths;
  options.key_lengths = more;
  expect_error(status_code::mismatch, {"key_lengths", "those of the paged cache"});
  options.key_lengths = same;
  expect_success();
}

TEST_F(Pages, WantTablesOfTheLongest) {
  const std::vector<std::uint8_t> mask(3 * 10, 1);
  modifiers.mask = crestmax::boolean_mask(crestmax::tensor(mask.data(), {1, 1, 3, 10}));
  expect_success();
}

TEST_F(Pages, WithNullPagesAreNamed) {
  key_pages.data = nullptr;
  expect_error(status_code::null_pointer, {"key", "null"});
}

}  // namespace
}  // namespace crestmax_test
