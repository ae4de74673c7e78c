// Positions of keys and queries that the caller gives, where a key's place in its sequence does not tell how far it is: ring buffers, kept first
// keys, caches with holes, branches of a tree.
//
//   at_positions(positions, causal{} | sliding_window{255, -1} | alibi{slopes})
//
// asks modifiers that go by positions (by_position) about these; what goes by tables, or by scores alone, stays as it is, by places.
//
// Masks answer for a tile by the lowest and the highest position of its keys, which are looked up whenever a tile is asked about: O(keys) beside the
// O(rows * keys * head_dim) that a tile costs, in no memory of their own. Anchors are taken around the keys at whose positions the queries
// stand. Neither decides a result: what a row sees is decided pair by pair, its shift is held by the guard.
#pragma once

#include <algorithm>
#include <array>
#include <limits>

#include "../memory_checks.hpp"
#include "rows.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// Positions by place in the sequence: 0 or more, in any order, the same one as often as one likes. A first extent of 1 serves all sequences; the
// second is at least the length of the longest sequence, and what lies behind a sequence's own is not looked at. The last stride is 1.
struct token_positions {
  tensor<const std::int32_t, 2> key{};    // (sequences, kv_len)
  tensor<const std::int32_t, 2> query{};  // (sequences, q_len)
};

// Of one sequence, or of all alike.
inline token_positions positions_of(std::span<const std::int32_t> key, std::span<const std::int32_t> query) {
  using view = tensor<const std::int32_t, 2>;
  return {view(key.data(), {1, std::ssize(key)}), view(query.data(), {1, std::ssize(query)})};
}

struct position_hull {
  std::int32_t low;
  std::int32_t high;
};

// Calls f(lane, position) for count positions that lie `step` apart, in so many lanes that do not wait for each other.
template <std::size_t lanes, class F>
inline void for_each_position(const std::int32_t* positions, index_type count, index_type step, F&& f) {
  constexpr auto at_once = static_cast<index_type>(lanes);
  index_type j = 0;
  for (; j + at_once <= count; j += at_once) {
    for (std::size_t lane = 0; lane < lanes; ++lane) f(lane, positions[(j + static_cast<index_type>(lane)) * step]);
  }
  for (; j < count; ++j) f(std::size_t{0}, positions[j * step]);
}

template <std::size_t lanes>
inline position_hull hull_in_lanes(const std::int32_t* positions, index_type count, index_type step) {
  std::array<std::int32_t, lanes> low, high;
  low.fill(positions[0]);
  high.fill(positions[0]);
  crestmax::for_each_position<lanes>(positions, count, step, [&](std::size_t lane, std::int32_t position) {
    low[lane] = position < low[lane] ? position : low[lane];
    high[lane] = position > high[lane] ? position : high[lane];
  });
  return {*std::min_element(low.begin(), low.end()), *std::max_element(high.begin(), high.end())};
}

// Of count positions, 1 at least, `step` apart. Many are looked at in vectors, few in registers.
inline position_hull hull_of_positions(const std::int32_t* positions, index_type count, index_type step) {
  constexpr index_type few = 64;
  if (step == 1 && count > few) return crestmax::hull_in_lanes<16>(positions, count, 1);
  return crestmax::hull_in_lanes<4>(positions, count, step);
}

// The highest of count positions that is at most so high; -1: there is none.
inline std::int32_t highest_up_to(const std::int32_t* positions, index_type count, std::int32_t most) {
  std::array<std::int32_t, 16> high;
  high.fill(-1);
  crestmax::for_each_position<16>(positions, count, 1, [&](std::size_t lane, std::int32_t position) {
    const std::int32_t counted = position <= most ? position : -1;
    high[lane] = counted > high[lane] ? counted : high[lane];
  });
  return *std::max_element(high.begin(), high.end());
}

// Its place, the last of equal ones; -1: there is none.
inline index_type place_of_highest(const std::int32_t* positions, index_type count, std::int32_t most) {
  constexpr index_type stretch = 256;
  std::int32_t best = -1;
  index_type end = 0;
  for (index_type first = 0; first < count; first += stretch) {
    const index_type length = std::min(stretch, count - first);
    const std::int32_t highest = crestmax::highest_up_to(positions + first, length, most);
    if (highest < best) continue;
    best = highest;
    end = first + length;
  }
  while (best >= 0 && positions[end - 1] != best) --end;
  return best < 0 ? -1 : end - 1;
}

// A place of this position, if keys stand in order, or in a ring behind kept first ones; -1: it is not found so. Time: O(log count).
inline index_type place_in_ring(const std::int32_t* positions, index_type count, std::int32_t position) {
  if (count < 1) return -1;
  constexpr index_type most_kept = 64;
  index_type newest = 0;
  while (newest < std::min(most_kept, count - 1) && positions[newest] == newest) ++newest;
  // The newest key of a ring that has come round is the last that is newer than the one at the end.
  index_type older = count - 1;
  while (older - newest > 1) {
    const index_type middle = newest + (older - newest) / 2;
    if (positions[middle] > positions[count - 1]) newest = middle;
    else older = middle;
  }
  for (const index_type from : {count - 1, newest}) {
    const index_type place = from + position - positions[from];
    if (place >= 0 && place < count && positions[place] == position) return place;
  }
  return -1;
}

