// Numbers into codes and 16-bit numbers: what an instruction set's encoder does, and what it decides number by number.
#pragma once

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "../../encodings.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

inline constexpr std::int32_t infinite_bits = 0x7f800000;

// The least and the largest of some floats, as integers in their order: NaN is outside of the infinities.
struct key_range {
  std::int32_t least_key;
  std::int32_t most_key;

  static constexpr key_range of_none() { return {std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::min()}; }
  // The key of a negative number is the complement of its size's.
  std::int32_t size_key() const { return most_key > ~least_key ? most_key : ~least_key; }
};
// Numbers that are looked at together, at most: of a row, of neighbouring channels, or scales.
inline constexpr index_type most_numbers = 512;

// The same of many, for instance of channels.
struct key_ranges {
  std::int32_t least[most_numbers];
  std::int32_t most[most_numbers];

  void set(index_type i, const key_range& r) {
    least[i] = r.least_key;
    most[i] = r.most_key;
  }
};

// How scales and offsets follow from ranges.
struct scale_facts {
  float steps = 1;          // of codes between the least number and the largest; without offsets, between 0 and the largest
  bool has_offsets = false;
  bool has_minimum = false; // they are minimums, else zero points
  bool outwards = false;    // scales round up, so that no number lies beyond the codes
  scalar_kind scale = scalar_kind::float32;  // that they are stored as
  scalar_kind offset = scalar_kind::float32;
};
// Scales and offsets as they are stored, and what codes come from: codes = (number - subtract) * multiply + add.
struct scales_found {
  float scale[most_numbers];
  float offset[most_numbers];
  float subtract[most_numbers];
  float multiply[most_numbers];
  float add[most_numbers];
};

// The nearest codes within [low, high].
enum class rule_kind {
  scale,       // multiply[0] alone, for all numbers
  group,       // the first of each, for all numbers
  per_number,
};
struct code_rule {
  const float* subtract;
  const float* multiply;
  const float* add;
  float low;
  float high;

  code_rule(const scales_found& found, index_type first, float least, float most)
      : subtract(found.subtract + first), multiply(found.multiply + first), add(found.add + first), low(least), high(most) {}
};
// Where codes of a row go: of planes16 to each plane, of others to the first of these places.
struct code_places {
  std::uint8_t* parts[planes_of_code];

  static code_places of_bytes(std::uint8_t* row) { return {{row, nullptr, nullptr}}; }
  // So many codes behind them, an even number.
  code_places behind(scalar_kind kind, index_type numbers) const {
    if (kind != scalar_kind::planes16) return of_bytes(parts[0] + row_bytes_of(kind, numbers));
    return {{parts[0] + numbers / 2, parts[1] + numbers / 2, parts[2] + numbers}};
  }
};
inline void copy_codes(scalar_kind kind, const code_places& from, index_type count, const code_places& to) {
  if (kind != scalar_kind::planes16) {
    std::memcpy(to.parts[0], from.parts[0], bound(row_bytes_of(kind, count)));
    return;
  }
  for (int plane = 0; plane < planes_of_code; ++plane) {
    std::memcpy(to.parts[plane], from.parts[plane], bound(plane_of_block(plane, count).row_bytes));
  }
}
using encode_function = void (*)(const float* from, index_type count, const code_rule&, const code_places& to);

// What append() needs of an instruction set. Rows of floats are read at any alignment of theirs.
struct number_encoder {
  void (*widen)(scalar_kind, const void* from, index_type count, float* to);   // of float16 or bfloat16
  void (*narrow)(scalar_kind, const float* from, index_type count, void* to);  // to them
  void (*round)(scalar_kind, const float* from, index_type count, float* to);  // as they would hold it
  key_range (*magnitude)(const float* from, index_type count);  // the least key unknown
  key_range (*range)(const float* from, index_type count);
  void (*widen_ranges)(const float* row, index_type count, key_ranges&);  // by finite numbers of a row, a multiple of 32 of them
  void (*scales)(const scale_facts&, key_ranges&, index_type count, scales_found&);  // of ranges that are not finite: NaN
  void (*blocks)(scalar_kind, const float* from, index_type blocks, std::uint8_t* to);  // of ggml's
  encode_function (*by_rule)(scalar_kind, rule_kind);  // of the others
};

// 2^i, as words.
inline constexpr auto powers_as_words = [] {
  std::array<std::int32_t, 32> powers{};
  for (std::uint32_t i = 0; i < 32; ++i) powers[i] = std::bit_cast<std::int32_t>(std::uint32_t{1} << i);
  return powers;
}();

// The largest finite number of a kind.
constexpr float largest_stored(scalar_kind kind) {
  return kind == scalar_kind::float16 ? 65504.0f : kind == scalar_kind::bfloat16 ? 0x1.fep127f : std::numeric_limits<float>::max();
}

// 1 / x, or 0 where that is none.
inline float inverse_of(float x) {
  const float inverse = 1.0f / x;
  return std::fabs(inverse) <= std::numeric_limits<float>::max() ? inverse : 0.0f;
}

inline void write_half(std::uint8_t* to, float x) {
  const std::uint16_t bits = to_float16(x).bits;
  to[0] = static_cast<std::uint8_t>(bits & 0xff);
  to[1] = static_cast<std::uint8_t>(bits >> 8);
}

// A block that reads as NaN.
CRESTMAX_OUT_OF_LINE inline void write_poison(std::uint8_t* to, index_type bytes) {
  std::memset(to, 0, bound(bytes));
  write_half(to, std::numeric_limits<float>::quiet_NaN());
}

// The first number of a size that there is.
inline float first_of_size(float size, const float* from) {
  while (!equals(std::fabs(*from), size)) ++from;
  return *from;
}

// Scales for 32 numbers and iq4_nl's table: at first the one that ggml's reference takes, where large numbers count more, then that of the least
// squared error for the codes found before.
class table_fit {
 public:
  static constexpr int rounds = 4;
  explicit table_fit(const float* numbers) : numbers_(numbers) {}

  // Whether these codes with the last scale err less than all before; of the first round there is no scale.
  bool is_better(const std::uint8_t* places) {
    if (round_ == 0) return false;
    double error = 0;
    for (std::size_t i = 0; i < 32; ++i) {
      const double difference = static_cast<double>(numbers_[i]) - static_cast<double>(scale_) * value(places[i]);
      error += difference * difference;
    }
    if (!(error < best_)) return false;
    best_ = error;
    return true;
  }
  // As float16 holds it.
  float scale() const { return scale_; }
  float next(const std::uint8_t* places) {
    double products = 0, squares = 0;
    for (std::size_t i = 0; i < 32; ++i) {
      const double x = static_cast<double>(numbers_[i]), v = value(places[i]), weight = round_ == 0 ? x * x : 1.0;
      products += weight * v * x;
      squares += weight * v * v;
    }
    const double scale = squares > 0 ? products / squares : 0.0;
    scale_ = to_float(to_float16(static_cast<float>(std::fmin(std::fmax(scale, -65504.0), 65504.0))));
    ++round_;
    return scale_;
  }

 private:
  static double value(std::uint8_t place) { return static_cast<double>(iq4_nl_numbers[place]); }

  const float* numbers_;
  int round_ = 0;
  float scale_ = 0;
  double best_ = std::numeric_limits<double>::infinity();
};

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
