// A portable instruction set: 16 lanes in plain C++, a stand-in for wide vectors. Slow; it lets the
// logic of every kernel run on any machine and compiler.
#pragma once

#include <array>
#include <cstring>
#include <numeric>
#include <bit>

#include "features.hpp"

#include "ahead.hpp"
#include "entries.hpp"
#include "plain_codes.hpp"
#include "rows_in_place.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::portable {

struct pair_multiplies;
template <class T>
struct integer_multiplies;

// In a namespace of their own, as those of AVX-512 are.
namespace vectors {

template <class T>
struct pairs_of {
  using pairs = pair_multiplies;
  using integer_products = integer_multiplies<T>;
};
template <>
struct pairs_of<double> {};

template <class T>
struct primitives : pairs_of<T> {
  using scalar = T;
  static constexpr int lanes = 16;
  static constexpr int panel_vectors = 2;
  static constexpr int row_group = 12;
  static constexpr int direct_group = 4;  // rows that share a key read in place; 0 packs always
  static constexpr int direct_keys = 2;   // scored in lockstep by such a group; fewer rows take more of them
  static constexpr int direct_sums = 16;  // vectors of outputs summed in registers, at most
  static constexpr int direct_columns = 8;  // vectors of one row among them, at most
  static constexpr int held_queries = 16; // vectors of queries that stay in registers beside as many sums
  static constexpr index_type panel = lanes * panel_vectors;
  static constexpr int weigh_batch = 2;  // vectors whose weights are taken in lockstep

  using integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  using vec = std::array<T, lanes>;
  using integers = std::array<integer, lanes>;

  // One lane at a time.
  template <class F>
  static vec each(F&& f) {
    vec x;
    for (std::size_t i = 0; i < lanes; ++i) x[i] = f(i);
    return x;
  }

  static vec load(const T* from) { return each([&](std::size_t i) { return from[i]; }); }
  static void store(T* to, const vec& x) {
    for (std::size_t i = 0; i < lanes; ++i) to[i] = x[i];
  }
  static vec broadcast(T x) { return each([&](std::size_t) { return x; }); }
  static void clear(vec& x) { x.fill(T(0)); }
  static vec add(const vec& a, const vec& b) { return each([&](std::size_t i) { return a[i] + b[i]; }); }
  static vec subtract(const vec& a, T b) { return each([&](std::size_t i) { return a[i] - b; }); }
  static vec multiply(const vec& a, T b) { return each([&](std::size_t i) { return a[i] * b; }); }
  static vec multiply_add(const vec& a, const vec& b, T c) {
    return each([&](std::size_t i) { return a[i] * b[i] + c; });
  }
  static void add_product(vec& sum, T a, const vec& b) {
    for (std::size_t i = 0; i < lanes; ++i) sum[i] += a * b[i];
  }
  static void add_product(vec& sum, const vec& a, const vec& b) {
    for (std::size_t i = 0; i < lanes; ++i) sum[i] += a[i] * b[i];
  }
  static vec divide(const vec& a, const vec& b) { return each([&](std::size_t i) { return a[i] / b[i]; }); }
  static vec minus_size(const vec& x) { return each([&](std::size_t i) { return -std::fabs(x[i]); }); }
  static vec with_sign(const vec& x, const vec& of) { return each([&](std::size_t i) { return std::copysign(x[i], of[i]); }); }
  // -inf where `number` is at most so much, whatever x is.
  static vec hide(const vec& x, const vec& number, T most) {
    return each([&](std::size_t i) { return number[i] <= most ? -std::numeric_limits<T>::infinity() : x[i]; });
  }
  static vec maximum(const vec& a, const vec& b) {  // of a number and a NaN, the number
    return each([&](std::size_t i) { return !(a[i] < b[i]) && !is_nan(a[i]) ? a[i] : !is_nan(b[i]) ? b[i] : a[i]; });
  }
  static vec clamp(const vec& x, T low, T high) {  // NaN stays NaN
    return each([&](std::size_t i) { return x[i] < low ? low : x[i] > high ? high : x[i]; });
  }

  // x, between low and high, times factor = power + fraction, power the nearest integer (0 for NaN, whose
  // weight is NaN all the same). At least and greatest power scale() gives 0 and infinity.
  static constexpr int least_power = 1 - std::numeric_limits<T>::max_exponent;
  static constexpr int greatest_power = std::numeric_limits<T>::max_exponent;
  static vec reduce(const vec& x, T factor, T low, T high, integers& power) {
    const vec limited = clamp(x, low, high);
    for (std::size_t i = 0; i < lanes; ++i) {
      power[i] = is_nan(x[i]) ? 0 : static_cast<integer>(std::floor(limited[i] * factor + T(0.5)));
    }
    return each([&](std::size_t i) { return std::fma(limited[i], factor, -static_cast<T>(power[i])); });
  }

