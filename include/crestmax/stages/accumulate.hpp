// Stage: accumulate. One tile of keys joins the sums of every row of a block: scores, modifiers and
// masks, weights, sum of weights, output. With a fixed shift a clean tile needs no maximum, no rescale
// and no order, and its scores never reach memory; the running maximum of phase 1, the baselines and
// the correction are the same tile with another policy.
#pragma once

#include "../backend/cpu/ahead.hpp"
#include "left_out.hpp"
#include "masks.hpp"
#include "special_values.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

enum class raise { never, always, past_threshold };

// Whether every one of some rows has met a visible key: only then can a tile go without their maxima.
template <class T>
inline bool rows_are_set(const block<T>& b, row_span rows) {
  bool set = true;
  for (index_type r = rows.first; r < rows.first + rows.count; ++r) set &= !equals(b.shift[r], block<T>::hidden);
  return set;
}
template <class T>
inline void note_set_rows(block<T>& b) {
  b.all_set = rows_are_set(b, {0, b.rows});
}

// The largest difference of neighbouring visible scores in the strip in hand.
template <class T>
inline void neighbour_difference(block<T>& b, row_span strip, index_type keys) {
  for (index_type r = 0; r < strip.count; ++r) {
    const T* row = b.scores + r * block<T>::score_stride;
    for (index_type j = 1; j < keys; ++j) {
      const T difference = std::fabs(row[j] - row[j - 1]);
      if (difference > b.lipschitz && difference <= std::numeric_limits<T>::max()) b.lipschitz = difference;
    }
  }
}

// Raw scores of a block whose keys are read where they lie, unless they came with those of other blocks.
template <class T>
inline void score_in_place(block<T>& b, const tile_keys& tile) {
  if (b.turn.scored) return;
  block<T>* const alone = &b;
  b.kernels->score_in_place(side_by_side<T>{&alone, 1}, tile);
}

// Scores of a strip against the tile, in score units, modified and masked; hidden keys and the
// tail are -inf. Leaves each row's maximum in tile_max, if it is wanted.
template <class T>
inline void score_strip(block<T>& b, row_span strip, const tile_keys& tile, bool wants_maxima = true) {
  const index_type padded = planner::round_up(tile.count, b.kernels->panel);
  see_panels(b, strip, tile);
  bool maxima = false;
  if (b.direct) {
    score_in_place(b, tile);
  } else {
    maxima = b.kernels->score(b, strip, padded / b.kernels->panel);
  }
  const bool clean = b.raw && tile.seen == visibility::all && padded == tile.count;
  if (!clean) {
    if (!b.raw && !b.call->modifiers.takes_scale) b.kernels->scale_scores(b, strip, static_cast<T>(b.plan->scale));
    const modifier_view<T>& m = b.call->modifiers;
    if (tile.seen != visibility::all) {
      modify_and_mask(b, strip, tile);
    } else if (m.changes_scores()) {
      m.modify(m.context, {b.scores, block<T>::score_stride, b.rows_at + strip.first, strip.count, b.sequence_number,
                           tile.first, tile.step, tile.count, b.loss.sizes_of(strip.first), &b.kernels->rows, scale_left(b)});
    }
    for (index_type r = 0; padded != tile.count && r < strip.count; ++r) {
      fill(b.scores + r * block<T>::score_stride + tile.count, padded - tile.count, block<T>::hidden);
    }
  }
  if (!wants_maxima) return;
  if (!maxima || !clean) b.kernels->row_maxima(b, strip);
  b.kernels->join_maxima(b, strip);
}

// Scores a tile strip by strip: packs its keys once, unless they are read in place, and calls f(strip) when a strip's scores are in hand.
template <class T, class F>
inline void score_keys(block<T>& b, const tile_keys& tile, F&& f) {
  if (!b.direct) b.kernels->pack_keys(b, tile.first, tile.step, tile.count);
  for_each_strip(b, [&](row_span strip) {
    score_strip(b, strip, tile);
    f(strip);
  });
}

// The same as what the values in hand are multiplied by: numbers or pairs.
template <class T>
inline void weigh_for_values(block<T>& b, row_span strip, const weight_constants<T>& constants) {
  if (b.value_pairs) b.kernels->weigh_as_pairs(b, strip);
  else b.kernels->weigh(b, strip, constants);
}

// Weights of a strip under the fixed shift, from the tile: as scores leave the registers, or right after where
// they are read in place.
template <class T>
inline void weigh_strip(block<T>& b, row_span strip, const tile_keys& tile, const weight_constants<T>& constants) {
  const index_type panels = planner::divide_up(tile.count, b.kernels->panel);
  if (b.value_pairs) {
    b.kernels->score_and_weigh_as_pairs(b, strip, panels);
  } else if (b.direct) {
    score_in_place(b, tile);
    std::copy_n(b.shift, b.rows, b.base);
    b.kernels->weigh(b, strip, constants);
  } else {
    b.kernels->score_and_weigh(b, strip, panels, constants);
  }
}

