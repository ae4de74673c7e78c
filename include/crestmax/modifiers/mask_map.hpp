// A map of a mask tensor: what it hides and adds, per tile of queries and keys, and which keys each row sees. It is built once for all
// heads that share the mask, lies in the caller's memory, and serves every call that shares the mask, as long as its entries stay.
//
//   std::size_t bytes;
//   mask_map_bytes(mask, bytes);
//   build_mask_map(mask, memory, executor);               memory: `bytes` bytes at a multiple of 8
//   attention(..., mask_tensor(mask, memory));            any number of times
//
// or by threads of the caller's: mask_map_builder, in build_mask_map.hpp. What is read from a map is clamped where it is read: one that is spoilt while a call
// runs hides the wrong keys, and nothing else.
#pragma once

#include <algorithm>
#include <cstring>

#include "../kv_source.hpp"
#include "../memory_size.hpp"
#include "concepts.hpp"
#include "mask_view.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// What some entries of a mask do, as bits.
struct mask_facts {
  static constexpr std::uint8_t none = 0;
  static constexpr std::uint8_t shows = 1;  // some key is visible
  static constexpr std::uint8_t hides = 2;  // some is not
  static constexpr std::uint8_t adds = 4;   // some visible one's number is not 0
};

// The keys [begin, end) that a row sees; with gaps unless it is whole. Without any: begin = end.
struct seen_keys {
  index_type begin;
  index_type end;
  bool is_whole;
};

// Where a mask's facts lie in the map's memory. Axes along which the mask is broadcast have an extent of 1 here.
class mask_map_layout {
 public:
  static constexpr index_type tile_queries = 16;
  static constexpr index_type tile_keys = 32;
  static constexpr std::size_t alignment = 8;

  struct header {
    std::uint64_t state;  // built, or something else
    std::int32_t type;
    std::int32_t facts;  // of all entries
    index_type extents[4];
    index_type strides[4];
  };
  // Of tile_queries rows: the hull of what they see, and whether they have been looked at.
  struct item {
    std::int32_t begin;
    std::int32_t end;
    std::int32_t facts;
  };
  // is_whole or not: end, or -1 - end.
  struct row {
    std::int32_t begin;
    std::int32_t end;
  };

  static constexpr std::uint64_t built = 0x0170616d6b73616d;  // "maskmap", version 1
  static constexpr std::uint64_t begun = built + 1;
  static constexpr std::int32_t looked_at = 8;  // beside mask_facts

  mask_map_layout() = default;
  explicit mask_map_layout(const mask_view& mask) {
    for (std::size_t i = 0; i < 4; ++i) extents_[i] = mask.strides[i] == 0 ? std::min<index_type>(mask.extents[i], 1) : mask.extents[i];
  }

  index_type extent(std::size_t axis) const { return extents_[axis]; }
  index_type keys() const { return extents_[3]; }
  index_type queries() const { return extents_[2]; }
  index_type query_tiles() const { return (queries() + tile_queries - 1) / tile_queries; }
  index_type key_tiles() const { return (keys() + tile_keys - 1) / tile_keys; }
  index_type items() const { return extents_[0] * extents_[1] * query_tiles(); }

  // Of a mask whose extents have been checked one by one.
  memory_size bytes() const {
    const auto size = [](index_type count) { return memory_size(static_cast<std::uint64_t>(count)); };
    const memory_size tiles = size(extents_[0]) * size(extents_[1]) * size(query_tiles());
    const memory_size rows = size(extents_[0]) * size(extents_[1]) * size(queries());
    return memory_size(sizeof(header)) + tiles * memory_size(sizeof(item)) + rows * memory_size(sizeof(row)) + tiles * size(key_tiles());
  }

  // Number of the sequence and head that an entry is of, where they are repeated.
  index_type matrix(index_type sequence, index_type head) const { return within(sequence, 0) * extents_[1] + within(head, 1); }
  index_type item_of(index_type matrix_number, index_type query) const { return matrix_number * query_tiles() + query / tile_queries; }
  index_type within(index_type i, std::size_t axis) const { return i < extents_[axis] ? i : i % extents_[axis]; }

  std::size_t item_place(index_type number) const { return sizeof(header) + static_cast<std::size_t>(number) * sizeof(item); }
  std::size_t row_place(index_type number) const { return item_place(items()) + static_cast<std::size_t>(number) * sizeof(row); }
  std::size_t tile_place(index_type item_number) const {
    return row_place(extents_[0] * extents_[1] * queries()) + static_cast<std::size_t>(item_number * key_tiles());
  }

 private:
  index_type extents_[4]{};
};

// Reads a map that has been built.
class mask_map_reader {
 public:
  mask_map_reader(const mask_map_layout& at, const std::byte* memory) : at_(at), memory_(memory) {}

  // Facts of every entry in the tiles that queries [first, last] and keys [first, last] touch. Stops where it knows `enough` of them.
  std::uint8_t facts(index_type matrix, index_type first_query, index_type last_query, index_type first_key, index_type last_key,
                     std::uint8_t enough) const {
    const index_type first = first_key / mask_map_layout::tile_keys;
    const index_type last = last_key / mask_map_layout::tile_keys;
    const index_type end = at_.item_of(matrix, last_query);
    std::uint8_t all = mask_facts::none;
    for (index_type item = at_.item_of(matrix, first_query); item <= end && (all & enough) != enough; ++item) {
      const auto* tiles = at<std::uint8_t>(at_.tile_place(item));
      for (index_type tile = first; tile <= last; ++tile) all |= tiles[tile];
    }
    return all;
  }

