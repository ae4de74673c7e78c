// Maps of mask tensors are built here: see mask_map.hpp.
#pragma once

#include "../execution.hpp"
#include "mask_map.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// Builds a map by whichever threads the caller has:
//
//   begin(); run(item) for every item in [0, items()), each once, in any order and by any threads; a barrier; finish().
//
// An item is the rows of tile_queries queries of one head. Nothing is allocated. Mask and memory must live until then; the memory must not
// be that of a map which a running call uses.
class mask_map_builder {
 public:
  mask_map_builder() = default;
  mask_map_builder(const mask_view& mask, std::span<std::byte> memory)
      : mask_(crestmax::without_idle_strides(mask)), at_(mask_), memory_(memory) {}

  // Refuses a mask or memory that does not do. Time: O(items).
  status begin() {
    ready_ = validate::check_map_memory("map", mask_, memory_);
    if (!ready_.ok()) return ready_;
    mask_map_layout::header h{mask_map_layout::begun, static_cast<std::int32_t>(mask_.type), 0, {}, {}};
    std::copy(mask_.extents.begin(), mask_.extents.end(), h.extents);
    std::copy(mask_.strides.begin(), mask_.strides.end(), h.strides);
    std::memcpy(memory_.data(), &h, sizeof h);
    std::memset(memory_.data() + at_.item_place(0), 0, static_cast<std::size_t>(at_.items()) * sizeof(mask_map_layout::item));
    return ready_;
  }

  // In the place of begin(), where another builder of the same mask and memory has begun: for callers that keep none.
  status join() {
    ready_ = validate::check_map_of("map", mask_, memory_, mask_map_layout::begun);
    return ready_;
  }

  index_type items() const { return ready_.ok() ? at_.items() : 0; }

  // Looks at the rows of an item, each entry once. An item that there is not is not looked at.
  void run(index_type item) const {
    if (item < 0 || item >= items()) return;
    visit_mask(mask_.type, [&](auto* entry) { look_at_item<std::remove_pointer_t<decltype(entry)>>(item); });
  }

  // Refuses a map of which an item has not been run. Time: O(items).
  status finish() const {
    if (!ready_.ok()) return ready_;
    mask_map_layout::header h = validate::header_of(memory_);
    for (index_type i = 0; i < at_.items(); ++i) {
      const std::int32_t facts = at<mask_map_layout::item>(at_.item_place(i))->facts;
      if ((facts & mask_map_layout::looked_at) == 0) {
        return error(status_code::mismatch, "map", "every item to have been run, first without:", i, i);
      }
      h.facts |= facts & ~mask_map_layout::looked_at;
    }
    h.state = mask_map_layout::built;
    std::memcpy(memory_.data(), &h, sizeof h);
    return success();
  }

 private:
  static constexpr index_type tile = mask_map_layout::tile_keys;

  template <class T>
  T* at(std::size_t place) const { return pointer_to<T>(static_cast<void*>(memory_.data() + place)); }

  template <class Entry>
  const Entry* row_of(index_type matrix, index_type query) const {
    const index_type heads = at_.extent(1);
    return pointer_to<Entry>(mask_.data) + matrix / heads * mask_.strides[0] + matrix % heads * mask_.strides[1] + query * mask_.strides[2];
  }

  // Whether a tile's entries of one row are all the same, as most are: by words of 64 bits, as fast as they are read.
  template <class Entry>
  static bool is_uniform(const Entry* entries) {
    using as = mask_entry<Entry>;
    constexpr std::uint64_t ones = ~std::uint64_t{0} / as::every;  // one for each entry of a word
    const std::uint64_t wanted = ones * as::of(*entries);
    std::uint64_t differences = 0;
    CRESTMAX_UNROLL for (std::size_t i = 0; i < tile * sizeof(Entry) / sizeof(std::uint64_t); ++i) {
      std::uint64_t word;
      std::memcpy(&word, pointer_to<std::byte>(static_cast<const void*>(entries)) + i * sizeof word, sizeof word);
      differences |= word ^ wanted;
    }
    return differences == 0;
  }

  // Facts of the first `count` entries. A constant count is one for the compiler's vectors.
  template <index_type count, class Entry>
  static std::uint8_t facts_of(const Entry* entries) {
    using as = mask_entry<Entry>;
    using bits = typename as::bits;
    bits hidden = 0, shown = 0, added = 0;
    for (index_type i = 0; i < count; ++i) {
      const bits b = as::of(entries[i]);
      const bits hides = as::hides(b);
      const bits plain = static_cast<bits>(hides | as::is_zero(b));
      hidden = static_cast<bits>(hidden | hides);
      shown = static_cast<bits>(shown | (hides ^ as::every));
      added = static_cast<bits>(added | (plain ^ as::every));
    }
    return static_cast<std::uint8_t>((shown != 0 ? mask_facts::shows : 0) | (hidden != 0 ? mask_facts::hides : 0) |
                                     (added != 0 ? mask_facts::adds : 0));
  }

