// A portable instruction set: 16 lanes in plain C++, a stand-in for wide vectors. Slow; it lets the
// logic of every kernel run on any machine and compiler.
#pragma once

#include <array>
#include <cstring>
#include <bit>

#include "../../softmax_state.hpp"
#include "block.hpp"
#include "policy.hpp"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::portable {

inline constexpr const char* set_name = "portable";

template <class T>
struct primitives {
  using scalar = T;
  static constexpr int lanes = 16;
  static constexpr int panel_vectors = 2;
  static constexpr int row_group = 12;
  static constexpr index panel = lanes * panel_vectors;

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
  // Numbers of any storage type, at any element's alignment; of `count` of them, zeros behind.
  template <class Stored>
  static vec widen(const Stored* from) {
    return each([&](std::size_t i) { return convert<T>(from[i]); });
  }
  template <class Stored>
  static vec widen_part(const Stored* from, index count) {
    return each([&](std::size_t i) { return static_cast<index>(i) < count ? convert<T>(from[i]) : T(0); });
  }
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
  static vec multiply_subtract(const vec& a, T b, const vec& c) {
    return each([&](std::size_t i) { return a[i] * b - c[i]; });
  }
  static void add_product(vec& sum, T a, const vec& b) {
    for (std::size_t i = 0; i < lanes; ++i) sum[i] += a * b[i];
  }
  static void add_product(vec& sum, const vec& a, const vec& b) {
    for (std::size_t i = 0; i < lanes; ++i) sum[i] += a[i] * b[i];
  }
  static vec maximum(const vec& a, const vec& b) {  // of a number and a NaN, the number
    return each([&](std::size_t i) { return !(a[i] < b[i]) && a[i] == a[i] ? a[i] : b[i] == b[i] ? b[i] : a[i]; });
  }
  static vec clamp(const vec& x, T low, T high) {  // NaN stays NaN
    return each([&](std::size_t i) { return x[i] < low ? low : x[i] > high ? high : x[i]; });
  }

  // The nearest integer, as a number and as an integer; 0 for NaN, whose weight is NaN all the same.
  static vec nearest(const vec& x, integers& n) {
    for (std::size_t i = 0; i < lanes; ++i) {
      n[i] = x[i] == x[i] ? static_cast<integer>(std::floor(x[i] + T(0.5))) : 0;
    }
    return each([&](std::size_t i) { return static_cast<T>(n[i]); });
  }

  // x * 2^(n + shift), for n + shift from the exponent of zero to that of infinity.
  static vec scale(const vec& x, const integers& n, int shift) {
    using bits = std::make_unsigned_t<integer>;
    constexpr int mantissa = std::numeric_limits<T>::digits - 1;
    constexpr int bias = std::numeric_limits<T>::max_exponent - 1;
    return each([&](std::size_t i) {
      const integer exponent = std::max<integer>(0, n[i] + bias + shift);
      return x[i] * std::bit_cast<T>(static_cast<integer>(static_cast<bits>(exponent) << mantissa));
    });
  }

  // Transposes a block x block square: row(i) points to the i-th row, columns go to `to` at a stride.
  static constexpr index block = 8;
  template <class Row>
  static void transpose(Row&& row, T* to, index stride) {
    for (index i = 0; i < block; ++i) {
      for (index j = 0; j < block; ++j) to[j * stride + i] = row(i)[j];
    }
  }

  static T highest(const vec& x) {
    vec y = x;
    for (std::size_t i = 1; i < lanes; ++i) y[0] = y[i] > y[0] || y[0] != y[0] ? y[i] : y[0];
    return y[0];
  }
  static T total(const vec& x) {
    vec sums = x;
    for (std::size_t width = lanes / 2; width > 0; width /= 2) {
      for (std::size_t i = 0; i < width; ++i) sums[i] += sums[i + width];
    }
    return sums[0];
  }
  // Lane i: the total of x[i].
  static vec totals(const vec (&x)[lanes]) {
    return each([&](std::size_t i) { return total(x[i]); });
  }
};

#include "../../stages/all.inc"

struct kernels {
  static constexpr const char* name = set_name;
  template <class T>
  using primitives = portable::primitives<T>;
  template <class T>
  static void run(const call_data<T>& call, index stage, index item, int worker) {
    run_item<primitives<T>>(call, stage, item, worker);
  }
};

}  // namespace cpu::portable

namespace backend {
using portable = crestmax::cpu::policy<crestmax::cpu::portable::kernels>;
}

CRESTMAX_END_NAMESPACE
