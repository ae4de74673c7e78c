// Which keys a call has to look at at all: those from the first to the last that its mask leaves to any row.
#pragma once

#include <vector>

#include "attention_operator.hpp"
#include "kept_masks.hpp"

namespace adapter {

inline mask_view view_of_mask(const attention_operator& o) {
  const operand& m = *o.mask;
  const auto stride = [&](std::size_t i) { return static_cast<index_type>(m.strides[i] / sizeof(std::uint16_t)); };
  return {m.data, crestmax::mask_type::float16, {m.extents[3], m.extents[2], o.q_len(), o.kv_len()}, {stride(3), stride(2), stride(1), 1}};
}

// What of a call's keys is left: [first_key, first_key + kv_len), of each sequence as many of them as its length says.
struct visible_keys {
  index_type first_key = 0;
  index_type kv_len = 0;                  // of the longest sequence
  std::vector<std::int32_t> lengths{};    // of each sequence, or none: all are the same
  bool hides = false;                     // whether the mask hides any of these from any row
};

inline visible_keys all_keys(const attention_operator& o) { return {0, o.kv_len(), {}, false}; }

// Time: O(rows of the mask).
inline visible_keys visible_keys_of(const kept_mask& mask, index_type sequences) {
  const index_type mask_sequences = mask.view().extents[0];
  const index_type mask_keys = mask.view().extents[3];
  visible_keys keys;
  key_interval hull{mask_keys, 0};
  for (index_type s = 0; s < mask_sequences; ++s) {
    const key_interval k = mask.keys_of(s);
    if (k.begin == k.end) continue;
    hull = {std::min(hull.begin, k.begin), std::max(hull.end, k.end)};
  }
  if (hull.begin > hull.end) hull = {0, 0};
  keys.first_key = hull.begin;
  keys.kv_len = hull.end - hull.begin;
  bool same = true;
  for (index_type s = 0; s < mask_sequences; ++s) {
    const index_type end = std::max(hull.begin, mask.keys_of(s).end);
    same = same && end == hull.end;
    keys.hides = keys.hides || !mask.sees_all(s, {hull.begin, end});
  }
  for (index_type s = 0; !same && s < sequences; ++s) {
    const index_type end = mask.keys_of(s % mask_sequences).end;
    keys.lengths.push_back(static_cast<std::int32_t>(std::max<index_type>(0, end - hull.begin)));
  }
  return keys;
}

}  // namespace adapter
