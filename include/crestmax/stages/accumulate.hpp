// Stage: accumulate. One tile of keys joins the sums of every row of a block: scores, modifiers and
// masks, weights, sum of weights, output. With a fixed shift a clean tile needs no maximum, no rescale
// and no order, and its scores never reach memory; the running maximum of phase 1, the baselines and
// the correction are the same tile with another policy.
#pragma once

#include "left_out.hpp"
#include "masks.hpp"
#include "special_values.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

enum class raise { never, always, past_threshold };

// Whether every one of some rows has met a visible key: only then can a tile go without their maxima.
template <class T>
bool rows_are_set(const block<T>& b, row_span rows) {
  bool set = true;
  for (index_type r = rows.first; r < rows.first + rows.count; ++r) set &= !equals(b.state.shift[r], hidden_score<T>);
  return set;
}
template <class T>
void note_set_rows(block<T>& b) {
  b.state.all_set = rows_are_set(b, {0, b.view.rows});
}

// The largest difference of neighbouring visible scores in the strip in hand.
template <class T>
void neighbour_difference(block<T>& b, row_span strip, index_type keys) {
  for (index_type r = 0; r < strip.count; ++r) {
    const T* row = b.scratch.scores + r * score_stride;
    for (index_type j = 1; j < keys; ++j) {
      const T difference = std::fabs(row[j] - row[j - 1]);
      if (difference > b.search.lipschitz && difference <= std::numeric_limits<T>::max()) b.search.lipschitz = difference;
    }
  }
}

// Scores of a strip against the tile, in score units, modified and masked; hidden keys and the
// tail are -inf. Leaves each row's maximum in tile_max, if it is wanted.
template <class T>
void score_strip(block<T>& b, row_span strip, const tile_keys& tile, bool wants_maxima = true) {
  const strip_view<T> view = view_of(b, strip);
  see_panels(b, strip, tile);
  const bool has_maxima = b.operands.way->score(b, strip, tile);
  const bool clean = b.weighing.raw && tile.seen == visibility::all;
  if (!clean) modify_strip(b, strip, tile);
  if (const index_type in_last = tile.count % b.kernels->panel; in_last != 0) {
    b.kernels->hide_columns(view.scores + tile.count - in_last, strip.count, in_last);
  }
  if (!wants_maxima) return;
  if (!has_maxima || !clean) b.kernels->row_maxima(view);
  b.kernels->join_maxima(view, b.state.tile_max + strip.first);
}

// Scores a tile strip by strip, and calls f(strip) when a strip's scores are in hand.
template <class T, class F>
void score_keys(block<T>& b, const tile_keys& tile, F&& f) {
  b.operands.way->take_keys(b, tile);
  for_each_strip(b, [&](row_span strip) {
    score_strip(b, strip, tile);
    f(strip);
  });
}

// Lifts a row's shift to `level` and rescales what it has accumulated.
template <class T>
void lift(block<T>& b, index_type r, T level) {
  const T old = b.state.shift[r];
  b.state.shift[r] = level;
  if (equals(old, hidden_score<T>)) return;
  const T factor = static_cast<T>(std::exp((static_cast<double>(old) - static_cast<double>(level)) *
                                           static_cast<double>(b.weighing.unit)));
  b.state.sum[r] *= factor;
  b.state.exact_sum[r] *= factor;
  b.state.tile_sum[r] *= factor;
  if (b.loss.certified) b.loss.mass[r].lower_shift((static_cast<double>(old) - static_cast<double>(level)) * exact_unit(b));
  b.kernels->scale_row(b.state.output + r * b.state.output_stride, b.state.output_stride, factor);
  ++b.counters->rescales;
}

// What scores under a shift subtract: nothing where there is none yet.
template <class T>
T base_of(T shift) {
  return equals(shift, hidden_score<T>) ? T(0) : shift;
}

// Lifts shifts to the maxima of the strip in hand, as the policy allows, and prepares what to subtract.
template <class T>
void lift_rows(block<T>& b, row_span strip, raise policy) {
  const T slack = policy == raise::past_threshold ? static_cast<T>(b.plan->threshold) / b.weighing.unit : T(0);
  for (index_type r = strip.first; r < strip.first + strip.count; ++r) {
    const bool unset = equals(b.state.shift[r], hidden_score<T>);
    if ((unset || policy != raise::never) && b.state.tile_max[r] > b.state.shift[r] + (unset ? T(0) : slack)) {
      lift(b, r, b.state.tile_max[r]);
    }
    b.state.base[r] = base_of(b.state.shift[r]);
  }
}

// Of `all` pairs of a tile `accumulated` joined the sums; masks hide the others.
template <class T>
void count_pairs(block<T>& b, index_type all, index_type accumulated) {
  if (b.redo.careful) return;  // counted by the sweep
  b.counters->accumulated += accumulated;
  b.counters->masked += all - accumulated;
  b.counters->visible -= all - accumulated;
}

