// Elements of a foreign 16-bit type, read and written as kernels do while the caller uses its own type: compiled at -O2
// with strict aliasing (interop.cmake), where a compiler that may tell the two apart keeps the caller's store or the
// library's load from the other.
#include <gtest/gtest.h>

#include <bit>
#include <crestmax/backend/cpu/pairs.hpp>
#include <crestmax/call.hpp>
#include <crestmax/interop/eigen.hpp>

namespace crestmax_test {

enum class foreign_half : std::uint16_t {};
enum class foreign_brain : std::uint16_t {};

}  // namespace crestmax_test

template <>
struct crestmax::scalar_traits<crestmax_test::foreign_half> { static constexpr auto kind = scalar_kind::float16; };
template <>
struct crestmax::scalar_traits<crestmax_test::foreign_brain> { static constexpr auto kind = scalar_kind::bfloat16; };

namespace crestmax_test {
namespace {

// 1 and 2 of a foreign type.
template <class Foreign>
struct numbers {
  static constexpr bool brain = crestmax::kind_of<Foreign> == crestmax::scalar_kind::bfloat16;
  Foreign one = std::bit_cast<Foreign>(std::uint16_t{brain ? 0x3f80 : 0x3c00});
  Foreign two = std::bit_cast<Foreign>(std::uint16_t{0x4000});
};

struct seen {
  float before;
  float after;
};

// The caller stores, the library loads, twice.
template <class Own, class Foreign>
[[gnu::noinline]] seen read_between_stores(Foreign* memory, crestmax::tensor<Foreign> bound) {
  const numbers<Foreign> n;
  const auto* own = static_cast<const Own*>(crestmax::tensor_view(bound).data);
  const auto load = [&] {
    if constexpr (std::is_same_v<Own, crestmax::cpu::bfloat16_pair>) {
      return crestmax::to_float(crestmax::bfloat16{own->second.bits});
    } else {
      return crestmax::to_float(Own{own[1].bits});
    }
  };
  memory[1] = n.one;
  const float before = load();
  memory[1] = n.two;
  return {before, load()};
}

// The library stores, the caller loads, twice.
template <class Own, class Foreign>
[[gnu::noinline]] seen write_between_loads(Foreign* memory, crestmax::tensor<Foreign> bound) {
  auto* own = static_cast<Own*>(const_cast<void*>(crestmax::tensor_view(bound).data));
  own[1].bits = crestmax::convert<Own>(1.0f).bits;
  const auto before = std::bit_cast<std::uint16_t>(memory[1]);
  own[1].bits = crestmax::convert<Own>(2.0f).bits;
  const auto after = std::bit_cast<std::uint16_t>(memory[1]);
  return {crestmax::to_float(Own{before}), crestmax::to_float(Own{after})};
}

// Behind a name of its own: not every compiler's runtime knows the name of _Float16.
template <class Foreign>
struct elements_of {
  using type = Foreign;
};

template <class Elements>
class ForeignElements : public ::testing::Test {
 protected:
  using Foreign = typename Elements::type;
  using own = std::conditional_t<numbers<Foreign>::brain, crestmax::bfloat16, crestmax::float16>;
  Foreign memory[2] = {};
  crestmax::tensor<Foreign> bound{memory, {1, 1, 1, 2}};

  static void expect_both(seen numbers) {
    EXPECT_EQ(numbers.before, 1.0f);
    EXPECT_EQ(numbers.after, 2.0f);
  }
};

using foreign_types = ::testing::Types<elements_of<foreign_half>, elements_of<foreign_brain>, elements_of<Eigen::half>,
                                       elements_of<Eigen::bfloat16>
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
                                       ,
                                       elements_of<_Float16>
#endif
                                       >;
TYPED_TEST_SUITE(ForeignElements, foreign_types);

TYPED_TEST(ForeignElements, AreReadAsTheCallerLastStoredThem) {
  TestFixture::expect_both(read_between_stores<typename TestFixture::own>(this->memory, this->bound));
}

TYPED_TEST(ForeignElements, AreReadInPairsAsTheCallerLastStoredThem) {
  if constexpr (numbers<typename TypeParam::type>::brain) {
    TestFixture::expect_both(read_between_stores<crestmax::cpu::bfloat16_pair>(this->memory, this->bound));
  }
}

TYPED_TEST(ForeignElements, AreWrittenWhereTheCallerLoadsThem) {
  TestFixture::expect_both(write_between_loads<typename TestFixture::own>(this->memory, this->bound));
}

}  // namespace
}  // namespace crestmax_test