// output += weights V for a strip, in the way that suits the block. One that is read in place is one strip.
template <class T>
inline void multiply_values(block<T>& b, row_span strip, const tile_keys& tile) {
  if (b.direct) {
    b.turn.weighed = true;
    if (b.turn.scored) return;  // its values come with those of the others
    block<T>* const alone = &b;
    b.kernels->multiply_in_place(side_by_side<T>{&alone, 1}, tile);
  } else if (b.value_pairs) {
    b.kernels->multiply_pairs(b, strip, tile.count);
  } else {
    b.kernels->multiply(b, strip, tile.count);
  }
}

// What each row's weights in hand sum up to, before and after rounding; rounds those that are not yet.
template <class T>
inline void sum_weights(block<T>& b, row_span strip) {
  const auto add_totals = b.kernels->add_totals;
  add_totals(b.lanes, strip, b.exact_sum, b.tile_sum);
  if (b.value_pairs) add_totals(b.rounded_lanes, strip, b.sum, nullptr);
  else if (b.weights == weight_type::float32) add_totals(b.lanes, strip, b.sum, nullptr);
  else b.kernels->round_weights(b, strip, b.weights);
}

// Lifts a row's shift to `level` and rescales what it has accumulated.
template <class T>
inline void lift(block<T>& b, index_type r, T level) {
  const T old = b.shift[r];
  b.shift[r] = level;
  if (equals(old, block<T>::hidden)) return;
  const T factor = static_cast<T>(std::exp((static_cast<double>(old) - static_cast<double>(level)) *
                                           static_cast<double>(b.unit)));
  b.sum[r] *= factor;
  b.exact_sum[r] *= factor;
  b.tile_sum[r] *= factor;
  if (b.loss.certified) b.loss.mass[r].lower_shift((static_cast<double>(old) - static_cast<double>(level)) * exact_unit(b));
  b.kernels->scale_row(b.output + r * b.output_stride, b.output_stride, factor);
  ++b.counters->rescales;
}

// Lifts shifts to the maxima of the strip in hand, as the policy allows, and prepares what to subtract.
template <class T>
inline void lift_rows(block<T>& b, row_span strip, raise policy) {
  const T slack = policy == raise::past_threshold ? static_cast<T>(b.plan->threshold) / b.unit : T(0);
  for (index_type r = strip.first; r < strip.first + strip.count; ++r) {
    const bool unset = equals(b.shift[r], block<T>::hidden);
    if ((unset || policy != raise::never) && b.tile_max[r] > b.shift[r] + (unset ? T(0) : slack)) {
      lift(b, r, b.tile_max[r]);
    }
    b.base[r] = equals(b.shift[r], block<T>::hidden) ? T(0) : b.shift[r];
  }
}

// Of `all` pairs of a tile `accumulated` joined the sums; masks hide the others.
template <class T>
inline void count_pairs(block<T>& b, index_type all, index_type accumulated) {
  if (b.careful) return;  // counted by the sweep
  b.counters->accumulated += accumulated;
  b.counters->masked += all - accumulated;
  b.counters->visible -= all - accumulated;
}

