#include <gtest/gtest.h>

#include <bit>
#include <crestmax/scalar_types.hpp>
#include <type_traits>

#include "support/random.hpp"

namespace crestmax_test {
namespace {

using crestmax::bfloat16;
using crestmax::float16;

bool is_nan_pattern(format16 f, std::uint16_t bits) { return std::isnan(decode(f, bits)); }

// The same test for both types.
template <class T>
struct type_facts;
template <>
struct type_facts<float16> {
  static constexpr format16 format = half_format;
  static constexpr double largest = 65504;
};
template <>
struct type_facts<bfloat16> {
  static constexpr format16 format = brain_format;
  static constexpr double largest = 0x1.fep127;
};

template <class T>
class SixteenBits : public ::testing::Test {};
using both = ::testing::Types<float16, bfloat16>;
TYPED_TEST_SUITE(SixteenBits, both);

TYPED_TEST(SixteenBits, AreTwoTrivialBytes) {
  EXPECT_EQ(sizeof(TypeParam), 2u);
  EXPECT_TRUE(std::is_trivial_v<TypeParam>);
  EXPECT_TRUE(std::is_standard_layout_v<TypeParam>);
}

TYPED_TEST(SixteenBits, EveryPatternWidensExactly) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const auto pattern = static_cast<std::uint16_t>(bits);
    const double expected = decode(type_facts<TypeParam>::format, pattern);
    const double given = static_cast<double>(crestmax::to_float(TypeParam{pattern}));
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(given)) << bits;
    } else {
      ASSERT_EQ(given, expected) << bits;
      ASSERT_EQ(std::signbit(given), std::signbit(expected)) << bits;
    }
  }
}

TYPED_TEST(SixteenBits, EveryPatternSurvivesARoundTrip) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const TypeParam x{static_cast<std::uint16_t>(bits)};
    const TypeParam back = crestmax::convert<TypeParam>(crestmax::to_float(x));
    if (is_nan_pattern(type_facts<TypeParam>::format, x.bits)) {
      ASSERT_TRUE(is_nan_pattern(type_facts<TypeParam>::format, back.bits)) << bits;
    } else {
      ASSERT_EQ(back.bits, x.bits) << bits;
    }
  }
}

// Between every number and the next: the middle and its neighbours.
TYPED_TEST(SixteenBits, NarrowingRoundsToNearestEven) {
  constexpr format16 format = type_facts<TypeParam>::format;
  for (unsigned bits = 0; decode(format, static_cast<std::uint16_t>(bits + 1)) < infinity; ++bits) {
    const double low = decode(format, static_cast<std::uint16_t>(bits));
    const double high = decode(format, static_cast<std::uint16_t>(bits + 1));
    const auto middle = static_cast<float>((low + high) / 2);
    if (static_cast<double>(middle) != (low + high) / 2) continue;  // below the floats' own precision
    const auto narrow = [](float x) { return crestmax::convert<TypeParam>(x).bits; };
    ASSERT_EQ(narrow(middle), bits + bits % 2) << bits;
    ASSERT_EQ(narrow(std::nextafterf(middle, 0)), bits) << bits;
    ASSERT_EQ(narrow(std::nextafterf(middle, std::numeric_limits<float>::infinity())), bits + 1) << bits;
    ASSERT_EQ(narrow(-middle), (bits + bits % 2) | 0x8000u) << bits;
  }
}

TYPED_TEST(SixteenBits, DoublesAreRoundedOnce) {
  constexpr format16 format = type_facts<TypeParam>::format;
  for (unsigned bits = 1; decode(format, static_cast<std::uint16_t>(bits + 1)) < infinity; ++bits) {
    const double low = decode(format, static_cast<std::uint16_t>(bits));
    const double high = decode(format, static_cast<std::uint16_t>(bits + 1));
    const double middle = (low + high) / 2;
    const auto narrow = [](double x) { return crestmax::convert<TypeParam>(x).bits; };
    ASSERT_EQ(narrow(middle), bits + bits % 2) << bits;
    ASSERT_EQ(narrow(std::nextafter(middle, 0)), bits) << bits;
    ASSERT_EQ(narrow(std::nextafter(middle, 1e300)), bits + 1) << bits;
  }
}

