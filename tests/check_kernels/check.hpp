// One check of one entry of a table: what it draws its operands from, and the first thing that was wrong.
#pragma once

#include <crestmax/crestmax.hpp>
#include <limits>
#include <sstream>
#include <string>

#include "memory.hpp"

namespace crestmax_test {

// What plain C++ computes in: more digits than any kernel has, where that is not a matter of software.
using wide = std::conditional_t<std::numeric_limits<long double>::digits == 64, long double, double>;

template <class T>
class kernel_check {
 public:
  explicit kernel_check(const crestmax::cpu::kernel_table<T>& of) : table(of), panel(of.panel), lanes(of.lanes) {}

  const crestmax::cpu::kernel_table<T>& table;
  index_type panel;
  index_type lanes;
  random_source random{7};

  template <class... Parts>
  void expect(bool holds, const Parts&... parts) {
    if (holds || failed()) return;
    std::ostringstream text;
    text.precision(std::numeric_limits<T>::max_digits10);
    (text << ... << parts);
    complaint_ = text.str();
  }
  bool failed() const { return !complaint_.empty(); }
  const std::string& complaint() const { return complaint_; }

  // f(n) for every n from 1 on that ends in another way: more than two panels.
  template <class F>
  void for_every_tail(F&& f) {
    for (index_type n = 1; n <= 2 * panel + 3 && !failed(); ++n) f(n);
  }

  // What is aligned to vectors of the set, and what only to its elements.
  std::size_t vector_bytes() const { return std::min<std::size_t>(64, static_cast<std::size_t>(lanes) * sizeof(T)); }
  kernel_memory<T> vectors(index_type count) { return kernel_memory<T>(random, crestmax::planner::round_up(count, lanes), vector_bytes()); }
  kernel_memory<T> numbers(index_type count) { return kernel_memory<T>(random, count); }

  template <class E>
  void fill(kernel_memory<E>& memory, double (kernel_check::*draw)()) {
    for (index_type i = 0; i < memory.size(); ++i) memory[i] = static_cast<E>((this->*draw)());
    memory.keep();
  }

  // A number of ordinary size, zero among them, that bfloat16 has.
  double ordinary() { return random.chance(0.1) ? 0.0 : std::ldexp(static_cast<double>(random.integer(-128, 128)), -6); }
  // Of any size: subnormal, huge, negative zero.
  double finite() {
    switch (random.integer(0, 9)) {
      case 0:
        return -0.0;
      case 1:
        return static_cast<double>(std::numeric_limits<T>::denorm_min()) * static_cast<double>(random.integer(1, 100));
      case 2:
        return static_cast<double>(std::numeric_limits<T>::max());
      case 3:
        return -std::ldexp(1.0, static_cast<int>(random.integer(-100, 100)));
      default:
        return random.uniform(-100, 100);
    }
  }
  // No number among them.
  double anything() {
    switch (random.integer(0, 15)) {
      case 0:
        return infinity;
      case 1:
        return -infinity;
      case 2:
        return not_a_number;
      default:
        return finite();
    }
  }

 private:
  std::string complaint_;
};

// `got` is what T makes of `exact`, but for so much. Trouble is not hidden: infinities and NaN are the same.
template <class T>
bool is_near(T got, wide exact, wide tolerance) {
  if (std::isnan(exact)) return std::isnan(got);
  if (std::isinf(exact)) return wide(got) == exact;
  if (std::isinf(got)) return std::fabs(exact) + tolerance >= wide(std::numeric_limits<T>::max()) && (got > 0) == (exact > 0);
  return std::fabs(wide(got) - exact) <= tolerance;
}
// The same number, or none as well.
template <class T>
bool is_same(T got, T exact) {
  return std::isnan(exact) ? std::isnan(got) : got == exact;
}

// Of a result, relative: what T loses, and what plain C++ does if it has no more digits.
template <class T>
inline constexpr wide rounding = wide(std::numeric_limits<T>::epsilon()) / (std::is_same_v<T, wide> ? 1 : 2);

// A number as a tensor stores it, and back, by arithmetic of the tests.
template <class Stored>
Stored stored(double x) {
  Stored s;
  write_number(crestmax::kind_of<Stored>, reinterpret_cast<std::byte*>(&s), x);
  return s;
}
template <class Stored>
double number_of(const Stored& s) {
  return read_number(crestmax::kind_of<Stored>, reinterpret_cast<const std::byte*>(&s));
}

// f(type) for every type of the inputs of a call that computes in T.
template <class T, class F>
void for_every_input(F&& f) {
  f(float{});
  f(crestmax::float16{});
  f(crestmax::bfloat16{});
  if constexpr (std::is_same_v<T, double>) f(double{});
}

}  // namespace crestmax_test
