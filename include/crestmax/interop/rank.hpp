// What a view of two to four dimensions means; every header of this folder goes by these rules.
//   (batch, len, heads, head_dim)   as it is
//   (len, heads, head_dim)          one sequence
//   (len, head_dim)                 one sequence, one head
#pragma once

#include <type_traits>

#include "../config.hpp"
#include "../tensor.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace interop {

// extent(i) and stride(i), in elements, for i in [0, rank); rank from 2 to 4. O(1).
template <class T, class Extent, class Stride>
constexpr tensor<T> tensor_of_rank(T* data, int rank, Extent&& extent, Stride&& stride) {
  tensor<T> view(data, {1, 1, 1, 1}, {0, 0, 0, 1});
  for (int i = 0; i < rank; ++i) {
    // Counted from the end; with two dimensions, heads are what is missing.
    const auto place = static_cast<std::size_t>(rank == 2 && i == 0 ? 1 : 4 - rank + i);
    view.extents[place] = static_cast<index_type>(extent(i));
    view.strides[place] = static_cast<index_type>(stride(i));
  }
  return view;
}

// One number per query row: (batch, q_len, q_heads), or (q_len, q_heads) of one sequence.
template <class T, class Extent, class Stride>
constexpr row_tensor<T> rows_of_rank(T* data, int rank, Extent&& extent, Stride&& stride) {
  row_tensor<T> view(data, {1, 1, 1}, {0, 0, 0});
  for (int i = 0; i < rank; ++i) {
    const auto place = static_cast<std::size_t>(3 - rank + i);
    view.extents[place] = static_cast<index_type>(extent(i));
    view.strides[place] = static_cast<index_type>(stride(i));
  }
  return view;
}

}  // namespace interop

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