  template <class Entry>
  static std::uint32_t visible_bits(const Entry* entries, index_type count) {
    std::uint32_t seen = 0;
    for (index_type i = 0; i < count; ++i) seen |= static_cast<std::uint32_t>(!crestmax::hides(entries[i])) << i;
    return seen;
  }

  // Asks memory for what lies some way behind a tile: more of the row, or the next one, where rows touch.
  template <class Entry>
  static void ask_ahead([[maybe_unused]] const Entry* entries) {
    constexpr std::uintptr_t distance = 2048, line = 64;
    for (std::uintptr_t i = 0; i < tile * sizeof(Entry); i += line) {
      CRESTMAX_PREFETCH(reinterpret_cast<const std::byte*>(validate::address_of(entries) + distance + i), 3);
    }
  }

  // What a row sees, tile by tile.
  struct row_so_far {
    index_type begin = 0;
    index_type end = 0;
    bool is_whole = true;

    // Some of the keys from `first` on, by their bits.
    void add(index_type first, std::uint32_t seen) {
      const index_type low = std::countr_zero(seen);
      const index_type high = 32 - std::countl_zero(seen);
      const std::uint32_t run = seen >> low;
      is_whole &= (run & (run + 1)) == 0 && (begin == end || (end == first && low == 0));
      if (begin == end) begin = first + low;
      end = first + high;
    }
    void add_all(index_type first, index_type count) {
      is_whole &= begin == end || end == first;
      if (begin == end) begin = first;
      end = first + count;
    }
  };

  template <class Entry>
  row_so_far look_at_row(const Entry* entries, std::uint8_t* tiles) const {
    row_so_far row;
    const index_type step = mask_.strides[3];
    Entry side_by_side[tile];
    for (index_type first = 0, number = 0; first < at_.keys(); first += tile, ++number) {
      const index_type count = std::min(tile, at_.keys() - first);
      const Entry* of = entries + first;
      if (step != 1 || count < tile) {  // the last of a short tile stands for what is missing
        for (index_type i = 0; i < tile; ++i) side_by_side[i] = entries[(first + std::min(i, count - 1)) * step];
        of = side_by_side;
      } else {
        ask_ahead(of);
      }
      const std::uint8_t facts = is_uniform(of) ? facts_of<1>(of) : facts_of<tile>(of);
      tiles[number] |= facts;
      if ((facts & mask_facts::hides) == 0) row.add_all(first, count);
      else if ((facts & mask_facts::shows) != 0) row.add(first, visible_bits(of, count));
    }
    return row;
  }

  template <class Entry>
  void look_at_item(index_type number) const {
    const index_type matrix = number / at_.query_tiles();
    const index_type first = number % at_.query_tiles() * mask_map_layout::tile_queries;
    const index_type end = std::min(first + mask_map_layout::tile_queries, at_.queries());
    auto* const tiles = at<std::uint8_t>(at_.tile_place(number));
    std::fill_n(tiles, at_.key_tiles(), mask_facts::none);
    mask_map_layout::item hull{static_cast<std::int32_t>(at_.keys()), 0, mask_map_layout::looked_at};
    for (index_type query = first; query < end; ++query) {
      const row_so_far row = look_at_row(row_of<Entry>(matrix, query), tiles);
      const auto begin = static_cast<std::int32_t>(row.begin);
      const auto past = static_cast<std::int32_t>(row.end);
      *at<mask_map_layout::row>(at_.row_place(matrix * at_.queries() + query)) = {begin, row.is_whole ? past : -1 - past};
      if (begin < past) hull = {std::min(hull.begin, begin), std::max(hull.end, past), hull.facts};
    }
    for (index_type i = 0; i < at_.key_tiles(); ++i) hull.facts |= tiles[i];
    *at<mask_map_layout::item>(at_.item_place(number)) = hull;
  }

  mask_view mask_;
  mask_map_layout at_;
  std::span<std::byte> memory_;
  status ready_ = error_text(status_code::mismatch, "map", "begin() first", "none");
};

// Builds a map at once, by an executor's threads. Time: O(entries of the mask), those along which it is broadcast counted once.
template <class Executor = serial>
  requires executor<std::remove_reference_t<Executor>>
status build_mask_map(const mask_view& mask, std::span<std::byte> memory, Executor&& run_on = serial{}) {
  mask_map_builder builder(mask, memory);
  if (status s = builder.begin(); !s.ok()) return s;
  run_on.run(builder.items(), [&](index_type item, int) { builder.run(item); });
  return builder.finish();
}

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
