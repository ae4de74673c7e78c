// std::mdspan, and everything that looks like it, as a tensor: no <mdspan> is needed.
#pragma once

#include <concepts>

#include "rank.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace interop {

// An accessor that does something on the way (a scale, an atomic) hands out no plain references.
template <class M>
concept reads_plain_memory = !requires { typename M::reference; } ||
                             std::same_as<typename M::reference, std::remove_pointer_t<typename M::data_handle_type>&>;

template <class M>
concept mdspan_like = requires(const M& m) {
  requires std::is_pointer_v<typename M::data_handle_type>;
  requires scalar<std::remove_pointer_t<typename M::data_handle_type>>;
  { m.data_handle() } -> std::same_as<typename M::data_handle_type>;
  { M::rank() } -> std::convertible_to<int>;
  { m.extent(0) } -> std::convertible_to<index_type>;
  { m.stride(0) } -> std::convertible_to<index_type>;
} && reads_plain_memory<M>;

}  // namespace interop

// A strided view of rank 2 to 4; see rank.hpp for what the dimensions are. A last dimension that is
// not contiguous is reported by the call that gets the tensor. The memory stays the caller's. O(1).
template <interop::mdspan_like M>
constexpr auto as_tensor(const M& m) {
  constexpr int rank = static_cast<int>(M::rank());
  static_assert(rank >= 2 && rank <= 4,
                "an mdspan for crestmax has 2 to 4 dimensions: (batch, len, heads, head_dim)");
  return interop::tensor_of_rank(
      m.data_handle(), rank, [&](int i) { return m.extent(static_cast<std::size_t>(i)); },
      [&](int i) { return m.stride(static_cast<std::size_t>(i)); });
}

// One number per query row, for lse and its like: (batch, q_len, q_heads) or (q_len, q_heads). O(1).
template <interop::mdspan_like M>
constexpr auto as_row_tensor(const M& m) {
  constexpr int rank = static_cast<int>(M::rank());
  static_assert(rank == 2 || rank == 3,
                "an mdspan of one number per query row has 2 or 3 dimensions: (batch, q_len, q_heads)");
  return interop::rows_of_rank(
      m.data_handle(), rank, [&](int i) { return m.extent(static_cast<std::size_t>(i)); },
      [&](int i) { return m.stride(static_cast<std::size_t>(i)); });
}

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
