// Which scale and offset some numbers get, and which codes with it. Everything is decided with scales and offsets as they are stored.
#pragma once

#include "../backend/cpu/encode_numbers.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace appending {

// Numbers beside rows, as float32, float16 or bfloat16.
inline float read_stored(scalar_kind kind, const void* from) {
  if (kind == scalar_kind::float32) return *pointer_to<float>(from);
  return kind == scalar_kind::float16 ? to_float(*pointer_to<float16>(from)) : to_float(*pointer_to<bfloat16>(from));
}
inline void write_stored(scalar_kind kind, void* to, float x) {
  if (kind == scalar_kind::float32) *pointer_to<float>(to) = x;
  else if (kind == scalar_kind::float16) *pointer_to<float16>(to) = to_float16(x);
  else *pointer_to<bfloat16>(to) = to_bfloat16(x);
}
constexpr float largest_stored(scalar_kind kind) {
  return kind == scalar_kind::float16 ? 65504.0f : kind == scalar_kind::bfloat16 ? 0x1.fep127f : std::numeric_limits<float>::max();
}
// To the nearest that is finite.
inline float as_stored(scalar_kind kind, float x) {
  const float most = largest_stored(kind);
  const float limited = x < -most ? -most : x > most ? most : x;
  if (kind == scalar_kind::float32) return limited;
  return kind == scalar_kind::float16 ? to_float(to_float16(limited)) : to_float(to_bfloat16(limited));
}
// To the next one below.
inline float as_stored_below(scalar_kind kind, float x) {
  const float near = as_stored(kind, x);
  if (!(near > x) || kind == scalar_kind::float32 || near <= -largest_stored(kind)) return near;
  const std::uint32_t step = kind == scalar_kind::bfloat16 ? 0x10000u : std::fabs(near) > 0x1p-14f ? 0x2000u : 0u;
  if (step == 0) return near - 0x1p-24f;
  // Towards zero for positive numbers, away from it for negative ones.
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(near);
  if (equals(near, 0.0f)) return -0x1p-133f;  // the smallest bfloat16
  return std::bit_cast<float>(near > 0 ? bits - step : bits + step);
}
// A scale: numbers below 2^-126 count as none; a float16 without all of its places rounds up, so that nothing saturates.
inline float scale_as_stored(scalar_kind kind, float x) {
  float stored = as_stored(kind, x);
  if (kind == scalar_kind::float16 && stored < x && x < 0x1p-14f) stored += 0x1p-24f;
  return stored < 0x1p-126f ? 0.0f : stored;
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
         : kind == scalar_kind::float8_e4m3 ? code_facts{-448, 448, 448}
                                            : code_facts{-57344, 57344, 57344};
}
constexpr bool has_offsets(scalar_kind kind) { return kind == scalar_kind::uint8 || kind == scalar_kind::uint4; }

// A group's scale and offset, as stored.
struct scale_and_offset {
  float scale;
  float offset;
};
struct stored_kinds {
  scalar_kind scale;
  scalar_kind offset;
  offset_kind meaning;
};

inline scale_and_offset of_largest(scalar_kind kind, float largest, const stored_kinds& stored) {
  return {scale_as_stored(stored.scale, largest / facts_of(kind).steps), 0.0f};
}
inline scale_and_offset of_range(scalar_kind kind, float least, float largest, const stored_kinds& stored) {
  constexpr float most = std::numeric_limits<float>::max();
  const float steps = facts_of(kind).steps;
  const auto distance = [](float from, float to) { return to - from < most ? to - from : most; };
  if (stored.meaning == offset_kind::minimum) {
    const float offset = as_stored_below(stored.offset, least);
    return {scale_as_stored(stored.scale, distance(offset, largest) / steps), offset};
  }
  // A zero point keeps its unit's place: numbers close to each other and far from zero get a scale that it can tell apart.
  const float precision = stored.offset == scalar_kind::float32 ? 0x1p-24f : stored.offset == scalar_kind::float16 ? 0x1p-11f : 0x1p-8f;
  const float needed = std::fmax(std::fabs(least), std::fabs(largest)) * precision;
  const float scale = scale_as_stored(stored.scale, std::fmax(distance(least, largest) / steps, needed));
  return {scale, scale > 0 ? as_stored(stored.offset, -least / scale) : 0.0f};
}

// Puts a group's rule at one place.
inline void set_rule(cpu::code_rule& rule, int place, const scale_and_offset& s, offset_kind meaning) {
  const float inverse = 1.0f / s.scale;
  const float most = std::numeric_limits<float>::max();
  const bool minimum = meaning == offset_kind::minimum;
  rule.subtract[place] = minimum ? s.offset : 0.0f;
  rule.multiply[place] = equals(s.scale, 0.0f) ? 0.0f : inverse > most ? most : inverse;
  rule.add[place] = minimum ? 0.0f : s.offset;
}

}  // namespace appending

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
