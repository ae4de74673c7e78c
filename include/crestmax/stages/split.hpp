// Split sequences: the crest of a block, common to all its splits; the sweep of a split; and the splits of a block merged to one
// state by whoever has done the last of them, or row by row in a stage of its own. Where the crest takes a sample it is a stage of its own; else every item has it for
// itself, from the anchors.
#pragma once

#include "../backend/cpu/partials.hpp"
#include "../backend/cpu/rows_in_place.hpp"
#include "phases.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// The shift of a block, common to all its splits, for those who sweep them.
template <class T>
void run_crest(block<T>& b, index_type number) {
  start_block(b, number);
  count_block(b);
  find_crest(b, false);
  const partial_layout at = partial_layout_of<T>(*b.plan);
  for (index_type split = 0; split < b.view.sequence.splits; ++split) {
    for (index_type r = 0; r < b.view.rows; ++r) {
      T* partial = partial_of(*b.call, b.view.sequence, number, split, r);
      partial[at.shift] = item_failed(b) ? std::numeric_limits<T>::quiet_NaN() : b.state.shift[r];
    }
  }
}

// Writes what one split has summed for a block. Rows that fail the guard are corrected within the split.
template <class T, class Sweep>
void finish_split(block<T>& b, index_type number, index_type split, key_interval range, Sweep&& sweep) {
  const partial_layout at = partial_layout_of<T>(*b.plan);
  guard_and_correct(b, guard_scope::split, range, sweep, [&](index_type r) {
    const index_type slot = slot_of(b, r);
    T* partial = partial_of(*b.call, b.view.sequence, number, split, b.view.first_row + slot);
    if (has_fixed_shift(b.plan->method)) note_undershoot(b, r);
    // A split that met no visible key has no state, whatever shift it was given. One whose weights all underflow may still have met values that
    // are no finite numbers.
    const bool none = !item_failed(b) && equals(b.state.sum[r], T(0)) && output_is_finite(b, r) &&
                      (at.mass < 0 || equals(b.loss.mass[r].left_out, 0.0));
    if (at.crest >= 0) partial[at.crest] = b.state.crest[slot];
    partial[at.shift] = hidden_score<T>;
    if (none) return;
    std::copy_n(b.state.output + r * b.state.output_stride, b.plan->shape.d_v, partial);
    if (at.mass >= 0) std::memcpy(partial + at.mass, b.loss.mass + r, sizeof(mass_bound));
    partial[at.exact_sum] = b.state.exact_sum[r];
    partial[at.sum] = b.state.sum[r];
    // The last stage redoes a row that failed, or poisons it.
    partial[at.shift] = item_failed(b)              ? std::numeric_limits<T>::quiet_NaN()
                        : is_nan(b.state.center[r]) ? static_cast<T>(b.state.center[r])
                                                    : b.state.shift[r];
  });
}

inline key_interval keys_of_split(const plan_rules& h, const plan_sequence& s, index_type split) {
  const index_type length = planner::keys_per_split(h, s.kv_len, s.splits);
  return {std::min(split * length, s.kv_len), std::min((split + 1) * length, s.kv_len)};
}

// The shift of the rows in hand: what a stage before has left for all splits of a block, or what their anchors say. Whoever takes
// the first split counts the keys that were looked at.
template <class T>
void take_crest_of_splits(block<T>& b, index_type number, index_type first_split) {
  if (!has_fixed_shift(b.plan->method)) return fill(b.state.crest, b.view.rows, hidden_score<T>);
  if (planner::has_crest_stage(*b.plan)) {
    const index_type at = partial_layout_of<T>(*b.plan).shift;
    for (index_type r = 0; r < b.view.rows; ++r) b.state.crest[r] = partial_of(*b.call, b.view.sequence, number, first_split, r)[at];
    return;
  }
  worker_counters unused{};
  worker_counters* const counters = b.counters;
  if (first_split > 0) b.counters = &unused;
  find_crest(b, false);
  b.counters = counters;
}

inline raise policy_of_splits(const plan_rules& h) { return has_fixed_shift(h.method) ? raise::never : baseline_policy(h.method); }

