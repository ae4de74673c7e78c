// What stands beside rows: numbers of their own kinds, and what the codes of an encoding are.
#pragma once

#include "../backend/cpu/encode_numbers.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace appending {

// A number beside rows, as float32, float16 or bfloat16.
inline void write_stored(scalar_kind kind, void* to, float x) {
  if (kind == scalar_kind::float32) *pointer_to<float>(to) = x;
  else if (kind == scalar_kind::float16) *pointer_to<float16>(to) = to_float16(x);
  else *pointer_to<bfloat16>(to) = to_bfloat16(x);
}

// What an encoding's codes are.
struct code_facts {
  float low, high;  // integers
  float steps;      // that the largest number is away from 0; of offsets, from the least
};
constexpr code_facts facts_of(scalar_kind kind) {
  return kind == scalar_kind::int8          ? code_facts{-127, 127, 127}
         : kind == scalar_kind::uint8       ? code_facts{0, 255, 255}
         : kind == scalar_kind::uint4       ? code_facts{0, 15, 15}
         : kind == scalar_kind::planes16    ? code_facts{0, 65535, 65535}
         : kind == scalar_kind::float8_e4m3 ? code_facts{-448, 448, 448}
                                            : code_facts{-57344, 57344, 57344};
}
// Whether scales that are computed have offsets beside them.
constexpr bool has_offsets(scalar_kind kind) { return kind == scalar_kind::uint8 || kind == scalar_kind::uint4 || kind == scalar_kind::planes16; }

inline cpu::scale_facts scale_facts_of(scalar_kind kind, const row_coding& coding) {
  return {facts_of(kind).steps, has_offsets(kind),   coding.offset == offset_kind::minimum, kind == scalar_kind::planes16,
          coding.scales.kind,   coding.offsets.kind};
}

// A scale and an offset of the caller's, as the first that were found.
inline void take_given(cpu::scales_found& found, float scale, float offset, offset_kind meaning) {
  const float inverse = 1.0f / scale, most = std::numeric_limits<float>::max();
  const bool minimum = meaning == offset_kind::minimum;
  found.subtract[0] = minimum ? offset : 0.0f;
  found.multiply[0] = equals(scale, 0.0f) ? 0.0f : inverse > most ? most : inverse;
  found.add[0] = minimum ? 0.0f : offset;
}

}  // namespace appending

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
