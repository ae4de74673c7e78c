// Views of the caller's memory: a pointer, extents and strides. They own nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "scalar_types.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_VERSION

using index_type = std::int64_t;

// A strided view. Strides count elements; the last dimension must be contiguous (stride 1).
//   query  (batch, q_len,  q_heads,  d_qk)      key    (batch, kv_len, kv_heads, d_qk)
//   output (batch, q_len,  q_heads,  d_v)       value  (batch, kv_len, kv_heads, d_v)
// Memory of any other order, such as (batch, heads, len, dim), is the same view with other strides.
template <class T, int Rank = 4>
struct tensor {
  using axes = std::array<index_type, static_cast<std::size_t>(Rank)>;
  T* data = nullptr;
  axes extents{};
  axes strides{};

  constexpr tensor() = default;
  constexpr tensor(T* pointer, axes shape)
      : data(pointer), extents(shape), strides(dense_strides(shape)) {}
  constexpr tensor(T* pointer, axes shape, axes steps)
      : data(pointer), extents(shape), strides(steps) {}

  constexpr operator tensor<const T, Rank>() const
    requires(!std::is_const_v<T>)
  {
    return {data, extents, strides};
  }

  // Wraps on overflow, like dense_strides().
  constexpr index_type size() const {
    std::uint64_t n = 1;
    for (index_type e : extents) n *= static_cast<std::uint64_t>(e);
    return static_cast<index_type>(n);
  }

  // Row-major strides. Wraps on overflow instead of being undefined: validation reports it.
  static constexpr axes dense_strides(const axes& shape) {
    if constexpr (scalar<T>) return dense_strides_of(scalar_traits<std::remove_cv_t<T>>::kind, shape);
    else return row_major(shape, shape.back());
  }
  // The same of rows of a kind; where they lie in blocks of keys, a head's blocks stand side by side: (batch, blocks, heads, block).
  static constexpr axes dense_strides_of(scalar_kind kind, axes shape) {
    const auto row = static_cast<std::uint64_t>(row_elements(kind, shape.back()));
    if constexpr (Rank > 2) {
      index_type& keys = shape[static_cast<std::size_t>(Rank - 3)];
      keys = key_blocks_for(kind, keys);
    }
    return row_major(shape, static_cast<index_type>(row * static_cast<std::uint64_t>(keys_in_block(kind))));
  }
  // The same of rows of so many elements.
  static constexpr axes row_major(const axes& shape, index_type row) {
    axes steps{};
    std::uint64_t step = 1;
    for (int i = Rank - 1; i >= 0; --i) {
      steps[static_cast<std::size_t>(i)] = static_cast<index_type>(step);
      step *= static_cast<std::uint64_t>(i == Rank - 1 ? row : shape[static_cast<std::size_t>(i)]);
    }
    return steps;
  }
};

template <class T>
tensor(T*, std::array<index_type, 4>) -> tensor<T, 4>;
template <class T>
tensor(T*, std::array<index_type, 4>, std::array<index_type, 4>) -> tensor<T, 4>;

// One number per query row: (batch, q_len, q_heads), any strides.
template <class T>
using row_tensor = tensor<T, 3>;

// A row tensor whose element type is known at run time (float or double); default-constructed it is "not wanted".
struct row_output {
  void* data = nullptr;
  scalar_kind kind = scalar_kind::float32;
  std::array<index_type, 3> extents{};
  std::array<index_type, 3> strides{};

  constexpr row_output() = default;
  template <class T>
    requires(std::is_same_v<T, float> || std::is_same_v<T, double>)
  constexpr row_output(row_tensor<T> rows)
      : data(rows.data), kind(kind_of<T>), extents(rows.extents), strides(rows.strides) {}
  constexpr explicit operator bool() const { return data != nullptr; }
};

CRESTMAX_END_VERSION

CRESTMAX_BEGIN_NAMESPACE

// A rank 4 tensor whose element type is known at run time.
struct tensor_view {
  const void* data = nullptr;
  scalar_kind kind = scalar_kind::float32;
  std::array<index_type, 4> extents{};
  std::array<index_type, 4> strides{};

  tensor_view() = default;
  tensor_view(const void* pointer, scalar_kind of, const std::array<index_type, 4>& shape, const std::array<index_type, 4>& steps)
      : data(pointer), kind(of), extents(shape), strides(steps) {}
  template <scalar T>
  tensor_view(tensor<T> t) : data(t.data), kind(kind_of<T>), extents(t.extents), strides(t.strides) {}
};

// The address of an element, counted from a view's first.
template <class T>
constexpr const void* element_of(const tensor<T>& t, index_type element) { return t.data + element; }
inline const void* element_of(const tensor_view& t, index_type element) {
  return static_cast<const std::byte*>(t.data) + element * size_of(t.kind);
}

// Whether a view says that there is none: a null pointer to elements is a mistake, such as an allocation that failed.
template <class View>
constexpr bool is_absent(const View& view) {
  for (const index_type extent : view.extents) {
    if (extent != 0) return false;
  }
  return view.data == nullptr;
}

// The same view with strides of 0 where there are fewer than two elements along them: there a stride may be anything, and
// arithmetic with it overflow.
template <class View>
CRESTMAX_OUT_OF_LINE constexpr View without_idle_strides(View view) {
  for (std::size_t i = 0; i < view.extents.size(); ++i) {
    if (view.extents[i] < 2) view.strides[i] = 0;
  }
  return view;
}

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