// A bias that says that it adds slope_of(head) * (key - query), no more.
template <class M>
concept linear_bias = score_modifier<M> && requires(const M& m, index_type head) {
  requires M::linear_in_distance;
  { m.slope_of(head) } -> std::convertible_to<float>;
};

// A modifier that is asked about positions instead of places. Made by at_positions().
template <modifier M>
  requires(M::by_position)
struct positioned {
  static constexpr modifier_kind kind = modifier_kind::at_positions;
  static constexpr bool by_position = false;
  static constexpr bool same_for_heads = !crestmax::masks_by_head<M>();
  token_positions positions;
  M of;

  bool active() const { return crestmax::is_active(of); }
  bool changes_scores() const { return crestmax::changes_scores(of); }
  bool hides_keys() const { return crestmax::hides_keys(of); }
  double sink(index_type head) const
    requires sink_modifier<M>
  {
    return of.sink(head);
  }

  template <class T>
  T operator()(T score, score_position at) const
    requires score_modifier<M>
  {
    return of(score, moved(at));
  }
  template <class T>
  void modify_row(score_row<T> row, const row_kernels<T>& kernels) const
    requires linear_bias<M>
  {
    constexpr index_type most = 64;  // whole vectors
    T distance[most];
    const T slope = static_cast<T>(of.slope_of(row.first.head));
    const std::int32_t query = query_row(row.first.sequence)[row.first.query_index];
    const auto to = [query](std::int32_t key) {  // wraps where another thread has spoilt positions meanwhile
      return static_cast<T>(static_cast<std::int32_t>(static_cast<std::uint32_t>(key) - static_cast<std::uint32_t>(query)));
    };
    for (index_type first = 0; first < row.count; first += most) {
      const index_type count = std::min(most, row.count - first);
      const std::int32_t* const keys = key_row(row.first.sequence) + row.first.key + first * row.key_step;
      if (count == most && row.key_step == 1) {  // in vectors
        for (index_type i = 0; i < most; ++i) distance[i] = to(keys[i]);
      } else {
        for (index_type i = 0; i < count; ++i) distance[i] = to(keys[i * row.key_step]);
      }
      kernels.add_numbers(row.scores + first, count, row.scale, kind_of<T>, distance, 1, slope);
    }
  }

  bool visible(score_position at) const
    requires mask_modifier<M>
  {
    return of.visible(moved(at));
  }
  visibility classify(score_range r) const
    requires mask_modifier<M>
  {
    return of.classify(moved(r));
  }
  // Long ranges are not looked through: their tiles are asked about one by one.
  key_interval reachable(score_range r) const
    requires requires(const M& m) { { m.reachable(r) } -> std::same_as<key_interval>; }
  {
    constexpr index_type most_looked_through = 512;
    const index_type count = (r.last_key - r.first_key) / r.key_step + 1;
    if (count > most_looked_through || count < 1) return {r.first_key, r.last_key + 1};
    const position_hull queries = query_hull(r);
    const key_interval seen = of.reachable({r.sequence, r.head, queries.low, queries.high, 0, 0, highest_position});
    const std::int32_t* const keys = key_row(r.sequence) + r.first_key;
    const auto is_seen = [&](index_type j) { return keys[j * r.key_step] >= seen.begin && keys[j * r.key_step] < seen.end; };
    index_type first = 0;
    while (first < count && !is_seen(first)) ++first;
    index_type end = count;
    while (end > first && !is_seen(end - 1)) --end;
    return {r.first_key + first * r.key_step, r.first_key + (end - 1) * r.key_step + 1};
  }
  template <class T>
  void mask_row(score_row<T> row, const row_kernels<T>&) const
    requires interval_mask<M>
  {
    const score_position at = moved(row.first);
    const key_interval seen = of.reachable({at.sequence, at.head, at.query, at.query, 0, 0, highest_position});
    const auto first = static_cast<std::int32_t>(std::clamp<index_type>(seen.begin, 0, highest_position));
    const auto last = static_cast<std::int32_t>(std::clamp<index_type>(seen.end - 1, -1, highest_position));
    const std::int32_t* const keys = key_row(at.sequence) + row.first.key;
    T* const scores = row.scores;
    const auto kept = [first, last](T score, std::int32_t position) {
      return ((position < first) | (position > last)) ? -std::numeric_limits<T>::infinity() : score;
    };
    constexpr index_type at_once = 8;  // as vectors, where they lie side by side
    index_type j = 0;
    for (; row.key_step == 1 && j + at_once <= row.count; j += at_once) {
      for (index_type i = 0; i < at_once; ++i) scores[j + i] = kept(scores[j + i], keys[j + i]);
    }
    for (; j < row.count; ++j) scores[j] = kept(scores[j], keys[j * row.key_step]);
  }

