#include <gtest/gtest.h>

#include <crestmax/encodings.hpp>
#include <crestmax/report.hpp>
#include <crestmax/status.hpp>
#include <crestmax/tensor.hpp>
#include <type_traits>

#include "support/test_tensor.hpp"

namespace crestmax_test {
namespace {

TEST(Tensor, DenseStridesAreRowMajor) {
  float data[1];
  const crestmax::tensor<float> t(data, {2, 3, 5, 7});
  EXPECT_EQ(t.strides, (std::array<index_type, 4>{105, 35, 7, 1}));
  EXPECT_EQ(t.size(), 210);
}

TEST(Tensor, KeepsGivenStrides) {
  float data[1];
  const crestmax::tensor t(data, std::array<index_type, 4>{2, 3, 5, 7}, std::array<index_type, 4>{105, 7, 21, 1});
  EXPECT_EQ(t.strides, (std::array<index_type, 4>{105, 7, 21, 1}));
}

TEST(Tensor, DeducesItsElementType) {
  double data[1];
  const crestmax::tensor t{data, std::array<index_type, 4>{1, 1, 1, 1}};
  EXPECT_TRUE((std::is_same_v<decltype(t), const crestmax::tensor<double, 4>>));
}

TEST(Tensor, ConvertsToAReadOnlyView) {
  float data[4] = {};
  const crestmax::tensor<const float> t = crestmax::tensor<float>(data, {1, 2, 1, 2});
  EXPECT_EQ(t.data, data);
  EXPECT_EQ(t.extents[1], 2);
}

TEST(Tensor, HasTheSizeOfAnEmptyShape) {
  const crestmax::tensor<float> t(nullptr, {3, 0, 2, 8});
  EXPECT_EQ(t.size(), 0);
}

TEST(Tensor, OverflowingStridesAreDefined) {
  const index_type huge = index_type{1} << 40;
  const crestmax::tensor<float> t(nullptr, {huge, huge, huge, huge});
  EXPECT_EQ(t.strides[3], 1);
  EXPECT_EQ(t.strides[2], huge);
}

TEST(Tensor, RowOutputRemembersItsElementType) {
  double numbers[6];
  const crestmax::row_output rows = crestmax::row_tensor<double>(numbers, {1, 2, 3});
  EXPECT_EQ(rows.kind, scalar_kind::float64);
  EXPECT_EQ(rows.strides, (std::array<index_type, 3>{6, 3, 1}));
  EXPECT_TRUE(static_cast<bool>(rows));
  EXPECT_FALSE(static_cast<bool>(crestmax::row_output{}));
}

TEST(Vocabulary, IsTriviallyCopyable) {
  EXPECT_TRUE(std::is_trivially_copyable_v<crestmax::tensor<float>>);
  EXPECT_TRUE(std::is_trivially_copyable_v<crestmax::row_output>);
  EXPECT_TRUE(std::is_trivially_copyable_v<crestmax::status>);
  EXPECT_TRUE(std::is_trivially_copyable_v<crestmax::report>);
}

// The tests' own tensor, which all other tests rest on.
TEST(TestTensor, EveryLayoutHoldsEveryElementInItsOwnPlace) {
  for (const auto layout :
       {memory_layout::dense, memory_layout::heads_first, memory_layout::padded, memory_layout::reversed}) {
    test_tensor t(scalar_kind::float32, {2, 3, 4, 5}, layout);
    const auto number = [](index_type a, index_type b, index_type c, index_type d) {
      return static_cast<double>(((a * 3 + b) * 4 + c) * 5 + d);
    };
    t.for_each([&](index_type a, index_type b, index_type c, index_type d) { t.set(a, b, c, d, number(a, b, c, d)); });
    const auto view = t.view<float>();
    t.for_each([&](index_type a, index_type b, index_type c, index_type d) {
      ASSERT_EQ(t.at(a, b, c, d), number(a, b, c, d));
      ASSERT_EQ(
          view.data[a * view.strides[0] + b * view.strides[1] + c * view.strides[2] + d * view.strides[3]],
          static_cast<float>(number(a, b, c, d)));
    });
  }
}

TEST(TestTensor, MemoryBetweenRowsIsNan) {
  for (const auto kind :
       {scalar_kind::float32, scalar_kind::float64, scalar_kind::float16, scalar_kind::bfloat16}) {
    test_tensor t(kind, {1, 2, 1, 3}, memory_layout::padded);
    t.fill(1);
    index_type ones = 0;
    index_type numbers = static_cast<index_type>(t.memory().size()) / bytes_of(kind);
    for (index_type i = 0; i < numbers; ++i) {
      const double x = read_number(kind, t.memory().data() + i * bytes_of(kind));
      ones += x == 1;
      ASSERT_TRUE(x == 1 || std::isnan(x));
    }
    EXPECT_EQ(ones, 6);
  }
}

TEST(TestScalars, DecodingAndEncodingAreInverse) {
  for (const format16 f : {half_format, brain_format}) {
    for (unsigned bits = 0; bits < 65536; ++bits) {
      const double x = decode(f, static_cast<std::uint16_t>(bits));
      if (!std::isnan(x)) {
        ASSERT_EQ(encode(f, x), bits);
      }
    }
  }
  EXPECT_EQ(decode(half_format, 0x3c00), 1.0);
  EXPECT_EQ(decode(half_format, 0x0001), 0x1p-24);
  EXPECT_EQ(decode(half_format, 0xfbff), -65504.0);
  EXPECT_EQ(decode(brain_format, 0x4049), 3.140625);
}

TEST(Tensor, OfEncodedRowsHasStridesOfBytes) {
  const crestmax::tensor<const crestmax::q8_0> blocks(nullptr, {2, 3, 4, 64});
  EXPECT_EQ(blocks.strides, (std::array<std::int64_t, 4>{3 * 4 * 68, 4 * 68, 68, 1}));
  const crestmax::tensor<const crestmax::uint4> nibbles(nullptr, {2, 3, 4, 64});
  EXPECT_EQ(nibbles.strides, (std::array<std::int64_t, 4>{3 * 4 * 32, 4 * 32, 32, 1}));
  const crestmax::tensor<const std::int8_t> codes(nullptr, {2, 3, 4, 64});
  EXPECT_EQ(codes.strides, (std::array<std::int64_t, 4>{3 * 4 * 64, 4 * 64, 64, 1}));
}

}  // namespace
}  // namespace crestmax_test
