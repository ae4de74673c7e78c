// Eigen's matrices, maps and tensors as crestmax tensors, and Eigen's 16-bit types as elements.
// Include it after <unsupported/Eigen/CXX11/Tensor> or before, or without it.
//
// A row of a matrix is what the heads of one token hold, so rows must be contiguous: RowMajor. A
// ColMajor matrix (head_dim x len) is the same memory as its RowMajor transpose (len x head_dim):
// as_tensor(m.transpose()). Other ColMajor matrices are refused when compiling.
#pragma once

#include <Eigen/Core>
#include <type_traits>

#include "../error.hpp"
#include "rank.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_VERSION

template <>
struct scalar_traits<Eigen::half> { static constexpr scalar_kind kind = scalar_kind::float16; };
template <>
struct scalar_traits<Eigen::bfloat16> { static constexpr scalar_kind kind = scalar_kind::bfloat16; };

CRESTMAX_END_VERSION

CRESTMAX_BEGIN_NAMESPACE

namespace interop {

template <class Derived>
void takes_dense(const Eigen::DenseBase<Derived>&);

// A matrix, array, map, reference, block or transpose: what has its coefficients in memory.
template <class M>
concept eigen_matrix = requires(M& m) {
  takes_dense(m);
  { m.data() } -> std::convertible_to<const void*>;
  m.outerStride();
};

// Eigen::Tensor and TensorMap, told by their members: their header need not be there.
template <class E>
concept eigen_tensor = requires(E& t) {
  { t.data() } -> std::convertible_to<const void*>;
  t.dimensions()[0];
  E::NumDimensions;
  E::Layout;
};

// const where Eigen says that coefficients cannot be written.
template <class M>
using element_of = std::remove_pointer_t<decltype(std::declval<M&>().data())>;

template <class M>
constexpr void check_rows() {
  using matrix = std::remove_cvref_t<M>;
  static_assert(std::is_lvalue_reference_v<M> || !std::is_base_of_v<Eigen::PlainObjectBase<matrix>, matrix>,
                "this matrix is a temporary: its memory would be gone before the tensor is used");
}
template <class M>
constexpr void check_storage() {
  check_rows<M>();
  static_assert(std::remove_cvref_t<M>::IsRowMajor,
                "crestmax needs RowMajor matrices (len x head_dim); "
                "give it the transpose() of a ColMajor one (head_dim x len)");
}

}  // namespace interop

// A RowMajor matrix (len x head_dim) as one head of one sequence: (1, len, 1, head_dim). An inner
// stride other than 1 is reported by the call that gets the tensor. The memory stays Eigen's. O(1).
template <interop::eigen_matrix M>
auto as_tensor(M&& m) {
  interop::check_storage<M>();
  return tensor<interop::element_of<M>>(m.data(), {1, m.rows(), 1, m.cols()},
                                        {0, m.outerStride(), 0, m.innerStride()});
}

// A RowMajor matrix (len x heads * head_dim), heads side by side: (1, len, heads, head_dim). Sets
// `result` and returns ok; else a status that names `argument` and leaves `result` alone: bad_option
// (heads < 1), mismatch (the columns are no multiple of heads). O(1).
template <class T, interop::eigen_matrix M>
  requires std::is_convertible_v<interop::element_of<M>*, T*>
status as_tensor(M&& m, index_type heads, tensor<T>& result, const char* argument = "matrix") {
  interop::check_storage<M>();
  if (heads < 1) return error(status_code::bad_option, argument, "heads, at least", 1, heads);
  if (m.cols() % heads != 0) {
    return error(status_code::mismatch, argument, "columns in a multiple of the heads,", heads, m.cols());
  }
  const index_type head_dim = m.cols() / heads;
  result = tensor<T>(m.data(), {1, m.rows(), heads, head_dim},
                     {0, m.outerStride(), head_dim * m.innerStride(), m.innerStride()});
  return success();
}

// A matrix (q_len x q_heads) of any storage order as one number per query row, for lse and its like. O(1).
template <interop::eigen_matrix M>
auto as_row_tensor(M&& m) {
  interop::check_rows<M>();
  return row_tensor<interop::element_of<M>>(m.data(), {1, m.rows(), m.cols()},
                                            {0, m.rowStride(), m.colStride()});
}

// An Eigen::Tensor or TensorMap of 2 to 4 dimensions, RowMajor; see rank.hpp for what they are. O(1).
template <interop::eigen_tensor E>
auto as_tensor(E& t) {
  constexpr int rank = static_cast<int>(E::NumDimensions);
  static_assert(rank >= 2 && rank <= 4,
                "an Eigen tensor for crestmax has 2 to 4 dimensions: (batch, len, heads, head_dim)");
  static_assert(static_cast<int>(E::Layout) == static_cast<int>(Eigen::RowMajor),
                "crestmax needs RowMajor tensors (batch, len, heads, head_dim); map the memory of a ColMajor one "
                "with its dimensions reversed");
  const auto extent = [&](int i) { return static_cast<index_type>(t.dimensions()[static_cast<std::size_t>(i)]); };
  index_type strides[4] = {1, 1, 1, 1};
  for (int i = rank - 2; i >= 0; --i) strides[i] = strides[i + 1] * extent(i + 1);
  return interop::tensor_of_rank(t.data(), rank, extent, [&](int i) { return strides[i]; });
}

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
