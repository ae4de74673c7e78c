// What an additive mask says, read once: which keys each row of scores sees, and whether it adds anything to what is seen.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include <crestmax/modifiers.hpp>

namespace adapter {

using crestmax::index_type;
using crestmax::key_interval;
using crestmax::visibility;

// float16 numbers (sequences, heads, queries, keys), keys side by side; other strides in elements. -inf hides a key.
struct mask_view {
  const std::uint16_t* data = nullptr;
  index_type keys = 0;
  index_type queries = 0;
  index_type heads = 0;
  index_type sequences = 0;
  index_type query_stride = 0;
  index_type head_stride = 0;
  index_type sequence_stride = 0;

  static constexpr std::uint16_t hides = 0xfc00;
  static constexpr std::uint16_t magnitude = 0x7fff;

  friend bool operator==(const mask_view&, const mask_view&) = default;

  index_type rows() const { return sequences * heads * queries; }
  index_type row_number(index_type sequence, index_type head, index_type query) const {
    return (sequence % sequences * heads + head % heads) * queries + query;
  }
  const std::uint16_t* row(index_type number) const {
    return data + number / queries / heads * sequence_stride + number / queries % heads * head_stride + number % queries * query_stride;
  }
};

// Every row keeps the hull of the keys that it sees. Rows that do not see all of their hull keep, for each panel of 32 keys,
// whether any and whether all of it is seen: a tile of such a row may be called partial that is not, never the reverse.
class mask_reading {
 public:
  static constexpr index_type panel = 32;

  // Reads every number once. Time: O(rows * keys).
  void read(const mask_view& view) {
    view_ = view;
    words_ = (view.keys + 64 * panel - 1) / (64 * panel);
    const auto rows = static_cast<std::size_t>(view.rows());
    rows_.assign(rows, {});
    any_.assign(rows * static_cast<std::size_t>(words_), 0);
    all_.assign(rows * static_cast<std::size_t>(words_), 0);
    adds_ = false;
    has_intervals_ = true;
    for (index_type r = 0; r < view.rows(); ++r) read_row(r);
  }

  const mask_view& view() const { return view_; }

  // Whether a visible key's number is other than 0.
  bool adds() const { return adds_; }

  // Whether every row sees all of the hull of what it sees.
  bool has_intervals() const { return has_intervals_; }

  // The hull of the keys that any row of a sequence sees; empty at 0 if there are none.
  key_interval keys_of(index_type sequence) const {
    const index_type first = view_.row_number(sequence, 0, 0);
    return hull(first, first + view_.heads * view_.queries);
  }

  // Whether every row of a sequence sees all of these keys.
  bool sees_all(index_type sequence, key_interval keys) const {
    const index_type first = view_.row_number(sequence, 0, 0);
    return classify(first, first + view_.heads * view_.queries, keys) == visibility::all;
  }

  // The hull of what rows [first, last) see, by their numbers.
  key_interval hull(index_type first, index_type last) const {
    key_interval keys{view_.keys, 0};
    for (index_type r = first; r < last; ++r) {
      if (at(r).begin == at(r).end) continue;
      keys = {std::min<index_type>(keys.begin, at(r).begin), std::max<index_type>(keys.end, at(r).end)};
    }
    return keys.begin < keys.end ? keys : key_interval{0, 0};
  }

  visibility classify(index_type first, index_type last, key_interval keys) const {
    bool any = false;
    bool all = true;
    for (index_type r = first; r < last; ++r) {
      const visibility seen = classify_row(r, keys);
      any |= seen != visibility::none;
      all &= seen == visibility::all;
      if (any && !all) return visibility::partial;
    }
    return all ? visibility::all : any ? visibility::partial : visibility::none;
  }

 private:
  struct row_facts {
    std::int32_t begin = 0;
    std::int32_t end = 0;
    bool is_whole = true;  // all of the hull is seen
  };
  struct panel_facts {
    std::uint16_t seen = 0;
    std::uint16_t added = 0;  // all numbers of visible keys, or'ed
  };

  const row_facts& at(index_type row) const { return rows_[static_cast<std::size_t>(row)]; }

  static panel_facts look(const std::uint16_t* numbers, index_type count) {
    panel_facts f;
    const auto take = [&](index_type i) {
      const std::uint16_t x = numbers[i];
      const bool seen = x != mask_view::hides;
      f.seen = static_cast<std::uint16_t>(f.seen + seen);
      f.added = static_cast<std::uint16_t>(f.added | (seen ? x & mask_view::magnitude : 0));
    };
    if (count == panel) {  // a constant, for the compiler's vectors
      for (index_type i = 0; i < panel; ++i) take(i);
    } else {
      for (index_type i = 0; i < count; ++i) take(i);
    }
    return f;
  }

  void read_row(index_type number) {
    const std::uint16_t* const numbers = view_.row(number);
    row_facts& row = rows_[static_cast<std::size_t>(number)];
    index_type first = -1;  // panels that see something
    index_type last = -1;
    index_type seen = 0;
    std::uint16_t added = 0;
    for (index_type key = 0; key < view_.keys; key += panel) {
      const index_type count = std::min(panel, view_.keys - key);
      const panel_facts f = look(numbers + key, count);
      if (f.seen == 0) continue;
      seen += f.seen;
      added |= f.added;
      last = key / panel;
      if (first < 0) first = last;
      const std::uint64_t bit = std::uint64_t{1} << last % 64;
      const auto word = static_cast<std::size_t>(number * words_ + last / 64);
      any_[word] |= bit;
      if (f.seen == count) all_[word] |= bit;
    }
    if (first < 0) return;
    index_type begin = first * panel;
    index_type end = std::min((last + 1) * panel, view_.keys);
    while (numbers[begin] == mask_view::hides) ++begin;
    while (numbers[end - 1] == mask_view::hides) --end;
    row = {static_cast<std::int32_t>(begin), static_cast<std::int32_t>(end), seen == end - begin};
    adds_ |= added != 0;
    has_intervals_ &= row.is_whole;
  }

  visibility classify_row(index_type number, key_interval keys) const {
    const row_facts& row = at(number);
    if (keys.end <= row.begin || keys.begin >= row.end) return visibility::none;
    const bool inside = keys.begin >= row.begin && keys.end <= row.end;
    if (row.is_whole) return inside ? visibility::all : visibility::partial;
    return classify_panels(number, keys, inside);
  }

  visibility classify_panels(index_type number, key_interval keys, bool inside) const {
    const index_type first = keys.begin / panel;
    const index_type last = (keys.end - 1) / panel;
    bool any = false;
    bool all = inside;
    for (index_type word = first / 64; word <= last / 64; ++word) {
      std::uint64_t wanted = ~std::uint64_t{0};
      if (word == first / 64) wanted &= ~std::uint64_t{0} << first % 64;
      if (word == last / 64) wanted &= ~std::uint64_t{0} >> (63 - last % 64);
      const auto i = static_cast<std::size_t>(number * words_ + word);
      any |= (any_[i] & wanted) != 0;
      all &= (all_[i] & wanted) == wanted;
    }
    return all ? visibility::all : any ? visibility::partial : visibility::none;
  }

  mask_view view_;
  index_type words_ = 0;
  std::vector<row_facts> rows_;
  std::vector<std::uint64_t> any_;  // [rows][words_], a bit for each panel
  std::vector<std::uint64_t> all_;
  bool adds_ = false;
  bool has_intervals_ = true;
};

}  // namespace adapter
