// Encoded keys and values, and what stands beside them.
#include <limits>

#include "bad_input.hpp"

namespace crestmax_test {
namespace {

using crestmax::tensor;

// A good call on int8 keys and values with scales for each token and head, to be broken one at a time.
class Encodings : public ::testing::Test {
 protected:
  static constexpr index_type batch = 2, q_len = 3, kv_len = 12, heads = 2, d = 32;

  std::vector<float> query = std::vector<float>(batch * q_len * heads * d, 0.5f);
  std::vector<float> output = std::vector<float>(batch * q_len * heads * d, -7.0f);
  std::vector<std::int8_t> codes = std::vector<std::int8_t>(2 * batch * kv_len * heads * d, 3);
  std::vector<float> scales = std::vector<float>(batch * kv_len * heads + 8, 0.25f);
  std::vector<crestmax::float16> open = std::vector<crestmax::float16>(batch * kv_len * heads * d);
  std::array<index_type, 4> shape{batch, kv_len, heads, d};
  crestmax::options options;

  void SetUp() override { options.key_coding = options.value_coding = per_token(); }
  crestmax::row_coding per_token() {
    crestmax::row_coding coding;
    coding.scales = {scales.data(), {kv_len * heads, heads, 1, 0}};
    return coding;
  }
  crestmax::status call() { return call_on<std::int8_t>(); }
  template <class K>
  crestmax::status call_on() {
    const auto* const data = reinterpret_cast<const K*>(codes.data());
    return crestmax::attention(tensor<const float>(query.data(), {batch, q_len, heads, shape[3]}), tensor<const K>(data, shape),
                               tensor<const K>(data + 1000, shape), tensor<float>(output.data(), {batch, q_len, heads, shape[3]}), options);
  }
  void expect_error(const crestmax::status& s, status_code code, const std::vector<std::string>& words) {
    EXPECT_EQ(s.code, code) << s.message();
    for (const std::string& word : words) EXPECT_NE(std::string(s.message()).find(word), std::string::npos) << s.message() << "\nlacks: " << word;
    for (const float x : output) ASSERT_EQ(x, -7.0f) << "written to";
  }
};

TEST_F(Encodings, OfTheGoodCallAreAccepted) { EXPECT_TRUE(call().ok()) << call().message(); }

TEST_F(Encodings, OfRowsThatAreNoWholeBlocksAreNamed) {
  options.key_coding = options.value_coding = {};
  shape[3] = 31;
  expect_error(call_on<crestmax::q8_0>(), status_code::bad_extent, {"key", "multiple of 32", "31"});
  expect_error(call_on<crestmax::uint4>(), status_code::bad_extent, {"key", "multiple of 2", "31"});
}

// A source that is not made of tensors; it is not asked for rows.
struct source_of_blocks {
  index_type kv_len, kv_heads, head_dim;
  crestmax::kv_run key_run(index_type, index_type, index_type) const { return {nullptr, 0, 0}; }
  crestmax::kv_run value_run(index_type, index_type, index_type) const { return {nullptr, 0, 0}; }
  crestmax::source_shape shape() const { return {2, kv_len, kv_heads, head_dim, head_dim}; }
  static constexpr crestmax::scalar_kind key_kind() { return crestmax::scalar_kind::q8_0; }
  static constexpr crestmax::scalar_kind value_kind() { return crestmax::scalar_kind::q8_0; }
};
TEST_F(Encodings, OfASourceWhoseRowsAreNoWholeBlocksAreNamed) {
  const crestmax::status s = crestmax::attention(tensor<const float>(query.data(), {batch, q_len, heads, 24}), source_of_blocks{kv_len, heads, 24},
                                                 tensor<float>(output.data(), {batch, q_len, heads, 24}));
  expect_error(s, status_code::bad_extent, {"key", "multiple of 32", "24"});
}

TEST_F(Encodings, OfBlocksTakeNoScalesBesideThem) {
  expect_error(call_on<crestmax::q8_0>(), status_code::bad_option, {"key_coding", "q8_0"});
}

TEST_F(Encodings, WithMisalignedScalesAreNamed) {
  options.value_coding.scales.data = reinterpret_cast<const std::byte*>(scales.data()) + 1;
  expect_error(call(), status_code::misaligned, {"value_coding.scales", "4", "1"});
}

TEST_F(Encodings, WithScalesOfAnotherTypeAreNamed) {
  options.key_coding.scales.kind = crestmax::scalar_kind::float64;
  expect_error(call(), status_code::mismatch, {"key_coding.scales", "float64"});
}

TEST_F(Encodings, WithSharedScalesThatAreNoPositiveNumbersAreNamed) {
  options.key_coding.scales.strides = {0, 0, 1, 0};
  for (const float bad : {0.0f, -1.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    scales[1] = bad;
    expect_error(call(), status_code::bad_option, {"key_coding.scales", "finite scales above 0"});
  }
}

TEST_F(Encodings, WithSharedOffsetsThatAreNotFiniteAreNamed) {
  options.key_coding.offsets = {scales.data(), {0, 0, 1, 0}};
  scales[0] = std::numeric_limits<float>::infinity();
  expect_error(call(), status_code::bad_option, {"key_coding.offsets", "finite offsets"});
}

TEST_F(Encodings, WithStridesOfScalesThatLeaveTheAddressSpaceAreNamed) {
  options.key_coding.scales.strides[1] = std::numeric_limits<index_type>::max() / 2;
  expect_error(call(), status_code::bad_stride, {"key_coding.scales"});
}

TEST_F(Encodings, WithGroupsThatAreNoneAreNamed) {
  options.key_coding.group = -1;
  expect_error(call(), status_code::bad_option, {"key_coding", "group", "-1"});
  options.key_coding.group = d + 1;
  expect_error(call(), status_code::bad_option, {"key_coding", "group", "33"});
}

TEST_F(Encodings, WithBlocksOfNoKeysAreNamed) {
  options.value_coding.keys = 0;
  expect_error(call(), status_code::bad_option, {"value_coding", "at least 1", "0"});
}

TEST_F(Encodings, InBlocksOfKeysNeedRowsThatAreOpen) {
  options.key_coding.keys = 4;
  expect_error(call(), status_code::null_pointer, {"key_coding.open"});
  options.key_coding.open = {open.data(), crestmax::scalar_kind::float32, {3 * heads * d, heads * d, d}};
  expect_error(call(), status_code::mismatch, {"key_coding.open", "float16 or bfloat16", "float32"});
  options.key_coding.open.kind = crestmax::scalar_kind::float16;
  EXPECT_TRUE(call().ok()) << call().message();
}

TEST_F(Encodings, InBlocksOfKeysAreNoPackedSequences) {
  options.key_coding.keys = 4;
  options.key_coding.open = {open.data(), crestmax::scalar_kind::float16, {3 * heads * d, heads * d, d}};
  shape[0] = 1;
  const std::int32_t offsets[] = {0, 6, 12};
  options.key_offsets = offsets;
  expect_error(call(), status_code::bad_option, {"key_coding", "key_offsets"});
}

// Keys and values of 12 rows in planes, of which the call's memory holds two blocks of 64.
class EncodingsInPlanes : public Encodings {
 protected:
  std::vector<crestmax::planes16> blocks = std::vector<crestmax::planes16>(2 * batch * heads * 64 * d * 2);

  void SetUp() override {
    crestmax::row_coding coding = per_token();
    coding.offsets = coding.scales;
    coding.offset = crestmax::offset_kind::minimum;
    options.key_coding = options.value_coding = coding;
  }
  crestmax::status call_on_planes() {
    return crestmax::attention(tensor<const float>(query.data(), {batch, q_len, heads, shape[3]}), tensor<const crestmax::planes16>(blocks.data(), shape),
                               tensor<const crestmax::planes16>(blocks.data() + blocks.size() / 2, shape),
                               tensor<float>(output.data(), {batch, q_len, heads, shape[3]}), options);
  }
  crestmax::status call_on_pages(index_type page_size) {
    static constexpr std::int32_t table[] = {0, 1}, lengths[] = {12, 12};
    const tensor<const crestmax::planes16> pages(blocks.data(), {2, page_size, heads, d});
    const crestmax::paged_cache<crestmax::planes16> cache{.key_pages = pages, .value_pages = pages, .block_table = table, .key_lengths = lengths, .table_stride = 1};
    return crestmax::attention(tensor<const float>(query.data(), {batch, q_len, heads, d}), cache, tensor<float>(output.data(), {batch, q_len, heads, d}), options);
  }
};

TEST_F(EncodingsInPlanes, OfTheGoodCallAreAccepted) { EXPECT_TRUE(call_on_planes().ok()) << call_on_planes().message(); }

TEST_F(EncodingsInPlanes, OfAnOddHeadDimAreNamed) {
  shape[3] = 31;
  expect_error(call_on_planes(), status_code::bad_extent, {"key", "multiple of 2", "31"});
}

TEST_F(EncodingsInPlanes, LieInPagesOfWholeBlocks) {
  expect_error(call_on_pages(48), status_code::bad_extent, {"key_pages", "multiple of 64", "48"});
  options.key_coding.scales.strides = options.key_coding.offsets.strides = options.value_coding.scales.strides = options.value_coding.offsets.strides = {0, heads, 1, 0};
  scales.resize(64 * heads);
  options.key_coding.scales.data = options.key_coding.offsets.data = options.value_coding.scales.data = options.value_coding.offsets.data = scales.data();
  EXPECT_TRUE(call_on_pages(64).ok()) << call_on_pages(64).message();
}

TEST_F(EncodingsInPlanes, OfSequencesEndToEndAreNamed) {
  shape[0] = 1;
  const std::int32_t offsets[] = {0, 6, 12};
  options.key_offsets = offsets;
  expect_error(call_on_planes(), status_code::unsupported, {"key", "key_offsets", "planes16"});
}

TEST_F(EncodingsInPlanes, OfAnotherCodingAreNamed) {
  options.key_coding.offset = crestmax::offset_kind::zero_point;
  expect_error(call_on_planes(), status_code::bad_option, {"key_coding", "minimums", "zero points"});
  SetUp();
  options.value_coding.offsets = {};
  expect_error(call_on_planes(), status_code::bad_option, {"value_coding.offsets", "none"});
  SetUp();
  options.value_coding.scales = {};
  expect_error(call_on_planes(), status_code::bad_option, {"value_coding.scales", "none"});
  SetUp();
  options.key_coding.keys = 4;
  expect_error(call_on_planes(), status_code::bad_option, {"key_coding", "64", "4"});
  SetUp();
  options.key_coding.group = 16;
  expect_error(call_on_planes(), status_code::bad_option, {"key_coding", "group", "16"});
}

TEST_F(EncodingsInPlanes, AreReadWithinAToleranceWhereKeysAreByChannelAndValuesByToken) {
  options.coverage = crestmax::within(0.01);
  expect_error(call_on_planes(), status_code::bad_option, {"key_coding", "by channel", "by token"});
  crestmax::row_coding by_channel = options.key_coding;
  by_channel.keys = 64;
  by_channel.group = 1;
  open.resize(batch * 63 * heads * d);
  by_channel.open = {open.data(), crestmax::scalar_kind::float16, {63 * heads * d, heads * d, d}};
  options.key_coding = by_channel;
  std::swap(options.value_coding, by_channel);
  expect_error(call_on_planes(), status_code::bad_option, {"value_coding", "by token", "by channel"});
  std::swap(options.value_coding, by_channel);
  EXPECT_TRUE(call_on_planes().ok()) << call_on_planes().message();
}

TEST_F(EncodingsInPlanes, ByChannelNeedTheRowsOfTheUnfinishedBlock) {
  options.key_coding.keys = 64;
  options.key_coding.group = 1;
  expect_error(call_on_planes(), status_code::null_pointer, {"key_coding.open"});
}

TEST_F(Encodings, InBlocksOfKeysLieInPagesOfWholeBlocks) {
  options.key_coding.keys = 8;
  options.key_coding.open = {open.data(), crestmax::scalar_kind::float16, {7 * heads * d, heads * d, d}};
  const std::int32_t table[] = {0, 1}, lengths[] = {12, 12};
  const tensor<const std::int8_t> pages(codes.data(), {2, 12, heads, d});
  const crestmax::paged_cache<std::int8_t> cache{.key_pages = pages, .value_pages = pages, .block_table = table, .key_lengths = lengths, .table_stride = 1};
  const crestmax::status s = crestmax::attention(tensor<const float>(query.data(), {batch, q_len, heads, d}), cache,
                                                 tensor<float>(output.data(), {batch, q_len, heads, d}), options);
  expect_error(s, status_code::bad_extent, {"key_pages", "multiple of 8", "12"});
}

TEST_F(Encodings, WhoseScalesAreWrittenToAreAnOverlap) {
  options.value_coding.scales.data = output.data();
  expect_error(call(), status_code::overlap, {"output", "value_coding.scales"});
}

TEST_F(Encodings, WhoseLastBytesAreWrittenToAreAnOverlap) {
  options.key_coding = options.value_coding = {};
  std::vector<std::byte> memory(batch * kv_len * heads * 34 + 4096);
  const auto* const key = reinterpret_cast<const crestmax::q8_0*>(memory.data());
  auto* const inside = reinterpret_cast<float*>(memory.data() + batch * kv_len * heads * 34 / 4 * 4 - 8);
  const crestmax::status s = crestmax::attention(tensor<const float>(query.data(), {batch, q_len, heads, d}), tensor<const crestmax::q8_0>(key, shape),
                                                 tensor<const crestmax::q8_0>(key, shape), tensor<float>(inside, {batch, q_len, heads, d}), options);
  expect_error(s, status_code::overlap, {"output", "key"});
}

}  // namespace
}  // namespace crestmax_test
