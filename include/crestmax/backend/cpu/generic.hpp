// The generic instruction set: primitives over Eigen's fixed-size arrays, vectorised for whatever the
// compiler was told to target. Fixed sizes only: Eigen's dynamic products allocate and may start threads.
#pragma once

#include <Eigen/Core>
#include <cstring>
#include <numeric>

#include "features.hpp"

// g++ 12 warns about its own AVX-512 intrinsics (their undefined pass-through operand).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include "ahead.hpp"
#include "entries.hpp"
#include "rows_in_place.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::generic {

// Shifts by a constant, as expressions: Eigen 5.0's own do not compile.
template <class Integer, int bits>
struct shift_left {
  const Integer operator()(const Integer& x) const { return x << bits; }
  template <class Packet>
  const Packet packetOp(const Packet& x) const { return Eigen::internal::plogical_shift_left<bits>(x); }
};
template <class Integer, int bits>
struct shift_right {
  const Integer operator()(const Integer& x) const { return x >> bits; }
  template <class Packet>
  const Packet packetOp(const Packet& x) const { return Eigen::internal::parithmetic_shift_right<bits>(x); }
};

}  // namespace cpu::generic

CRESTMAX_END_NAMESPACE

// How Eigen is told whether there are instructions for it.
template <class Integer, int bits>
struct Eigen::internal::functor_traits<crestmax::cpu::generic::shift_left<Integer, bits>> {
  enum { Cost = NumTraits<Integer>::AddCost, PacketAccess = packet_traits<Integer>::HasShift };
};
template <class Integer, int bits>
struct Eigen::internal::functor_traits<crestmax::cpu::generic::shift_right<Integer, bits>> {
  enum { Cost = NumTraits<Integer>::AddCost, PacketAccess = packet_traits<Integer>::HasShift };
};

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::generic {

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
  // Unaligned: Eigen would align by the compiler's flags, and what is not inlined (-O0) is shared by translation
  // units whose flags differ. In registers it makes no difference.
  using vec = Eigen::Array<T, lanes, 1, Eigen::DontAlign>;
  using integers = Eigen::Array<integer, lanes, 1, Eigen::DontAlign>;
  using view = Eigen::Map<vec, Eigen::Aligned64>;
  using const_view = Eigen::Map<const vec, Eigen::Aligned64>;

  static vec load(const T* from) { return const_view(from); }
  static void store(T* to, const vec& x) { view{to} = x; }
  static vec broadcast(T x) { return vec::Constant(x); }
  static void clear(vec& x) { x.setZero(); }
  static vec add(const vec& a, const vec& b) { return a + b; }
  static vec subtract(const vec& a, T b) { return a - b; }
  static vec multiply(const vec& a, T b) { return a * b; }
  static vec multiply_add(const vec& a, const vec& b, T c) { return a * b + c; }
  static void add_product(vec& sum, T a, const vec& b) { sum += a * b; }
  static void add_product(vec& sum, const vec& a, const vec& b) { sum += a * b; }
  static vec divide(const vec& a, const vec& b) { return a / b; }
  static vec minus_size(const vec& x) { return -x.abs(); }
  static vec with_sign(const vec& x, const vec& of) { return (of < T(0)).select(-x.abs(), x.abs()); }
  static vec hide(const vec& x, const vec& number, T most) { return (number <= most).select(-std::numeric_limits<T>::infinity(), x); }
  static vec maximum(const vec& a, const vec& b) {  // of a number and a NaN, the number
    return a.binaryExpr(b, Eigen::internal::scalar_max_op<T, T, Eigen::PropagateNumbers>());
  }
  static vec clamp(const vec& x, T low, T high) {  // NaN stays NaN
    return x.binaryExpr(vec::Constant(low), Eigen::internal::scalar_max_op<T, T, Eigen::PropagateNaN>())
        .binaryExpr(vec::Constant(high), Eigen::internal::scalar_min_op<T, T, Eigen::PropagateNaN>());
  }

  // x, between low and high, times factor = power + fraction, power the nearest integer; the fraction is
  // taken from x in two halves whose products with the upper half of factor are exact, so that the rounding
  // of x * factor does not count whether or not multiply-add fuses. Adding an offset makes truncation a
  // floor; spelled with a conversion because adding and subtracting a constant is not safe from -ffast-math.
  // Between least and greatest power scale() gives 0 and infinity.
  static constexpr int least_power = 1 - std::numeric_limits<T>::max_exponent;
  static constexpr int greatest_power = std::numeric_limits<T>::max_exponent;
  static vec reduce(const vec& x, T factor, T low, T high, integers& power) {
    constexpr T offset = sizeof(T) == 4 ? T(1024) : T(8192);
    const vec limited = clamp(x, low, high);
    power = to_integers(limited * factor + (offset + T(0.5)), static_cast<integer>(offset));
    const vec upper = upper_half(limited);
    const T upper_factor = upper_half(vec::Constant(factor))[0];
    return (upper * upper_factor - to_numbers(power)) + upper * (factor - upper_factor) +
           (limited - upper) * factor;
  }

  // Conversions in loops: Eigen's are recursions, which g++ leaves scalar and clang does not inline.
  static integers to_integers(const vec& x, integer offset) {
    integers n;
    for (int i = 0; i < lanes; ++i) n[i] = (is_nan(x[i]) ? integer{0} : static_cast<integer>(x[i])) - offset;
    return n;
  }
  static vec to_numbers(const integers& n) {
    vec x;
    for (int i = 0; i < lanes; ++i) x[i] = static_cast<T>(n[i]);
    return x;
  }

  // x without the lower half of its digits.
  static vec upper_half(const vec& x) {
    constexpr int half = std::numeric_limits<T>::digits / 2;
    integers bits;
    std::memcpy(bits.data(), x.data(), sizeof(T) * lanes);
    bits = bits.unaryExpr(shift_right<integer, half>());
    bits = bits.unaryExpr(shift_left<integer, half>());
    vec upper;
    std::memcpy(upper.data(), bits.data(), sizeof(T) * lanes);
    return upper;
  }

  // x * 2^power
  static vec scale(const vec& x, const integers& power) {
    constexpr int bits = std::numeric_limits<T>::digits - 1;
    constexpr integer bias = std::numeric_limits<T>::max_exponent - 1;
    const integers exponent = (power + bias).unaryExpr(shift_left<integer, bits>());
    vec factor;
    std::memcpy(factor.data(), exponent.data(), sizeof(T) * lanes);
    return x * factor;
  }

  // `lanes` numbers of any type, at any alignment.
  template <class Stored>
  static vec widen(const Stored* from) {
    vec x;
    if constexpr (std::is_same_v<Stored, T>) std::memcpy(x.data(), from, sizeof(T) * lanes);
    else for (int i = 0; i < lanes; ++i) x[i] = convert<T>(from[i]);
    return x;
  }
  // The first `count` of them, zeros behind; nothing further is read.
  template <class Stored>
  static vec widen_part(const Stored* from, index_type count) {
    vec x = vec::Zero();
    for (int i = 0; i < count; ++i) x[i] = convert<T>(from[i]);
    return x;
  }

  // x * factor, rounded once.
  static vec multiply_wide(const vec& x, double factor) { return (x.template cast<double>() * factor).template cast<T>(); }
  template <class Stored>
  static void narrow(Stored* to, const vec& x) {
    for (int i = 0; i < lanes; ++i) to[i] = convert<Stored>(x[i]);
  }

  // Transposes a block x block square: row i begins at rows[i] + offset, columns go to `to` at a stride,
  // in rising order.
  using packet = typename Eigen::internal::find_best_packet<T, 8>::type;
  static constexpr index_type block = Eigen::internal::unpacket_traits<packet>::size;
  template <class Stored>
  static void transpose(const Stored* const* rows, index_type offset, T* to, index_type stride) {
    if constexpr (block == 1) {
      *to = convert<T>(rows[0][offset]);
    } else {
      Eigen::internal::PacketBlock<packet, static_cast<int>(block)> square;
      CRESTMAX_UNROLL for (int i = 0; i < block; ++i) {
        if constexpr (std::is_same_v<Stored, T>) {
          square.packet[i] = Eigen::internal::ploadu<packet>(rows[i] + offset);
        } else {
          T converted[static_cast<std::size_t>(block)];
          for (index_type k = 0; k < block; ++k) converted[k] = convert<T>(rows[i][offset + k]);
          square.packet[i] = Eigen::internal::ploadu<packet>(converted);
        }
      }
      Eigen::internal::ptranspose(square);
      CRESTMAX_UNROLL for (int i = 0; i < block; ++i) Eigen::internal::pstoreu(to + i * stride, square.packet[i]);
    }
  }

  static T highest(const vec& x) { return x.template maxCoeff<Eigen::PropagateNumbers>(); }
  static T total(const vec& x) {
    T sums[static_cast<std::size_t>(lanes)];
    std::memcpy(sums, x.data(), sizeof sums);
    for (int width = lanes / 2; width > 0; width /= 2) {
      for (int i = 0; i < width; ++i) sums[i] += sums[i + width];
    }
    return sums[0];
  }
};

#include "text/multiply.inc"
#include "text/table.inc"

}  // namespace cpu::generic

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
