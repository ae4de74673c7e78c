// A tensor that owns its memory, of a run-time type and any strides. Memory between rows is NaN, so
// that reading what does not belong to the tensor shows.
#pragma once

#include <array>
#include <crestmax/tensor.hpp>
#include <span>
#include <vector>

#include "random.hpp"
#include "scalars.hpp"

namespace crestmax_test {

enum class memory_layout {
  dense,        // (batch, len, heads, dim)
  heads_first,  // (batch, heads, len, dim)
  padded,       // NaN between rows, heads and sequences
  padded_wide,  // the same, in multiples of 32 bytes
  reversed,     // heads and sequences run backwards: negative strides
};

class test_tensor {
 public:
  test_tensor() = default;
  test_tensor(scalar_kind kind, std::array<index_type, 4> extents, memory_layout layout = memory_layout::dense)
      : kind_(kind), extents_(extents) {
    const auto [batch, len, heads, dim] = extents;
    const index_type pad = layout == memory_layout::padded ? 3 : layout == memory_layout::padded_wide ? 16 : 0;
    if (layout == memory_layout::heads_first) {
      const index_type head_step = len * dim;
      strides_ = {heads * head_step, dim, head_step, 1};
    } else {
      const index_type head_step = dim + pad;
      const index_type row_step = heads * head_step + 2 * pad;
      strides_ = {len * row_step + 5 * pad, row_step, head_step, 1};
    }
    index_type size = 1;
    for (std::size_t i = 0; i < 4; ++i) size += strides_[i] * std::max<index_type>(0, extents[i] - 1);
    if (layout == memory_layout::reversed) {
      for (const std::size_t i : {std::size_t{0}, std::size_t{2}}) {
        origin_ += strides_[i] * std::max<index_type>(0, extents[i] - 1);
        strides_[i] = -strides_[i];
      }
    }
    memory_.assign(static_cast<std::size_t>((size + 2 * guard) * bytes_of(kind)), std::byte{0xff});
    origin_ += guard;
  }

  scalar_kind kind() const { return kind_; }
  const std::array<index_type, 4>& extents() const { return extents_; }
  const std::array<index_type, 4>& strides() const { return strides_; }
  index_type extent(std::size_t i) const { return extents_[i]; }
  const std::vector<std::byte>& memory() const { return memory_; }
  std::vector<std::byte>& memory() { return memory_; }

  double at(index_type a, index_type b, index_type c, index_type d) const {
    return read_number(kind_, memory_.data() + place(a, b, c, d));
  }
  void set(index_type a, index_type b, index_type c, index_type d, double x) {
    write_number(kind_, memory_.data() + place(a, b, c, d), x);
  }

  // Calls f(a, b, c, d) for every element.
  template <class F>
  void for_each(F&& f) const {
    for (index_type a = 0; a < extents_[0]; ++a) {
      for (index_type b = 0; b < extents_[1]; ++b) {
        for (index_type c = 0; c < extents_[2]; ++c) {
          for (index_type d = 0; d < extents_[3]; ++d) f(a, b, c, d);
        }
      }
    }
  }
  void fill(double x) {
    for_each([&](index_type a, index_type b, index_type c, index_type d) { set(a, b, c, d, x); });
  }
  void fill_normal(random_source& random, double deviation = 1, double mean = 0) {
    for_each(
        [&](index_type a, index_type b, index_type c, index_type d) { set(a, b, c, d, mean + deviation * random.normal()); });
  }
  void fill_row(index_type a, index_type b, index_type c, double x) {
    for (index_type d = 0; d < extents_[3]; ++d) set(a, b, c, d, x);
  }

  template <class T>
  crestmax::tensor<T> view() {
    return {reinterpret_cast<T*>(memory_.data() + origin_ * bytes_of(kind_)), extents_, strides_};
  }
  template <class T>
  crestmax::tensor<const T> view() const {
    return {reinterpret_cast<const T*>(memory_.data() + origin_ * bytes_of(kind_)), extents_, strides_};
  }

  // From the first to the last byte that belongs to an element: no less may be read, no more.
  std::span<const std::byte> occupied() const {
    const auto outside = static_cast<std::size_t>(guard * bytes_of(kind_));
    return std::span(memory_).subspan(outside, memory_.size() - 2 * outside);
  }

  // The same numbers in another type and layout.
  test_tensor copy(scalar_kind kind, memory_layout layout) const {
    test_tensor other(kind, extents_, layout);
    for_each([&](index_type a, index_type b, index_type c, index_type d) { other.set(a, b, c, d, at(a, b, c, d)); });
    return other;
  }

 private:
  static constexpr index_type guard = 16;  // elements of NaN before and behind

  std::size_t place(index_type a, index_type b, index_type c, index_type d) const {
    return static_cast<std::size_t>(
        (origin_ + a * strides_[0] + b * strides_[1] + c * strides_[2] + d * strides_[3]) * bytes_of(kind_));
  }

  scalar_kind kind_ = scalar_kind::float32;
  std::array<index_type, 4> extents_{};
  std::array<index_type, 4> strides_{};
  index_type origin_ = 0;
  std::vector<std::byte> memory_;
};

}  // namespace crestmax_test
