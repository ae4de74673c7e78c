// Stage: diagnose. What needs every score once more, if it is asked for: true maxima, and L.
#pragma once

#include "block_start.hpp"
#include "guard.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// The scores in hand of a strip, hidden ones left out.
template <class T>
void note_scores(block<T>& b, row_span strip, const tile_keys& tile) {
  const row_diagnosis<T>& rows = b.diagnosis;
  for (index_type r = strip.first; r < strip.first + strip.count; ++r) {
    rows.top[r] = std::max(rows.top[r], b.state.tile_max[r]);
    for (index_type j = 0; j < tile.count; ++j) {
      const T score = score_row(b, strip, r)[j];
      if (equals(score, hidden_score<T>)) continue;
      if (!equals(rows.last[r], hidden_score<T>)) rows.step[r] = std::max(rows.step[r], std::fabs(score - rows.last[r]));
      rows.last[r] = score;
    }
  }
}

// What a row's numbers say of its crest.
template <class T>
void report_row(block<T>& b, index_type r, T crest) {
  const double unit = static_cast<double>(b.weighing.unit);
  const T top = b.diagnosis.top[r];
  worker_counters& c = *b.counters;
  const double step = static_cast<double>(b.diagnosis.step[r]) * unit;
  c.lipschitz = std::max(c.lipschitz, step);
  if (!has_fixed_shift(b.plan->method) || equals(crest, hidden_score<T>)) return;
  // The difference first: a product of its own, fused or not, would differ from itself by a rounding.
  const double undershoot = (static_cast<double>(top) - static_cast<double>(crest)) * unit;
  c.undershoot = std::max(c.undershoot, undershoot);
  if (!may_sample(b)) return;
  const double bound = step * static_cast<double>(b.plan->stride);
  c.sampling_bound = std::max(c.sampling_bound, bound);
  c.above_bound += undershoot > bound * (1 + 0x1p-10);
}

// With diagnostics: the true maximum of every row and its L, from one more pass over all scores.
template <class T>
void diagnose(block<T>& b, index_type number) {
  const T* crest = b.state.crest;
  start_block(b, number);
  fill(b.diagnosis.top, b.view.rows, hidden_score<T>);
  fill(b.diagnosis.step, b.view.rows, T(0));
  fill(b.diagnosis.last, b.view.rows, hidden_score<T>);
  for_each_tile(b, b.view.keys, [&](tile_keys tile) {
    tile.scores_only = true;
    score_keys(b, tile, [&](row_span strip) { note_scores(b, strip, tile); });
  }, [](index_type) {});
  for (index_type r = 0; r < b.view.rows; ++r) {
    const T highest = b.diagnosis.top[r];
    const double top = static_cast<double>(highest) * static_cast<double>(b.weighing.unit);
    const output_place to = place_of(b, r);
    write_number<T>(b.call->row_max, to.batch, to.row, b.view.rows_at[r].head, item_failed(b) ? std::numeric_limits<double>::quiet_NaN() : top);
    if (b.plan->diagnostics && !equals(highest, hidden_score<T>)) report_row(b, r, crest[r]);
  }
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
