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

// How far apart in memory the entries of a mask are, in entries: along sequence, head, query and key; 0 along what it is broadcast over.
struct mask_steps {
  std::array<index_type, 4> of{};

  mask_steps() = default;
  explicit mask_steps(const array& mask) {
    for (std::size_t i = 0; i < mask.rank(); ++i) {
      if (mask.extent(i) != 1) of[4 - mask.rank() + i] = mask.stride(i);
    }
  }
  index_type row(index_type sequence, index_type head, index_type query_index) const {
    return sequence * of[0] + head * of[1] + query_index * of[2];
  }
  index_type place(crestmax::score_position at) const { return row(at.sequence, at.head, at.query_index) + at.key * of[3]; }

  // Looks at every entry of the range until it has found both kinds.
  template <class Shows>
  crestmax::visibility classify(const crestmax::score_range& r, const Shows& shows) const {
    const index_type last_query = of[2] == 0 ? r.first_query : r.last_query;
    const index_type keys = of[3] == 0 ? 1 : (r.last_key - r.first_key) / r.key_step + 1;
    const index_type step = of[3] * r.key_step;
    index_type shown = 0;
    index_type seen = 0;
    for (index_type query = r.first_query; query <= last_query; ++query) {
      const index_type first = row(r.sequence, r.head, query - r.query_offset) + r.first_key * of[3];
      for (index_type k = 0; k < keys; ++k) shown += shows(first + k * step) ? 1 : 0;
      seen += keys;
      if (shown != 0 && shown != seen) return crestmax::visibility::partial;
    }
    return shown == 0 ? crestmax::visibility::none : crestmax::visibility::all;
  }
};

// A key is visible where the mask is true.
struct bool_mask {
  const bool* entries = nullptr;
  mask_steps steps{};

  bool active() const { return entries != nullptr; }
  bool visible(crestmax::score_position at) const { return entries[steps.place(at)]; }
  crestmax::visibility classify(crestmax::score_range r) const {
    return steps.classify(r, [&](index_type place) { return entries[place]; });
  }
};

// Whether a key is visible where a mask of numbers has this one: not where it is -inf or the lowest number of its type, which is how
// masks are written as numbers.
template <class T>
bool shows(const T& number) {
  if constexpr (std::is_same_v<T, double>) {
    return !(number <= std::numeric_limits<double>::lowest());
  } else {
    constexpr float lowest = std::is_same_v<T, crestmax::float16>    ? -65504.0f
                             : std::is_same_v<T, crestmax::bfloat16> ? -0x1.fep127f
                                                                     : std::numeric_limits<float>::lowest();
    return !(crestmax::convert<float>(number) <= lowest);
  }
}

// Numbers that are added to scores, and hide keys.
struct number_mask {
  const void* numbers = nullptr;
  crestmax::scalar_kind kind = crestmax::scalar_kind::float32;
  mask_steps steps{};

  template <class F>
  decltype(auto) with_numbers(F&& f) const {
    return crestmax::visit_kind(kind, [&](auto* type) { return f(static_cast<const std::remove_pointer_t<decltype(type)>*>(numbers)); });
  }
  bool active() const { return numbers != nullptr; }
  bool visible(crestmax::score_position at) const {
    return with_numbers([&](const auto* entries) { return shows(entries[steps.place(at)]); });
  }
  crestmax::visibility classify(crestmax::score_range r) const {
    return with_numbers([&](const auto* entries) {
      return steps.classify(r, [&](index_type place) { return shows(entries[place]); });
    });
  }
  template <class S>
  S operator()(S score, crestmax::score_position at) const {
    return with_numbers([&](const auto* entries) { return as_bias(entries)(score, at); });
  }
  template <class S>
  void modify_row(crestmax::score_row<S> row, const crestmax::row_kernels<S>& kernels) const {
    with_numbers([&](const auto* entries) { as_bias(entries).modify_row(row, kernels); });
  }

 private:
  // What is added is crestmax's own bias; extents are those of no axis that it would take for broadcast, which steps of 0 are.
  template <class T>
  crestmax::additive_bias<T> as_bias(const T* entries) const {
    return crestmax::additive_bias<T>(crestmax::tensor<const T>(entries, {2, 2, 2, 2}, steps.of));
  }
};

// crestmax's name of a floating type.
constexpr crestmax::scalar_kind kind_of(element type) {
  using crestmax::scalar_kind;
  constexpr scalar_kind kinds[] = {scalar_kind::float32, scalar_kind::float64, scalar_kind::float16, scalar_kind::bfloat16};
  return kinds[static_cast<std::size_t>(type)];
}

// A mask argument that has been checked, or none.
inline bool_mask bool_mask_of(const array& mask) {
  if (!mask.given || mask.type != element::boolean) return {};
  return {static_cast<const bool*>(mask.data), mask_steps(mask)};
}
inline number_mask number_mask_of(const array& mask) {
  if (!mask.given || mask.type == element::boolean) return {};
  return {mask.data, kind_of(mask.type), mask_steps(mask)};
}

}  // namespace crestmax_torch