  // From the key at the first query's position, or the next before it, to the last query's, if the keys between stand in order; else the latter.
  key_interval own_keys(score_range r) const {
    const position_hull queries = query_hull(r);
    const std::int32_t* const keys = key_row(r.sequence);
    const index_type found = crestmax::place_in_ring(keys, r.last_key + 1, queries.high);
    const index_type last = found >= 0 ? found : crestmax::place_of_highest(keys, r.last_key + 1, queries.high);
    if (last < 0) return {0, 0};
    const index_type first = last - (queries.high - queries.low);
    const bool in_order = first >= 0 && keys[first] == queries.low;
    return {in_order ? first : last, last + 1};
  }

  status check(modifier_shape shape) const;

 private:
  static constexpr index_type highest_position = std::numeric_limits<std::int32_t>::max();
  static const std::int32_t* row_of(const tensor<const std::int32_t, 2>& t, index_type sequence) {
    return t.data + (t.extents[0] == 1 ? 0 : sequence * t.strides[0]);
  }
  const std::int32_t* key_row(index_type sequence) const { return row_of(positions.key, sequence); }
  const std::int32_t* query_row(index_type sequence) const { return row_of(positions.query, sequence); }

  position_hull query_hull(const score_range& r) const {
    return crestmax::hull_of_positions(query_row(r.sequence) + (r.first_query - r.query_offset), r.last_query - r.first_query + 1, 1);
  }
  // Queries count from 0 there, so that a mask's alignment does not matter.
  score_position moved(score_position at) const {
    at.query = at.query_index = query_row(at.sequence)[at.query_index];
    at.key = key_row(at.sequence)[at.key];
    return at;
  }
  // All queries and keys of the hull.
  score_range moved(const score_range& r) const {
    const position_hull queries = query_hull(r);
    const position_hull keys = crestmax::hull_of_positions(key_row(r.sequence) + r.first_key, (r.last_key - r.first_key) / r.key_step + 1, r.key_step);
    return {r.sequence, r.head, queries.low, queries.high, 0, keys.low, keys.high};
  }
};

namespace validate {

// `length_of(sequence)` positions of each of so many sequences, the longest of which has so many.
template <class Length>
status check_positions(const char* name, const tensor<const std::int32_t, 2>& t, index_type sequences, index_type longest, Length&& length_of) {
  const index_type wanted[2] = {sequences, longest};
  for (std::size_t i = 0; i < 2; ++i) {
    const bool serves_all = i == 0 && t.extents[0] == 1;
    if (t.extents[i] < wanted[i] && !serves_all) {
      return error(status_code::mismatch, name, i == 0 ? "sequences: 1 or at least" : "positions of a sequence, at least", wanted[i], t.extents[i]);
    }
  }
  byte_range unused;
  const any_view view{name, t.data, sizeof(std::int32_t), alignof(std::int32_t), t.extents.data(), t.strides.data(), 2, true, false};
  if (status s = check_view(view, unused); !s.ok()) return s;
  for (index_type sequence = 0; sequence < sequences; ++sequence) {
    const std::int32_t* const row = t.data + (t.extents[0] == 1 ? 0 : sequence * t.strides[0]);
    const index_type length = std::min(length_of(sequence), t.extents[1]);
    if (length < 1 || hull_of_positions(row, length, 1).low >= 0) continue;
    const index_type place = std::find_if(row, row + length, [](std::int32_t position) { return position < 0; }) - row;
    return error(status_code::bad_index, entry_name(name, "sequence", sequence, "entry", place).text, "positions of 0 or more", row[place]);
  }
  return success();
}

}  // namespace validate

// Time: O(positions in use).
template <modifier M>
  requires(M::by_position)
status positioned<M>::check(modifier_shape shape) const {
  using validate::check_positions;
  const auto kv_len_of = [&](index_type sequence) { return shape.kv_len_of(sequence); };
  const auto q_len_of = [&](index_type sequence) { return shape.q_len_of(sequence); };
  if (status s = check_positions("positions.key", positions.key, shape.sequences, shape.kv_len, kv_len_of); !s.ok()) return s;
  if (status s = check_positions("positions.query", positions.query, shape.sequences, shape.q_len, q_len_of); !s.ok()) return s;
  if constexpr (requires { { of.check(shape) } -> std::same_as<status>; }) return of.check(shape);
  else return success();
}

// The modifier, or chain, with those that go by positions asked about these. One of a program's own says whether it does by a static member
// by_position: then no position that it is told is a place in a table or a tensor.
template <modifier M>
  requires requires { { M::by_position } -> std::convertible_to<bool>; }
constexpr auto at_positions(const token_positions& positions, const M& m) {
  if constexpr (M::by_position) return positioned<M>{positions, m};
  else return m;
}
template <class... M>
constexpr auto at_positions(const token_positions& positions, const modifier_chain<M...>& chain) {
  return std::apply([&](const M&... m) { return crestmax::chain(crestmax::at_positions(positions, m)...); }, chain.parts);
}

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