  // x * 2^power
  static vec scale(const vec& x, const integers& power) {
    using bits = std::make_unsigned_t<integer>;
    constexpr int mantissa = std::numeric_limits<T>::digits - 1;
    constexpr int bias = std::numeric_limits<T>::max_exponent - 1;
    return each([&](std::size_t i) {
      return x[i] * std::bit_cast<T>(static_cast<integer>(static_cast<bits>(power[i] + bias) << mantissa));
    });
  }

  // `lanes` numbers of any type.
  template <class Stored>
  static vec widen(const Stored* from) { return each([&](std::size_t i) { return convert<T>(from[i]); }); }

  // x * factor, rounded once.
  static vec multiply_wide(const vec& x, double factor) { return each([&](std::size_t i) { return static_cast<T>(static_cast<double>(x[i]) * factor); }); }
  template <class Stored>
  static void narrow(Stored* to, const vec& x) {
    for (std::size_t i = 0; i < lanes; ++i) to[i] = convert<Stored>(x[i]);
  }

  // Transposes a block x block square: row i begins at rows[i] + offset, columns go to `to` at a stride,
  // in rising order.
  static constexpr index_type block = 8;
  template <class Stored>
  static void transpose(const Stored* const* rows, index_type offset, T* to, index_type stride) {
    for (index_type j = 0; j < block; ++j) {
      for (index_type i = 0; i < block; ++i) to[j * stride + i] = convert<T>(rows[i][offset + j]);
    }
  }
  // The first `count` of them, zeros behind; nothing further is read.
  template <class Stored>
  static vec widen_part(const Stored* from, index_type count) {
    return each([&](std::size_t i) { return static_cast<index_type>(i) < count ? convert<T>(from[i]) : T(0); });
  }

  // Two vectors of bfloat16: those at even places and at odd ones; and back in order.
  static void unzip(const bfloat16* from, vec& even, vec& odd) {
    even = each([&](std::size_t i) { return convert<T>(from[2 * i]); });
    odd = each([&](std::size_t i) { return convert<T>(from[2 * i + 1]); });
  }
  static void zip(vec& even, vec& odd) {
    const vec evens = even;
    const vec odds = odd;
    const auto at = [&](std::size_t i) { return i % 2 == 0 ? evens[i / 2] : odds[i / 2]; };
    even = each(at);
    odd = each([&](std::size_t i) { return at(lanes + i); });
  }

  // Pairs of bfloat16. Like the instructions that it stands for, the product takes subnormal numbers for zero.
  using pair_vec = std::array<bfloat16_pair, lanes>;
  static pair_vec load(const bfloat16_pair* from) {
    pair_vec x;
    for (std::size_t i = 0; i < lanes; ++i) x[i] = from[i];
    return x;
  }
  static T flushed(T x) { return std::fabs(x) < T(0x1p-126) ? std::copysign(T(0), x) : x; }
  static T flushed(bfloat16 x) { return flushed(convert<T>(x)); }
  static void add_product(vec& sum, const bfloat16_pair& a, const pair_vec& b) {
    pair_vec all;
    all.fill(a);
    add_product(sum, all, b);
  }
  // A function of its own: unrolled into register tiles it would take compilers minutes.
  [[gnu::noinline]] static void add_product(vec& sum, const pair_vec& a, const pair_vec& b) {
    for (std::size_t i = 0; i < lanes; ++i) {
      sum[i] = flushed(flushed(sum[i]) + flushed(a[i].second) * flushed(b[i].second));
      sum[i] = flushed(sum[i] + flushed(a[i].first) * flushed(b[i].first));
    }
  }
  static void store_rounded(bfloat16* to, const vec (&x)[panel_vectors], vec& sum) {
    for (std::size_t v = 0; v < panel_vectors; ++v) {
      narrow(to + v * lanes, x[v]);
      sum = add(sum, widen(to + v * lanes));
    }
  }
  static void transpose(const bfloat16* const* rows, index_type offset, bfloat16_pair* to, index_type stride) {
    for (index_type j = 0; j < block; ++j) {
      for (index_type i = 0; i < block; ++i) to[j * stride + i] = {rows[i][2 * (offset + j)], rows[i][2 * (offset + j) + 1]};
    }
  }
  // `lanes` pairs of one number from each row.
  static void interleave(const bfloat16* even, const bfloat16* odd, bfloat16_pair* to) {
    for (std::size_t i = 0; i < lanes; ++i) to[i] = {even[i], odd[i]};
  }
  static magnitudes magnitudes_of(const bfloat16_pair* from, index_type count) {
    magnitudes m{0xffff, 0};
    for (index_type i = 0; i < 2 * count; ++i) {
      const bfloat16 x = i % 2 == 0 ? from[i / 2].first : from[i / 2].second;
      const auto magnitude = static_cast<std::uint16_t>(x.bits & 0x7fff);
      if (magnitude != 0) m.least = std::min(m.least, magnitude);
      m.most = std::max(m.most, magnitude);
    }
    return m;
  }

