// Quantised types of ggml's that crestmax has no kernels for, as encodings of its own: what a block is, and a function that turns rows
// into numbers a run at a time. Sources hand it out with the rows (cache_rows.hpp).
#pragma once

#include <crestmax/kv_source.hpp>

namespace adapter {

using crestmax::index_type;

// Rows of blocks of `numbers`, each of `bytes`.
struct block_format {
  index_type numbers;
  index_type bytes;
  crestmax::decode_function decode;
};

// Blocks that begin with a float16 scale, behind it codes of so many bits, from the lowest of each byte on: scale * number(code).
template <index_type Numbers, int Bits>
struct scaled_codes {
  static constexpr index_type per_byte = 8 / Bits;
  static constexpr index_type bytes = 2 + Numbers / per_byte;

  template <float (*number)(unsigned code)>
  static void decode(const crestmax::kv_run& run, index_type first, index_type step, index_type count, index_type length, float* to,
                     index_type to_stride) {
    for (index_type row = 0; row < count; ++row) {
      const auto* block = static_cast<const std::uint8_t*>(run.data) + (first + row * step) * run.row_stride;
      for (index_type at = 0; at < length; at += Numbers, block += bytes) {
        const float scale = crestmax::to_float(crestmax::float16{static_cast<std::uint16_t>(block[0] | block[1] << 8)});
        for (index_type i = 0; i < Numbers; ++i) {
          const unsigned code = static_cast<unsigned>(block[2 + i / per_byte]) >> i % per_byte * Bits & ((1u << Bits) - 1);
          to[row * to_stride + at + i] = scale * number(code);
        }
      }
    }
  }
};

inline float sign_of_bit(unsigned code) { return code == 0 ? -1.0f : 1.0f; }
inline float less_one(unsigned code) { return static_cast<float>(code) - 1; }

inline constexpr block_format q1_0{128, scaled_codes<128, 1>::bytes, scaled_codes<128, 1>::decode<sign_of_bit>};
inline constexpr block_format q2_0{64, scaled_codes<64, 2>::bytes, scaled_codes<64, 2>::decode<less_one>};

}  // namespace adapter
