// Stage: coarse max. Scores every stride-th key, keeps each row's coarse maximum and, per query block,
// the peaks that refinement will look at. No sample is stored: peaks are kept by a streaming top list, weights of samples (for what
// coverage plateaus leave out) as sums of stretches.
#pragma once

#include "strides.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

template <class T>
void note_least_peak(block<T>& b) {
  b.search.least_peak = b.search.windows[0].excess;
  for (index_type i = 1; i < b.search.window_count; ++i) b.search.least_peak = std::min(b.search.least_peak, b.search.windows[i].excess);
}

// Adds a peak to the block's list of at most `capacity`. A peak within `radius` of a kept one replaces
// it if higher; otherwise the lowest kept one makes room. Equal peaks: the first stays.
template <class T>
void keep_peak(block<T>& b, plateau_window peak, index_type radius, index_type capacity) {
  if (capacity == 0) return;
  if (b.search.window_count == capacity && peak.excess <= b.search.least_peak) return;  // most samples end here
  index_type lowest = 0;
  for (index_type i = 0; i < b.search.window_count; ++i) {
    if (std::abs(b.search.windows[i].key - peak.key) <= radius) {
      if (peak.excess > b.search.windows[i].excess) b.search.windows[i] = peak;
      return note_least_peak(b);
    }
    if (b.search.windows[i].excess < b.search.windows[lowest].excess) lowest = i;
  }
  if (b.search.window_count < capacity) b.search.windows[b.search.window_count++] = peak;
  else if (peak.excess > b.search.windows[lowest].excess) b.search.windows[lowest] = peak;
  note_least_peak(b);
}

// Keeps the largest norm among the samples that a row sees.
template <class T>
void note_sampled_square(block<T>& b, row_span strip, index_type r, const tile_keys& tile) {
  const T square = largest_square_seen(b, strip, r, tile);
  if (!(square <= b.loss.sample_square[r]) && !is_nan(b.loss.sample_square[r])) b.loss.sample_square[r] = square;
}

// Takes a tile of samples, `number` that of the first.
template <class T>
void take_samples(block<T>& b, tile_keys tile, const sample_range& samples, index_type number) {
  const plan_rules& h = *b.plan;
  const bool weighs = h.coverage == coverage_kind::plateaus;
  tile.seen = classify(b, b.view.hull, tile.first, tile.count, tile.step);
  if (tile.seen == visibility::none) {
    if (weighs) mark_stretches(b, samples, number, tile.count);
    return;
  }
  const index_type padded = planner::round_up(tile.count, b.kernels->panel);
  fill(b.search.column, padded, hidden_score<T>);
  if (weighs) note_standing(b, number, tile.count);
  if (weighs && b.loss.certified) measure_keys(b, tile);
  score_keys(b, tile, [&](row_span strip) {
    for (index_type r = strip.first; r < strip.first + strip.count; ++r) {
      b.search.sample_max[r] = std::max(b.search.sample_max[r], b.state.tile_max[r]);
      if (equals(b.state.shift[r], hidden_score<T>)) b.state.shift[r] = b.state.tile_max[r];
      if (weighs && b.loss.certified) note_sampled_square(b, strip, r, tile);
    }
    b.kernels->excess_over_crest(view_of(b, strip), b.state.shift + strip.first, padded, b.search.column);
    if (weighs) weigh_stretches(b, strip, tile, samples, number);
  });
  for (index_type j = 0; j < tile.count; ++j) {
    const T excess = b.search.column[j];
    if (excess > hidden_score<T>) keep_peak(b, {static_cast<double>(excess), tile.first + j * tile.step}, h.radius, h.windows);
  }
  b.counters->sampled += b.view.rows * tile.count;
  b.counters->bytes += tile.count * b.operands.key_rows.row_bytes();
}

// Samples the block's keys in chunks of one tile. Time: O(rows * keys / stride * d_qk), reading the
// keys in rising order. Afterwards |max - coarse max| <= L * stride for every row that sees all keys
// of the range, L the largest difference of neighbouring scores (the method's error bound).
template <class T>
void coarse_max(block<T>& b) {
  if (b.view.keys.begin >= b.view.keys.end) return;
  const index_type stride = b.plan->stride;
  const bool weighs = b.plan->coverage == coverage_kind::plateaus;
  const sample_range samples = samples_of(b);
  if (weighs) fill(b.loss.stretch_sums, samples.stretches() * b.view.rows, T(0));
  const index_type length = weighs && samples.in_stretch < b.operands.key_tile ? b.operands.key_tile / samples.in_stretch * samples.in_stretch : b.operands.key_tile;
  for (index_type i = 0; i < samples.count; i += length) {
    take_samples(b, {samples.first + i * stride, stride, std::min(length, samples.count - i), {}, {0, 0}, true}, samples, i);
  }
  // The last key is sampled too, so that no key is farther than stride from a sample.
  const index_type last = b.view.keys.end - 1;
  if (samples.first + (samples.count - 1) * stride < last) take_samples(b, {last, 1, 1, {}, {0, 0}, true}, samples, samples.count);
  if (weighs) std::copy_n(b.state.shift, b.view.rows, b.loss.sample_base);
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
