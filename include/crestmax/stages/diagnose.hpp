// Stage: diagnose. What needs every score once more, if it is asked for: true maxima, and L.
#pragma once

#include "block_start.hpp"
#include "guard.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// With diagnostics: the true maximum of every row and its L, from one more pass over all scores.
template <class T>
inline void diagnose(block<T>& b, index_type number) {
  const T* crest = b.crest;
  start_block(b, number);
  fill(b.row_top, b.rows, block<T>::hidden);
  fill(b.row_step, b.rows, T(0));
  fill(b.row_last, b.rows, block<T>::hidden);
  for_each_tile(b, b.keys, [&](tile_keys tile) {
    tile.scores_only = true;
    score_keys(b, tile, [&](row_span strip) {
      for (index_type r = strip.first; r < strip.first + strip.count; ++r) {
        b.row_top[r] = std::max(b.row_top[r], b.tile_max[r]);
        for (index_type j = 0; j < tile.count; ++j) {
          const T score = score_row(b, strip, r)[j];
          if (equals(score, block<T>::hidden)) continue;
          if (!equals(b.row_last[r], block<T>::hidden)) b.row_step[r] = std::max(b.row_step[r], std::fabs(score - b.row_last[r]));
          b.row_last[r] = score;
        }
      }
    });
  }, [](index_type) {});
  const bool fixed = has_fixed_shift(b.plan->method);
  const bool sampled = b.plan->coarse && b.sequence.kv_len > b.plan->least_keys_to_sample;
  for (index_type r = 0; r < b.rows; ++r) {
    const double unit = static_cast<double>(b.unit);
    const double top = item_failed(b) ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(b.row_top[r]) * unit;
    const index_type batch = b.sequence.query_batch;
    write_number<T>(b.call->row_max, batch, b.sequence.query_begin + b.rows_at[r].query_index, b.rows_at[r].head, top);
    if (!b.plan->diagnostics || equals(b.row_top[r], block<T>::hidden)) continue;
    worker_counters& c = *b.counters;
    const double step = static_cast<double>(b.row_step[r]) * unit;
    c.lipschitz = std::max(c.lipschitz, step);
    if (!fixed || equals(crest[r], block<T>::hidden)) continue;
    // The difference first: a product of its own, fused or not, would differ from itself by a rounding.
    const double undershoot = (static_cast<double>(b.row_top[r]) - static_cast<double>(crest[r])) * unit;
    c.undershoot = std::max(c.undershoot, undershoot);
    if (!sampled) continue;
    const double bound = step * static_cast<double>(b.plan->stride);
    c.sampling_bound = std::max(c.sampling_bound, bound);
    c.above_bound += undershoot > bound * (1 + 0x1p-10);
  }
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