TYPED_TEST(SixteenBits, RandomFloatsRoundLikeTheArithmeticDefinition) {
  random_source random(7);
  for (int i = 0; i < 300000; ++i) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(random.bits()));
    if (std::isnan(x)) continue;
    ASSERT_EQ(crestmax::convert<TypeParam>(x).bits,
              encode(type_facts<TypeParam>::format, static_cast<double>(x)))
        << x;
  }
}

TYPED_TEST(SixteenBits, OverflowRoundsToInfinityOnlyPastTheMiddle) {
  constexpr format16 format = type_facts<TypeParam>::format;
  const double largest = type_facts<TypeParam>::largest;
  const double step = largest - decode(format, static_cast<std::uint16_t>(encode(format, largest) - 1));
  const auto value = [](double x) {
    return static_cast<double>(crestmax::to_float(crestmax::convert<TypeParam>(x)));
  };
  EXPECT_EQ(value(largest), largest);
  EXPECT_EQ(value(largest + 0.49 * step), largest);
  EXPECT_EQ(value(largest + 0.5 * step), infinity);
  EXPECT_EQ(value(-largest - 0.5 * step), -infinity);
  EXPECT_EQ(value(1e300), infinity);
  EXPECT_EQ(value(infinity), infinity);
}

TYPED_TEST(SixteenBits, NanStaysNan) {
  const float quiet = std::numeric_limits<float>::quiet_NaN();
  const float payload_in_the_low_bits_only = std::bit_cast<float>(0x7f800001u);
  for (const float x : {quiet, -quiet, payload_in_the_low_bits_only}) {
    EXPECT_TRUE(std::isnan(crestmax::to_float(crestmax::convert<TypeParam>(x))));
    EXPECT_TRUE(std::isnan(crestmax::to_float(crestmax::convert<TypeParam>(static_cast<double>(x)))));
  }
}

TYPED_TEST(SixteenBits, ZeroKeepsItsSign) {
  EXPECT_EQ(crestmax::convert<TypeParam>(0.0f).bits, 0u);
  EXPECT_EQ(crestmax::convert<TypeParam>(-0.0f).bits, 0x8000u);
}

TEST(ScalarKinds, NamesAndSizesBelongToTheTypes) {
  EXPECT_EQ(crestmax::kind_of<float>, scalar_kind::float32);
  EXPECT_EQ(crestmax::kind_of<const double>, scalar_kind::float64);
  EXPECT_EQ(crestmax::kind_of<float16>, scalar_kind::float16);
  EXPECT_EQ(crestmax::kind_of<bfloat16>, scalar_kind::bfloat16);
  EXPECT_EQ(crestmax::size_of(scalar_kind::float64), 8);
  EXPECT_EQ(crestmax::size_of(scalar_kind::bfloat16), 2);
  EXPECT_STREQ(crestmax::name(scalar_kind::float16), "float16");
}

TEST(ScalarKinds, VisitGivesTheTypeOfTheKind) {
  for (const auto kind :
       {scalar_kind::float32, scalar_kind::float64, scalar_kind::float16, scalar_kind::bfloat16}) {
    const auto size = crestmax::visit_kind(kind, [](auto* pointer) { return sizeof(*pointer); });
    EXPECT_EQ(static_cast<index_type>(size), crestmax::size_of(kind));
  }
}

}  // namespace

// A foreign half of the same layout maps onto a kind by a trait.
struct foreign_half {
  std::uint16_t bits;
};
struct foreign_single {
  std::uint32_t bits;
};

}  // namespace crestmax_test

template <>
struct crestmax::scalar_traits<crestmax_test::foreign_half> {
  static constexpr auto kind = scalar_kind::float16;
};
template <>
struct crestmax::scalar_traits<crestmax_test::foreign_single> {
  static constexpr auto kind = scalar_kind::float32;
};

namespace crestmax_test {
namespace {

struct not_a_scalar {};

TEST(ScalarKinds, AForeignTypeJoinsByATrait) {
  EXPECT_TRUE(crestmax::scalar<foreign_half>);
  EXPECT_EQ(crestmax::kind_of<foreign_half>, scalar_kind::float16);
  EXPECT_FALSE(crestmax::scalar<not_a_scalar>);
  EXPECT_FALSE(crestmax::scalar<int>);
}

TEST(ScalarKinds, OfWiderNumbersAreForFloatAndDoubleAlone) {  // they are accessed as such
  EXPECT_FALSE(crestmax::scalar<foreign_single>);
  EXPECT_TRUE(crestmax::scalar<const float>);
}

}  // namespace
}  // namespace crestmax_test
