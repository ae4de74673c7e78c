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
void run_crest(block<T>& b, index_type number) {
  start_block(b, number);
  count_block(b);
  if (has_fixed_shift(b.plan->method)) find_crest(b, false);
  const partial_layout at = partial_layout_of<T>(*b.plan);
  for (index_type split = 0; split < b.view.sequence.splits; ++split) {
    for (index_type r = 0; r < b.view.rows; ++r) {
      T* partial = partial_of(*b.call, b.view.sequence, number, split, r);
      partial[at.shift] = item_failed(b) ? std::numeric_limits<T>::quiet_NaN() : b.state.shift[r];
      if (at.crest >= 0) partial[at.crest] = b.state.shift[r];
    }
  }
}

// Writes what one split has summed for a block. Rows that fail the guard are corrected within the split.
template <class T, class Sweep>
void finish_split(block<T>& b, index_type number, index_type split, key_interval range, Sweep&& sweep) {
  const partial_layout at = partial_layout_of<T>(*b.plan);
  guard_and_correct(b, guard_scope::split, range, sweep, [&](index_type r) {
    T* partial = partial_of(*b.call, b.view.sequence, number, split, slot_of(b, r));
    if (has_fixed_shift(b.plan->method)) note_undershoot(b, r);
    std::copy_n(b.state.output + r * b.state.output_stride, b.plan->shape.d_v, partial);
    if (at.mass >= 0) std::memcpy(partial + at.mass, b.loss.mass + r, sizeof(mass_bound));
    partial[at.exact_sum] = b.state.exact_sum[r];
    partial[at.sum] = b.state.sum[r];
    // A split that met no visible key has no state, whatever shift it was given. One whose weights all underflow may still have met values that
    // are no finite numbers.
    const bool none = equals(b.state.sum[r], T(0)) && output_is_finite(b, r) && (at.mass < 0 || equals(b.loss.mass[r].left_out, 0.0));
    if (item_failed(b)) partial[at.shift] = std::numeric_limits<T>::quiet_NaN();  // the last stage redoes or poisons the row
    else partial[at.shift] = none ? hidden_score<T> : is_nan(b.state.center[r]) ? static_cast<T>(b.state.center[r]) : b.state.shift[r];
  });
}

// The keys of a split: whole tiles, but for the last.
inline key_interval keys_of_split(const plan_rules& h, const plan_sequence& s, index_type split) {
  const index_type length = planner::round_up(planner::divide_up(s.kv_len, s.splits), h.tiles.key_tile);
  return {std::min(split * length, s.kv_len), std::min((split + 1) * length, s.kv_len)};
}

// The shift that the first stage left for a block.
template <class T>
void take_shift(block<T>& b, index_type number, index_type split) {
  if (!has_fixed_shift(b.plan->method)) return;
  const index_type at = partial_layout_of<T>(*b.plan).shift;
  for (index_type r = 0; r < b.view.rows; ++r) {
    b.state.crest[r] = b.state.shift[r] = partial_of(*b.call, b.view.sequence, number, split, r)[at];
  }
  note_set_rows(b);
}

// Whether memory is read in its own order if two blocks, read in place and one behind the other, take turns over these keys.
template <class T>
bool may_take_turns(const block<T>& one, const block<T>& other, key_interval keys) {
  const auto is_in_place = [&](const block<T>& b) {
    return b.operands.way == &operands_in_place<T>::way && b.view.keys.begin <= keys.begin && keys.end <= b.view.keys.end;
  };
  return is_in_place(one) && is_in_place(other) && one.operands.score_in_place == other.operands.score_in_place &&
         are_neighbours(in_place_view(one), in_place_view(other), keys.begin);
}

// Tile by tile, each for every block of a team.
template <class T>
void sweep_in_turn(block<T>* team, index_type blocks, key_interval keys, raise policy) {
  const index_type step = team->operands.key_tile;
  for (index_type first = keys.begin; first < keys.end; first += step) {
    const index_type end = std::min(first + step, keys.end);
    for (index_type i = 0; i < blocks; ++i) team[i].upcoming = {end, std::min(end + step, keys.end)};
    accumulate_in_turn(team, blocks, {first, end}, policy);
  }
}

