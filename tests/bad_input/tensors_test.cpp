// Pointers, extents, strides and overlaps.
#include "bad_input.hpp"

namespace crestmax_test {
namespace {

using Tensors = BadInput;

TEST_F(Tensors, OfTheGoodCallAreAccepted) { expect_success(); }

TEST_F(Tensors, WithNullPointersAreNamed) {
  for (auto* t : {&query, &key, &value, &output}) {
    float* const data = t->data;
    t->data = nullptr;
    const char* name = t == &query ? "query" : t == &key ? "key" : t == &value ? "value" : "output";
    expect_error(status_code::null_pointer, {std::string(name) + ": expected a pointer, given null"});
    t->data = data;
  }
}

TEST_F(Tensors, MayBeNullWhereTheyAreEmpty) {
  key = crestmax::tensor<float>(nullptr, {batch, 0, kv_heads, d_qk});
  value = crestmax::tensor<float>(nullptr, {batch, 0, kv_heads, d_v});
  expect_success();
}

TEST_F(Tensors, WithNegativeExtentsAreNamed) {
  for (std::size_t i = 0; i < 4; ++i) {
    for (auto* t : {&query, &key, &value, &output}) {
      const index_type extent = t->extents[i];
      t->extents[i] = -3;
      const crestmax::status s = call();
      EXPECT_TRUE(s.code == status_code::bad_extent || s.code == status_code::mismatch) << s.message();
      EXPECT_NE(std::string(s.message()).find("-3"), std::string::npos) << s.message();
      t->extents[i] = extent;
    }
  }
}

TEST_F(Tensors, OfNegativeBatchAreBadExtents) {
  query.extents[0] = key.extents[0] = value.extents[0] = output.extents[0] = -1;
  expect_error(status_code::bad_extent, {"batch", "-1"});
}

TEST_F(Tensors, WithOverflowingExtentsAreNamed) {
  query.extents[1] = output.extents[1] = index_type{1} << 41;
  expect_error(status_code::bad_extent, {"q_len", "2^40", "2199023255552"});
}

TEST_F(Tensors, WhoseBytesOverflowAreNamed) {
  query = crestmax::tensor<float>(at(0), {index_type{1} << 20, index_type{1} << 20, index_type{1} << 20, 8});
  key = crestmax::tensor<float>(at(1024), {index_type{1} << 20, kv_len, kv_heads, d_qk});
  const crestmax::status s = call();
  EXPECT_FALSE(s.ok());
}

TEST_F(Tensors, WithAHeadDimOfZeroAreNamed) {
  query.extents[3] = key.extents[3] = 0;
  expect_error(status_code::bad_extent, {"d_qk", "from 1", "given 0"});
}

TEST_F(Tensors, WithAHugeHeadDimAreNamed) {
  query.extents[3] = key.extents[3] = 65537;
  expect_error(status_code::bad_extent, {"head_dim", "65536", "65537"});
}

TEST_F(Tensors, WhoseInnermostDimensionIsNotContiguousAreNamed) {
  for (auto* t : {&query, &key, &value, &output}) {
    t->strides[3] = 2;
    const char* name = t == &query ? "query" : t == &key ? "key" : t == &value ? "value" : "output";
    expect_error(status_code::bad_stride, {name, "contiguous innermost", "given 2"});
    t->strides[3] = 1;
  }
}

TEST_F(Tensors, OfOneColumnMayHaveAnyInnermostStride) {
  value = crestmax::tensor<float>(at(2048), {batch, kv_len, kv_heads, 1}, {100, 10, 3, 7});
  output = crestmax::tensor<float>(at(3072), {batch, q_len, q_heads, 1});
  expect_success();
}

TEST_F(Tensors, WhoseStridesOverflowAreNamed) {
  key.strides[1] = index_type{1} << 62;
  expect_error(status_code::bad_stride, {"key", "address space", "4611686018427387904"});
}

TEST_F(Tensors, WhoseOutputRowsShareMemoryAreNamed) {
  output.strides[2] = 3;
  expect_error(status_code::bad_stride, {"output", "at least 6, given 3"});
  output.strides = crestmax::tensor<float>::dense_strides(output.extents);
  output.strides[0] = 0;
  expect_error(status_code::bad_stride, {"output", "given 0"});
}

TEST_F(Tensors, WhoseInputRowsShareMemoryAreAccepted) {
  key.strides[0] = 0;
  value.strides[0] = 0;
  query.strides[1] = 0;
  expect_success();
}

TEST_F(Tensors, WhoseLseRowsShareMemoryAreNamed) {
  lse.strides[1] = 0;
  expect_error(status_code::bad_stride, {"lse", "given 0"});
}

TEST_F(Tensors, WhoseOutputOverlapsAnInputAreNamed) {
  float* const data = output.data;
  output.data = query.data + 5;
  expect_error(status_code::overlap, {"output", "memory of its own", "query"});
  output.data = key.data;
  expect_error(status_code::overlap, {"output", "key"});
  output.data = value.data + batch * kv_len * kv_heads * d_v - 1;
  expect_error(status_code::overlap, {"output", "value"});
  output.data = data;
  lse.data = key.data + 3;
  expect_error(status_code::overlap, {"lse", "key"});
  lse.data = output.data;
  expect_error(status_code::overlap, {"lse", "output"});
}

TEST_F(Tensors, ThatOnlyTouchAreAccepted) {
  output.data = query.data + query.size();
  expect_success();
}

TEST_F(Tensors, WhoseInputsOverlapAreAccepted) {
  value = crestmax::tensor<float>(key.data, {batch, kv_len, kv_heads, d_v}, key.strides);
  expect_success();
}

TEST_F(Tensors, WithNegativeStridesAreFollowedToTheirLowEnd) {
  // Rows run downwards from the end of the output's memory; query would be hit only by the low end.
  output.strides[0] = -output.strides[0];
  expect_success();
  output.data = query.data + batch * q_len * q_heads * d_qk;
  expect_error(status_code::overlap, {"output", "query"});
}

TEST_F(Tensors, WithMismatchedExtentsAreNamedWithBothNumbers) {
  const struct {
    crestmax::tensor<float>* t;
    std::size_t dimension;
    index_type given;
    std::vector<std::string> words;
  } wrong[] = {{&key, 0, 3, {"key", "batch", "2", "given 3"}},
               {&key, 3, 4, {"key", "head_dim (that of query) 8, given 4"}},
               {&value, 0, 1, {"value", "batch", "given 1"}},
               {&value, 1, 9, {"value", "kv_len (that of key) 10, given 9"}},
               {&value, 2, 1, {"value", "kv_heads", "2, given 1"}},
               {&output, 0, 1, {"output", "batch", "2, given 1"}},
               {&output, 1, 4, {"output", "q_len (that of query) 3, given 4"}},
               {&output, 2, 2, {"output", "q_heads", "4, given 2"}},
               {&output, 3, 8, {"output", "d_v (that of value) 6, given 8"}}};
  for (const auto& w : wrong) {
    const index_type extent = w.t->extents[w.dimension];
    w.t->extents[w.dimension] = w.given;
    expect_error(status_code::mismatch, w.words);
    w.t->extents[w.dimension] = extent;
  }
}

TEST_F(Tensors, WhoseQueryHeadsAreNoMultipleOfTheKeyHeadsAreNamed) {
  query.extents[2] = output.extents[2] = lse.extents[2] = 3;
  expect_error(status_code::mismatch, {"q_heads", "multiple of kv_heads 2, given 3"});
}

TEST_F(Tensors, WithoutKeyHeadsAreNamed) {
  key.extents[2] = value.extents[2] = 0;
  expect_error(status_code::mismatch, {"kv_heads", "given 0"});
}

TEST_F(Tensors, OfRowOutputsWithOtherExtentsAreNamed) {
  lse.extents[1] = 4;
  expect_error(status_code::mismatch, {"lse", "3, given 4"});
  lse.extents[1] = q_len;
  options.row_max =
      crestmax::row_tensor<double>(reinterpret_cast<double*>(at(6000)), {batch, q_len, q_heads + 1});
  expect_error(status_code::mismatch, {"row_max", "4, given 5"});
}

}  // namespace
}  // namespace crestmax_test
