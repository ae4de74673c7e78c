// What both the method and the kernels do to plain numbers.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "../../scalar_types.hpp"
#include "../../tensor.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

template <class T>
inline void fill(T* values, index_type count, T value) {
  for (index_type i = 0; i < count; ++i) values[i] = value;
}

template <class T>
inline bool is_finite(T x) {
  return std::fabs(x) <= std::numeric_limits<T>::max();
}

// Rows go in groups of so many, then of 4, then what is left of them: those of the next group.
constexpr index_type group_of(index_type rows_left, index_type row_group) {
  return rows_left >= row_group ? row_group : std::min<index_type>(rows_left, 4);
}

// A vector of numbers of any encoding, converted one by one: the first `used`, zeros behind.
template <class T, int Count, class Stored>
inline std::array<T, static_cast<std::size_t>(Count)> converted(const Stored* from, index_type used = Count) {
  std::array<T, static_cast<std::size_t>(Count)> numbers{};
  for (index_type i = 0; i < used; ++i) numbers[static_cast<std::size_t>(i)] = convert<T>(from[i]);
  return numbers;
}

// Numbers that are infinite or NaN become 0.
template <class Stored>
inline void keep_finite(Stored* numbers, index_type count) {
  for (index_type i = 0; i < count; ++i) {
    if (!is_finite(convert<double>(numbers[i]))) numbers[i] = Stored{};
  }
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