// A tile on its way into the sums.
template <class T>
struct tile_in_hand {
  tile_keys keys;
  bool has_values = false;  // those of a tile that coverage drops are never taken
  weight_constants<T> constants{};
};

template <class T>
void take_values(block<T>& b, tile_in_hand<T>& tile) {
  if (tile.has_values) return;
  b.operands.way->take_values(b, tile.keys);
  b.counters->bytes += tile.keys.count * b.operands.value_rows.row_bytes();
  if (b.operands.packed->rounds_weights) tile.constants = b.operands.of_value->weigh_with(b.weighing.unit, b.weighing.margin);
  tile.has_values = true;
}

template <class T>
tile_in_hand<T> open_tile(block<T>& b, const tile_keys& keys, bool may_drop) {
  tile_in_hand<T> tile{keys};
  b.operands.way->look_ahead(b, keys);
  if (b.operands.packed->rounds_weights && !may_drop) take_values(b, tile);
  else tile.constants = b.operands.packed->weigh_with(b.weighing.unit, b.weighing.margin);
  b.operands.way->take_keys(b, keys);
  if (b.loss.certified) measure_keys(b, keys);
  b.counters->bytes += keys.count * b.operands.key_rows.row_bytes();
  return tile;
}

// Calls f(strip, what it sees of the tile) for the strips that see some of it.
template <class T, class F>
void for_each_seeing_strip(block<T>& b, const tile_keys& tile, F&& f) {
  for_each_strip(b, [&](row_span strip) {
    tile_keys keys = tile;
    if (tile.seen != visibility::all) keys.seen = classify(b, hull_of(b, strip.first, strip.count), tile.first, tile.count, 1);
    if (keys.seen == visibility::none) count_pairs(b, strip.count * tile.count, 0);
    else f(strip, keys);
  });
}

// Weights of the scores in hand of a strip, above what lift_rows() prepared.
template <class T>
void weigh_strip(block<T>& b, row_span strip, tile_in_hand<T>& tile) {
  if (b.redo.finite_only) note_special_values(b, strip, tile.keys);
  take_values(b, tile);
  b.operands.of_value->weigh(view_of(b, strip), b.state.base + strip.first, tile.constants);
}

// What each row's weights in hand sum up to, before and after rounding; rounds those that are not yet.
template <class T>
void sum_weights(block<T>& b, row_span strip) {
  const strip_view<T> view = view_of(b, strip);
  T* const sums = b.state.sum + strip.first;
  const auto add_totals = b.kernels->add_totals;
  add_totals(view.lanes, strip.count, b.state.exact_sum + strip.first, b.state.tile_sum + strip.first);
  if (b.operands.of_value->rounds_weights) add_totals(view.rounded_lanes, strip.count, sums, nullptr);
  else if (b.operands.weights == weight_type::float32) add_totals(view.lanes, strip.count, sums, nullptr);
  else b.kernels->round_weights(view, b.operands.weights, sums);
}

// The weights in hand of a strip join the sums, and the outputs with their values.
template <class T>
void join_strip(block<T>& b, row_span strip, tile_in_hand<T>& tile) {
  sum_weights(b, strip);
  if (b.loss.certified) keep_strip(b, strip);
  take_values(b, tile);
  b.operands.way->multiply(b, strip, tile.keys);
  const index_type keys = tile.keys.count;
  const index_type panel = b.kernels->panel;
  index_type pairs = 0;
  for (index_type r = strip.first; r < strip.first + strip.count; ++r) {
    pairs += std::min(keys, b.scratch.last_panel[r] * panel) - std::min(keys, b.scratch.first_panel[r] * panel);
  }
  count_pairs(b, strip.count * keys, pairs);
}

// Under the fixed shift: weights are taken as scores leave the registers, but where masks or modifiers, a tail, or rows that have
// met no visible key yet want to see the scores first.
template <class T>
void accumulate_fixed(block<T>& b, const tile_keys& keys) {
  tile_in_hand<T> tile = open_tile(b, keys, false);
  const bool weights_as_they_come = b.operands.of_value->rounds_weights || b.operands.weights == weight_type::float32;
  const bool may_fuse =
      b.weighing.raw && keys.count % b.kernels->panel == 0 && weights_as_they_come && !b.redo.careful && !b.redo.finite_only &&
      !b.loss.certified;
  for_each_seeing_strip(b, keys, [&](row_span strip, const tile_keys& seen) {
    const bool shift_is_known = b.state.all_set || rows_are_set(b, strip);
    if (may_fuse && seen.seen == visibility::all && shift_is_known) {
      see_panels(b, strip, seen);
      b.operands.way->score_and_weigh(b, strip, seen, tile.constants);
    } else {
      score_strip(b, strip, seen, !shift_is_known || b.loss.certified);
      lift_rows(b, strip, raise::never);
      if (b.loss.certified) note_errors(b, strip, seen);
      weigh_strip(b, strip, tile);
    }
    join_strip(b, strip, tile);
  });
}

