// 16 codes of encoded rows at a time, in plain C++: for sets without instructions for bytes. P is a set's primitives<float>.
#pragma once

#include <cstring>

#include "../../encodings.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

inline constexpr int codes_at_a_time = 16;
inline constexpr float e4m3_unit = 256;

template <class P>
struct plain_codes {
  struct codes { std::uint8_t at[codes_at_a_time]; };
  static constexpr int vectors = codes_at_a_time / P::lanes;
  using vec = typename P::vec;

  template <class F>
  static codes each(F&& f) {
    codes x;
    for (int i = 0; i < codes_at_a_time; ++i) x.at[i] = static_cast<std::uint8_t>(f(i));
    return x;
  }
  static float number_of(float16 x) { return to_float(x); }
  // Of 8 rows, a float16 of each.
  static void numbers_of_rows(const std::uint8_t* rows, std::ptrdiff_t distance, float* to) {
    for (int i = 0; i < 8; ++i, rows += distance) to[i] = to_float(float16{static_cast<std::uint16_t>(rows[0] | rows[1] << 8)});
  }
  static codes load(const std::uint8_t* from) { return each([&](int i) { return from[i]; }); }
  static void store(std::uint8_t* to, const codes& x) { std::memcpy(to, x.at, sizeof x.at); }
  static codes low_nibbles(const codes& x) { return each([&](int i) { return x.at[i] & 15; }); }
  static codes high_nibbles(const codes& x) { return each([&](int i) { return x.at[i] >> 4; }); }
  // Of 8 bytes: low and high nibbles in turn.
  static codes load_nibbles(const std::uint8_t* from) { return each([&](int i) { return from[i / 2] >> i % 2 * 4 & 15; }); }
  // Of 8 bytes and 8 others: bytes that have nibbles of the first above those of the second.
  static codes load_joined_nibbles(const std::uint8_t* upper, const std::uint8_t* lower) {
    return each([&](int i) { return (upper[i / 2] >> i % 2 * 4 & 15) << 4 | (lower[i / 2] >> i % 2 * 4 & 15); });
  }
  // Bit i is the fifth of code i.
  static codes with_fifth_bits(const codes& x, std::uint32_t bits) { return each([&](int i) { return x.at[i] | (bits >> i & 1u) << 4; }); }
  static codes minus(const codes& x, int zero) { return each([&](int i) { return x.at[i] - zero; }); }
  // Of as many bytes as a vector has lanes: numbers of the low nibbles, and of the high ones.
  static void nibbles(const std::uint8_t* from, vec& low, vec& high) {
    float x[2][bound(P::lanes)];
    for (int i = 0; i < P::lanes; ++i) {
      x[0][i] = static_cast<float>(from[i] & 15);
      x[1][i] = static_cast<float>(from[i] >> 4);
    }
    low = P::load(x[0]);
    high = P::load(x[1]);
  }
  // Numbers in two vectors to those at even places and those at odd ones, and back.
  static void split(vec& first, vec& second) {
    float x[2 * bound(P::lanes)], y[2 * bound(P::lanes)];
    P::store(x, first);
    P::store(x + P::lanes, second);
    for (int i = 0; i < 2 * P::lanes; ++i) y[i % 2 * P::lanes + i / 2] = x[i];
    first = P::load(y);
    second = P::load(y + P::lanes);
  }
  static void merge(vec& first, vec& second) {
    float x[2 * bound(P::lanes)], y[2 * bound(P::lanes)];
    P::store(x, first);
    P::store(x + P::lanes, second);
    for (int i = 0; i < 2 * P::lanes; ++i) y[i] = x[i % 2 * P::lanes + i / 2];
    first = P::load(y);
    second = P::load(y + P::lanes);
  }
  static codes look_up(const codes& x, const std::array<std::int8_t, 16>& numbers) {
    return each([&](int i) { return numbers[x.at[i]]; });
  }

  template <class F>
  static void numbers(F&& f, vec (&to)[bound(vectors)]) {
    float x[codes_at_a_time];
    for (int i = 0; i < codes_at_a_time; ++i) x[i] = f(i);
    for (int v = 0; v < vectors; ++v) to[v] = P::load(x + v * P::lanes);
  }
  static void signed_numbers(const codes& x, vec (&to)[bound(vectors)]) {
    numbers([&](int i) { return static_cast<float>(static_cast<std::int8_t>(x.at[i])); }, to);
  }
  static void unsigned_numbers(const codes& x, vec (&to)[bound(vectors)]) {
    numbers([&](int i) { return static_cast<float>(x.at[i]); }, to);
  }
  // Of 16 bits: upper and lower bytes.
  static void numbers_of_planes(const codes& upper, const codes& lower, vec (&to)[bound(vectors)]) {
    numbers([&](int i) { return static_cast<float>(upper.at[i] << 8 | lower.at[i]); }, to);
  }
  static void numbers_of_e5m2(const codes& x, vec (&to)[bound(vectors)]) {
    numbers([&](int i) { return to_float(float16{static_cast<std::uint16_t>(x.at[i] << 8)}); }, to);
  }
  // Divided by e4m3_unit: so they are float16, but for the greatest magnitude, which is NaN.
  static void numbers_of_e4m3(const codes& x, vec (&to)[bound(vectors)]) {
    numbers([&](int i) {
      const unsigned magnitude = x.at[i] & 0x7fu;
      const unsigned bits = (x.at[i] & 0x80u) << 8 | (magnitude == 0x7f ? 0x7fffu : magnitude << 7);
      return to_float(float16{static_cast<std::uint16_t>(bits)});
    }, to);
  }
};

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
