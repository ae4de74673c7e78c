// A DLPack tensor as a crestmax tensor. Anything with the members of DLTensor will do, so neither
// <dlpack/dlpack.h> nor one version of it is needed.
#pragma once

#include <concepts>
#include <limits>

#include "../error.hpp"
#include "rank.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace interop {

template <class D>
concept dlpack_like = requires(const D& t) {
  { t.data } -> std::convertible_to<const void*>;
  { static_cast<index_type>(t.device.device_type) };
  { t.ndim } -> std::convertible_to<index_type>;
  { t.dtype.code } -> std::convertible_to<index_type>;
  { t.dtype.bits } -> std::convertible_to<index_type>;
  { t.dtype.lanes } -> std::convertible_to<index_type>;
  { t.shape[0] } -> std::convertible_to<index_type>;
  { t.strides[0] } -> std::convertible_to<index_type>;
  { t.byte_offset } -> std::convertible_to<std::size_t>;
};

// Numbers that the DLPack standard gives to devices and to kinds of elements.
inline constexpr index_type dlpack_cpu = 1;
inline constexpr index_type dlpack_float = 2;
inline constexpr index_type dlpack_bfloat = 4;

}  // namespace interop

// Rank 2 to 4, see rank.hpp for what the dimensions are; strides count elements, null strides mean no
// gaps; memory of the CPU; elements of type T, where tensor<T> says what is wanted (T may be const:
// DLPack does not say whether memory may be written). Sets `result` and returns ok; `result` is left
// alone otherwise. `argument` is the name that errors carry: unsupported (another device, or another
// rank), mismatch (another element type), null_pointer (no shape, or no data behind extents that are
// not 0), bad_index (a byte_offset past the address space), misaligned. The memory stays its producer's. O(1).
template <scalar T, interop::dlpack_like D>
status as_tensor(const D& source, tensor<T>& result, const char* argument = "tensor") {
  if (const auto device = static_cast<index_type>(source.device.device_type); device != interop::dlpack_cpu) {
    return error(status_code::unsupported, argument, "memory of the CPU, DLPack device", interop::dlpack_cpu, device);
  }
  if (source.ndim < 2 || source.ndim > 4) {
    return error(status_code::unsupported, argument, "2 to 4 dimensions", source.ndim);
  }
  constexpr index_type code = kind_of<T> == scalar_kind::bfloat16 ? interop::dlpack_bfloat : interop::dlpack_float;
  constexpr index_type bits = 8 * size_of(kind_of<T>);
  if (source.dtype.code != code || source.dtype.bits != bits || source.dtype.lanes != 1) {
    char expected[64];
    char given[64];
    std::snprintf(expected, sizeof expected, "%s, DLPack code %d of %d bits in 1 lane", name(kind_of<T>),
                  static_cast<int>(code), static_cast<int>(bits));
    std::snprintf(given, sizeof given, "code %d of %d bits in %d lanes", static_cast<int>(source.dtype.code),
                  static_cast<int>(source.dtype.bits), static_cast<int>(source.dtype.lanes));
    return error_text(status_code::mismatch, argument, expected, given);
  }
  if (source.shape == nullptr) return error_text(status_code::null_pointer, argument, "a shape", "null");

  const int rank = static_cast<int>(source.ndim);
  index_type dense[4];
  std::uint64_t step = 1;  // wraps on overflow: the call that gets the tensor reports it
  bool empty = false;
  for (int i = rank - 1; i >= 0; --i) {
    dense[i] = static_cast<index_type>(step);
    step *= static_cast<std::uint64_t>(source.shape[i]);
    empty |= source.shape[i] == 0;
  }
  if (source.data == nullptr && !empty) {
    return error_text(status_code::null_pointer, argument, "a pointer", "null");
  }
  const std::uintptr_t base = reinterpret_cast<std::uintptr_t>(static_cast<const void*>(source.data));
  if (source.byte_offset > std::numeric_limits<std::uintptr_t>::max() - base) {
    return error(status_code::bad_index, argument, "a byte_offset within the address space", static_cast<std::int64_t>(source.byte_offset));
  }
  const std::uintptr_t address = base + static_cast<std::uintptr_t>(source.byte_offset);
  if (address % alignof(T) != 0) {
    return error(status_code::misaligned, argument, "an address that is a multiple of",
                 static_cast<index_type>(alignof(T)), static_cast<index_type>(address % alignof(T)));
  }
  result = interop::tensor_of_rank(
      reinterpret_cast<T*>(address), rank, [&](int i) { return source.shape[i]; },
      [&](int i) { return source.strides == nullptr ? dense[i] : static_cast<index_type>(source.strides[i]); });
  return success();
}

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
