// The 16-bit types of the device, with the roundings that the model gives them.
#pragma once

#include <cstdint>
#include <cstring>

namespace ascend_model {

inline std::uint32_t bits_of(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}
inline float float_of(std::uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// To nearest, ties to even. What lies beyond 65504, infinity too, becomes 65504 and nobody is told; NaN stays NaN.
inline std::uint16_t half_bits(float x) {
  const std::uint32_t sign = (bits_of(x) >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits_of(x) & 0x7fffffffu;
  std::uint32_t result;
  if (magnitude > 0x7f800000u) {
    result = 0x7e00u;
  } else if (magnitude >= 0x477ff000u) {  // 65520, the first that would round to 65536
    result = 0x7bffu;
  } else if (magnitude < 0x38800000u) {  // subnormal: adding 0.5 rounds at the last place of a half
    result = bits_of(float_of(magnitude) + 0.5f) - 0x3f000000u;
  } else {
    result = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  }
  return static_cast<std::uint16_t>(sign | result);
}

inline float half_value(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  const std::uint32_t magnitude = bits & 0x7fffu;
  if (magnitude >= 0x7c00u) return float_of(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13));
  if (magnitude < 0x400u) {
    const float value = static_cast<float>(magnitude) * 0x1p-24f;
    return sign != 0 ? -value : value;
  }
  return float_of(sign | ((magnitude << 13) + 0x38000000u));
}

// To nearest, ties to even; beyond the largest number infinity.
inline std::uint16_t bfloat16_bits(float x) {
  const std::uint32_t bits = bits_of(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
inline float bfloat16_value(std::uint16_t bits) { return float_of(static_cast<std::uint32_t>(bits) << 16); }

}  // namespace ascend_model

// Storage only: device code may pass these on and compute with them in vector calls, not in scalar ones.
struct half {
  half() = default;
  explicit half(float x) : bits(ascend_model::half_bits(x)) {}
  explicit operator float() const { return ascend_model::half_value(bits); }
  std::uint16_t bits;
};
struct bfloat16_t {
  bfloat16_t() = default;
  explicit bfloat16_t(float x) : bits(ascend_model::bfloat16_bits(x)) {}
  explicit operator float() const { return ascend_model::bfloat16_value(bits); }
  std::uint16_t bits;
};
