// Split sequences: the crest of a block, common to all its splits; the sweep of a split; and the splits of a block merged to one
// state. Each is a stage of the plan.
#pragma once

#include "../backend/cpu/partials.hpp"
#include "../backend/cpu/rows_in_place.hpp"
#include "phases.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Split sequences, first stage: the shift of a block, common to all its splits.
template <class T>
inline void run_crest(block<T>& b, index_type number) {
  start_block(b, number);
  count_block(b);
  if (has_fixed_shift(b.plan->method)) find_crest(b, false);
  const partial_layout at = partial_layout_of<T>(*b.plan);
  for (index_type split = 0; split < b.sequence.splits; ++split) {
    for (index_type r = 0; r < b.rows; ++r) {
      T* partial = partial_of(*b.call, b.sequence, number, split, r);
      partial[at.shift] = item_failed(b) ? std::numeric_limits<T>::quiet_NaN() : b.shift[r];
      if (at.crest >= 0) partial[at.crest] = b.shift[r];
    }
  }
}

// Writes what one split has summed for a block. Rows that fail the guard are corrected within the split.
template <class T, class Sweep>
inline void finish_split(block<T>& b, index_type number, index_type split, key_interval range, Sweep&& sweep) {
  const partial_layout at = partial_layout_of<T>(*b.plan);
  guard_and_correct(b, guard_scope::split, range, sweep, [&](index_type r) {
    T* partial = partial_of(*b.call, b.sequence, number, split, slot_of(b, r));
    if (has_fixed_shift(b.plan->method)) note_undershoot(b, r);
    std::copy_n(b.output + r * b.output_stride, b.plan->shape.d_v, partial);
    if (at.mass >= 0) std::memcpy(partial + at.mass, b.loss.mass + r, sizeof(mass_bound));
    partial[at.exact_sum] = b.exact_sum[r];
    partial[at.sum] = b.sum[r];
    // A split that met no visible key has no state, whatever shift it was given.
    const bool none = equals(b.sum[r], T(0)) && (at.mass < 0 || equals(b.loss.mass[r].left_out, 0.0));
    if (item_failed(b)) partial[at.shift] = std::numeric_limits<T>::quiet_NaN();  // the last stage redoes or poisons the row
    else partial[at.shift] = none ? block<T>::hidden : is_nan(b.center[r]) ? static_cast<T>(b.center[r]) : b.shift[r];
  });
}

// Second stage: one split of up to `most_joined_blocks` blocks under their shifts. Memory is read in its own order: a block
// after the other, or in turn where their keys lie side by side.
template <class T>
inline void run_split(const block<T>& memory, const plan_sequence& s, index_type number, index_type blocks, index_type split) {
  const plan_rules& h = *memory.plan;
  const partial_layout at = partial_layout_of<T>(h);
  const index_type rows = s.heads_per_block * s.queries_per_block;
  block<T> team[planner::most_joined_blocks];
  const index_type tile = h.tiles.key_tile;
  const index_type length = planner::round_up(planner::divide_up(s.kv_len, s.splits), tile);
  const key_interval range{std::min(split * length, s.kv_len), std::min((split + 1) * length, s.kv_len)};
  const raise policy = has_fixed_shift(h.method) ? raise::never : baseline_policy(h.method);
  const auto take_shift = [&](block<T>& b, index_type block_number) {
    if (!has_fixed_shift(h.method)) return;
    for (index_type r = 0; r < b.rows; ++r) b.crest[r] = b.shift[r] = partial_of(*b.call, s, block_number, split, r)[at.shift];
    note_set_rows(b);
  };
  const auto sweep_alone = [&](block<T>& b) {
    b.upcoming = {0, 0};
    accumulate_range(b, {std::max(range.begin, b.keys.begin), std::min(range.end, b.keys.end)}, policy);
  };
  bool in_turn = blocks > 1 && blocks * rows <= rows_with_scores(h);
  for (index_type i = 0; i < blocks; ++i) {
    block<T>& b = team[i] = part_of(memory, i, rows);
    start_block(b, number + i);
    in_turn = in_turn && b.direct && b.pairs_in_place == team[0].pairs_in_place && b.keys.begin <= range.begin && range.end <= b.keys.end &&
              (i == 0 || are_neighbours(team[i - 1], b, range.begin));
    take_shift(b, number + i);
  }
  if (memory.kernels->reads_in_place) {
    const index_type step = in_turn ? team[0].key_tile : length;
    for (index_type first = range.begin; in_turn && first < range.end; first += step) {
      const index_type end = std::min(first + step, range.end);
      for (index_type i = 0; i < blocks; ++i) team[i].upcoming = {end, std::min(end + step, range.end)};
      accumulate_in_turn(team, blocks, {first, end}, policy);
    }
  }
  for (index_type i = 0; i < blocks; ++i) {
    block<T>& b = team[i];
    if (!in_turn) sweep_alone(b);
    b.upcoming = {0, 0};
    finish_split(b, number + i, split, range, [&] {
      reset_rows(b);
      take_shift(b, number + i);
      sweep_alone(b);
    });
  }
}

