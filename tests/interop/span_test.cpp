#include <crestmax/interop/span.hpp>
// The header above must stand alone.
#include <limits>
#include <span>

#include "compare.hpp"

namespace crestmax_test {
namespace {

using crestmax::status_code;
using shape = std::array<index_type, 4>;

TEST(Span, OfTheRightSizeBecomesADenseTensor) {
  std::vector<float> memory(240);
  crestmax::tensor<float> view;
  ASSERT_TRUE(crestmax::as_tensor(std::span(memory), shape{2, 5, 3, 8}, view).ok());
  expect_view(view, memory.data(), {2, 5, 3, 8}, {120, 24, 8, 1});
}

TEST(Span, MayBeLargerThanTheTensor) {
  std::vector<float> memory(241);
  crestmax::tensor<float> view;
  EXPECT_TRUE(crestmax::as_tensor(std::span(memory), shape{2, 5, 3, 8}, view).ok());
}

TEST(Span, OfOneElementLessIsNamedWithBothNumbers) {
  std::vector<float> memory(239);
  crestmax::tensor<float> view;
  const crestmax::status s = crestmax::as_tensor(std::span(memory), shape{2, 5, 3, 8}, view, "key");
  expect_error(s, status_code::mismatch, "key: ");
  expect_error(s, status_code::mismatch, "240, given 239");
  EXPECT_EQ(view.data, nullptr);
}

TEST(Span, IsNotTheOnlyMemoryAVectorAndAnArrayWillDo) {
  std::vector<double> memory(8);
  double array[8] = {};
  const std::array<double, 8> constant{};
  crestmax::tensor<double> view;
  EXPECT_TRUE(crestmax::as_tensor(memory, shape{1, 1, 1, 8}, view).ok());
  EXPECT_EQ(view.data, memory.data());
  EXPECT_TRUE(crestmax::as_tensor(array, shape{1, 1, 1, 8}, view).ok());
  EXPECT_EQ(view.data, array);
  crestmax::tensor<const double> read_only;
  EXPECT_TRUE(crestmax::as_tensor(constant, shape{1, 1, 1, 8}, read_only).ok());
  EXPECT_EQ(read_only.data, constant.data());
}

template <class Memory, class T>
concept becomes = requires(Memory&& memory, crestmax::tensor<T> view) {
  crestmax::as_tensor(std::forward<Memory>(memory), shape{}, view);
};

TEST(Span, OfConstDoesNotBecomeAWritableTensor) {
  EXPECT_TRUE((becomes<std::span<const float>, const float>));
  EXPECT_TRUE((becomes<std::span<float>, const float>));
  EXPECT_FALSE((becomes<std::span<const float>, float>));
}

TEST(Span, OfAnotherTypeIsRefused) { EXPECT_FALSE((becomes<std::span<double>, float>)); }

TEST(Span, OfATemporaryVectorIsRefused) {
  EXPECT_TRUE((becomes<std::vector<float>&, float>));
  EXPECT_FALSE((becomes<std::vector<float>, float>));
}

TEST(Span, ThatIsEmptyServesATensorWithoutElements) {
  crestmax::tensor<float> view;
  EXPECT_TRUE(crestmax::as_tensor(std::span<float>(), shape{2, 0, 3, 8}, view).ok());
  EXPECT_EQ(view.size(), 0);
}

TEST(Span, WithStridesIsCheckedUpToTheLastElement) {
  std::vector<float> memory(100);
  crestmax::tensor<float> view;
  const shape extents{1, 4, 2, 8}, strides{0, 24, 10, 1};  // the last element is 3 * 24 + 10 + 7
  const std::span<float> all(memory);
  ASSERT_TRUE(crestmax::as_tensor(all.first(90), extents, strides, view).ok());
  expect_view(view, memory.data(), extents, strides);
  expect_error(crestmax::as_tensor(all.first(89), extents, strides, view, "key"), status_code::mismatch,
               "90, given 89");
}

TEST(Span, WithANegativeStrideIsNamed) {
  std::vector<float> memory(100);
  crestmax::tensor<float> view;
  expect_error(crestmax::as_tensor(memory, shape{1, 4, 1, 8}, shape{0, -8, 8, 1}, view, "value"),
               status_code::bad_stride, "given -8");
}

TEST(Span, WithANegativeExtentIsNamed) {
  std::vector<float> memory(100);
  crestmax::tensor<float> view;
  expect_error(crestmax::as_tensor(memory, shape{1, -4, 1, 8}, view, "value"), status_code::bad_extent,
               "value: expected extents of at least 0, given -4");
}

TEST(Span, WhoseSizeOverflowsIsNamed) {
  std::vector<float> memory(100);
  crestmax::tensor<float> view;
  const index_type huge = index_type{1} << 40;
  expect_error(crestmax::as_tensor(memory, shape{huge, huge, 1, 8}, view, "value"), status_code::bad_extent,
               "value");
  expect_error(crestmax::as_tensor(memory, shape{2, 3, 1, 8}, shape{0, std::numeric_limits<index_type>::max(), 8, 1},
                                   view, "value"),
               status_code::bad_stride, "value");
  EXPECT_EQ(view.data, nullptr);
}

TEST(Span, GoesThroughACallAsPlainPointersDo) {
  const plain_call<float> c{.len = 20, .heads = 2, .head_dim = 8};
  std::vector<float> result(c.query.size());
  crestmax::tensor<const float> query, key, value;
  crestmax::tensor<float> output;
  const shape extents{1, 20, 2, 8};
  ASSERT_TRUE(crestmax::as_tensor(c.query, extents, query).ok());
  ASSERT_TRUE(crestmax::as_tensor(c.key, extents, key).ok());
  ASSERT_TRUE(crestmax::as_tensor(c.value, extents, value).ok());
  ASSERT_TRUE(crestmax::as_tensor(result, extents, output).ok());
  ASSERT_TRUE(crestmax::attention(query, key, value, output).ok());
  EXPECT_EQ(result, c.expected());
}

}  // namespace
}  // namespace crestmax_test
