// Looks ahead: while one tile is multiplied, the rows of the next are fetched into the second cache, a few
// lines after every register tile, so that packing does not wait for memory.
#pragma once

#include "runs.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Adds rows [keys.begin, keys.end) of one source to the list; rows that follow each other are one run.
template <class T>
inline index_type list_ahead(block<T>& b, bool of_keys, index_type row_bytes, index_type element, key_interval keys) {
  for (index_type key = keys.begin; key < keys.end;) {
    const kv_run run = run_if_any(b, of_keys, key);
    if (run.rows < 1) break;
    const index_type rows = std::min(keys.end - key, run.rows);
    const auto* data = static_cast<const std::byte*>(run.data);
    const index_type stride = run.row_stride * element;
    if (stride == row_bytes) {
      b.ahead[b.ahead_count++] = {data, rows * row_bytes};
    } else {
      for (index_type i = 0; i < rows; ++i) b.ahead[b.ahead_count++] = {data + i * stride, row_bytes};
    }
    key += rows;
  }
  return (keys.end - keys.begin) * planner::divide_up(row_bytes, 64);
}

// Prepares to fetch `keys`, at most one tile, over so many register tiles.
template <class T>
inline void look_ahead(block<T>& b, key_interval keys, index_type register_tiles) {
  const plan_rules& h = *b.plan;
  const index_type key_size = size_of(b.call->kv.key_kind);
  const index_type value_size = size_of(b.call->kv.value_kind);
  b.ahead_count = b.ahead_at = b.ahead_offset = b.ahead_lines = 0;
  if (keys.begin >= keys.end) return;
  const index_type lines = list_ahead(b, true, h.shape.d_qk * key_size, key_size, keys) +
                      list_ahead(b, false, h.shape.d_v * value_size, value_size, keys);
  b.ahead_lines = planner::divide_up(lines, std::max<index_type>(1, register_tiles));
}

template <class T>
inline void fetch_ahead(block<T>& b) {
  for (index_type i = 0; i < b.ahead_lines; ++i) {
    if (b.ahead_at == b.ahead_count) return;
    const memory_run& run = b.ahead[b.ahead_at];
    CRESTMAX_PREFETCH(run.data + b.ahead_offset, 2);
    b.ahead_offset += 64;
    if (b.ahead_offset < run.bytes) continue;
    b.ahead_offset = 0;
    ++b.ahead_at;
  }
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
