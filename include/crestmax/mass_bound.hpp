// What a coverage left out of a row and what it kept: the certificates of `above` and `plateaus`. Everything is rounded away from
// what would flatter: left_out is never below the truth, kept never above it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "config.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// Next to x, on the far side of what a few operations in double and an exponential of the C library may err by.
inline double rounded_up(double x) { return x * (1 + 0x1p-48) + std::numeric_limits<double>::min(); }
inline double rounded_down(double x) { return std::max(0.0, x * (1 - 0x1p-48) - std::numeric_limits<double>::min()); }

// Sums of exp(score - shift) of one row under one shift, the scores being those of the inputs as stored.
struct mass_bound {
  double left_out;  // at least that of the keys left out; infinite where nothing is known
  double kept;      // at most that of the others

  void leave_out(double weight) {
    constexpr double infinite = std::numeric_limits<double>::infinity();
    left_out = weight <= std::numeric_limits<double>::max() ? rounded_up(left_out + weight) : infinite;
  }
  void keep(double weight) { kept = rounded_down(kept + weight); }

  // Brings both to another shift, which lies so many nats lower.
  void lower_shift(double nats) {
    const double factor = std::exp(nats);
    if (left_out > 0) left_out = factor > 0 ? rounded_up(left_out * factor) : rounded_up(0);
    kept = rounded_down(kept * factor);
  }

  // Adds the state of other keys, whose shift lies so many nats below this one's.
  void merge(mass_bound other, double below) {
    other.lower_shift(-below);
    if (other.left_out > 0) leave_out(other.left_out);
    keep(other.kept);
  }

  // At least the share of the row's weight that was left out, 0 to 1; `joined` has no key (a sink) and was kept as well.
  double share(double joined) const {
    if (left_out <= 0) return 0;
    const double all = left_out + rounded_down(kept + joined);
    if (!(all <= std::numeric_limits<double>::max())) return 1;
    return std::min(1.0, rounded_up(left_out / rounded_down(all)));
  }
};

// The largest share by which a sum of one tile's computed weights exp(score - shift) may lie beside the truth, the scores taken as they
// are: an exponential errs by 3 ulp, its argument by 3 roundings of what T's range allows (some 100 nats in float32, 745 in
// float64), and a tile has at most 512 keys.
template <class T>
inline constexpr double weight_error = 0x1p11 * static_cast<double>(std::numeric_limits<T>::epsilon());

// How far a computed score may lie from that of the inputs as stored. A sum of d products errs by the norms of its factors times d
// roundings, in whatever order it is summed (Higham, Accuracy and Stability of Numerical Algorithms, 3.1); each rounding may err by
// a whole ulp, as some instructions do not round to nearest. Of modifiers see above() in options.hpp.
template <class T>
struct score_errors {
  double scale;     // size of the scale, nats per unit of a product
  double relative;  // of a product of norms
  double absolute;  // nats: numbers too small for the type
  double modified;  // of the largest size that a score has on its way through the modifiers

  static score_errors of(std::int64_t d, double scale, int score_modifiers, double flushed) {
    constexpr double ulp = static_cast<double>(std::numeric_limits<T>::epsilon());
    const double steps = (static_cast<double>(d) + 8) * ulp;
    const double size = std::fabs(scale);
    return {size, steps / (1 - steps), size * static_cast<double>(d) * 4 * static_cast<double>(std::numeric_limits<T>::min()) + flushed,
            32 * ulp * score_modifiers};
  }

  // nats; infinite where a product might overflow. `largest` is the largest size of a score, in nats, before or behind a modifier.
  double bound(double query_norm, double key_norm, double largest) const {
    const double product = query_norm * key_norm;
    const double size = scale * product;
    if (!(std::max(product, size) <= static_cast<double>(std::numeric_limits<T>::max()) / 4)) return std::numeric_limits<double>::infinity();
    const double own = modified > 0 ? modified * (largest + size) : 0;
    return rounded_up(size * relative + absolute + own);
  }
};

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
