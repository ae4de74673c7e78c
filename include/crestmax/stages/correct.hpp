// Stage: correct. Rows that the guard fails are gathered as a smaller block and redone under the running maximum; what values that are
// no finite numbers have spoilt is swept once more without them.
#pragma once

#include "block_start.hpp"
#include "guard.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Keeps the rows numbered in rows_at[0, count), which the caller has gathered there, and starts them afresh.
template <class T>
void restart_rows(block<T>& b, index_type count) {
  b.view.rows = count;
  measure_block(b);
  start_operands(b);
  measure_queries(b);
  reset_rows(b);
}

// Whether values of a key range that are no finite numbers have spoilt the outputs of a row that fails.
template <class T>
bool is_spoilt(const block<T>& b, key_interval range) {
  if (b.redo.finite_only) return false;
  for (index_type r = 0; r < b.view.rows; ++r) {
    if (!b.state.passes[r] && !output_is_finite(b, r)) return has_special_values(b, range);
  }
  return false;
}

// What brings a block to where it stands, once more from the start and without such values. Its counters know of it already.
template <class Sweep, class T>
void sweep_finite_values(block<T>& b, Sweep&& sweep) {
  worker_counters unused{};
  worker_counters* const counters = b.counters;
  b.counters = &unused;
  b.redo.finite_only = true;
  sweep();
  b.counters = counters;
}

// Sums the rows numbered in rows_at[0, count) once more as a smaller block, the correction: under a running maximum, or under
// the shifts in row_top.
template <class T>
void sum_again(block<T>& b, index_type count, key_interval range, raise policy) {
  const auto sweep = [&] {
    restart_rows(b, count);
    if (policy == raise::never) std::copy_n(b.diagnosis.top, count, b.state.shift);
    note_set_rows(b);
    accumulate_range(b, range, policy);
  };
  sweep();
  std::fill_n(b.state.passes, count, false);
  if (is_spoilt(b, range)) sweep_finite_values(b, sweep);
  set_centers(b);
}

// Of rows numbered in rows_at[0, count), in rising order, those of the first one's unit: whoever works on others changes none of their
// bits.
template <class T>
index_type rows_of_first_unit(const block<T>& b, index_type count, index_type unit) {
  const auto unit_of = [&](index_type r) { return slot_of(b, r) / unit; };
  index_type rows = 1;
  while (rows < count && unit_of(rows) == unit_of(0)) ++rows;
  return rows;
}

// Redoes the rows that fail with the running maximum: a row whose shift was too low is right then. Huge values can still
// overflow before the row has met its maximum: such rows are summed once more under the maximum, known by now. `sweep` brings
// the block to where it stands, for the case that values which are no finite numbers have spoilt it. `finish` is called for
// every row once it is done.
template <class T, class Sweep, class Finish>
void guard_and_correct(block<T>& b, guard_scope scope, key_interval all, Sweep&& sweep, Finish&& finish) {
  const key_interval range{std::max(all.begin, b.view.keys.begin), std::min(all.end, b.view.keys.end)};
  const auto gather = [&](auto&& is_done) {
    index_type failing = 0;
    for (index_type r = 0; r < b.view.rows; ++r) {
      if (is_done(r)) {
        join_special(b, r);
        finish(r);
      } else {
        b.diagnosis.top[failing] = b.state.shift[r];
        b.view.rows_at[failing++] = b.view.rows_at[r];
      }
    }
    return failing;
  };
  const auto judge = [&] {
    set_centers(b);
    if (all_rows_pass(b, scope)) return std::fill_n(b.state.passes, b.view.rows, true), true;
    for (index_type r = 0; r < b.view.rows; ++r) b.state.passes[r] = row_passes(b, r, scope);
    return false;
  };
  if (!judge() && is_spoilt(b, range)) {
    sweep_finite_values(b, sweep);
    judge();
  }
  const index_type failing = gather([&](index_type r) { return b.state.passes[r]; });
  if (failing == 0) return;
  b.counters->corrected += failing;
  b.redo.careful = true;
  // Splits merge by their shifts alone: one margin for all. Narrow weights need theirs, or lose small ones to subnormals.
  if (scope != guard_scope::split) b.weighing.margin = std::min(b.weighing.margin, 0);
  const index_type unit = scope == guard_scope::merged ? planner::rows_merged_together : planner::rows_per_unit(*b.plan, b.view.sequence);
  row_position* const rows = b.view.rows_at;
  for (index_type first = 0, count = 0; first < failing; first += count) {
    b.view.rows_at = rows + first;
    count = rows_of_first_unit(b, failing - first, unit);
    sum_again(b, count, range, raise::always);
    const index_type troubled = gather([&](index_type r) {
      return output_is_finite(b, r) || !(is_finite(b.state.shift[r]) || equals(b.state.shift[r], hidden_score<T>));
    });
    if (troubled == 0) continue;
    sum_again(b, troubled, range, raise::never);
    gather([](index_type) { return true; });
  }
  b.view.rows_at = rows;
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