// Rows begin a split under their shift.
template <class T>
void begin_split(block<T>& b) {
  reset_rows(b);
  if (!has_fixed_shift(b.plan->method)) return;
  std::copy_n(b.state.crest, b.view.rows, b.state.shift);
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

// Tile by tile, each for every block of a team. `end`: of the keys that follow.
template <class T>
void sweep_in_turn(block<T>* team, index_type blocks, key_interval keys, index_type all_end, raise policy) {
  const index_type step = team->operands.key_tile;
  for (index_type first = keys.begin; first < keys.end; first += step) {
    const index_type end = std::min(first + step, keys.end);
    for (index_type i = 0; i < blocks; ++i) team[i].upcoming = {end, std::min(end + step, all_end)};
    accumulate_in_turn(team, blocks, {first, end}, policy);
  }
}

// The blocks of an item: consecutive ones, whose splits it takes side by side.
template <class T>
struct split_team {
  block<T> members[planner::most_joined_blocks];
  index_type count;
  index_type first_block;
  index_type part;
};

template <class T>
void start_team(split_team<T>& team, const block<T>& memory, const plan_sequence& s, const item_range& item) {
  const index_type rows = s.rows();
  team.count = item.blocks;
  team.first_block = item.first_block;
  team.part = item.part;
  for (index_type i = 0; i < team.count; ++i) {
    block<T>& b = team.members[i] = part_of(memory, i, rows);
    start_block(b, team.first_block + i, team.part);
    if (b.view.rows == 0) return;  // the last block of a sequence may have fewer parts
    if (item.first_split == 0 && !planner::has_crest_stage(*b.plan)) count_block(b);
    take_crest_of_splits(b, team.first_block + i, item.first_split);
  }
}

// Whether all blocks of a team take turns over these keys: there is room for the scores of all of them, and their keys lie side by side.
template <class T>
bool takes_turns(const split_team<T>& team, key_interval keys) {
  const plan_sequence& s = team.members->view.sequence;
  bool in_turn = team.count > 1 && team.count * s.rows() <= rows_with_scores(*team.members->plan);
  for (index_type i = 1; in_turn && i < team.count; ++i) in_turn = may_take_turns(team.members[i - 1], team.members[i], keys);
  return in_turn;
}

// Sweeps some keys of a block alone under its shift; what follows them is the block's too, up to `all_end`.
template <class T>
void sweep_alone(block<T>& b, key_interval range, index_type all_end) {
  b.upcoming = {range.end, std::max(range.end, std::min(all_end, b.view.keys.end))};
  accumulate_range(b, {std::max(range.begin, b.view.keys.begin), std::min(range.end, b.view.keys.end)}, policy_of_splits(*b.plan));
}

// One block's split after its sweep, which a correction does once more.
template <class T>
void end_split(split_team<T>& team, index_type member, index_type split, key_interval range) {
  block<T>& b = team.members[member];
  b.upcoming = {0, 0};
  finish_split(b, team.first_block + member, split, range, [&] {
    begin_split(b);
    sweep_alone(b, range, range.end);
  });
  // A correction leaves other rows in hand.
  if (b.redo.careful || b.redo.finite_only) start_block(b, team.first_block + member, team.part);
}

// One split of one block.
template <class T>
void sweep_split(split_team<T>& team, index_type member, index_type split, index_type all_end) {
  const key_interval range = keys_of_split(*team.members->plan, team.members->view.sequence, split);
  begin_split(team.members[member]);
  sweep_alone(team.members[member], range, all_end);
  end_split(team, member, split, range);
}

// One split of every block, in turn.
template <class T>
void sweep_split_in_turn(split_team<T>& team, index_type split, index_type all_end) {
  const plan_rules& h = *team.members->plan;
  const key_interval range = keys_of_split(h, team.members->view.sequence, split);
  for (index_type i = 0; i < team.count; ++i) begin_split(team.members[i]);
  sweep_in_turn(team.members, team.count, range, all_end, policy_of_splits(h));
  for (index_type i = 0; i < team.count; ++i) end_split(team, i, split, range);
}

// All splits of an item's blocks. Memory is read in its own order: one block after the other, or, where keys of all of them lie side by side,
// split by split in turn.
template <class T>
void sweep_splits(split_team<T>& team, const plan_sequence& s, const item_range& item) {
  const auto keys = [&](index_type split) { return keys_of_split(*team.members->plan, s, split); };
  const index_type end = keys(item.end_split - 1).end;
  index_type split = item.first_split;
  for (; split < item.end_split && takes_turns(team, keys(split)); ++split) sweep_split_in_turn(team, split, end);
  for (index_type i = 0; i < team.count; ++i) {
    for (index_type left = split; left < item.end_split; ++left) sweep_split(team, i, left, end);
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
    const auto partial = [&](index_type split) { return partial_of(*b.call, b.view.sequence, number, split, b.view.first_row + r); };
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

// The last that is done for some rows of a block.
template <class T>
void run_finish(block<T> b, index_type number, row_span rows) {
  b.failed_before = b.counters->failed.count;
  start_merging(b, number, rows);
  if (b.view.rows == 0) return;
  merge_splits(b, number);
  finish_block(b, number, guard_scope::merged, [&] {
    reset_rows(b);
    merge_splits(b, number);
  });
}

// Some splits of some blocks; and all that is left to do for those of which no split is missing then, but where that is a stage of
// its own.
template <class T>
void run_splits(const block<T>& b, const plan_sequence& s, const item_range& item) {
  split_team<T> team;
  start_team(team, b, s, item);
  if (team.members->view.rows == 0) return;
  sweep_splits(team, s, item);
  if (s.rows_per_merge > 0) return;
  const merge_counts done = merges_of(*b.call);
  for (index_type number = item.first_block; number < item.first_block + item.blocks; ++number) {
    const index_type count = s.first_merge + (number - s.first_block) * s.parts + item.part;
    if (done.add(count, item.end_split - item.first_split, s.splits)) run_finish(b, number, {item.part * s.rows_per_part, s.rows_per_part});
  }
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
