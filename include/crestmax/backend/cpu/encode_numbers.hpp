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
  static constexpr float number(std::int32_t key) { return std::bit_cast<float>(key ^ (key >> 31 & 0x7fffffff)); }
  float least() const { return number(least_key); }
  float largest() const { return number(most_key); }
  bool is_finite() const { return most_key < infinite_bits && least_key > (infinite_bits ^ -1); }
};
// The same of 32 columns, of the finite numbers in them.
struct key_ranges {
  std::int32_t least[32];
  std::int32_t most[32];
};

// codes = (number - subtract) * multiply + add, to the nearest within [low, high]; for all numbers alike by the first of each, or by number,
// of up to 32.
struct code_rule {
  float subtract[32];
  float multiply[32];
  float add[32];
  float low;
  float high;
  bool per_number;
};

// What append() needs of an instruction set. Rows of floats are read at any alignment of theirs.
struct number_encoder {
  void (*widen)(scalar_kind, const void* from, index_type count, float* to);   // of float16 or bfloat16
  void (*narrow)(scalar_kind, const float* from, index_type count, void* to);  // to them
  std::int32_t (*magnitude)(const float* from, index_type count);              // the largest, as bits: above infinite_bits with a NaN
  key_range (*range)(const float* from, index_type count);
  void (*widen_ranges)(const float* row, key_ranges&);  // by a row of 32
  void (*blocks)(scalar_kind, const float* from, index_type blocks, std::uint8_t* to);  // of ggml's
  void (*by_rule)(scalar_kind, const float* from, index_type count, const code_rule&, std::uint8_t* to);  // of the others
};

// 2^i, as words.
inline constexpr auto powers_as_words = [] {
  std::array<std::int32_t, 32> powers{};
  for (std::uint32_t i = 0; i < 32; ++i) powers[i] = std::bit_cast<std::int32_t>(std::uint32_t{1} << i);
  return powers;
}();

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
CRESTMAX_OUT_OF_LINE inline void write_poison(std::uint8_t* to, int bytes) {
  std::memset(to, 0, bound(bytes));
  write_half(to, std::numeric_limits<float>::quiet_NaN());
}

// The number of the largest size, the first one of two; 0 of zeros.
inline float first_largest(const key_range& r, const float* from) {
  const float least = r.least(), largest = r.largest();
  if (largest > -least) return largest;
  if (-least > largest) return least;
  if (equals(largest, 0.0f)) return 0.0f;
  while (!equals(std::fabs(*from), largest)) ++from;
  return *from;
}
// The least number; of zeros, the first one.
inline float first_least(const key_range& r, const float* from) {
  if (!equals(r.least(), 0.0f)) return r.least();
  while (!equals(*from, 0.0f)) ++from;
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