  seen_keys row(index_type matrix, index_type query) const {
    const auto& r = *at<mask_map_layout::row>(at_.row_place(matrix * at_.queries() + query));
    const index_type end = read_once(r.end);
    return clamped(read_once(r.begin), end < 0 ? -1 - end : end, end >= 0);
  }

  // The hull of what queries [first, last] see. Time: O(their tiles).
  key_interval hull(index_type matrix, index_type first_query, index_type last_query) const {
    constexpr index_type tile = mask_map_layout::tile_queries;
    key_interval keys{at_.keys(), 0};
    for (index_type q = first_query; q <= last_query;) {
      const bool whole_tile = q % tile == 0 && last_query - q >= tile - 1;
      const seen_keys seen = whole_tile ? item(at_.item_of(matrix, q)) : row(matrix, q);
      if (seen.begin < seen.end) keys = {std::min(keys.begin, seen.begin), std::max(keys.end, seen.end)};
      q += whole_tile ? tile : 1;
    }
    return keys.begin < keys.end ? keys : key_interval{0, 0};
  }

 private:
  template <class T>
  const T* at(std::size_t place) const { return pointer_to<T>(static_cast<const void*>(memory_ + place)); }

  seen_keys item(index_type number) const {
    const auto& i = *at<mask_map_layout::item>(at_.item_place(number));
    return clamped(read_once(i.begin), read_once(i.end), false);
  }
  seen_keys clamped(index_type begin, index_type end, bool is_whole) const {
    const index_type from = std::clamp<index_type>(begin, 0, at_.keys());
    return {from, std::clamp(end, from, at_.keys()), is_whole};
  }

  mask_map_layout at_;
  const std::byte* memory_;
};

// Why a mask cannot have a map, or bytes of the map. Time: O(1).
inline status mask_map_bytes(const mask_view& mask, std::size_t& bytes) {
  if (status s = validate::check_mask("mask", mask); !s.ok()) return s;
  constexpr index_type most_keys = std::numeric_limits<std::int32_t>::max();
  if (mask.extents[3] > most_keys) return error(status_code::bad_extent, "mask", "keys, at most", most_keys, mask.extents[3]);
  const memory_size needed = mask_map_layout(mask).bytes();
  if (needed.is_too_large()) return error_text(status_code::too_large, "mask", "a map that the machine can address", "a larger one");
  bytes = needed.value();
  return success();
}

namespace validate {

inline status check_map_memory(const char* name, const mask_view& mask, std::span<const std::byte> memory) {
  std::size_t needed = 0;
  if (status s = crestmax::mask_map_bytes(mask, needed); !s.ok()) return s;
  constexpr auto alignment = static_cast<index_type>(mask_map_layout::alignment);
  if (memory.data() == nullptr || !validate::suits(memory.data(), alignment)) return validate::pointer_error(name, memory.data(), alignment);
  if (memory.size() >= needed) return success();
  return error(status_code::workspace_too_small, name, "bytes, at least", static_cast<index_type>(needed), static_cast<index_type>(memory.size()));
}

inline mask_map_layout::header header_of(std::span<const std::byte> memory) {
  mask_map_layout::header h;
  std::memcpy(&h, memory.data(), sizeof h);
  return h;
}

// Whether memory holds a map of this mask in this state.
inline status check_map_of(const char* name, const mask_view& mask, std::span<const std::byte> memory, std::uint64_t state) {
  if (status s = check_map_memory(name, mask, memory); !s.ok()) return s;
  const mask_map_layout::header h = header_of(memory);
  if (h.state != state) {
    const bool built = state == mask_map_layout::built;
    return error_text(status_code::mismatch, name, built ? "a map that has been built" : "a map that has been begun, and not finished", "none");
  }
  if (h.type != static_cast<std::int32_t>(mask.type)) {
    const bool is_type = h.type >= 0 && h.type <= static_cast<std::int32_t>(mask_type::bfloat16);
    const char* const given = is_type ? crestmax::name(static_cast<mask_type>(h.type)) : "another";
    return error_text(status_code::mismatch, name, "the map of a mask of this mask's type", given);
  }
  const mask_view plain = crestmax::without_idle_strides(mask);
  const auto axis = [&](std::size_t i) { return entry_name(name, "axis", static_cast<index_type>(i)); };
  for (std::size_t i = 0; i < 4; ++i) {
    if (h.extents[i] != mask.extents[i]) return error(status_code::mismatch, axis(i).text, "the mask's extent", mask.extents[i], h.extents[i]);
  }
  for (std::size_t i = 0; i < 4; ++i) {
    if (h.strides[i] != plain.strides[i]) return error(status_code::mismatch, axis(i).text, "the mask's stride", plain.strides[i], h.strides[i]);
  }
  return success();
}
inline status check_map(const char* name, const mask_view& mask, std::span<const std::byte> memory) {
  return check_map_of(name, mask, memory, mask_map_layout::built);
}

}  // namespace validate

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
