#include <crestmax/interop/eigen.hpp>
// The header above must stand alone.
#include <cstring>

#include "compare.hpp"

namespace crestmax_test {
namespace {

using crestmax::scalar_kind;
using crestmax::status_code;
template <class T>
using row_major = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class T>
using element = std::remove_pointer_t<decltype(T::data)>;

TEST(EigenMatrix, OfOneHeadIsLenByHeadDim) {
  row_major<float> m(5, 8);
  expect_view(crestmax::as_tensor(m), m.data(), {1, 5, 1, 8}, {0, 8, 0, 1});
}

TEST(EigenMatrix, ThatIsWritableGivesAWritableTensor) {
  row_major<float> m(2, 2);
  EXPECT_TRUE((std::is_same_v<decltype(crestmax::as_tensor(m)), crestmax::tensor<float>>));
}

TEST(EigenMatrix, ThatIsConstGivesATensorOfConst) {
  const row_major<float> m(2, 2);
  EXPECT_TRUE((std::is_same_v<decltype(crestmax::as_tensor(m)), crestmax::tensor<const float>>));
}

TEST(EigenMatrix, MapOfConstGivesATensorOfConst) {
  const std::vector<double> memory(6);
  Eigen::Map<const row_major<double>> m(memory.data(), 2, 3);
  EXPECT_TRUE((std::is_same_v<decltype(crestmax::as_tensor(m)), crestmax::tensor<const double>>));
  expect_view(crestmax::as_tensor(m), memory.data(), {1, 2, 1, 3}, {0, 3, 0, 1});
}

TEST(EigenMatrix, MapWithAnOuterStrideKeepsIt) {
  std::vector<float> memory(50);
  Eigen::Map<row_major<float>, 0, Eigen::OuterStride<>> m(memory.data(), 4, 8, Eigen::OuterStride<>(10));
  expect_view(crestmax::as_tensor(m), memory.data(), {1, 4, 1, 8}, {0, 10, 0, 1});
}

TEST(EigenMatrix, BlockIsViewedInPlace) {
  row_major<float> m(6, 12);
  expect_view(crestmax::as_tensor(m.block(2, 4, 3, 8)), m.data() + 2 * 12 + 4, {1, 3, 1, 8}, {0, 12, 0, 1});
}

TEST(EigenMatrix, TransposeOfAColumnMajorOneIsViewedInPlace) {
  Eigen::MatrixXf m(8, 5);  // head_dim x len
  expect_view(crestmax::as_tensor(m.transpose()), m.data(), {1, 5, 1, 8}, {0, 8, 0, 1});
}

TEST(EigenMatrix, RefIsViewedInPlace) {
  row_major<float> m(3, 4);
  Eigen::Ref<row_major<float>> ref(m);
  expect_view(crestmax::as_tensor(ref), m.data(), {1, 3, 1, 4}, {0, 4, 0, 1});
}

TEST(EigenMatrix, ArrayIsViewedLikeAMatrix) {
  Eigen::Array<float, 3, 4, Eigen::RowMajor> a;
  expect_view(crestmax::as_tensor(a), a.data(), {1, 3, 1, 4}, {0, 4, 0, 1});
}

TEST(EigenMatrix, RowVectorIsOneToken) {
  Eigen::RowVectorXf v(8);
  expect_view(crestmax::as_tensor(v), v.data(), {1, 1, 1, 8}, {0, 8, 0, 1});
}

TEST(EigenMatrix, WithGapsBetweenCoefficientsIsReportedByTheCall) {
  std::vector<float> memory(200);
  Eigen::Map<row_major<float>, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>> gappy(
      memory.data(), 4, 8, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(16, 2));
  row_major<float> m = row_major<float>::Zero(4, 8), output(4, 8);
  const auto key = crestmax::as_tensor(gappy);
  EXPECT_EQ(key.strides[3], 2);
  expect_error(crestmax::attention(crestmax::as_tensor(m), key, crestmax::as_tensor(m), crestmax::as_tensor(output)),
               status_code::bad_stride, "key");
}

TEST(EigenMatrix, OfHeadsSideBySideIsSplitIntoHeads) {
  row_major<float> m(5, 24);
  crestmax::tensor<float> view;
  ASSERT_TRUE(crestmax::as_tensor(m, 3, view).ok());
  expect_view(view, m.data(), {1, 5, 3, 8}, {0, 24, 8, 1});
}

TEST(EigenMatrix, OfHeadsSideBySideMayBecomeATensorOfConst) {
  row_major<float> m(5, 24);
  crestmax::tensor<const float> view;
  ASSERT_TRUE(crestmax::as_tensor(m, 3, view).ok());
  expect_view(view, m.data(), {1, 5, 3, 8}, {0, 24, 8, 1});
}

template <class M, class T>
concept splits_into = requires(M& m, crestmax::tensor<T> view) { crestmax::as_tensor(m, 1, view); };

TEST(EigenMatrix, ThatIsConstDoesNotBecomeAWritableTensor) {
  EXPECT_TRUE((splits_into<row_major<float>, float>));
  EXPECT_TRUE((splits_into<const row_major<float>, const float>));
  EXPECT_FALSE((splits_into<const row_major<float>, float>));
  EXPECT_FALSE((splits_into<row_major<float>, double>));
}

TEST(EigenMatrix, WhoseColumnsAreNoMultipleOfTheHeadsIsNamed) {
  row_major<float> m(5, 25);
  crestmax::tensor<float> view;
  expect_error(crestmax::as_tensor(m, 3, view, "query"), status_code::mismatch, "query: ");
  expect_error(crestmax::as_tensor(m, 3, view, "query"), status_code::mismatch, "3, given 25");
  EXPECT_EQ(view.data, nullptr);
}

TEST(EigenMatrix, OfNoHeadsIsNamed) {
  row_major<float> m(5, 25);
  crestmax::tensor<float> view;
  expect_error(crestmax::as_tensor(m, 0, view, "query"), status_code::bad_option, "query: expected heads");
  EXPECT_EQ(view.data, nullptr);
}

TEST(EigenMatrix, OfNumbersPerRowMayBeOfAnyStorageOrder) {
  Eigen::MatrixXf columns(5, 3);
  row_major<double> rows(5, 3);
  const auto from_columns = crestmax::as_row_tensor(columns);
  const auto from_rows = crestmax::as_row_tensor(rows);
  EXPECT_EQ(from_columns.extents, (std::array<index_type, 3>{1, 5, 3}));
  EXPECT_EQ(from_columns.strides[1], 1);
  EXPECT_EQ(from_columns.strides[2], 5);
  EXPECT_EQ(from_rows.strides[1], 3);
  EXPECT_EQ(from_rows.strides[2], 1);
  EXPECT_EQ(from_rows.data, rows.data());
}

TEST(EigenMatrix, GoesThroughACallAsPlainPointersDo) {
  const plain_call<float> c{.len = 20, .heads = 2, .head_dim = 8};
  using map = Eigen::Map<const row_major<float>>;
  crestmax::tensor<const float> query, key, value;
  ASSERT_TRUE(crestmax::as_tensor(map(c.query.data(), 20, 16), 2, query).ok());
  ASSERT_TRUE(crestmax::as_tensor(map(c.key.data(), 20, 16), 2, key).ok());
  ASSERT_TRUE(crestmax::as_tensor(map(c.value.data(), 20, 16), 2, value).ok());
  row_major<float> result(20, 16);
  crestmax::tensor<float> output;
  ASSERT_TRUE(crestmax::as_tensor(result, 2, output).ok());
  const crestmax::status s = crestmax::attention(query, key, value, output);
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_EQ(result, map(c.expected().data(), 20, 16));
}

TEST(EigenMatrix, TakesTheLse) {
  row_major<float> m = row_major<float>::Zero(4, 8), output(4, 8);
  Eigen::MatrixXf lse(4, 1);
  const crestmax::status s =
      crestmax::attention(crestmax::as_tensor(m), crestmax::as_tensor(m), crestmax::as_tensor(m),
                          crestmax::as_tensor(output), {.lse = crestmax::as_row_tensor(lse)});
  ASSERT_TRUE(s.ok()) << s.message();
  for (int i = 0; i < 4; ++i) EXPECT_FLOAT_EQ(lse(i), std::log(4.0f));  // four equal scores of 0
}

TEST(EigenScalars, AreKindsOfTheirLayout) {
  EXPECT_EQ(crestmax::kind_of<Eigen::half>, scalar_kind::float16);
  EXPECT_EQ(crestmax::kind_of<const Eigen::half>, scalar_kind::float16);
  EXPECT_EQ(crestmax::kind_of<Eigen::bfloat16>, scalar_kind::bfloat16);
}

template <class Foreign, class Own>
void expect_the_same_bits() {
  const plain_call<Own> c{.len = 33, .heads = 1, .head_dim = 8};
  const auto copy = [&](const std::vector<Own>& from) {
    row_major<Foreign> m(33, 8);
    static_assert(sizeof(Foreign) == sizeof(Own));
    std::memcpy(static_cast<void*>(m.data()), from.data(), from.size() * sizeof(Own));
    return m;
  };
  const row_major<Foreign> query = copy(c.query), key = copy(c.key), value = copy(c.value);
  row_major<Foreign> output(33, 8);
  const crestmax::status s = crestmax::attention(crestmax::as_tensor(query), crestmax::as_tensor(key),
                                                 crestmax::as_tensor(value), crestmax::as_tensor(output));
  ASSERT_TRUE(s.ok()) << s.message();
  const std::vector<Own> expected = c.expected();
  EXPECT_EQ(std::memcmp(output.data(), expected.data(), expected.size() * sizeof(Own)), 0);
}

TEST(EigenScalars, OfHalfPrecisionGoThroughACallAsFloat16Does) {
  expect_the_same_bits<Eigen::half, crestmax::float16>();
}

TEST(EigenScalars, OfBrainFloatGoThroughACallAsBfloat16Does) {
  expect_the_same_bits<Eigen::bfloat16, crestmax::bfloat16>();
}

}  // namespace
}  // namespace crestmax_test
