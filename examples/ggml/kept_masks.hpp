// Masks and their maps, kept from layer to layer. The same address may hold another mask at any time, so a map serves only a
// mask whose every number is the one that it was built of.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <vector>

#include <crestmax/modifiers.hpp>

namespace adapter {

using crestmax::index_type;
using crestmax::key_interval;
using crestmax::mask_view;
using crestmax::visibility;

// A mask of float16 numbers (sequences, heads, queries, keys), keys side by side, and its map. Heads and sequences repeat.
class kept_mask {
 public:
  const mask_view& view() const { return given_; }
  // Why it has no map, if it has none: then nothing below may be asked.
  const crestmax::status& status() const { return status_; }
  // As a modifier. Valid until the mask is another one.
  const crestmax::mask_tensor& tensor() const { return tensor_; }

  // The hull of the keys that any row of a sequence sees; empty at 0 if there are none.
  key_interval keys_of(index_type sequence) const {
    key_interval keys{view().extents[3], 0};
    for (index_type head = 0; head < view().extents[1]; ++head) {
      const key_interval seen = tensor_.reachable(rows_of(sequence, head, {0, view().extents[3]}));
      if (seen.begin < seen.end) keys = {std::min(keys.begin, seen.begin), std::max(keys.end, seen.end)};
    }
    return keys.begin < keys.end ? keys : key_interval{0, 0};
  }

  // Whether every row of a sequence sees all of these keys.
  bool sees_all(index_type sequence, key_interval keys) const {
    bool all = true;
    for (index_type head = 0; head < view().extents[1] && keys.begin < keys.end; ++head) {
      all = all && (!tensor_.hides_keys() || tensor_.classify(rows_of(sequence, head, keys)) == visibility::all);
    }
    return all;
  }

 private:
  friend class kept_masks;

  crestmax::score_range rows_of(index_type sequence, index_type head, key_interval keys) const {
    return {sequence, head, 0, view().extents[2] - 1, 0, keys.begin, keys.end - 1};
  }

  // Looks at every number once.
  void read(const mask_view& view) {
    given_ = view;
    std::size_t bytes = 0;
    status_ = crestmax::mask_map_bytes(view, bytes);
    if (!status_.ok()) return;
    map_.resize(bytes / sizeof(std::uint64_t) + 1);
    const std::span<std::byte> map = std::as_writable_bytes(std::span(map_));
    status_ = crestmax::build_mask_map(view, map);
    if (!status_.ok()) return;
    tensor_ = crestmax::mask_tensor(view, map);
    tensor_.repeats_heads_and_sequences = true;
  }

  crestmax::mask_tensor tensor_;
  crestmax::status status_;
  std::vector<std::uint64_t> map_;
  std::vector<std::uint16_t> numbers_;  // of the mask as it was read
  mask_view given_;
  index_type last_use_ = 0;
};

class kept_masks {
 public:
  static constexpr std::size_t most = 4;  // masks in turn: of all keys and of windows

  // A mask and what it says. Valid until the next call. Time: that of a comparison, or of reading it.
  const kept_mask& of(const mask_view& view) {
    kept_mask& m = mask_for(view);
    m.last_use_ = ++uses_;
    if (is_same(m.given_, view) && is_unchanged(m, view)) return m;
    copy(view, m.numbers_);
    m.read(view);
    ++readings_;
    return m;
  }

  index_type readings() const { return readings_; }  // so far

 private:
  static bool is_same(const mask_view& a, const mask_view& b) { return a.data == b.data && a.extents == b.extents && a.strides == b.strides; }

  // That of the same place and shape, or the one that has not been used for longest.
  kept_mask& mask_for(const mask_view& view) {
    kept_mask* oldest = &masks_[0];
    for (kept_mask& m : masks_) {
      if (m.last_use_ > 0 && is_same(m.given_, view)) return m;
      if (m.last_use_ < oldest->last_use_) oldest = &m;
    }
    return *oldest;
  }

  // Calls f(numbers, their place in the copy, count) for runs of numbers that lie side by side, while it returns true.
  template <class F>
  static bool for_each_run(const mask_view& view, F&& f) {
    const auto [sequences, heads, queries, keys] = view.extents;
    const bool rows_touch = view.strides[2] == keys || queries == 1;
    const index_type rows_of_run = rows_touch ? queries : 1;
    const auto* const first = static_cast<const std::uint16_t*>(view.data);
    std::size_t place = 0;
    for (index_type row = 0; row < sequences * heads * queries; row += rows_of_run) {
      const index_type matrix = row / queries;
      const auto count = static_cast<std::size_t>(rows_of_run * keys);
      if (!f(first + matrix / heads * view.strides[0] + matrix % heads * view.strides[1] + row % queries * view.strides[2], place, count)) return false;
      place += count;
    }
    return true;
  }

  static bool is_unchanged(const kept_mask& m, const mask_view& view) {
    return for_each_run(view, [&](const std::uint16_t* numbers, std::size_t place, std::size_t count) {
      return std::memcmp(m.numbers_.data() + place, numbers, count * sizeof *numbers) == 0;
    });
  }

  static void copy(const mask_view& view, std::vector<std::uint16_t>& to) {
    const auto& e = view.extents;
    to.resize(static_cast<std::size_t>(e[0] * e[1] * e[2] * e[3]));
    for_each_run(view, [&](const std::uint16_t* numbers, std::size_t place, std::size_t count) {
      std::copy_n(numbers, count, to.begin() + static_cast<std::ptrdiff_t>(place));
      return true;
    });
  }

  std::array<kept_mask, most> masks_;
  index_type uses_ = 0;
  index_type readings_ = 0;
};

}  // namespace adapter
