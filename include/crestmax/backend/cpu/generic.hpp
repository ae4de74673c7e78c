// The generic instruction set: vectors of whatever the compiler was told to target, by g++'s and clang's vector types; a number at a
// time where a target, or a compiler, has no vectors.
#pragma once

#include <bit>
#include <cstring>
#include <numeric>

#include "features.hpp"

#include "ahead.hpp"
#include "entries.hpp"
#include "plain_codes.hpp"
#include "rows_in_place.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::generic {

// Bytes of a register.
#if !defined(__GNUC__)
inline constexpr int register_bytes = 0;
#elif defined(__AVX512F__)
inline constexpr int register_bytes = 64;
#elif defined(__AVX__)
inline constexpr int register_bytes = 32;
#elif defined(__SSE2__) || defined(__ARM_NEON) || defined(__ALTIVEC__) || defined(__VSX__) || defined(__VEC__) || defined(__mips_msa) || \
    defined(__loongarch_sx) || defined(__wasm_simd128__)
inline constexpr int register_bytes = 16;
#else
inline constexpr int register_bytes = 0;
#endif

// What a register holds of E, Bytes of it or a number, and operations on it that have no operator.
template <class E, int Bytes>
struct part {
#if defined(__GNUC__)
  typedef E type __attribute__((vector_size(Bytes)));
  template <class To, class From>
  static To converted(From x) { return __builtin_convertvector(x, To); }
  // x * factor, rounded once. Numbers twice as wide take twice the room.
  static type multiply_wide(type x, double factor) {
    typedef double wide __attribute__((vector_size(Bytes * sizeof(double) / sizeof(E))));
    const wide product = __builtin_convertvector(x, wide) * factor;
    return __builtin_convertvector(product, type);
  }
  static type constant(E x) { return x - type{}; }
  static E at(type x, int i) { return x[i]; }
#endif
};
template <class E>
struct part<E, 0> {
  using type = E;
  template <class To, class From>
  static To converted(From x) { return static_cast<To>(x); }
  static E multiply_wide(E x, double factor) { return static_cast<E>(static_cast<double>(x) * factor); }
  static E constant(E x) { return x; }
  static E at(E x, int) { return x; }
};

// A square of numbers in registers of 16 bytes; of one number where there are none.
template <class T, bool InRegisters = register_bytes != 0>
struct square {
  static constexpr int size = 1;
};
#if defined(__GNUC__)
template <class T>
struct square<T, true> {
  using type = typename part<T, 16>::type;
  static constexpr int size = 16 / static_cast<int>(sizeof(T));
  type row[bound(size)];

  void transpose() {
    if constexpr (size == 4) {
      const type even_low = low(row[0], row[2]), even_high = high(row[0], row[2]);
      const type odd_low = low(row[1], row[3]), odd_high = high(row[1], row[3]);
      row[0] = low(even_low, odd_low);
      row[1] = high(even_low, odd_low);
      row[2] = low(even_high, odd_high);
      row[3] = high(even_high, odd_high);
    } else {
      const type first = low(row[0], row[1]);
      row[1] = high(row[0], row[1]);
      row[0] = first;
    }
  }

 private:
  // Numbers of two rows in turn, from their lower halves and from their upper ones.
#if defined(__clang__)
  static type low(type a, type b) {
    if constexpr (size == 4) return __builtin_shufflevector(a, b, 0, 4, 1, 5);
    else return __builtin_shufflevector(a, b, 0, 2);
  }
  static type high(type a, type b) {
    if constexpr (size == 4) return __builtin_shufflevector(a, b, 2, 6, 3, 7);
    else return __builtin_shufflevector(a, b, 1, 3);
  }
#else
  using places = typename part<std::conditional_t<size == 4, std::int32_t, std::int64_t>, 16>::type;
  static type low(type a, type b) {
    if constexpr (size == 4) return __builtin_shuffle(a, b, places{0, 4, 1, 5});
    else return __builtin_shuffle(a, b, places{0, 2});
  }
  static type high(type a, type b) {
    if constexpr (size == 4) return __builtin_shuffle(a, b, places{2, 6, 3, 7});
    else return __builtin_shuffle(a, b, places{1, 3});
  }
#endif
};
#endif

