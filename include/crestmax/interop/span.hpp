// A span, a vector, an array and extents as a tensor, with the size checked. A bare pointer needs no
// help: crestmax::tensor{pointer, {batch, len, heads, head_dim}}.
#pragma once

#include <ranges>

#include "../compiler.hpp"
#include "../error.hpp"
#include "../tensor.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace interop {

// Contiguous memory that outlives the call: spans, and containers that have a name.
template <class R, class T>
concept memory_of = std::ranges::contiguous_range<R> && std::ranges::borrowed_range<R> &&
                    std::ranges::sized_range<R> &&
                    std::is_convertible_v<decltype(std::ranges::data(std::declval<R&>())), T*>;

}  // namespace interop

// `memory` seen as (batch, len, heads, head_dim) with these strides, in elements, all of them 0 or
// more. Sets `result` and returns ok; `result` is left alone otherwise. `argument` is the name
// that errors carry: bad_extent (negative, or their product overflows), bad_stride (negative, or their
// reach overflows), mismatch (less memory than the view reaches). O(1).
template <scalar T, interop::memory_of<T> Memory>
status as_tensor(Memory&& memory, std::array<index_type, 4> extents, std::array<index_type, 4> strides,
                 tensor<T>& result, const char* argument = "tensor") {
  const index_type given = static_cast<index_type>(std::ranges::size(memory));
  index_type reach = 0;  // of the last element
  bool empty = false;
  for (const index_type extent : extents) {
    if (extent < 0) return error(status_code::bad_extent, argument, "extents of at least", 0, extent);
    empty |= extent == 0;
  }
  for (const index_type stride : strides) {
    if (stride < 0) return error(status_code::bad_stride, argument, "strides of at least", 0, stride);
  }
  for (std::size_t i = 0; i < 4 && !empty; ++i) {
    index_type steps = 0;
    if (compiler::multiply_overflows(strides[i], extents[i] - 1, steps) ||
        compiler::add_overflows(reach, steps, reach)) {
      return error(status_code::bad_stride, argument, "strides whose reach fits 63 bits", strides[i]);
    }
  }
  if (!empty && reach >= given) {
    return error(status_code::mismatch, argument, "elements of memory, at least", reach + 1, given);
  }
  result = tensor<T>(std::ranges::data(memory), extents, strides);
  return success();
}

// The same without gaps: `memory` holds at least batch * len * heads * head_dim elements.
template <scalar T, interop::memory_of<T> Memory>
status as_tensor(Memory&& memory, std::array<index_type, 4> extents, tensor<T>& result,
                 const char* argument = "tensor") {
  index_type size = 1;
  for (const index_type extent : extents) {
    if (extent > 0 && compiler::multiply_overflows(size, extent, size)) {
      return error(status_code::bad_extent, argument, "extents whose product fits 63 bits", extent);
    }
  }
  return crestmax::as_tensor(memory, extents, tensor<T>::dense_strides(extents), result, argument);
}

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
