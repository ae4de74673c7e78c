// Eigen's tensor header comes after the interop header on purpose: it must not matter.
#include <crestmax/interop/eigen.hpp>
#include <unsupported/Eigen/CXX11/Tensor>

#include "compare.hpp"

namespace crestmax_test {
namespace {

template <class T, int Rank>
using row_major = Eigen::Tensor<T, Rank, Eigen::RowMajor>;

TEST(EigenTensor, OfRankFourIsTakenAsItIs) {
  row_major<float, 4> t(2, 5, 3, 8);
  t.setZero();
  expect_view(crestmax::as_tensor(t), t.data(), {2, 5, 3, 8}, {120, 24, 8, 1});
}

TEST(EigenTensor, OfRankThreeIsOneSequence) {
  row_major<float, 3> t(5, 3, 8);
  t.setZero();
  expect_view(crestmax::as_tensor(t), t.data(), {1, 5, 3, 8}, {0, 24, 8, 1});
}

TEST(EigenTensor, OfRankTwoIsOneHead) {
  row_major<float, 2> t(5, 8);
  t.setZero();
  expect_view(crestmax::as_tensor(t), t.data(), {1, 5, 1, 8}, {0, 8, 0, 1});
}

TEST(EigenTensor, ThatIsConstGivesATensorOfConst) {
  const row_major<float, 4> t(2, 5, 3, 8);
  EXPECT_TRUE((std::is_same_v<decltype(crestmax::as_tensor(t)), crestmax::tensor<const float>>));
  row_major<float, 4> writable(2, 5, 3, 8);
  EXPECT_TRUE((std::is_same_v<decltype(crestmax::as_tensor(writable)), crestmax::tensor<float>>));
}

TEST(EigenTensor, MapIsViewedInPlace) {
  std::vector<float> memory(240);
  Eigen::TensorMap<row_major<float, 4>> map(memory.data(), 2, 5, 3, 8);
  expect_view(crestmax::as_tensor(map), memory.data(), {2, 5, 3, 8}, {120, 24, 8, 1});
}

TEST(EigenTensor, OfHalfPrecisionKeepsItsType) {
  row_major<Eigen::half, 4> t(1, 1, 1, 8);
  EXPECT_TRUE((std::is_same_v<decltype(crestmax::as_tensor(t)), crestmax::tensor<Eigen::half>>));
}

TEST(EigenTensor, GoesThroughACallAsPlainPointersDo) {
  plain_call<float> c{.len = 20, .heads = 2, .head_dim = 8};
  using map = Eigen::TensorMap<row_major<float, 3>>;
  map query(c.query.data(), 20, 2, 8), key(c.key.data(), 20, 2, 8), value(c.value.data(), 20, 2, 8);
  row_major<float, 3> output(20, 2, 8);
  const crestmax::status s = crestmax::attention(crestmax::as_tensor(query), crestmax::as_tensor(key),
                                                 crestmax::as_tensor(value), crestmax::as_tensor(output));
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_EQ(std::vector<float>(output.data(), output.data() + output.size()), c.expected());
}

}  // namespace
}  // namespace crestmax_test
