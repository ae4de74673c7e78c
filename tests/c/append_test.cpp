// Caches that C writes to: the bytes that C++ writes.
#include <crestmax/append.hpp>
#include <gtest/gtest.h>

#include <numeric>

#include "from_c.hpp"

namespace crestmax_test {
namespace {

constexpr int64_t pages = 3, page_size = 8, heads = 2, d = 32, tokens = 7;

// One cache of int8 with a scale for each token and head, and new rows for it.
class AppendFromC : public ::testing::Test {
 protected:
  std::vector<float> numbers = std::vector<float>(tokens * heads * d);
  std::vector<std::int8_t> codes = std::vector<std::int8_t>(pages * page_size * heads * d, 99);
  std::vector<float> scales = std::vector<float>(pages * page_size * heads, -1);
  std::vector<std::int64_t> slots{3, 4, -1, 20, 21, 0, 9};
  crestmax_coding coding = crestmax_empty_coding();
  crestmax_written_cache cache = crestmax_empty_written_cache();
  crestmax_new_rows rows = crestmax_no_new_rows();
  crestmax_status status{};

  void SetUp() override {
    random_source random(1);
    for (float& x : numbers) x = static_cast<float>(random.normal());
    coding.scales.data = scales.data();
    coding.scales.type = CRESTMAX_FLOAT32;
    const int64_t strides[] = {page_size * heads, heads, 1, 0};
    std::copy_n(strides, 4, coding.scales.strides);
    cache.rows = crestmax_dense(codes.data(), CRESTMAX_INT8, pages, page_size, heads, d);
    cache.coding = &coding;
    rows.rows = crestmax_dense(numbers.data(), CRESTMAX_FLOAT32, 1, tokens, heads, d);
    rows.slots = slots.data();
    rows.slot_count = slots.size();
  }
  void expect_message(crestmax_code given, crestmax_code wanted, const char* word) {
    EXPECT_EQ(given, wanted) << status.message;
    EXPECT_NE(std::string(status.message).find(word), std::string::npos) << status.message;
    EXPECT_EQ(codes[0], 99) << "written to";
  }
};

TEST_F(AppendFromC, WritesTheBytesOfCpp) {
  std::vector<std::int8_t> other(codes.size(), 99);
  std::vector<float> other_scales(scales.size(), -1);
  crestmax::append_options options;
  options.coding.scales = {other_scales.data(), {page_size * heads, heads, 1, 0}};
  const crestmax::tensor<std::int8_t> to(other.data(), {pages, page_size, heads, d});
  const crestmax::token_rows from(crestmax::tensor<const float, 3>(numbers.data(), {tokens, heads, d}));
  ASSERT_TRUE(crestmax::append(from, to, slots, options).ok());
  ASSERT_EQ(crestmax_append(&rows, &cache, nullptr, &status), CRESTMAX_OK) << status.message;
  EXPECT_EQ(codes, other);
  EXPECT_EQ(scales, other_scales);
}

TEST_F(AppendFromC, RunsItsItemsByTheCallersLoop) {
  int runs = 0;
  crestmax_parallel_for loop{2, [](void* user, int64_t count, crestmax_item body, void* context) {
                               ++*static_cast<int*>(user);
                               for (int64_t i = count; i-- > 0;) body(context, i, static_cast<int32_t>(i % 2));
                             }, &runs};
  ASSERT_EQ(crestmax_append(&rows, &cache, &loop, &status), CRESTMAX_OK) << status.message;
  EXPECT_EQ(runs, 1);
  EXPECT_NE(codes[3 * heads * d], 99);
  loop.run = nullptr;
  EXPECT_EQ(crestmax_append(&rows, &cache, &loop, &status), CRESTMAX_NULL_POINTER) << status.message;
}

TEST_F(AppendFromC, OfSlotsOutsideIsRefused) {
  slots[1] = pages * page_size;
  expect_message(crestmax_append(&rows, &cache, nullptr, &status), CRESTMAX_BAD_INDEX, "slots");
}

TEST_F(AppendFromC, OfRowsThatAreEncodedIsRefused) {
  rows.rows.type = CRESTMAX_Q8_0;
  expect_message(crestmax_append(&rows, &cache, nullptr, &status), CRESTMAX_BAD_OPTION, "rows.type");
}

TEST_F(AppendFromC, OfABatchOfRowsIsRefused) {
  rows.rows.extents[0] = 2;
  expect_message(crestmax_append(&rows, &cache, nullptr, &status), CRESTMAX_MISMATCH, "rows");
}

TEST_F(AppendFromC, OfAnotherSetThanThereIsIsRefused) {
  cache.most_instruction_set = 99;
  expect_message(crestmax_append(&rows, &cache, nullptr, &status), CRESTMAX_BAD_OPTION, "most_instruction_set");
}

TEST_F(AppendFromC, OfStructsOfAnotherSizeIsRefused) {
  rows.size = 8;
  expect_message(crestmax_append(&rows, &cache, nullptr, &status), CRESTMAX_BAD_STRUCT, "rows");
  rows = crestmax_no_new_rows();
  cache.size = 1;
  SetUp();
  expect_message(crestmax_append(&rows, &cache, nullptr, &status), CRESTMAX_BAD_STRUCT, "cache");
}

// Keys of uint8 with a scale and a minimum for each channel of 4 keys: a sequence of 6 goes back to 3.
TEST(TruncateFromC, OpensTheBlockThatIsWholeNoMore) {
  constexpr int64_t keys = 4, length = 8;
  std::vector<std::uint8_t> codes(length * d);
  std::vector<float> scales(length / keys * d), offsets(scales.size());
  std::vector<crestmax::float16> open(keys * d);
  crestmax_coding coding = crestmax_empty_coding();
  const auto each = [&](crestmax_coding_numbers& to, std::vector<float>& from) {
    to.data = from.data();
    to.type = CRESTMAX_FLOAT32;
    const int64_t strides[] = {length / keys * d, d, d, 1};
    std::copy_n(strides, 4, to.strides);
  };
  each(coding.scales, scales);
  each(coding.offsets, offsets);
  coding.offset = CRESTMAX_MINIMUM;
  coding.group = 1;
  coding.keys = keys;
  coding.open = open.data();
  coding.open_type = CRESTMAX_FLOAT16;
  coding.open_strides[0] = keys * d;
  coding.open_strides[1] = coding.open_strides[2] = d;
  crestmax_written_cache cache = crestmax_empty_written_cache();
  cache.rows = crestmax_dense(codes.data(), CRESTMAX_UINT8, 1, length, 1, d);
  cache.coding = &coding;
  cache.sequences = 1;
  std::vector<float> numbers(6 * d);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i % 11) - 5;
  const std::int64_t slots[] = {0, 1, 2, 3, 4, 5};
  const std::int32_t sequence_of[6] = {};
  crestmax_new_rows rows = crestmax_no_new_rows();
  rows.rows = crestmax_dense(numbers.data(), CRESTMAX_FLOAT32, 1, 6, 1, d);
  rows.slots = slots;
  rows.slot_count = 6;
  rows.sequence_of = {sequence_of, 6};
  crestmax_status status{};
  ASSERT_EQ(crestmax_append(&rows, &cache, nullptr, &status), CRESTMAX_OK) << status.message;
  ASSERT_EQ(crestmax_truncate(&cache, 0, 6, 3, 3, &status), CRESTMAX_OK) << status.message;
  for (std::size_t i = 0; i < 3 * d; ++i) EXPECT_NEAR(static_cast<double>(crestmax::to_float(open[i])), static_cast<double>(numbers[i]), 0.03);
  EXPECT_EQ(crestmax_truncate(&cache, 0, 3, 6, 3, &status), CRESTMAX_BAD_OPTION) << status.message;
}

// Keys in planes by channel, values by token: what C writes are the bytes of C++, and a sequence of 70 goes back to 40.
TEST(PlanesFromC, AreWrittenAndOpenedAsFromCpp) {
  constexpr int64_t length = 128, rows_given = 70;
  const std::array<crestmax::index_type, 4> extents{1, length, 1, d};
  std::vector<float> numbers(rows_given * d);
  random_source random(1);
  for (float& x : numbers) x = static_cast<float>(random.normal());
  std::vector<std::int64_t> slots(rows_given);
  std::iota(slots.begin(), slots.end(), 0);
  const std::vector<std::int32_t> sequence_of(rows_given, 0);
  for (const auto by : {crestmax::planes_by::channel, crestmax::planes_by::token}) {
    crestmax::row_coding shape = crestmax::coding_of_planes(by, extents, crestmax::scalar_kind::float32);
    std::vector<std::uint8_t> codes(length * d * 2, 9), others(codes);
    std::vector<float> scales(length * d), offsets(scales), other_scales(scales), other_offsets(scales);
    std::vector<crestmax::float16> open(63 * d), other_open(open);
    crestmax_coding coding = crestmax_empty_coding();
    coding.scales.data = scales.data();
    coding.offsets.data = offsets.data();
    coding.scales.type = coding.offsets.type = CRESTMAX_FLOAT32;
    std::copy_n(shape.scales.strides.begin(), 4, coding.scales.strides);
    std::copy_n(shape.offsets.strides.begin(), 4, coding.offsets.strides);
    coding.offset = CRESTMAX_MINIMUM;
    coding.group = shape.group;
    coding.keys = shape.keys;
    coding.open = open.data();
    coding.open_type = CRESTMAX_FLOAT16;
    std::copy_n(shape.open.strides.begin(), 3, coding.open_strides);
    crestmax_written_cache cache = crestmax_empty_written_cache();
    cache.rows = crestmax_dense(codes.data(), CRESTMAX_PLANES16, 1, length, 1, d);
    cache.coding = &coding;
    cache.sequences = 1;
    crestmax_new_rows rows = crestmax_no_new_rows();
    rows.rows = crestmax_dense(numbers.data(), CRESTMAX_FLOAT32, 1, rows_given, 1, d);
    rows.slots = slots.data();
    rows.slot_count = slots.size();
    rows.sequence_of = {sequence_of.data(), sequence_of.size()};
    crestmax_status status{};
    ASSERT_EQ(crestmax_append(&rows, &cache, nullptr, &status), CRESTMAX_OK) << status.message;
    ASSERT_EQ(crestmax_truncate(&cache, 0, rows_given, 40, 40, &status), CRESTMAX_OK) << status.message;

    shape.scales.data = other_scales.data();
    shape.offsets.data = other_offsets.data();
    shape.open.data = other_open.data();
    const crestmax::append_options options{.coding = shape, .sequence_of = sequence_of, .sequences = 1};
    const crestmax::tensor<crestmax::planes16> to(reinterpret_cast<crestmax::planes16*>(others.data()), extents);
    ASSERT_TRUE(crestmax::append(crestmax::tensor<const float, 3>(numbers.data(), {rows_given, 1, d}), to, slots, options).ok());
    ASSERT_TRUE(crestmax::truncate(to, {.from = rows_given, .to = 40, .slot = 40}, options).ok());
    EXPECT_EQ(codes, others);
    EXPECT_EQ(scales, other_scales);
    EXPECT_EQ(offsets, other_offsets);
    EXPECT_EQ(open, other_open);
  }
}

}  // namespace
}  // namespace crestmax_test
