// What append() refuses, in which words, and that nothing is written then.
#include <gtest/gtest.h>

#include "test_cache.hpp"

namespace crestmax_test {
namespace {

using crestmax::status_code;

class BadAppend : public ::testing::Test {
 protected:
  // A cache of uint8 with zero points by page, key and head; of blocks of keys, where `in_blocks`. All memory is one piece, so that overlaps can be made.
  std::vector<float> memory = std::vector<float>(8192, 0.5f);
  float* at(index_type place) { return memory.data() + place; }
  std::vector<std::int64_t> slots{5, -1, 7};
  std::vector<std::int32_t> sequence_of{0, 9, 1};
  crestmax::token_rows rows{at(0), scalar_kind::float32, {3, 2, 64}, {128, 64, 1}};
  crestmax::tensor_view cache{at(1024), scalar_kind::uint8, {4, 8, 2, 64}, {1024, 128, 64, 1}};
  crestmax::append_options options;

  BadAppend() {
    options.coding.scales = {at(4096), {16, 2, 1, 1}};
    options.coding.offsets = {at(4224), {16, 2, 1, 1}};
  }
  void make_blocks() {
    options.coding.scales = {at(4096), {128 * 2, 128, 64, 1}};
    options.coding.offsets = {at(5120 + 512), {128 * 2, 128, 64, 1}};
    options.coding.keys = 4;
    options.coding.group = 1;
    options.coding.open = {at(7168), scalar_kind::float16, {512, 128, 64}};
    options.sequences = 2;
    options.sequence_of = sequence_of;
  }
  crestmax::status call() { return run_append(rows, cache, slots, options); }
  void expect_error(status_code code, const std::vector<std::string>& words) {
    const std::vector<float> before = memory;
    const crestmax::status s = call();
    EXPECT_EQ(s.code, code) << s.message();
    for (const std::string& word : words) EXPECT_NE(std::string(s.message()).find(word), std::string::npos) << "'" << word << "' is not in: " << s.message();
    EXPECT_EQ(memory, before) << "memory was written";
  }
};

TEST_F(BadAppend, IsGoodBeforeItIsBroken) {
  crestmax::status s = call();
  EXPECT_TRUE(s.ok()) << s.message();
  make_blocks();
  s = call();
  EXPECT_TRUE(s.ok()) << s.message();
}

TEST_F(BadAppend, RefusesRowsThatAreEncodedOrCustom) {
  rows.kind = scalar_kind::q8_0;
  expect_error(status_code::unsupported, {"rows", "q8_0"});
  rows.kind = scalar_kind::float32;
  cache.kind = scalar_kind::custom;
  expect_error(status_code::unsupported, {"cache", "custom"});
}

TEST_F(BadAppend, RefusesShapesThatDoNotGoTogether) {
  rows.extents[1] = 1;
  expect_error(status_code::mismatch, {"rows", "kv_heads (those of cache) 2", "given 1"});
  rows.extents = {3, 2, 32};
  expect_error(status_code::mismatch, {"rows", "head_dim (that of cache) 64", "given 32"});
  rows.extents = {2, 2, 64};
  expect_error(status_code::mismatch, {"slots", "one per token: 2", "given 3"});
  rows.extents = {-3, 2, 64};
  expect_error(status_code::bad_extent, {"rows", "-3"});
}

TEST_F(BadAppend, RefusesRowsThatDoNotFitABlock) {
  options.coding = {};
  cache.kind = scalar_kind::q8_0;
  cache.extents[3] = rows.extents[2] = 48;
  expect_error(status_code::bad_extent, {"cache", "a multiple of 32", "given 48"});
  cache.kind = scalar_kind::uint4;
  cache.extents[3] = rows.extents[2] = 33;
  expect_error(status_code::bad_extent, {"cache", "a multiple of 2", "given 33"});
}

TEST_F(BadAppend, RefusesStridesOfRowsThatShareBytes) {
  cache.strides[2] = 63;
  expect_error(status_code::bad_stride, {"cache", "64", "63"});
  cache.strides = {1024, 128, 64, 2};
  expect_error(status_code::bad_stride, {"cache", "contiguous"});
  cache.strides = {std::numeric_limits<index_type>::max() / 2, 128, 64, 1};
  expect_error(status_code::bad_stride, {"cache", "address space"});
}

TEST_F(BadAppend, RefusesSlotsBehindTheCache) {
  slots[2] = 32;
  expect_error(status_code::bad_index, {"slots, token 2", "below 32", "given 32"});
  slots[2] = std::numeric_limits<std::int64_t>::max();
  expect_error(status_code::bad_index, {"slots, token 2"});
}

TEST_F(BadAppend, RefusesNullPointersAndMisalignedOnes) {
  rows.data = nullptr;
  expect_error(status_code::null_pointer, {"rows"});
  rows.data = reinterpret_cast<std::byte*>(at(0)) + 1;
  expect_error(status_code::misaligned, {"rows"});
  rows.data = at(0);
  cache.data = nullptr;
  expect_error(status_code::null_pointer, {"cache"});
  cache.data = at(1024);
  options.coding.scales.data = reinterpret_cast<std::byte*>(at(4096)) + 2;
  expect_error(status_code::misaligned, {"coding.scales"});
}

TEST_F(BadAppend, RefusesOverlaps) {
  rows.data = at(1024 + 100);
  expect_error(status_code::overlap, {"cache", "rows"});
  rows.data = at(0);
  options.coding.scales.data = at(2000);
  expect_error(status_code::overlap, {"cache", "coding.scales"});
  options.coding.scales.data = options.coding.offsets.data;
  expect_error(status_code::overlap, {"coding.scales", "coding.offsets"});
}

TEST_F(BadAppend, RefusesScalesThatStandBetweenTheCodesOfARow) {
  cache.strides = {1024 + 64, 128 + 8, 64 + 4, 1};
  options.coding.offsets = {at(4224), {16, 2, 1, 1}};
  options.coding.scales = {at(1024 + 16), {(1024 + 64) / 4, (128 + 8) / 4, (64 + 4) / 4, 1}};
  EXPECT_TRUE(call().ok());  // behind them
  options.coding.scales = {at(1024 + 15), {(1024 + 64) / 4, (128 + 8) / 4, (64 + 4) / 4, 1}};
  expect_error(status_code::overlap, {"cache", "coding.scales"});
}

TEST_F(BadAppend, RefusesWhatCannotStandBesideRows) {
  options.coding.scales.kind = scalar_kind::float64;
  expect_error(status_code::bad_option, {"coding.scales", "float64"});
  options.coding.scales.kind = scalar_kind::float32;
  options.coding.offsets = {};
  expect_error(status_code::bad_option, {"coding.offsets", "none"});
  cache.kind = scalar_kind::q4_0;
  cache.strides = {1024, 128, 36, 1};
  expect_error(status_code::bad_option, {"coding", "q4_0"});
}

TEST_F(BadAppend, RefusesOffsetsForEachKeyBesideSymmetricCodes) {
  cache.kind = scalar_kind::int8;
  expect_error(status_code::bad_option, {"coding.offsets", "int8"});
}

TEST_F(BadAppend, RefusesScalesThatAllHeadsWouldWrite) {
  options.coding.scales.strides[2] = 0;
  expect_error(status_code::bad_stride, {"coding.scales"});
}

TEST_F(BadAppend, RefusesGivenScalesThatAreNoMagnitudes) {
  cache.kind = scalar_kind::int8;
  options.coding.offsets = {};
  options.coding.scales = {at(4096), {0, 0, 1, 0}};
  for (const float wrong : {0.0f, -1.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::max() * 2}) {
    memory[4097] = wrong;
    expect_error(status_code::bad_option, {"coding.scales, head 1", "above 0"});
  }
  memory[4097] = 1.0f;
  EXPECT_TRUE(call().ok());
}

TEST_F(BadAppend, RefusesGivenScalesThatAreNaN) {
  cache.kind = scalar_kind::int8;
  options.coding.offsets = {};
  const std::uint16_t scale = 0x7e00;
  options.coding.scales = {&scale, scalar_kind::float16, {}};
  expect_error(status_code::bad_option, {"coding.scales, head 0", "nan"});
}

TEST_F(BadAppend, TakesAnyStrideOfASingleHead) {
  rows.extents[1] = cache.extents[2] = 1;
  rows.strides[1] = cache.strides[2] = std::numeric_limits<crestmax::index_type>::max();
  EXPECT_TRUE(call().ok()) << call().message();
}

// Whose scales there are none of.
TEST_F(BadAppend, OfRowsOfNoNumbersWritesNothing) {
  rows.extents[2] = cache.extents[3] = 0;
  const std::vector<float> before = memory;
  EXPECT_TRUE(call().ok()) << call().message();
  EXPECT_EQ(memory, before);
}

TEST_F(BadAppend, RefusesGroupsAndBlocksOfBadSizes) {
  options.coding.group = -1;
  expect_error(status_code::bad_option, {"coding.group"});
  options.coding.group = 0;
  options.coding.keys = 0;
  expect_error(status_code::bad_option, {"coding.keys", "given 0"});
  options.coding.keys = 257;
  expect_error(status_code::bad_option, {"coding.keys", "given 257"});
}

TEST_F(BadAppend, RefusesBlocksOfKeysWithoutWhatTheyNeed) {
  make_blocks();
  options.coding.group = 2;
  expect_error(status_code::unsupported, {"coding.group"});
  options.coding.group = 1;
  options.coding.open.data = nullptr;
  expect_error(status_code::null_pointer, {"coding.open"});
  options.coding.open.kind = scalar_kind::float32;
  expect_error(status_code::bad_option, {"coding.open", "float32"});
  make_blocks();
  options.sequence_of = {};
  expect_error(status_code::mismatch, {"sequence_of", "given 0"});
  make_blocks();
  options.coding.scales = options.coding.offsets = {};
  expect_error(status_code::bad_option, {"coding.scales", "none"});
}

TEST_F(BadAppend, RefusesSequencesThatThereAreNot) {
  make_blocks();
  sequence_of[2] = 2;
  expect_error(status_code::bad_index, {"sequence_of, token 2", "below 2", "given 2"});
  sequence_of[2] = -1;
  expect_error(status_code::bad_index, {"sequence_of, token 2"});
}

TEST_F(BadAppend, RefusesTokensOfASequenceOutOfOrder) {
  make_blocks();
  sequence_of = {1, 0, 0};
  expect_error(status_code::bad_index, {"sequence_of, token 2", "rising", "given 0"});
  sequence_of = {0, 0, 0};
  slots = {4, 5, 7};
  options.sequence_of = sequence_of;
  expect_error(status_code::bad_index, {"slots, token 2", "slot 6", "given 7"});
  slots = {4, 5, 8};
  expect_error(status_code::bad_index, {"slots, token 2"});
}

TEST_F(BadAppend, RefusesCutsThatMakeNoSense) {
  make_blocks();
  const auto refused = [&](const crestmax::truncation& cut, const char* word) {
    const std::vector<float> before = memory;
    const crestmax::status s = run_truncate(cache, cut, options);
    EXPECT_FALSE(s.ok());
    EXPECT_NE(std::string(s.message()).find(word), std::string::npos) << s.message();
    EXPECT_EQ(memory, before);
  };
  refused({.sequence = 0, .from = 3, .to = 5, .slot = 5}, "truncation.from");
  refused({.sequence = 0, .from = 3, .to = -1, .slot = 5}, "truncation.to");
  refused({.sequence = 2, .from = 9, .to = 5, .slot = 5}, "truncation.sequence");
  refused({.sequence = 0, .from = 9, .to = 5, .slot = 6}, "truncation.slot");
  refused({.sequence = 0, .from = 9, .to = 5, .slot = 33}, "truncation.slot");
  refused({.sequence = 0, .from = 9, .to = 5, .slot = -1}, "truncation.slot");
}

}  // namespace
}  // namespace crestmax_test
