// Causality, windows and masks as modifiers of crestmax.
#pragma once

#include <crestmax/crestmax.hpp>

#include "arguments.hpp"

namespace crestmax_torch {

// A query sees keys whose distance (key - query) is in [low, high]: causality and windows in one. The last query stands at the
// last key, or the first at the first.
struct position_band {
  static constexpr bool interval = true;
  static constexpr index_type unlimited = index_type{1} << 50;  // longer than any sequence
  index_type low = -unlimited;
  index_type high = unlimited;
  bool upper_left = false;

  bool active() const { return low != -unlimited || high != unlimited; }
  bool visible(crestmax::score_position at) const {
    const index_type distance = at.key - (upper_left ? at.query_index : at.query);
    return distance >= low && distance <= high;
  }
  crestmax::visibility classify(crestmax::score_range r) const {
    const index_type first = r.first_key - last_query(r);
    const index_type last = r.last_key - first_query(r);
    if (last < low || first > high) return crestmax::visibility::none;
    return first >= low && last <= high ? crestmax::visibility::all : crestmax::visibility::partial;
  }
  crestmax::key_interval reachable(crestmax::score_range r) const {
    return {std::max<index_type>(0, first_query(r) + low), std::max<index_type>(0, last_query(r) + high + 1)};
  }

 private:
  index_type first_query(const crestmax::score_range& r) const { return upper_left ? r.first_query - r.query_offset : r.first_query; }
  index_type last_query(const crestmax::score_range& r) const { return upper_left ? r.last_query - r.query_offset : r.last_query; }
};

inline position_band band_of(const settings& s) {
  const auto causal = static_cast<causality>(s.causal);
  position_band band;
  band.upper_left = causal == causality::upper_left;
  if (s.window_left >= 0) band.low = -std::min(s.window_left, position_band::unlimited);
  if (s.window_right >= 0) band.high = std::min(s.window_right, position_band::unlimited);
  if (causal != causality::none) band.high = std::min<index_type>(band.high, 0);
  return band;
}

// Keys that some query may see: behind the last query there are none for queries that are aligned at the first key.
inline index_type keys_in_reach(const settings& s, index_type q_len, index_type kv_len) {
  return static_cast<causality>(s.causal) == causality::upper_left ? std::min(q_len, kv_len) : kv_len;
}

// A tensor that hides keys (of bool: where it is false) or adds to scores. What adds hides too: where it is -inf or the lowest
// number of its type, which is how masks are written as numbers.
template <class T>
struct mask_table {
  static constexpr bool adds = !std::is_same_v<T, bool>;
  const T* entries = nullptr;
  std::array<index_type, 4> steps{};  // of sequence, head, query and key; 0 along what the mask is broadcast over

  bool active() const { return entries != nullptr; }
  const T* row(index_type sequence, index_type head, index_type query_index) const {
    return entries + sequence * steps[0] + head * steps[1] + query_index * steps[2];
  }
  const T& entry(crestmax::score_position at) const { return row(at.sequence, at.head, at.query_index)[at.key * steps[3]]; }

  static bool shows(const T& entry) {
    if constexpr (!adds) return entry;
    else if constexpr (std::is_same_v<T, double>) return !(entry <= std::numeric_limits<double>::lowest());
    else return !(crestmax::convert<float>(entry) <= lowest());
  }
  bool visible(crestmax::score_position at) const { return shows(entry(at)); }

  template <class S>
    requires adds
  S operator()(S score, crestmax::score_position at) const {
    return score + crestmax::convert<S>(entry(at));
  }

  // Looks at every entry of the range until it has found both kinds.
  crestmax::visibility classify(crestmax::score_range r) const {
    const index_type last_query = steps[2] == 0 ? r.first_query : r.last_query;
    const index_type keys = steps[3] == 0 ? 1 : (r.last_key - r.first_key) / r.key_step + 1;
    const index_type step = steps[3] * r.key_step;
    index_type shown = 0;
    index_type seen = 0;
    for (index_type query = r.first_query; query <= last_query; ++query) {
      const T* const first = row(r.sequence, r.head, query - r.query_offset) + r.first_key * steps[3];
      for (index_type k = 0; k < keys; ++k) shown += shows(first[k * step]) ? 1 : 0;
      seen += keys;
      if (shown != 0 && shown != seen) return crestmax::visibility::partial;
    }
    return shown == 0 ? crestmax::visibility::none : crestmax::visibility::all;
  }

 private:
  static float lowest() {
    if constexpr (std::is_same_v<T, crestmax::float16>) return -65504.0f;
    else if constexpr (std::is_same_v<T, crestmax::bfloat16>) return -0x1.fep127f;
    else return std::numeric_limits<float>::lowest();
  }
};

// The steps of a mask argument that has been checked.
inline std::array<index_type, 4> mask_steps(const array& mask) {
  std::array<index_type, 4> steps{};
  for (std::size_t i = 0; i < mask.rank(); ++i) {
    if (mask.extent(i) != 1) steps[4 - mask.rank() + i] = mask.stride(i);
  }
  return steps;
}

template <class T>
mask_table<T> table_of(const array& mask) {
  if (!mask.given) return {};
  return {static_cast<const T*>(mask.data), mask_steps(mask)};
}

}  // namespace crestmax_torch