// Second stage: one split of up to `most_joined_blocks` blocks under their shifts. Memory is read in its own order: a block
// after the other, or in turn where their keys lie side by side.
template <class T>
void run_split(const block<T>& memory, const plan_sequence& s, index_type number, index_type blocks, index_type split) {
  const plan_rules& h = *memory.plan;
  const index_type rows = s.heads_per_block * s.queries_per_block;
  const key_interval range = keys_of_split(h, s, split);
  const raise policy = has_fixed_shift(h.method) ? raise::never : baseline_policy(h.method);
  block<T> team[planner::most_joined_blocks];
  const auto sweep_alone = [&](block<T>& b) {
    b.upcoming = {0, 0};
    accumulate_range(b, {std::max(range.begin, b.view.keys.begin), std::min(range.end, b.view.keys.end)}, policy);
  };
  bool in_turn = blocks > 1 && blocks * rows <= rows_with_scores(h);
  for (index_type i = 0; i < blocks; ++i) {
    block<T>& b = team[i] = part_of(memory, i, rows);
    start_block(b, number + i);
    in_turn = in_turn && (i == 0 || may_take_turns(team[i - 1], b, range));
    take_shift(b, number + i, split);
  }
  if (in_turn) sweep_in_turn(team, blocks, range, policy);
  for (index_type i = 0; i < blocks; ++i) {
    block<T>& b = team[i];
    if (!in_turn) sweep_alone(b);
    b.upcoming = {0, 0};
    finish_split(b, number + i, split, range, [&] {
      reset_rows(b);
      take_shift(b, number + i, split);
      sweep_alone(b);
    });
  }
}

// Adds the state of a split, whose shift lies so many nats below.
template <class T>
void merge_mass(mass_bound& mass, const T* partial, double below) {
  mass_bound other;
  std::memcpy(&other, partial, sizeof other);
  mass.merge(other, below);
}

// A split's output without what is no finite number in it, which is noted for the row.
template <class T>
const T* finite_output(block<T>& b, index_type r, const T* output, T factor) {
  const index_type d = b.plan->shape.d_v;
  std::copy_n(output, d, b.operands.value);  // free memory: nothing is packed
  for (index_type c = 0; c < d; ++c) {
    const special_value seen = special_of(output[c]);
    note_special(b, r, c, seen == no_special || factor > T(0) ? seen : not_a_number);
  }
  keep_finite(b.operands.value, d);
  return b.operands.value;
}

// The splits of a block become one state, in rising order (softmax_state::merge, in vectors).
template <class T>
void merge_splits(block<T>& b, index_type number) {
  const partial_layout at = partial_layout_of<T>(*b.plan);
  for (index_type r = 0; r < b.view.rows; ++r) {
    const auto partial = [&](index_type split) { return partial_of(*b.call, b.view.sequence, number, split, r); };
    T top = hidden_score<T>;
    for (index_type split = 0; split < b.view.sequence.splits; ++split) {
      const T shift = partial(split)[at.shift];
      if (shift > top || is_nan(shift)) top = shift;  // one that is no number stays: the guard sees it
    }
    for (index_type split = 0; split < b.view.sequence.splits; ++split) {
      const T* other = partial(split);
      const T shift = other[at.shift];
      if (equals(shift, hidden_score<T>)) continue;
      const double below = (static_cast<double>(shift) - static_cast<double>(top)) * static_cast<double>(b.weighing.unit);
      const T factor = equals(shift, top) ? T(1) : static_cast<T>(std::exp(below));
      const T* output = b.redo.finite_only ? finite_output(b, r, other, factor) : other;
      b.kernels->add_scaled(b.state.output + r * b.state.output_stride, factor, output, b.plan->shape.d_v);
      b.state.sum[r] += factor * other[at.sum];
      b.state.exact_sum[r] += factor * other[at.exact_sum];
      if (at.mass >= 0) merge_mass(b.loss.mass[r], other + at.mass, (static_cast<double>(top) - static_cast<double>(shift)) * exact_unit(b));
    }
    b.state.shift[r] = top;
    if (at.crest >= 0) b.state.crest[r] = partial(0)[at.crest];
  }
}

// Last stage of split sequences.
template <class T>
void run_finish(block<T>& b, index_type number) {
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
