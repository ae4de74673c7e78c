// Weights as they should be, by the C library, and how far a kernel's may be off.
#pragma once

#include "check.hpp"

namespace crestmax_test {

struct plain_weight {
  wide exact;
  wide tolerance;
};

// exp(x * unit) * 2^-margin for a difference x of two scores that is itself off by so much.
template <class T>
plain_weight weight_of(wide x, double unit, int margin, wide off = 0) {
  using limits = std::numeric_limits<T>;
  if (std::isnan(x)) return {not_a_number, 0};
  const wide nats = x * wide(unit);
  const wide exact = std::exp(nats) * std::ldexp(wide(1), -margin);
  // 3 units of the last place, x * factor with a factor and a product that are rounded, and subnormal results once more.
  const wide relative = 3 * 2 * rounding<T> + std::fabs(nats) * 2 * rounding<T> + std::expm1(off * std::fabs(wide(unit)));
  return {exact, std::isinf(exact) ? 0 : exact * relative + 3 * wide(limits::denorm_min())};
}

// A weight that is no more than this power of two of the crest's is nothing beside it: a set may give zero instead. And infinity where
// powers of two end.
template <class T>
inline constexpr int least_power = sizeof(T) == 4 ? -110 : -1000;
template <class T>
bool is_weight(T got, const plain_weight& w, int margin) {
  using limits = std::numeric_limits<T>;
  if (is_near(got, w.exact, w.tolerance)) return true;
  const wide before_margin = std::ldexp(w.exact, margin);
  if (got == 0) return before_margin <= std::ldexp(wide(1), least_power<T>);
  return got == limits::infinity() && before_margin >= std::ldexp(wide(1), limits::max_exponent - 1);
}

// The same, rounded to bfloat16: to the nearest, and no further off than the weight before it was rounded.
inline bool is_rounded_weight(crestmax::bfloat16 got, const plain_weight& w, int margin) {
  const double x = number_of(got);
  if (std::isnan(w.exact) || std::isinf(w.exact)) return is_near(static_cast<float>(x), w.exact, 0);
  const wide half = w.exact == 0 ? 0 : wide(half_ulp(scalar_kind::bfloat16, static_cast<double>(w.exact)));
  return is_weight(static_cast<float>(x), {w.exact, w.tolerance + half}, margin);
}

}  // namespace crestmax_test
