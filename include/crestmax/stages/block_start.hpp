// A query block begins: its rows know nothing yet. And what of the method its plan asks for.
#pragma once

#include "accumulate.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Forgets what the block's rows have accumulated.
template <class T>
void reset_rows(block<T>& b) {
  fill(b.state.shift, b.view.rows, hidden_score<T>);
  fill(b.search.sample_max, b.view.rows, hidden_score<T>);
  for (T* row : {b.state.sum, b.state.exact_sum, b.state.tile_sum}) fill(row, b.view.rows, T(0));
  std::fill_n(b.state.error, b.view.rows, 0.0);
  for (index_type r = 0; b.loss.leaves_out && r < b.view.rows; ++r) {
    b.loss.mass[r] = {};
    b.loss.estimate[r] = 0;
    b.loss.sample_square[r] = b.loss.size[r] = 0;
  }
  std::memset(b.state.output, 0, sizeof(T) * static_cast<std::size_t>(b.view.rows * b.state.output_stride));
  if (b.redo.finite_only) forget_special(b);
  b.search.taken = {};
  b.search.window_count = 0;
  b.state.all_set = false;
  b.state.largest_sum = 0;
  b.search.lipschitz = 0;
  b.search.measure_lipschitz = false;
  b.search.sampled = false;
}

// Leaves some of the block's rows in hand, whole units, as far as it has them.
template <class T>
void keep_rows(block<T>& b, row_span rows) {
  b.view.first_row = std::min(rows.first, b.view.block_rows);
  b.view.rows = std::min(rows.count, b.view.block_rows - b.view.first_row);
  std::copy_n(b.view.rows_at + b.view.first_row, b.view.rows, b.view.rows_at);
}
template <class T>
row_span rows_of_part(const block<T>& b, index_type part) {
  return {part * b.view.sequence.rows_per_part, b.view.sequence.rows_per_part};
}

// Takes the queries of a part of the block's rows, as all of them would come: whether they are pairs is for all of them to say.
template <class T>
void start_part(block<T>& b, index_type part) {
  bool pairs = false;
  if (b.plan->pairs || b.view.block_rows <= most_direct_rows) {
    start_operands(b);
    pairs = b.operands.packed != &b.kernels->numbers;
  }
  keep_rows(b, rows_of_part(b, part));
  if (b.view.rows == 0 || b.view.block_rows <= most_direct_rows) return;
  b.operands.weights = b.plan->weights;
  start_packed(b, queries_of(b), pairs);
}

// A block with all its rows, without their queries.
template <class T>
void take_rows(block<T>& b, index_type number) {
  open_block(b, number);
  measure_block(b);
  b.redo.careful = b.redo.finite_only = false;
}

// The rows in hand are those that are worked on.
template <class T>
void begin_rows(block<T>& b) {
  measure_queries(b);
  b.weighing.margin = b.plan->margin_exponent;
  reset_rows(b);
}

// Rows that are to be merged, without their queries: only a correction would take those.
template <class T>
void start_merging(block<T>& b, index_type number, row_span rows) {
  take_rows(b, number);
  b.operands.weights = comes_in_place(b) ? b.plan->weights_in_place : b.plan->weights;
  keep_rows(b, rows);
  begin_rows(b);
}

// `part`: of the rows of blocks that items take in parts.
template <class T>
void start_block(block<T>& b, index_type number, index_type part = 0) {
  take_rows(b, number);
  if (b.view.sequence.parts > 1) start_part(b, part);
  else start_operands(b);
  begin_rows(b);
}

// A row that met no visible key has no centre; one whose scores were all NaN has a NaN.
template <class T>
void set_centers(block<T>& b) {
  for (index_type r = 0; r < b.view.rows; ++r) {
    if (!equals(b.state.shift[r], hidden_score<T>)) {
      b.state.center[r] = static_cast<double>(b.state.shift[r]) * static_cast<double>(b.weighing.unit) + b.weighing.margin * ln2;
    } else {
      b.state.center[r] = equals(b.state.sum[r], T(0)) ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
    }
  }
}

inline bool has_fixed_shift(softmax_kind kind) {
  return kind == softmax_kind::anchor_shift || kind == softmax_kind::sampled_max;
}

// Whether all that a block may see is one tile of keys: scored once, it shows the true crest of every row.
template <class T>
bool has_one_tile(const block<T>& b) {
  return b.view.sequence.splits == 1 && b.view.keys.end - b.view.keys.begin <= b.operands.key_tile;
}

// Whether the plan's sample is taken of a block.
template <class T>
bool may_sample(const block<T>& b) {
  return b.plan->coarse && b.view.sequence.kv_len > b.plan->least_keys_to_sample && b.view.keys.begin < b.view.keys.end && !has_one_tile(b);
}

// The baselines, and the correction: every visible key under a running maximum.
inline raise baseline_policy(softmax_kind kind) {
  return kind == softmax_kind::lazy_max ? raise::past_threshold : raise::always;
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