  static T highest(const vec& x) {
    vec y = x;
    for (std::size_t i = 1; i < lanes; ++i) y[0] = y[i] > y[0] || is_nan(y[0]) ? y[i] : y[0];
    return y[0];
  }
  static T total(const vec& x) {
    vec sums = x;
    for (std::size_t width = lanes / 2; width > 0; width /= 2) {
      for (std::size_t i = 0; i < width; ++i) sums[i] += sums[i + width];
    }
    return sums[0];
  }
  // A hint: the vector is to stay in a register, not to be loaded once per use.
  template <class Vector>
  static void keep(Vector&) {}
  // Two vectors whose totals will be taken: even lanes hold sums of the first, odd lanes of the second.
  static vec join(const vec& a, const vec& b) {
    return each([&](std::size_t i) { return i % 2 == 0 ? a[i] + a[i + 1] : b[i - 1] + b[i]; });
  }
  // Lanes 2 i and 2 i + 1: the totals of the two vectors that were joined to pairs[i].
  [[gnu::noinline]] static vec totals(const vec (&pairs)[lanes / 2]) {
    return each([&](std::size_t i) {
      return total(each([&](std::size_t lane) { return lane % 2 == i % 2 ? pairs[i / 2][lane] : T(0); }));
    });
  }
};

}  // namespace vectors

using vectors::primitives;

#include "text/multiply.inc"
#include "text/pairs.inc"

struct pair_multiplies {
  using registers = register_pairs<primitives<float>>;
};

// Integers of 16 bits, 32 a vector, and sums of 32. The order of columns within a chunk is the text's to know.
struct integers {
  using numbers = primitives<float>;
  using words = std::array<std::int16_t, 32>;
  using sums = std::array<std::int32_t, 16>;
  static constexpr int words_in_chunk = 1;  // vectors of 32 codes

  static words load(const std::int16_t* from) {
    words x;
    std::memcpy(x.data(), from, sizeof x);
    return x;
  }
  static sums same(std::int32_t x) {
    sums s;
    s.fill(x);
    return s;
  }
  // Sums of the products of two neighbours.
  static sums products(const words& a, const words& b) {
    sums s = same(0);
    add_products(s, a, b);
    return s;
  }
  static void add_products(sums& sum, const words& a, const words& b) {
    for (std::size_t i = 0; i < 16; ++i) sum[i] += a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1];
  }
  static numbers::vec to_numbers(const sums& x) { return numbers::each([&](std::size_t i) { return static_cast<float>(x[i]); }); }
  // Two integers in all places of two.
  static words two(const std::int16_t* from) {
    words x;
    for (std::size_t i = 0; i < 32; ++i) x[i] = from[i % 2];
    return x;
  }
  // 16 numbers to the nearest integers of 16 bits; what is no number becomes some.
  static void round(const numbers::vec (&x)[1], std::int16_t* to) {
    for (std::size_t i = 0; i < 16; ++i) {
      const float number = x[0][i] > -32768 ? std::min(x[0][i], 32767.0f) : -32768.0f;
      const auto integer = static_cast<std::int16_t>(std::nearbyint(number));
      std::memcpy(to + i, &integer, sizeof integer);
    }
  }
  // A chunk of codes.
  template <code_layout Layout>
  static void widen(const std::uint8_t* from, words (&to)[1]) {
    for (std::size_t i = 0; i < 32; ++i) {
      if constexpr (Layout == code_layout::bytes) to[0][i] = static_cast<std::int8_t>(from[i]);
      else to[0][i] = nibble(from[i % 16], i >= 16);
    }
  }
  // Columns of a chunk, of two keys in turn.
  template <code_layout Layout>
  static void pair(const std::uint8_t* a, const std::uint8_t* b, int, words (&to)[2]) {
    for (std::size_t v = 0; v < 2; ++v) {
      for (std::size_t i = 0; i < 32; ++i) {
        const std::uint8_t* const from = i % 2 == 0 ? a : b;
        if constexpr (Layout == code_layout::bytes) to[v][i] = static_cast<std::int8_t>(from[16 * v + i / 2]);
        else to[v][i] = nibble(from[i / 2], v == 1);
      }
    }
  }
  // Sums of columns that came so.
  template <code_layout Layout>
  static void in_order(numbers::vec& first, numbers::vec& second) {
    if constexpr (Layout != code_layout::adjacent_nibbles) return;
    const numbers::vec even = first, odd = second;
    const auto number = [&](std::size_t i) { return i % 2 == 0 ? even[i / 2] : odd[i / 2]; };
    first = numbers::each(number);
    second = numbers::each([&](std::size_t i) { return number(16 + i); });
  }

 private:
  static std::int16_t nibble(std::uint8_t byte, bool high) { return static_cast<std::int16_t>((high ? byte >> 4 : byte & 15) - 8); }
};

#include "text/integer_codes.inc"
#include "text/integer_scores.inc"
#include "text/integer_outputs.inc"

template <class T>
struct integer_multiplies {
  template <kind_set Kinds>
  static constexpr integer_kernels<T> plain() { return kernels_of_integers<integers, Kinds>(); }
  template <kind_set Kinds>
  static constexpr integer_kernels<T> dots() { return {}; }
};

#include "text/table.inc"

}  // namespace cpu::portable

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
