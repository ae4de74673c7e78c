// Stage: keys and values that were chosen are read to their end. What their first planes had brought into the sums of a split is taken back, what all
// planes say joins them. When all splits of a block are done its rows are judged by what was read: a row whose error is above the tolerance reads on,
// at last everything.
#pragma once

#include "../backend/cpu/partials.hpp"
#include "phases.hpp"
#include "planes_choose.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// How often rows read on before they read everything.
inline constexpr int most_refinements = 4;
// Keys that are refined together; their scores are in memory at a time.
inline constexpr index_type keys_refined_together = planner::most_tile_keys;

// Those in hand.
struct refined_keys {
  refined_key keys[keys_refined_together];
  index_type scored[keys_refined_together];  // the keys among them whose scores change
  index_type count;
  index_type scored_count;

  void add(index_type key, std::uint8_t read) {
    const bool scores = (read & key_is_chosen) != 0, was_whole = (read & value_is_read) != 0;
    if (scores) scored[scored_count] = key;
    keys[count++] = {key, scores ? scored_count++ : -1, was_whole, was_whole || (read & value_is_chosen) != 0};
  }
};

// Modifiers and masks of the score of one key, in column `at` of the scores: one by one, as kernels for rows write whole vectors.
template <class T>
void modify_score(block<T>& b, index_type key, index_type at) {
  const modifier_view<T>& m = b.call->modifiers;
  const score_block<T> part{b.scratch.scores + at, score_stride, b.view.rows_at, b.view.rows, b.view.sequence_number, key, 1, 1};
  for (index_type r = 0; r < b.view.rows && !b.weighing.raw; ++r) part.scores[r * score_stride] *= static_cast<T>(b.plan->scale);
  if (m.changes_scores()) m.modify_visible(m.context, part);
  if (m.masks) m.mask(m.context, part);
}

// New weights of the keys that are scored, by all of their planes.
template <class T>
void weigh_refined(block<T>& b, const refined_keys& refined) {
  const index_type count = refined.scored_count;
  if (count == 0) return;
  b.kernels->planes.score_whole(in_place_view(b), refined.scored, count);
  const bool clean = b.weighing.raw && !b.call->modifiers.masks;
  for (index_type i = 0; i < count && !clean; ++i) modify_score(b, refined.scored[i], i);
  const index_type in_last = count % b.kernels->panel;
  if (in_last != 0) b.kernels->hide_columns(b.scratch.scores + count - in_last, b.view.rows, in_last);
  std::fill_n(b.scratch.first_panel, b.view.rows, index_type{0});
  std::fill_n(b.scratch.last_panel, b.view.rows, planner::divide_up(count, b.kernels->panel));
  b.kernels->numbers.weigh(view_of(b, {0, b.view.rows}), b.state.base, b.kernels->numbers.weigh_with(b.weighing.unit, 0));
}

// The keys in hand under their new weights: in the sums of their split, and in what is known of them.
template <class T>
void join_refined(block<T>& b, const planes_view& m, index_type split, const refined_keys& refined) {
  rows_in_place<T> sums = in_place_view(b);
  sums.output = m.output(split, 0);
  sums.output_stride = m.at.output_stride;
  b.kernels->planes.rejoin(sums, refined.keys, refined.count, m.weights(0), m.at.stride);
  for (index_type r = 0; r < b.view.rows; ++r) {
    double change = 0;
    for (index_type i = 0; i < refined.count; ++i) {
      const refined_key& k = refined.keys[i];
      if (k.column < 0) continue;
      float& weight = m.weights(r)[k.key];
      const float now = b.scratch.scores[r * score_stride + k.column];
      change += static_cast<double>(now) - static_cast<double>(weight);
      weight = now;
    }
    m.state(split, r).sum += change;
  }
  const source_rows& values = b.operands.value_rows;
  for (index_type i = 0; i < refined.count; ++i) {
    const refined_key& k = refined.keys[i];
    std::uint8_t& read = m.read()[k.key];
    read = static_cast<std::uint8_t>((k.column >= 0 ? key_is_read : read & key_is_read) | (k.is_whole ? value_is_read : 0));
    b.counters->bytes += (k.column >= 0 ? b.operands.key_rows.row_bytes() : 0) + (k.is_whole ? values.row_bytes() : values.length / 2);
  }
  b.counters->refined += refined.count;
}

// What 64 keys leave as errors joins the state of their split.
template <class T>
void keep_errors(const block<T>& b, const planes_view& m, index_type split, index_type key, const left_of_keys& left) {
  errors_of_keys<T> of = errors_of(b, m, key);
  of.key_left = left.key;
  of.value_left = left.value;
  error_sums<T> sums;
  for (index_type r = 0; r < b.view.rows; ++r) {
    b.kernels->planes.sum_errors(of, r, sums);
    planes_state& to = m.state(split, r);
    const double error = static_cast<double>(m.key_errors(key / keys_of_block)[r]), weights = static_cast<double>(sums.weights);
    to.by_value += error * static_cast<double>(sums.sizes);
    to.by_key += error * weights;
    to.of_value += static_cast<double>(sums.errors) + (m.bounds ? error * static_cast<double>(sums.errors_of_both) : 0);
    to.lacking += weights * error / (1 + error);
  }
}
inline void keep_summary(const planes_view& m, index_type split, index_type rows, index_type key_block) {
  for (index_type r = 0; r < rows; ++r) {
    planes_state& to = m.state(split, r);
    const planes_summary& sum = m.summaries(key_block)[r];
    const double error = static_cast<double>(m.key_errors(key_block)[r]);
    to.by_value += error * static_cast<double>(sum.sizes);
    to.by_key += error * static_cast<double>(sum.weights);
    to.of_value += static_cast<double>(sum.errors) * (m.bounds ? 1 + error : 1);
    to.lacking += static_cast<double>(sum.weights) * error / (1 + error);
  }
}

