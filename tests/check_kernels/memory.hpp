// Memory as kernels get it: nobody may touch what lies before and behind it, and all of it is poison.
#pragma once

#include <algorithm>
#include <vector>

#include "support/guarded_memory.hpp"
#include "support/random.hpp"

namespace crestmax_test {

// Elements of E right before a guard page, right behind one, or aligned to so many bytes and no more. Every bit is set: of numbers, NaN.
template <class E>
class kernel_memory {
 public:
  kernel_memory(random_source& random, index_type count, std::size_t alignment = alignof(E))
      : memory_(sizeof(E) * static_cast<std::size_t>(count), alignment,
                random.pick(
                    {placing::before_a_guard_page, placing::before_a_guard_page, placing::after_a_guard_page, placing::off_alignment})) {}

  E* data() const { return reinterpret_cast<E*>(memory_.bytes().data()); }
  E& operator[](index_type i) const { return data()[i]; }
  index_type size() const { return static_cast<index_type>(memory_.bytes().size() / sizeof(E)); }

  // Remembers what is there.
  void keep() { kept_.assign(memory_.bytes().begin(), memory_.bytes().end()); }
  // Whether elements are what they were then, bit for bit.
  bool is_kept(index_type first, index_type count) const {
    const auto from = static_cast<std::size_t>(first) * sizeof(E);
    const auto bytes = memory_.bytes().subspan(from, static_cast<std::size_t>(count) * sizeof(E));
    return std::equal(bytes.begin(), bytes.end(), kept_.begin() + static_cast<std::ptrdiff_t>(from));
  }
  bool is_kept() const { return is_kept(0, size()); }
  E kept(index_type i) const {
    E x;
    std::memcpy(&x, kept_.data() + static_cast<std::size_t>(i) * sizeof(E), sizeof(E));
    return x;
  }

  // Whether what shares its pages is still poison.
  bool is_contained() const { return memory_.outside_is_untouched(); }

 private:
  guarded_memory memory_;
  std::vector<std::byte> kept_;
};

}  // namespace crestmax_test
