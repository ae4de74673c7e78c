// A call whose kernels are compiled elsewhere: what links crestmax_kernels is compiled with CRESTMAX_EXTERN_KERNELS.
#include <crestmax/crestmax.hpp>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace crestmax_test {
namespace {

// One query, two keys with scores 0 and ln 3: the weights are 1/4 and 3/4.
template <class T>
void expect_a_quarter(crestmax::instruction_set most) {
  const std::array<T, 1> query{T(1)};
  const std::array<T, 2> key{T(0), static_cast<T>(std::log(3.0))};
  const std::array<T, 2> value{T(0), T(100)};
  std::array<T, 1> output{};
  const crestmax::status s = crestmax::attention(
      crestmax::tensor<const T>(query.data(), {1, 1, 1, 1}), crestmax::tensor<const T>(key.data(), {1, 2, 1, 1}),
      crestmax::tensor<const T>(value.data(), {1, 2, 1, 1}), crestmax::tensor<T>(output.data(), {1, 1, 1, 1}), {},
      crestmax::causal{}, crestmax::backend::cpu(most));
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_NEAR(static_cast<double>(output[0]), 75.0, 1e-4);
}

TEST(ExternKernels, ServeFloatOnEveryInstructionSet) {
  expect_a_quarter<float>(crestmax::instruction_set::generic);
  expect_a_quarter<float>(crestmax::instruction_set::avx2);
  expect_a_quarter<float>(crestmax::instruction_set::avx512);
}

TEST(ExternKernels, ServeDoubleOnEveryInstructionSet) {
  expect_a_quarter<double>(crestmax::instruction_set::generic);
  expect_a_quarter<double>(crestmax::instruction_set::avx2);
  expect_a_quarter<double>(crestmax::instruction_set::avx512);
}

}  // namespace
}  // namespace crestmax_test