// The errors of a split as it was read.
template <class T>
void sum_errors_of_split(const block<T>& b, const planes_view& m, index_type split) {
  for (index_type r = 0; r < b.view.rows; ++r) {
    planes_state& s = m.state(split, r);
    s.by_value = s.by_key = s.of_value = s.lacking = 0;
  }
  const key_interval range = m.keys_of(split, b.view.sequence.kv_len);
  left_of_keys left;
  for (index_type key = range.begin; key < range.end; key += keys_of_block) {
    if (left.find(m.read() + key, key_is_read, value_is_read)) keep_errors(b, m, split, key, left);
    else keep_summary(m, split, b.view.rows, key / keys_of_block);
  }
}

// The chosen keys of one split, and what errors are left then.
template <class T>
void refine_split(block<T>& b, const planes_view& m, index_type split) {
  const key_interval range = m.keys_of(split, b.view.sequence.kv_len);
  for (index_type r = 0; r < b.view.rows; ++r) b.state.base[r] = base_of(static_cast<T>(m.state(split, r).shift));
  refined_keys refined;
  for (index_type key = range.begin; key < range.end;) {
    refined.count = refined.scored_count = 0;
    for (; key < range.end && refined.count < keys_refined_together; ++key) {
      const std::uint8_t read = m.read()[key];
      if ((read & (key_is_chosen | value_is_chosen)) != 0) refined.add(key, read);
    }
    if (refined.count == 0) break;
    weigh_refined(b, refined);
    join_refined(b, m, split, refined);
  }
  sum_errors_of_split(b, m, split);
}

// Whether a row as it stands may be written.
template <class T>
bool is_within(block<T>& b, const planes_view& m, index_type r, double tolerance) {
  const planes_row row = measure_row(b, m, r);
  b.state.error[r] = error_of_row(b, m, r, row);
  const bool sees_none = equals(b.state.center[r], -std::numeric_limits<double>::infinity());
  constexpr double least_sum = 0x1p-60;  // of smaller weights some may have been lost
  return b.state.error[r] <= tolerance && output_is_finite(b, r) && (sees_none || b.state.sum[r] >= T(least_sum));
}

// All splits as one, and how many of the rows may not be written.
template <class T>
index_type rows_beyond(block<T>& b, const planes_view& m) {
  merge_planes(b, m);
  index_type beyond = 0;
  for (index_type r = 0; r < b.view.rows; ++r) beyond += is_within(b, m, r, b.plan->tolerance) ? 0 : 1;
  return beyond;
}

// A block once more from the start, by all planes: nothing of it is left to the planes that were read.
template <class T>
void read_everything(block<T>& b, index_type number) {
  b.operands.key_rows.planes = b.operands.value_rows.planes = planes_of_code;
  start_block(b, number);
  b.counters->bytes += b.view.sequence.kv_len * (b.operands.key_rows.row_bytes() + b.operands.value_rows.row_bytes());
  worker_counters unused{};
  worker_counters* const counters = b.counters;
  unused.failed = counters->failed;
  b.counters = &unused;
  b.operands.key_rows.failed = b.operands.value_rows.failed = &unused.failed;
  sweep_whole(b);
  finish_block(b, number, guard_scope::whole, [&] {
    reset_rows(b);
    sweep_whole(b);
  });
  counters->failed = unused.failed;
  counters->corrected += unused.corrected;
  b.counters = counters;
  b.operands.key_rows.failed = b.operands.value_rows.failed = &counters->failed;
}

// The last that is done for a block: its rows are judged, read on, written.
template <class T>
void finish_planes(block<T>& b, const planes_view& m, index_type number) {
  index_type beyond = rows_beyond(b, m);
  b.counters->read_on += beyond;
  for (int round = 0; round < most_refinements && beyond > 0; ++round) {
    choose_planes(b, m);
    for (index_type split = 0; split < m.at.splits; ++split) refine_split(b, m, split);
    beyond = rows_beyond(b, m);
  }
  if (beyond > 0 && !item_failed(b)) return read_everything(b, number);
  for (index_type r = 0; r < b.view.rows; ++r) {
    if (item_failed(b)) poison_row(b, r);
    else write_row(b, r);
  }
}

// The stage `sweep` or `whole`, for an item whose blocks read planes.
template <class T>
void run_scan(block<T>& b, const plan_sequence& s, const item_range& item) {
  for (index_type number = item.first_block; number < item.first_block + item.blocks; ++number) {
    start_planes(b, number);
    if (item.first_split == 0) count_block(b);
    const planes_view m = planes_of(*b.call, s, number);
    for (index_type split = item.first_split; split < item.end_split; ++split) scan_split(b, m, split);
  }
}

// The stage `refine`.
template <class T>
void run_refine(block<T>& b, const plan_sequence& s, const item_range& item) {
  const merge_counts done = merges_of(*b.call);
  for (index_type number = item.first_block; number < item.first_block + item.blocks; ++number) {
    start_planes(b, number);
    const planes_view m = planes_of(*b.call, s, number);
    for (index_type split = item.first_split; split < item.end_split; ++split) refine_split(b, m, split);
    const bool last = s.splits == 1 || done.add(s.first_merge + (number - s.first_block) * s.parts, item.end_split - item.first_split, s.splits);
    if (last) finish_planes(b, m, number);
  }
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