// One tile joins the sums. Time: O(rows * keys * (d_qk + d_v)); nothing past the tile is read.
template <class T>
inline void accumulate_tile(block<T>& b, const tile_keys& tile, raise policy) {
  const index_type panels = planner::divide_up(tile.count, b.kernels->panel);
  const weight_constants<T> constants = b.kernels->weigh_with(b.unit, b.margin);
  const bool whole_numbers = b.weights == weight_type::float32;
  const bool dropping = policy == raise::never && b.plan->coverage == coverage_kind::above && !b.careful;
  if (!b.direct) look_ahead(b, tile.next, panels * planner::divide_up(b.rows, in_tiles(b) ? rows_of_tiles : b.kernels->row_group));
  bool values_taken = false;
  const auto take_values = [&] {  // not those of a tile that coverage drops
    if (values_taken) return;
    b.value_pairs = b.pairs && b.kernels->pack_value_pairs(b, tile.first, tile.count, tile.seen != visibility::all);
    if (!b.direct && !b.value_pairs) b.kernels->pack_values(b, tile.first, tile.count);
    b.counters->bytes += tile.count * b.plan->shape.d_v * size_of(b.call->kv.value_kind);
    values_taken = true;
  };
  b.value_pairs = false;
  if (b.pairs && !dropping) take_values();  // weights depend on what they will multiply
  const bool may_fuse = policy == raise::never && b.raw && panels * b.kernels->panel == tile.count &&
                        (whole_numbers || b.value_pairs) && !dropping && !b.careful && !b.finite_only;
  if (!b.direct) b.kernels->pack_keys(b, tile.first, 1, tile.count);
  if (b.loss.certified) b.kernels->measure_keys(b, tile);
  b.counters->bytes += tile.count * b.plan->shape.d_qk * size_of(b.call->kv.key_kind);
  for_each_strip(b, [&](row_span strip) {
    tile_keys keys = tile;
    if (tile.seen != visibility::all) keys.seen = classify(b, hull_of(b, strip.first, strip.count), tile.first, tile.count, 1);
    if (keys.seen == visibility::none) return count_pairs(b, strip.count * tile.count, 0);
    const bool shift_is_known = policy == raise::never && (b.all_set || rows_are_set(b, strip));
    if (may_fuse && keys.seen == visibility::all && shift_is_known) {
      see_panels(b, strip, keys);
      weigh_strip(b, strip, tile, constants);
    } else {
      score_strip(b, strip, keys, !shift_is_known || dropping || b.loss.certified);
      if (b.measure_lipschitz) neighbour_difference(b, strip, tile.count);
      lift_rows(b, strip, policy);
      if (b.loss.certified) note_errors(b, strip, keys);
      if (dropping && drop_strip(b, strip, tile.count)) {
        b.counters->skipped += strip.count * tile.count;
        return;
      }
      if (b.finite_only) note_special_values(b, strip, tile);
      take_values();
      weigh_for_values(b, strip, constants);
    }
    sum_weights(b, strip);
    if (b.loss.certified) keep_strip(b, strip);
    take_values();
    multiply_values(b, strip, tile);
    index_type pairs = 0;
    for (index_type r = strip.first; r < strip.first + strip.count; ++r) {
      pairs += std::min(tile.count, b.last_panel[r] * b.kernels->panel) - std::min(tile.count, b.first_panel[r] * b.kernels->panel);
    }
    count_pairs(b, strip.count * tile.count, pairs);
  });
}

// Calls f for every tile of a key range that masks leave over, in rising order, and hidden(keys) for the
// others. b.upcoming names what follows.
template <class T, class F, class Hidden>
inline void for_each_tile(block<T>& b, key_interval range, F&& f, Hidden&& hidden) {
  for (index_type first = range.begin; first < range.end; first += b.key_tile) {
    const index_type count = std::min(b.key_tile, range.end - first);
    const visibility seen = classify(b, b.hull, first, count, 1);
    if (seen == visibility::none) {
      hidden(count);
      continue;
    }
    const key_interval rest = first + count < range.end ? key_interval{first + count, range.end} : b.upcoming;
    f(tile_keys{first, 1, count, seen, {rest.begin, std::min(rest.end, rest.begin + b.key_tile)}});
  }
}

template <class T>
inline void accumulate_range(block<T>& b, key_interval range, raise policy) {
  const auto accumulate = [&](const tile_keys& tile) {
    accumulate_tile(b, tile, policy);
    if (!b.all_set) note_set_rows(b);
  };
  for_each_tile(b, range, accumulate, [&](index_type keys) { count_pairs(b, b.rows * keys, 0); });
}

// One tile of several blocks, run by run of each in turn: the scores of all of them, then their weights, then the
// values. Every block has room of its own for scores.
template <class T>
inline void accumulate_in_turn(block<T>* team, index_type count, key_interval keys, raise policy) {
  block<T>* seeing[planner::most_joined_blocks];
  tile_keys tile{keys.begin, 1, keys.end - keys.begin, visibility::all};
  visibility seen[planner::most_joined_blocks];
  index_type members = 0;
  for (block<T>* b = team; b != team + count; ++b) {
    tile.next = {b->upcoming.begin, std::min(b->upcoming.end, b->upcoming.begin + b->key_tile)};
    seen[members] = classify(*b, b->hull, tile.first, tile.count, 1);
    if (seen[members] == visibility::none) count_pairs(*b, b->rows * tile.count, 0);
    else seeing[members++] = b;
  }
  if (members == 0) return;
  team->kernels->score_in_place(side_by_side<T>{seeing, members}, tile);
  index_type weighed = 0;
  for (index_type i = 0; i < members; ++i) {
    block<T>& b = *seeing[i];
    b.turn = {true, false};
    tile.seen = seen[i];
    accumulate_tile(b, tile, policy);
    if (!b.all_set) note_set_rows(b);
    if (b.turn.weighed) seeing[weighed++] = &b;
    b.turn = {};
  }
  if (weighed > 0) team->kernels->multiply_in_place(side_by_side<T>{seeing, weighed}, tile);
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
