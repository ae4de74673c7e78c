#include <cmath>

#include "model_test.hpp"

namespace crestmax_test {
namespace {

// By search: the nearest of all finite halves, the even one where two are as near.
std::uint16_t nearest_half(double x) {
  std::uint16_t best = 0;
  double distance = INFINITY;
  for (std::uint32_t bits = 0; bits < 0x7c00u; ++bits) {
    const double d = std::abs(static_cast<double>(ascend_model::half_value(static_cast<std::uint16_t>(bits))) - std::abs(x));
    if (d < distance || (d == distance && bits % 2 == 0)) {
      best = static_cast<std::uint16_t>(bits);
      distance = d;
    }
  }
  return static_cast<std::uint16_t>(best | (std::signbit(x) ? 0x8000u : 0u));
}

TEST(TheModelsHalf, KeepsAllItsNumbers) {
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    if ((bits & 0x7c00u) == 0x7c00u) continue;
    const auto b = static_cast<std::uint16_t>(bits);
    ASSERT_EQ(ascend_model::half_bits(ascend_model::half_value(b)), b);
  }
}

TEST(TheModelsHalf, HasTheValuesOfItsDefinition) {
  for (std::uint32_t bits = 0; bits < 0x7c00u; ++bits) {
    const int exponent = static_cast<int>(bits >> 10);
    const double fraction = bits & 0x3ffu;
    const double value = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    ASSERT_EQ(static_cast<double>(ascend_model::half_value(static_cast<std::uint16_t>(bits))), value);
  }
}

TEST(TheModelsHalf, RoundsToTheNearestAndTiesToEven) {
  const float samples[] = {1.0f,     1.00048828125f, 1.00146484375f, 0.1f,  -0.3f,   3.14159f,      2049.0f, 2051.0f, 65503.0f,
                           6.1e-5f,  6.0975e-5f,     5.9604645e-8f,  3e-8f, 2.9e-8f, 2.98023224e-8f, -1e-7f,  8.9406967e-8f};
  for (float x : samples) EXPECT_EQ(ascend_model::half_bits(x), nearest_half(x)) << x;
}

TEST(TheModelsHalf, SaturatesAt65504WithoutAWord) {
  for (float x : {65504.0f, 65519.0f, 65520.0f, 1e30f, INFINITY}) {
    EXPECT_EQ(static_cast<float>(half(x)), 65504.0f) << x;
    EXPECT_EQ(static_cast<float>(half(-x)), -65504.0f) << x;
  }
}

TEST(TheModelsHalf, KeepsNaN) { EXPECT_TRUE(std::isnan(static_cast<float>(half(NAN)))); }

TEST(TheModelsBfloat16, RoundsToTheNearestAndTiesToEven) {
  EXPECT_EQ(ascend_model::bfloat16_bits(ascend_model::float_of(0x3f808000u)), 0x3f80u);  // a tie, down to even
  EXPECT_EQ(ascend_model::bfloat16_bits(ascend_model::float_of(0x3f818000u)), 0x3f82u);  // a tie, up to even
  EXPECT_EQ(ascend_model::bfloat16_bits(ascend_model::float_of(0x3f808001u)), 0x3f81u);
  EXPECT_EQ(ascend_model::bfloat16_bits(ascend_model::float_of(0x3f807fffu)), 0x3f80u);
}

TEST(TheModelsBfloat16, KeepsNaNAndDoesNotSaturate) {
  EXPECT_TRUE(std::isnan(static_cast<float>(bfloat16_t(NAN))));
  EXPECT_EQ(static_cast<float>(bfloat16_t(3.4e38f)), INFINITY);
  EXPECT_EQ(static_cast<float>(bfloat16_t(70000.0f)), 70144.0f);
}

}  // namespace
}  // namespace crestmax_test
