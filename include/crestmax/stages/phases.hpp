// The phases of one query block, in the order of the method: find its crest, sweep, and finish. Whole blocks and split sequences run them.
#pragma once

#include "coarse_max.hpp"
#include "correct.hpp"
#include "diagnose.hpp"
#include "plateau.hpp"
#include "safe_margin.hpp"
#include "untaken.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// A block's only tile: its maxima are the crests, and all of it joins the sums at once.
template <class T>
void take_only_tile(block<T>& b) {
  b.search.measure_lipschitz = b.plan->estimate_lipschitz;
  take_crest(b, b.view.keys, true);
  b.search.measure_lipschitz = false;
  fix_shift(b);
}

// Phases 0 and 1. Anchors come first, so that coarse scores can be judged against each row's own crest.
template <class T>
void find_crest(block<T>& b, bool accumulate) {
  if (has_one_tile(b)) return take_only_tile(b);
  take_anchors(b, accumulate);
  if (may_sample(b)) {
    b.search.sampled = true;
    coarse_max(b);
    take_plateaus(b, accumulate);
  }
  fix_shift(b);
  if (accumulate && b.plan->coverage == coverage_kind::plateaus) weigh_untaken(b);
}

template <class T, class Sweep>
void finish_block(block<T>& b, index_type number, guard_scope scope, Sweep&& sweep) {
  const bool notes = scope == guard_scope::whole && has_fixed_shift(b.plan->method) && !has_one_tile(b);
  guard_and_correct(b, scope, {0, b.view.sequence.kv_len}, sweep, [&](index_type r) {
    if (notes) note_undershoot(b, r);
    if (item_failed(b)) poison_row(b, r);
    else write_row(b, r);
  });
  if (b.plan->diagnostics || b.plan->row_max) diagnose(b, number);
}

// What the rows in hand count once, however many items work on them.
template <class T>
void count_block(block<T>& b) {
  b.counters->rows += b.view.rows;
  b.counters->visible += b.view.rows * std::max<index_type>(0, b.view.keys.end - b.view.keys.begin);
  b.counters->masked += b.view.rows * (b.view.sequence.kv_len - std::max<index_type>(0, b.view.keys.end - b.view.keys.begin));
}

// All keys of one query block that its coverage asks for, from the first sample to the last tile.
template <class T>
void sweep_whole(block<T>& b) {
  if (!has_fixed_shift(b.plan->method)) {
    accumulate_range(b, b.view.keys, baseline_policy(b.plan->method));
  } else {
    find_crest(b, true);
    b.search.taken.for_each_gap(b.view.keys, [&](key_interval gap) {
      if (b.plan->coverage == coverage_kind::plateaus) {
        b.counters->skipped += b.view.rows * (gap.end - gap.begin);
      } else {
        b.upcoming = b.search.taken.gap_after(gap.end, b.view.keys.end);
        accumulate_range(b, gap, raise::never);
        b.upcoming = {0, 0};
      }
    });
    if (b.plan->estimate_lipschitz) {
      b.counters->lipschitz = std::max(b.counters->lipschitz, static_cast<double>(b.search.lipschitz) * static_cast<double>(b.weighing.unit));
    }
  }
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
