// Blocks of 32 numbers that tell writers of ggml's blocks apart: for the bytes of ggml in ggml_bytes.inc, and for the program that makes them.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace crestmax_test {

inline constexpr int number_of_blocks = 16;

inline std::array<float, 32> numbers_of_block(int block) {
  std::array<float, 32> x{};
  std::uint32_t state = 2463534242u + static_cast<std::uint32_t>(block);
  const auto next = [&] {  // about normal, of 16 bits
    float sum = 0;
    for (int i = 0; i < 4; ++i) {
      state = state * 1664525u + 1013904223u;
      sum += static_cast<float>(state >> 20) - 2048.0f;
    }
    return sum * 0x1p-11f;
  };
  for (std::size_t i = 0; i < 32; ++i) {
    const float n = next();
    const auto j = static_cast<int>(i);
    switch (block) {
      case 0: case 1: case 2: case 3: x[i] = n; break;
      case 4: x[i] = 0.0f; break;
      case 5: x[i] = j % 3 == 1 ? -0.0f : 0.0f; break;
      case 6: x[i] = j == 0 ? -0.0f : std::fabs(n) < 0.5f ? 0.0f : std::fabs(n); break;
      case 7: x[i] = j % 2 == 0 ? -1.5f : 1.5f; break;       // the largest size twice
      case 8: x[i] = j % 2 == 0 ? 1.5f : -1.5f; break;
      case 9: x[i] = 0.1f; break;
      case 10: x[i] = static_cast<float>(j - 16) + 0.5f; break;  // halves
      case 11: x[i] = j == 17 ? -3000.0f : n; break;
      case 12: x[i] = n * 0x1p-20f; break;                   // scales without all of a float16's places
      case 13: x[i] = n * 0x1p16f; break;
      case 14: x[i] = -std::fabs(n) - 1.0f; break;
      default: x[i] = static_cast<float>(j % 2 == 0 ? 127 - j : j - 127) * 0.5f; break;
    }
  }
  return x;
}

}  // namespace crestmax_test
