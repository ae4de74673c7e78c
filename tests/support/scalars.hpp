// Element types, decoded and encoded by arithmetic that shares nothing with the library's.
#pragma once

#include <cmath>
#include <crestmax/scalar_types.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

namespace crestmax_test {

using crestmax::scalar_kind;
using index_type = std::int64_t;

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

// An IEEE-like 16-bit format: 1 sign bit, then the exponent, then the mantissa.
struct format16 {
  int exponent_bits;
  int mantissa_bits;
  constexpr int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  constexpr int top_exponent() const { return (1 << exponent_bits) - 1; }
};
inline constexpr format16 half_format{5, 10};
inline constexpr format16 brain_format{8, 7};

inline double decode(format16 f, std::uint16_t bits) {
  const double sign = (bits & 0x8000u) != 0 ? -1.0 : 1.0;
  const int exponent = (bits >> f.mantissa_bits) & f.top_exponent();
  const int mantissa = bits & ((1 << f.mantissa_bits) - 1);
  if (exponent == f.top_exponent()) return mantissa == 0 ? sign * infinity : not_a_number;
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - f.bias() - f.mantissa_bits);
  return sign * std::ldexp((1 << f.mantissa_bits) + mantissa, exponent - f.bias() - f.mantissa_bits);
}

// Round to nearest, ties to even; past the largest number, infinity.
inline std::uint16_t encode(format16 f, double x) {
  const unsigned sign = std::signbit(x) ? 0x8000u : 0u;
  const unsigned infinite = static_cast<unsigned>(f.top_exponent()) << f.mantissa_bits;
  if (std::isnan(x)) return static_cast<std::uint16_t>(sign | infinite | (1u << (f.mantissa_bits - 1)));
  const double magnitude = std::fabs(x);
  if (magnitude == 0) return static_cast<std::uint16_t>(sign);
  if (std::isinf(x)) return static_cast<std::uint16_t>(sign | infinite);
  const int exponent = std::max(std::ilogb(magnitude), 1 - f.bias());
  // Units in the last place; a carry into the exponent is the sum that the format means it to be.
  const double units = std::nearbyint(std::ldexp(magnitude, f.mantissa_bits - exponent));
  const unsigned steps = static_cast<unsigned>(exponent - 1 + f.bias()) << f.mantissa_bits;
  const unsigned bits = static_cast<unsigned>(units) + steps;
  return static_cast<std::uint16_t>(sign | (exponent > f.bias() || bits > infinite ? infinite : bits));
}

inline index_type bytes_of(scalar_kind kind) {
  return kind == scalar_kind::float64 ? 8 : kind == scalar_kind::float32 ? 4 : 2;
}

inline double read_number(scalar_kind kind, const std::byte* from) {
  if (kind == scalar_kind::float64) {
    double x;
    std::memcpy(&x, from, sizeof x);
    return x;
  }
  if (kind == scalar_kind::float32) {
    float x;
    std::memcpy(&x, from, sizeof x);
    return static_cast<double>(x);
  }
  std::uint16_t bits;
  std::memcpy(&bits, from, sizeof bits);
  return decode(kind == scalar_kind::float16 ? half_format : brain_format, bits);
}

inline void write_number(scalar_kind kind, std::byte* to, double x) {
  if (kind == scalar_kind::float64) {
    std::memcpy(to, &x, sizeof x);
  } else if (kind == scalar_kind::float32) {
    const float narrow = static_cast<float>(x);
    std::memcpy(to, &narrow, sizeof narrow);
  } else {
    const std::uint16_t bits = encode(kind == scalar_kind::float16 ? half_format : brain_format, x);
    std::memcpy(to, &bits, sizeof bits);
  }
}

// x as a type of this kind holds it.
inline double rounded_to(scalar_kind kind, double x) {
  std::byte storage[8];
  write_number(kind, storage, x);
  return read_number(kind, storage);
}

// Half the distance between neighbouring numbers of a kind around x: what one rounding may cost.
inline double half_ulp(scalar_kind kind, double x) {
  const int digits = kind == scalar_kind::float64   ? 53
                     : kind == scalar_kind::float32 ? 24
                     : kind == scalar_kind::float16 ? 11
                                                    : 8;
  const int least = kind == scalar_kind::float64 ? -1022 : kind == scalar_kind::float16 ? -14 : -126;
  const int exponent = x == 0 ? least : std::max(std::ilogb(x), least);
  return std::ldexp(0.5, exponent + 1 - digits);
}

}  // namespace crestmax_test
