// Stage: plateau. Refines around the coarse peaks: every key within `radius` of a kept peak is scored,
// the row's crest rises to what is found, and the keys join the sums at once; a refined tile is an
// accumulated tile that is merely taken first.
#pragma once

#include "accumulate.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Keys that join the sums are taken in whole runs of this many, so that the rest of the sweep stays in whole panels.
inline constexpr index_type crest_run = 32;

// The part of the block's keys that covers [begin, end), widened to whole runs of so many.
template <class T>
key_interval widen(const block<T>& b, index_type begin, index_type end, index_type run = crest_run) {
  const index_type low = std::max(begin, b.view.keys.begin);
  const index_type high = std::min(end, b.view.keys.end);
  if (low >= high) return {0, 0};
  return {std::max(b.view.keys.begin, low / run * run), std::min(b.view.keys.end, planner::round_up(high, run))};
}

// Takes what is left of an interval: accumulates it under the running maximum, or only scores it.
template <class T>
index_type take_crest(block<T>& b, key_interval keys, bool accumulate) {
  index_type taken = 0;
  b.search.taken.for_each_gap(keys, [&](key_interval gap) {
    taken += gap.end - gap.begin;
    b.counters->crest += b.view.rows * (gap.end - gap.begin);
    if (accumulate) {
      accumulate_range(b, gap, raise::always);
      return;
    }
    for_each_tile(b, gap, [&](tile_keys tile) {
      tile.scores_only = true;
      score_keys(b, tile, [&](row_span strip) { lift_rows(b, strip, raise::always); });
      b.counters->bytes += tile.count * b.operands.key_rows.row_bytes();
    }, [](index_type) {});
  });
  b.search.taken.insert(keys);
  return taken;
}

// The keys near the rows' own.
template <class T>
key_interval nearest_keys(const block<T>& b, index_type run) {
  const index_type nearest = b.plan->nearest_keys;
  if (nearest == 0) return {0, 0};
  const modifier_view<T>& m = b.call->modifiers;
  const key_interval own = m.own_keys(m.context, range_of(b, b.view.hull, b.view.hull.first_head, 0, b.view.sequence.kv_len, 1));
  return widen(b, own.begin - nearest + 1, own.end + nearest / 2, run);
}

// Anchors: the first keys, and the keys near the rows' own positions. The first come first: where they hold a
// row's maximum, nothing is rescaled later. Where keys are multiplied in tiles and all of them join the sums, anchors are whole
// tiles of keys: turning from tiles to vectors and back costs more than a maximum.
template <class T>
void take_anchors(block<T>& b, bool accumulate) {
  const plan_rules& h = *b.plan;
  const bool whole_tiles = b.operands.packed->turns_slowly && h.coverage == coverage_kind::everything;
  const index_type run = !accumulate ? std::max<index_type>(direct_run, b.kernels->panel) : whole_tiles ? b.operands.key_tile : crest_run;
  const key_interval first = h.first_keys > 0 ? widen(b, b.view.keys.begin, b.view.keys.begin + h.first_keys, run) : key_interval{0, 0};
  const key_interval nearest = nearest_keys(b, run);
  b.upcoming = nearest;
  take_crest(b, first, accumulate);
  b.upcoming = {first.end, std::max(first.end, nearest.begin)};
  take_crest(b, nearest, accumulate);
  b.upcoming = {0, 0};
}

// The keys of a window, once its peak is known.
template <class T>
key_interval window_of(const block<T>& b, index_type i) {
  return widen(b, b.search.windows[i].key - b.plan->radius, b.search.windows[i].key + b.plan->radius + 1);
}

// Plateaus: windows around the peaks that the coarse stage kept, from low keys to high.
template <class T>
void take_plateaus(block<T>& b, bool accumulate) {
  std::sort(b.search.windows, b.search.windows + b.search.window_count,
            [](const plateau_window& x, const plateau_window& y) { return x.key < y.key; });
  b.search.measure_lipschitz = b.plan->estimate_lipschitz && accumulate;
  for (index_type i = 0; i < b.search.window_count; ++i) {
    b.counters->plateau += b.view.rows * take_crest(b, window_of(b, i), accumulate);
  }
  b.search.measure_lipschitz = false;
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
