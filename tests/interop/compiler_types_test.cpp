// 16-bit types that the compiler itself brings.
#include <bit>

#include "compare.hpp"

namespace crestmax_test {
namespace {

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
TEST(CompilerTypes, HalfPrecisionIsFloat16) {
  EXPECT_EQ(crestmax::kind_of<_Float16>, crestmax::scalar_kind::float16);
  EXPECT_EQ(std::bit_cast<std::uint16_t>(static_cast<_Float16>(1.5f)), crestmax::to_float16(1.5f).bits);
}

TEST(CompilerTypes, HalfPrecisionGoesThroughACall) {
  const std::vector<_Float16> ones(8, static_cast<_Float16>(1.0f));
  std::vector<_Float16> output(8);
  const std::array<index_type, 4> shape{1, 1, 1, 8};
  const crestmax::tensor<const _Float16> in(ones.data(), shape);
  ASSERT_TRUE(crestmax::attention(in, in, in, crestmax::tensor<_Float16>(output.data(), shape)).ok());
  EXPECT_EQ(output, ones);
}
#endif

// Whatever the compiler has: other types never get a kind by accident.
template <class T>
concept has_a_kind = crestmax::scalar<T>;

TEST(CompilerTypes, IntegersHaveNoKind) {
  EXPECT_FALSE(has_a_kind<short>);
  EXPECT_FALSE(has_a_kind<unsigned short>);
  EXPECT_FALSE(has_a_kind<long double>);
}

}  // namespace
}  // namespace crestmax_test
