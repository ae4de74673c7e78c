// Mask tensors as engines hand them over: (batch, heads, queries, keys) of any strides, whose type is known at run time. Bools, of which
// false hides a key; or numbers that are added to scores, of which -inf and the lowest finite number of the type hide. Any other number
// is added, NaN too.
#pragma once

#include <bit>

#include "../memory_checks.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_VERSION

enum class mask_type : std::int32_t { boolean, float32, float64, float16, bfloat16 };

constexpr const char* name(mask_type type) {
  constexpr const char* names[] = {"bool", "float32", "float64", "float16", "bfloat16"};
  return names[static_cast<int>(type)];
}

CRESTMAX_END_VERSION

CRESTMAX_BEGIN_NAMESPACE

constexpr mask_type mask_type_of(scalar_kind kind) { return static_cast<mask_type>(static_cast<int>(kind) + 1); }
static_assert(mask_type_of(scalar_kind::float32) == mask_type::float32 && mask_type_of(scalar_kind::bfloat16) == mask_type::bfloat16);
// Of a type that is none of bools.
constexpr scalar_kind kind_of_mask(mask_type type) { return static_cast<scalar_kind>(static_cast<int>(type) - 1); }

template <class T>
concept mask_element = std::is_same_v<std::remove_cv_t<T>, bool> || std::is_same_v<std::remove_cv_t<T>, std::uint8_t> || number_scalar<T>;

// An extent of 1 or a stride of 0 is broadcast. Strides count elements and may be anything else.
struct mask_view {
  const void* data = nullptr;
  mask_type type = mask_type::boolean;
  std::array<index_type, 4> extents{};
  std::array<index_type, 4> strides{};

  constexpr mask_view() = default;
  constexpr mask_view(const void* entries, mask_type of, const std::array<index_type, 4>& shape, const std::array<index_type, 4>& steps)
      : data(entries), type(of), extents(shape), strides(steps) {}
  template <mask_element T>
  constexpr mask_view(tensor<T> t) : data(t.data), extents(t.extents), strides(t.strides) {
    if constexpr (number_scalar<T>) type = mask_type_of(kind_of<T>);
  }
};

// Calls f with a null pointer of the type that entries are read as. Bytes of bools need not be 0 or 1.
template <class F>
decltype(auto) visit_mask(mask_type type, F&& f) {
  if (type == mask_type::boolean) return f(static_cast<std::uint8_t*>(nullptr));
  return crestmax::visit_kind(kind_of_mask(type), f);
}

constexpr index_type size_of(mask_type type) { return type == mask_type::boolean ? 1 : crestmax::size_of(kind_of_mask(type)); }

// What the entries of a type say, by their bits: answers are all ones or zeros, without a branch, for loops that compilers make vectors of.
// The lowest number and -inf are neighbours.
template <class Entry>
struct mask_entry {
  using bits = std::conditional_t<sizeof(Entry) == 8, std::uint64_t, std::conditional_t<sizeof(Entry) == 4, std::uint32_t, std::uint16_t>>;
  static constexpr int mantissa = std::is_same_v<Entry, double> ? 52 : std::is_same_v<Entry, float> ? 23 : std::is_same_v<Entry, float16> ? 10 : 7;
  static constexpr bits every = static_cast<bits>(~bits{0});
  static constexpr bits minus_infinity = static_cast<bits>(every << mantissa);
  static constexpr bits lowest = static_cast<bits>(minus_infinity - 1);

  static constexpr bits of(const Entry& entry) { return std::bit_cast<bits>(entry); }
  static constexpr bits hides(bits b) { return static_cast<bits>((b == minus_infinity ? every : bits{0}) | (b == lowest ? every : bits{0})); }
  static constexpr bits is_zero(bits b) { return static_cast<bits>(b & every >> 1) == 0 ? every : bits{0}; }
};
template <>
struct mask_entry<std::uint8_t> {
  using bits = std::uint8_t;
  static constexpr bits every = 0xff;
  static constexpr bits of(std::uint8_t entry) { return entry; }
  static constexpr bits hides(bits b) { return b == 0 ? every : bits{0}; }
  static constexpr bits is_zero(bits) { return every; }
};

template <class Entry>
constexpr bool hides(const Entry& entry) {
  return mask_entry<Entry>::hides(mask_entry<Entry>::of(entry)) != 0;
}

namespace validate {

inline status check_mask(const char* name, const mask_view& mask) {
  const index_type size = crestmax::size_of(mask.type);
  const index_type alignment = mask.type == mask_type::boolean ? 1 : crestmax::alignment_of(kind_of_mask(mask.type));
  byte_range unused;
  return validate::check_view({name, mask.data, size, alignment, mask.extents.data(), mask.strides.data(), 4, false, false}, unused);
}

}  // namespace validate

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