// Under the fixed shift, and what weighs too little is left out.
template <class T>
void accumulate_or_drop(block<T>& b, const tile_keys& keys) {
  tile_in_hand<T> tile = open_tile(b, keys, true);
  for_each_seeing_strip(b, keys, [&](row_span strip, const tile_keys& seen) {
    score_strip(b, strip, seen);
    lift_rows(b, strip, raise::never);
    note_errors(b, strip, seen);
    if (drop_strip(b, strip, keys.count)) {
      b.counters->skipped += strip.count * keys.count;
      return;
    }
    weigh_strip(b, strip, tile);
    join_strip(b, strip, tile);
  });
}

// Under a running maximum.
template <class T>
void accumulate_raising(block<T>& b, const tile_keys& keys, raise policy) {
  tile_in_hand<T> tile = open_tile(b, keys, false);
  for_each_seeing_strip(b, keys, [&](row_span strip, const tile_keys& seen) {
    score_strip(b, strip, seen);
    if (b.search.measure_lipschitz) neighbour_difference(b, strip, keys.count);
    lift_rows(b, strip, policy);
    if (b.loss.certified) note_errors(b, strip, seen);
    weigh_strip(b, strip, tile);
    join_strip(b, strip, tile);
  });
}

// One tile joins the sums. Time: O(rows * keys * (d_qk + d_v)); nothing past the tile is read.
template <class T>
void accumulate_tile(block<T>& b, const tile_keys& keys, raise policy) {
  if (policy != raise::never) accumulate_raising(b, keys, policy);
  else if (b.plan->coverage == coverage_kind::above && !b.redo.careful) accumulate_or_drop(b, keys);
  else accumulate_fixed(b, keys);
}

// Calls f for every tile of a key range that masks leave over, in rising order, and hidden(keys) for the
// others. b.upcoming names what follows.
template <class T, class F, class Hidden>
void for_each_tile(block<T>& b, key_interval range, F&& f, Hidden&& hidden) {
  for (index_type first = range.begin; first < range.end; first += b.operands.key_tile) {
    const index_type count = std::min(b.operands.key_tile, range.end - first);
    const visibility seen = classify(b, b.view.hull, first, count, 1);
    if (seen == visibility::none) {
      hidden(count);
      continue;
    }
    const key_interval rest = first + count < range.end ? key_interval{first + count, range.end} : b.upcoming;
    f(tile_keys{first, 1, count, seen, {rest.begin, std::min(rest.end, rest.begin + b.operands.key_tile)}});
  }
}

template <class T>
void accumulate_range(block<T>& b, key_interval range, raise policy) {
  const auto accumulate = [&](const tile_keys& tile) {
    accumulate_tile(b, tile, policy);
    if (!b.state.all_set) note_set_rows(b);
  };
  for_each_tile(b, range, accumulate, [&](index_type keys) { count_pairs(b, b.view.rows * keys, 0); });
}

// One tile of several blocks, run by run of each in turn: the scores of all of them, then their weights, then the
// values. Every block has room of its own for scores.
template <class T>
void accumulate_in_turn(block<T>* team, index_type count, key_interval keys, raise policy) {
  block<T>* seeing[planner::most_joined_blocks];
  rows_in_place<T> views[planner::most_joined_blocks];
  tile_keys tile{keys.begin, 1, keys.end - keys.begin, visibility::all};
  visibility seen[planner::most_joined_blocks];
  index_type members = 0;
  for (block<T>* b = team; b != team + count; ++b) {
    tile.next = {b->upcoming.begin, std::min(b->upcoming.end, b->upcoming.begin + b->operands.key_tile)};
    seen[members] = classify(*b, b->view.hull, tile.first, tile.count, 1);
    if (seen[members] == visibility::none) {
      count_pairs(*b, b->view.rows * tile.count, 0);
    } else {
      views[members] = in_place_view(*b);
      seeing[members++] = b;
    }
  }
  if (members == 0) return;
  team->operands.score_in_place({views, members}, tile);
  index_type weighed = 0;
  for (index_type i = 0; i < members; ++i) {
    block<T>& b = *seeing[i];
    b.operands.turn = {true, false};
    tile.seen = seen[i];
    accumulate_tile(b, tile, policy);
    if (!b.state.all_set) note_set_rows(b);
    if (b.operands.turn.weighed) views[weighed++] = views[i];
    b.operands.turn = {};
  }
  if (weighed > 0) team->operands.multiply_in_place({views, weighed}, tile);
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
