// Sizes of memory. Shapes that are admitted one by one may ask for more together than a machine can address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "config.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// A number of bytes, or of what they hold. It sticks at the largest instead of wrapping around, and nobody has that much.
class memory_size {
 public:
  static constexpr std::size_t largest = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max());

  // Of a count that is not negative.
  constexpr explicit memory_size(std::uint64_t count) {
    if (count < largest) value_ = count & largest;  // all of it: a cast would be one to its own type on 64 bits
  }

  constexpr std::size_t value() const { return value_; }
  constexpr bool is_too_large() const { return value_ == largest; }

  friend constexpr memory_size operator+(memory_size a, memory_size b) {
    return memory_size(a.value_ < largest - b.value_ ? a.value_ + b.value_ : largest);
  }
  friend constexpr memory_size operator*(memory_size a, memory_size b) {
    return memory_size(b.value_ == 0 || a.value_ <= largest / b.value_ ? a.value_ * b.value_ : largest);
  }
  constexpr memory_size rounded_up(std::size_t multiple) const {
    return value_ <= largest - multiple ? memory_size((value_ + multiple - 1) / multiple * multiple) : memory_size(largest);
  }

 private:
  std::size_t value_ = largest;
};

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