template <class T>
struct primitives {
  using scalar = T;
  static constexpr int lanes = 64 / static_cast<int>(sizeof(T));
#if defined(__AVX512F__)
  static constexpr int panel_vectors = 2;
#else
  static constexpr int panel_vectors = 1;
#endif
  static constexpr int row_group = 6;
  static constexpr int direct_group = 0;  // packs always
  static constexpr index_type panel = lanes * panel_vectors;
  static constexpr int weigh_batch = 2;  // vectors whose weights are taken in lockstep

  using integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  using numbers = part<T, register_bytes>;
  using number_part = typename numbers::type;
  using integer_part = typename part<integer, register_bytes>::type;
  static constexpr int parts = 64 / static_cast<int>(sizeof(number_part));
  static constexpr int in_part = lanes / parts;

  struct vec { number_part at[bound(parts)]; };
  struct integers { integer_part at[bound(parts)]; };

  // A part at a time.
  template <class F>
  static vec each(const F& f) {
    vec x;
    CRESTMAX_UNROLL for (int i = 0; i < parts; ++i) x.at[i] = f(i);
    return x;
  }
  static number_part choose(auto condition, number_part yes, number_part no) { return condition ? yes : no; }
  static number_part constant(T x) { return numbers::constant(x); }

  static vec load(const T* from) {
    vec x;
    std::memcpy(&x, from, sizeof x);  // values may be the caller's
    return x;
  }
  static void store(T* to, const vec& x) { std::memcpy(aligned(to), &x, sizeof x); }
  static vec broadcast(T x) { return each([&](int) { return constant(x); }); }
  static void clear(vec& x) { x = broadcast(T(0)); }
  static vec add(const vec& a, const vec& b) { return each([&](int i) { return a.at[i] + b.at[i]; }); }
  static vec subtract(const vec& a, T b) { return each([&](int i) { return a.at[i] - b; }); }
  static vec multiply(const vec& a, T b) { return each([&](int i) { return a.at[i] * b; }); }
  // Statements of their own, which clang does not fuse.
  static vec multiply_add(const vec& a, const vec& b, T c) {
    return each([&](int i) {
      const number_part product = a.at[i] * b.at[i];
      return product + c;
    });
  }
  static void add_product(vec& sum, T a, const vec& b) {
    CRESTMAX_UNROLL for (int i = 0; i < parts; ++i) {
      const number_part product = a * b.at[i];
      sum.at[i] += product;
    }
  }
  static void add_product(vec& sum, const vec& a, const vec& b) {
    CRESTMAX_UNROLL for (int i = 0; i < parts; ++i) {
      const number_part product = a.at[i] * b.at[i];
      sum.at[i] += product;
    }
  }
  static vec divide(const vec& a, const vec& b) { return each([&](int i) { return a.at[i] / b.at[i]; }); }
  static number_part size(number_part x) { return choose(x < T(0), -x, x); }
  static vec minus_size(const vec& x) { return each([&](int i) { return -size(x.at[i]); }); }
  static vec with_sign(const vec& x, const vec& of) {
    return each([&](int i) { return choose(of.at[i] < T(0), -size(x.at[i]), size(x.at[i])); });
  }
  static vec hide(const vec& x, const vec& number, T most) {
    const number_part hidden = constant(-std::numeric_limits<T>::infinity());
    return each([&](int i) { return choose(number.at[i] <= most, hidden, x.at[i]); });
  }
  // Of a number and a NaN, the number.
  static number_part larger(number_part a, number_part b) { return choose(b <= b, choose(a > b, a, b), a); }
  static vec maximum(const vec& a, const vec& b) { return each([&](int i) { return larger(a.at[i], b.at[i]); }); }

  // x, between low and high, times factor = power + fraction, power the nearest integer; the fraction is
  // taken from x in two halves whose products with the upper half of factor are exact, so that the rounding
  // of x * factor does not count whether or not multiply-add fuses. Adding an offset makes truncation a
  // floor; spelled with a conversion because adding and subtracting a constant is not safe from -ffast-math.
  // Between least and greatest power scale() gives 0 and infinity.
  static constexpr int least_power = 1 - std::numeric_limits<T>::max_exponent;
  static constexpr int greatest_power = std::numeric_limits<T>::max_exponent;
  static vec reduce(const vec& x, T factor, T low, T high, integers& power) {
    constexpr T offset = sizeof(T) == 4 ? T(1024) : T(8192);
    const number_part upper_factors = upper_half(constant(factor));
    const T upper_factor = numbers::at(upper_factors, 0);
    const T lower_factor = factor - upper_factor;
    return each([&](int i) {
      const number_part not_above = choose(x.at[i] > high, constant(high), x.at[i]);  // NaN stays NaN
      const number_part limited = choose(not_above < low, constant(low), not_above);
      const number_part product = limited * factor;
      const number_part from_below = product + (offset + T(0.5));
      const number_part a_number = choose(from_below <= from_below, from_below, constant(T(0)));
      power.at[i] = numbers::template converted<integer_part>(a_number) - static_cast<integer>(offset);
      const number_part upper = upper_half(limited);
      const number_part exact = upper * upper_factor;
      const number_part rest = exact - numbers::template converted<number_part>(power.at[i]);
      const number_part of_upper = upper * lower_factor;
      const number_part of_lower = (limited - upper) * factor;
      const number_part sum = rest + of_upper;
      return sum + of_lower;
    });
  }