// Adds the state of a split, whose shift lies so many nats below.
template <class T>
inline void merge_mass(mass_bound& mass, const T* partial, double below) {
  mass_bound other;
  std::memcpy(&other, partial, sizeof other);
  mass.merge(other, below);
}

// A split's output without what is no finite number in it, which is noted for the row.
template <class T>
inline const T* finite_output(block<T>& b, index_type r, const T* output, T factor) {
  const index_type d = b.plan->shape.d_v;
  std::copy_n(output, d, b.value);  // free memory: nothing is packed
  for (index_type c = 0; c < d; ++c) {
    const special_value seen = special_of(output[c]);
    note_special(b, r, c, seen == no_special || factor > T(0) ? seen : not_a_number);
  }
  keep_finite(b.value, d);
  return b.value;
}

// The splits of a block become one state, in rising order (softmax_state::merge, in vectors).
template <class T>
inline void merge_splits(block<T>& b, index_type number) {
  const partial_layout at = partial_layout_of<T>(*b.plan);
  for (index_type r = 0; r < b.rows; ++r) {
    const auto partial = [&](index_type split) { return partial_of(*b.call, b.sequence, number, split, r); };
    T top = block<T>::hidden;
    for (index_type split = 0; split < b.sequence.splits; ++split) {
      const T shift = partial(split)[at.shift];
      if (shift > top || is_nan(shift)) top = shift;  // one that is no number stays: the guard sees it
    }
    for (index_type split = 0; split < b.sequence.splits; ++split) {
      const T* other = partial(split);
      const T shift = other[at.shift];
      if (equals(shift, block<T>::hidden)) continue;
      const double below = (static_cast<double>(shift) - static_cast<double>(top)) * static_cast<double>(b.unit);
      const T factor = equals(shift, top) ? T(1) : static_cast<T>(std::exp(below));
      const T* output = b.finite_only ? finite_output(b, r, other, factor) : other;
      b.kernels->add_scaled(b.output + r * b.output_stride, factor, output, b.plan->shape.d_v);
      b.sum[r] += factor * other[at.sum];
      b.exact_sum[r] += factor * other[at.exact_sum];
      if (at.mass >= 0) merge_mass(b.loss.mass[r], other + at.mass, (static_cast<double>(top) - static_cast<double>(shift)) * exact_unit(b));
    }
    b.shift[r] = top;
    if (at.crest >= 0) b.crest[r] = partial(0)[at.crest];
  }
}

// Last stage of split sequences.
template <class T>
inline void run_finish(block<T>& b, index_type number) {
  start_block(b, number);
  merge_splits(b, number);
  finish_block(b, number, guard_scope::merged, [&] {
    reset_rows(b);
    merge_splits(b, number);
  });
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
