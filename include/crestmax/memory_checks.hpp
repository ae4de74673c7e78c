// What can be wrong with a caller's memory, whatever it holds: pointers, alignment, extents and strides.
#pragma once

#include <cstdio>
#include <limits>
#include <span>

#include "compiler.hpp"
#include "error.hpp"
#include "tensor.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace validate {

// The bytes that a view can touch, as addresses: [low, high).
struct byte_range {
  std::uintptr_t low = 0;
  std::uintptr_t high = 0;
  bool overlaps(const byte_range& o) const { return low < o.high && o.low < high; }
};

inline constexpr index_type largest_extent = index_type{1} << 40;  // of a view

// A view of any rank, for the checks that do not care.
struct any_view {
  const char* name;
  const void* data;
  index_type element_size;
  index_type alignment;
  const index_type* extents;
  const index_type* strides;
  int rank;
  bool contiguous;  // the last dimension must have stride 1
  bool output;
};

inline bool empty(const any_view& v) {
  for (int i = 0; i < v.rank; ++i) {
    if (v.extents[i] == 0) return true;
  }
  return false;
}

inline std::uintptr_t address_of(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }

// Whether elements may be there. (A status is large: it is made where there is something to say.)
inline bool suits(const void* data, index_type alignment) {
  return data != nullptr && (address_of(data) & static_cast<std::uintptr_t>(alignment - 1)) == 0;
}

// Why a pointer does not suit elements that are there.
inline status pointer_error(const char* name, const void* data, index_type alignment) {
  if (data == nullptr) return error_text(status_code::null_pointer, name, "a pointer", "null");
  return error(status_code::misaligned, name, "an address that is a multiple of", alignment,
               static_cast<index_type>(address_of(data) % static_cast<std::uintptr_t>(alignment)));
}

// The name of one entry of an array: "block_table, sequence 3, entry 7".
struct entry_name {
  char text[96];
  entry_name(const char* array, const char* what, index_type number) {
    std::snprintf(text, sizeof text, "%s, %s %lld", array, what, static_cast<long long>(number));
  }
  entry_name(const char* array, const char* what, index_type number, const char* within, index_type place) {
    std::snprintf(text, sizeof text, "%s, %s %lld, %s %lld", array, what, static_cast<long long>(number), within,
                  static_cast<long long>(place));
  }
};

// An array of the caller's; one without entries is none.
template <class T>
bool suits(std::span<const T> array) {
  return array.empty() || suits(array.data(), static_cast<index_type>(alignof(T)));
}
template <class T>
status pointer_error(const char* name, std::span<const T> array) {
  return pointer_error(name, array.data(), static_cast<index_type>(alignof(T)));
}

// Adds the bytes that a view reaches before and behind its first element; false where they fit no address space.
inline bool add_reach(const any_view& v, int dimension, index_type& low, index_type& high) {
  constexpr index_type most = sizeof(void*) == 8 ? index_type{1} << 56 : std::numeric_limits<std::int32_t>::max();
  if (v.extents[dimension] < 2) return true;  // such a stride means nothing
  index_type span = 0;
  const bool overflow = compiler::multiply_overflows(v.strides[dimension], v.extents[dimension] - 1, span) ||
                        compiler::multiply_overflows(span, v.element_size, span) ||
                        (span < 0 ? compiler::add_overflows(low, span, low) : compiler::add_overflows(high, span, high));
  return !overflow && high <= most && low >= -most;
}

// Elements that the dimensions with smaller strides span. An output steps over them: two rows would share memory otherwise, and
// be written at once.
inline index_type spanned_below(const any_view& v, int dimension) {
  const auto distance = [&](int i) { return v.strides[i] < 0 ? -v.strides[i] : v.strides[i]; };
  index_type covered = 1;
  for (int j = 0; j < v.rank; ++j) {
    if (j == dimension || v.extents[j] < 2) continue;
    const bool below = distance(j) < distance(dimension) || (distance(j) == distance(dimension) && j > dimension);
    if (below) covered += distance(j) * (v.extents[j] - 1);
  }
  return covered;
}

// Pointer, extents, strides, and that they stay inside the address space. Strides along fewer than two elements may be
// anything.
inline status check_view(const any_view& v, byte_range& range) {
  range = {};
  for (int i = 0; i < v.rank; ++i) {
    if (v.extents[i] < 0 || v.extents[i] > largest_extent) {
      return error(status_code::bad_extent, v.name, "extents from 0 to 2^40", v.extents[i]);
    }
  }
  if (empty(v)) return success();
  if (!suits(v.data, v.alignment)) return pointer_error(v.name, v.data, v.alignment);
  if (v.contiguous && v.extents[v.rank - 1] > 1 && v.strides[v.rank - 1] != 1) {
    return error(status_code::bad_stride, v.name, "a contiguous innermost dimension (stride 1)",
                 v.strides[v.rank - 1]);
  }
  index_type low = 0;
  index_type high = v.element_size;
  const std::uintptr_t first = address_of(v.data);
  for (int i = 0; i < v.rank; ++i) {
    if (!add_reach(v, i, low, high) || first < static_cast<std::uintptr_t>(-low) ||
        std::numeric_limits<std::uintptr_t>::max() - first < static_cast<std::uintptr_t>(high)) {
      return error(status_code::bad_stride, v.name, "strides whose reach fits the address space", v.strides[i]);
    }
  }
  range = {first - static_cast<std::uintptr_t>(-low), first + static_cast<std::uintptr_t>(high)};
  for (int i = 0; v.output && i < v.rank; ++i) {
    if (v.extents[i] < 2) continue;
    const index_type least = spanned_below(v, i);
    const index_type step = v.strides[i] < 0 ? -v.strides[i] : v.strides[i];
    if (step < least) return error(status_code::bad_stride, v.name, "output strides of at least", least, step);
  }
  return success();
}

}  // namespace validate

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
