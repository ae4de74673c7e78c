// Random numbers that are the same on every standard library, and the number of cases to try.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <random>

#include "scalars.hpp"

namespace crestmax_test {

class random_source {
 public:
  explicit random_source(std::uint64_t seed) : bits_(seed * 0x9e3779b97f4a7c15u + 1) {}

  std::uint64_t bits() { return bits_(); }
  double uniform() { return static_cast<double>(bits_() >> 11) * 0x1p-53; }  // [0, 1)
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  index_type integer(index_type low, index_type high) {  // both included
    return low + static_cast<index_type>(bits_() % static_cast<std::uint64_t>(high - low + 1));
  }
  // Small numbers as likely as large ones.
  index_type spread_integer(index_type low, index_type high) {
    const double x =
        std::exp(uniform(std::log(static_cast<double>(low)), std::log(static_cast<double>(high) + 1)));
    return std::min(high, std::max(low, static_cast<index_type>(x)));
  }
  bool chance(double probability) { return uniform() < probability; }
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(6.283185307179586 * uniform());
  }
  template <class T>
  T pick(std::initializer_list<T> choices) {
    return choices.begin()[integer(0, static_cast<index_type>(choices.size()) - 1)];
  }

 private:
  std::mt19937_64 bits_;
};

// Cases to try: the environment variable CRESTMAX_TEST_SCALE multiplies what a test asks for.
inline index_type cases(index_type wanted) {
  const char* text = std::getenv("CRESTMAX_TEST_SCALE");
  const double scale = text == nullptr ? 1.0 : std::atof(text);
  return std::max<index_type>(1, static_cast<index_type>(std::lround(static_cast<double>(wanted) * scale)));
}

}  // namespace crestmax_test