  // x without the lower half of its digits.
  static number_part upper_half(number_part x) {
    constexpr int half = std::numeric_limits<T>::digits / 2;
    return std::bit_cast<number_part>(std::bit_cast<integer_part>(x) & ~((integer{1} << half) - 1));
  }

  // x * 2^power
  static vec scale(const vec& x, const integers& power) {
    constexpr int bits = std::numeric_limits<T>::digits - 1;
    constexpr integer bias = std::numeric_limits<T>::max_exponent - 1;
    return each([&](int i) { return x.at[i] * std::bit_cast<number_part>((power.at[i] + bias) << bits); });
  }

  // `lanes` numbers of any type, at any alignment.
  template <class Stored>
  static vec widen(const Stored* from) {
    vec x;
    if constexpr (std::is_same_v<Stored, T>) {
      std::memcpy(&x, from, sizeof x);
    } else {
      T all[bound(lanes)];
      for (int i = 0; i < lanes; ++i) all[i] = convert<T>(from[i]);
      std::memcpy(&x, all, sizeof x);
    }
    return x;
  }
  // The first `count` of them, zeros behind; nothing further is read.
  template <class Stored>
  static vec widen_part(const Stored* from, index_type count) {
    T all[bound(lanes)] = {};
    for (int i = 0; i < count; ++i) all[i] = convert<T>(from[i]);
    return widen(all);
  }

  // x * factor, rounded once.
  static vec multiply_wide(const vec& x, double factor) { return each([&](int i) { return numbers::multiply_wide(x.at[i], factor); }); }
  template <class Stored>
  static void narrow(Stored* to, const vec& x) {
    T all[bound(lanes)];
    std::memcpy(all, &x, sizeof x);
    for (int i = 0; i < lanes; ++i) to[i] = convert<Stored>(all[i]);
  }

  // Transposes a block x block square: row i begins at rows[i] + offset, columns go to `to` at a stride,
  // in rising order.
  static constexpr index_type block = square<T>::size;
  template <class Stored>
  static void transpose(const Stored* const* rows, index_type offset, T* to, index_type stride) {
    if constexpr (block == 1) {
      *to = convert<T>(rows[0][offset]);
    } else {
      square<T> s;
      CRESTMAX_UNROLL for (int i = 0; i < block; ++i) {
        T all[bound(block)];
        for (int k = 0; k < block; ++k) all[k] = convert<T>(rows[i][offset + k]);
        std::memcpy(&s.row[i], all, sizeof all);
      }
      s.transpose();
      CRESTMAX_UNROLL for (int i = 0; i < block; ++i) std::memcpy(to + i * stride, &s.row[i], sizeof s.row[i]);
    }
  }

  static T highest(const vec& x) {
    number_part most = x.at[0];
    CRESTMAX_UNROLL for (int i = 1; i < parts; ++i) most = larger(most, x.at[i]);
    T all = numbers::at(most, 0);
    for (int i = 1; i < in_part; ++i) {
      const T one = numbers::at(most, i);
      all = is_nan(all) || one > all ? one : all;
    }
    return all;
  }
  static T total(const vec& x) {
    T sums[bound(lanes)];
    std::memcpy(sums, &x, sizeof sums);
    for (int width = lanes / 2; width > 0; width /= 2) {
      for (int i = 0; i < width; ++i) sums[i] += sums[i + width];
    }
    return sums[0];
  }

 private:
  // Addresses of the library's own memory.
  template <class Number>
  static Number* aligned(Number* at) {
#if defined(__GNUC__)
    return static_cast<Number*>(__builtin_assume_aligned(at, 64));
#else
    return at;
#endif
  }
};

#include "text/multiply.inc"
#include "text/table.inc"

}  // namespace cpu::generic

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
