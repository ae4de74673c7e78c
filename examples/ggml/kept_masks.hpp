// Readings of masks, kept from layer to layer. The same address may hold another mask at any time, so a reading serves only a
// mask whose every number is the one that was read.
#pragma once

#include <array>
#include <cstring>

#include "mask_reading.hpp"

namespace adapter {

class kept_masks {
 public:
  static constexpr std::size_t most = 4;  // masks in turn: of all keys and of windows

  // What a mask says. Valid until the next call. Time: that of a comparison, or of reading it.
  const mask_reading& of(const mask_view& view) {
    entry& e = entry_for(view);
    e.last_use = ++uses_;
    if (e.reading.view() == view && is_unchanged(e, view)) return e.reading;
    copy(view, e.numbers);
    e.reading.read(view);
    ++readings_;
    return e.reading;
  }

  index_type readings() const { return readings_; }  // so far

 private:
  struct entry {
    mask_reading reading;
    std::vector<std::uint16_t> numbers;  // of the mask as it was read
    index_type last_use = 0;
  };

  // That of the same place and shape, or the one that has not been used for longest.
  entry& entry_for(const mask_view& view) {
    entry* oldest = &entries_[0];
    for (entry& e : entries_) {
      if (e.last_use > 0 && e.reading.view() == view) return e;
      if (e.last_use < oldest->last_use) oldest = &e;
    }
    return *oldest;
  }

  // Calls f(numbers, their place in the copy, count) for runs of numbers that lie side by side, while it returns true.
  template <class F>
  static bool for_each_run(const mask_view& view, F&& f) {
    const bool rows_touch = view.query_stride == view.keys || view.queries == 1;
    const index_type rows_of_run = rows_touch ? view.queries : 1;
    const index_type count = rows_of_run * view.keys;
    for (index_type row = 0, place = 0; row < view.rows(); row += rows_of_run, place += count) {
      if (!f(view.row(row), static_cast<std::size_t>(place), static_cast<std::size_t>(count))) return false;
    }
    return true;
  }

  static bool is_unchanged(const entry& e, const mask_view& view) {
    return for_each_run(view, [&](const std::uint16_t* numbers, std::size_t place, std::size_t count) {
      return std::memcmp(e.numbers.data() + place, numbers, count * sizeof *numbers) == 0;
    });
  }

  static void copy(const mask_view& view, std::vector<std::uint16_t>& to) {
    to.resize(static_cast<std::size_t>(view.rows() * view.keys));
    for_each_run(view, [&](const std::uint16_t* numbers, std::size_t place, std::size_t count) {
      std::copy_n(numbers, count, to.begin() + static_cast<std::ptrdiff_t>(place));
      return true;
    });
  }

  std::array<entry, most> entries_;
  index_type uses_ = 0;
  index_type readings_ = 0;
};

}  // namespace adapter
