// Causality and windows as a modifier of crestmax, and masks as its own takes them.
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

// crestmax's name of a type of rows.
constexpr crestmax::scalar_kind kind_of(element type) {
  using crestmax::scalar_kind;
  constexpr scalar_kind floats[] = {scalar_kind::float32, scalar_kind::float64, scalar_kind::float16, scalar_kind::bfloat16};
  constexpr scalar_kind codes[] = {scalar_kind::int8, scalar_kind::float8_e4m3, scalar_kind::float8_e5m2};
  return is_code(type) ? codes[static_cast<int>(type) - static_cast<int>(element::int8)] : floats[static_cast<int>(type)];
}

// A mask argument that has been checked, as (batch, heads, q_len, kv_len); axes that it has not are broadcast.
inline crestmax::mask_view view_of_mask(const array& mask) {
  crestmax::mask_view view;
  view.data = mask.data;
  view.type = mask.type == element::boolean ? crestmax::mask_type::boolean : crestmax::mask_type_of(kind_of(mask.type));
  view.extents = {1, 1, 1, 1};
  for (std::size_t i = 0; i < mask.rank(); ++i) {
    view.extents[4 - mask.rank() + i] = mask.extent(i);
    view.strides[4 - mask.rank() + i] = mask.stride(i);
  }
  return view;
}

}  // namespace crestmax_torch
