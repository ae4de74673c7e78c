// Stage: untaken. What coverage plateaus leave out, once all windows are taken. Stretches of samples that no window cut count as they were
// summed; the samples of the others, and of those that some row does not see whole, are scored once more. If neighbouring visible
// scores of a row differ by at most L, a key's is at most L * distance above that of any sample that the row sees.
#pragma once

#include "plateau.hpp"
#include "strides.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// L in nats: stated, or seen on windows.
template <class T>
double lipschitz_of(const block<T>& b) {
  return b.plan->lipschitz >= 0 ? b.plan->lipschitz : static_cast<double>(b.search.lipschitz) * static_cast<double>(b.weighing.unit);
}

// How much more than its sample a key so far away may weigh.
template <class T>
double reach_of(const block<T>& b, index_type distance) {
  return std::exp(lipschitz_of(b) * static_cast<double>(distance));
}

// Keys join what a row may lose, by a sample that stands so far from them. Half a stride is granted to all; what is farther adds to
// left_out.
template <class T>
void stand_for(block<T>& b, index_type r, T score, index_type keys, index_type distance) {
  const double above = (static_cast<double>(score) - static_cast<double>(b.state.shift[r])) * exact_unit(b);
  const double weight = static_cast<double>(keys) * std::exp(above);
  b.loss.estimate[r] += weight;
  const index_type granted = b.plan->stride / 2;
  if (distance <= granted) return;
  const double reach = reach_of(b, distance);
  b.loss.mass[r].leave_out(rounded_up(weight) * (reach * (1 + 0x1p-40) - reach_of(b, granted)));
}

// Whether masks may leave a row some of these keys. More than so many are not looked at, but counted: work does not grow with the stride.
template <class T>
bool may_see_some(const block<T>& b, row_hull row, const untaken_keys& keys) {
  constexpr index_type most_looked_at = 64;
  const index_type span = keys.last - keys.first + 1;
  return keys.count > 0 && (span > most_looked_at || classify(b, row, keys.first, span, 1) != visibility::none);
}

// The strides of samples that a row does not see: its nearest visible sample before them stands for their keys, or the first one.
template <class T>
void weigh_hidden_strides(block<T>& b, row_span strip, index_type r, const tile_keys& tile) {
  const T* scores = score_row(b, strip, r);
  const row_hull row = hull_of(b, r, 1);
  const key_interval reach = reachable_keys(b, row);
  stand_in<T>& nearest = b.loss.stand_ins[r];
  for (index_type j = 0; j < tile.count; ++j) {
    const index_type key = tile.first + j * tile.step;
    if (!equals(scores[j], hidden_score<T>)) {
      if (nearest.waiting > 0) stand_for(b, r, scores[j], nearest.waiting, key - nearest.lowest);
      nearest = {key, 0, 0, scores[j]};
    } else if (b.loss.stands_for[j] > T(0)) {
      const key_interval keys = stride_of(b, (key - b.view.keys.begin) / b.plan->stride);
      const untaken_keys untaken = untaken_of(b.search.taken, {std::max(keys.begin, reach.begin), std::min(keys.end, reach.end)});
      if (!may_see_some(b, row, untaken)) continue;
      if (nearest.key >= 0) {
        stand_for(b, r, nearest.score, untaken.count, untaken.distance(nearest.key));
      } else {
        if (nearest.waiting == 0) nearest.lowest = untaken.first;
        nearest.waiting += untaken.count;
      }
    }
  }
}

// A tile of samples, `number` that of the first, once more. Those outside of [from, to) stand for others only.
template <class T>
void weigh_strides(block<T>& b, const tile_keys& tile, index_type number, index_type from, index_type to) {
  note_standing(b, number, tile.count);
  for (index_type j = 0; j < tile.count; ++j) {
    if (number + j < from || number + j >= to) b.loss.stands_for[j] = T(0);
  }
  const bool may_hide = tile.seen != visibility::all || b.call->modifiers.changes_scores();
  const index_type last = tile.count - 1;
  score_keys(b, tile, [&](row_span strip) {
    for (index_type r = strip.first; r < strip.first + strip.count; ++r) {
      stand_in<T>& nearest = b.loss.stand_ins[r];
      if (may_hide || nearest.waiting > 0) weigh_hidden_strides(b, strip, r, tile);
      else nearest = {tile.first + last * tile.step, 0, 0, score_row(b, strip, r)[last]};
    }
    weigh_samples(b, strip);
    T* const sums = b.state.base;  // no longer needed by weights
    fill(sums + strip.first, strip.count, T(0));
    b.kernels->sum_standing(view_of(b, strip), b.loss.stands_for, 0, planner::round_up(tile.count, b.kernels->panel), sums + strip.first);
    for (index_type r = strip.first; r < strip.first + strip.count; ++r) b.loss.estimate[r] += static_cast<double>(sums[r]);
  });
}

// Stretches [first, end) once more. Where a row may not see a sample, one more on either side: every row sees it, or it is of no stretch.
template <class T>
void weigh_run(block<T>& b, const sample_range& samples, index_type first, index_type end) {
  const index_type stride = b.plan->stride;
  const bool to_the_last = end == samples.stretches();
  const index_type from = first * samples.in_stretch;
  const index_type to = to_the_last ? samples.count + 1 : end * samples.in_stretch;
  const visibility seen = classify(b, b.view.hull, samples.first + from * stride, std::min(to, samples.count) - from, stride);
  const bool may_hide = seen != visibility::all || to_the_last || b.call->modifiers.changes_scores();
  const index_type begin = may_hide ? std::max<index_type>(0, from - 1) : from;
  const index_type behind = std::min(samples.count, may_hide ? to + 1 : to);
  std::fill_n(b.loss.stand_ins, b.view.rows, stand_in<T>{-1, 0, 0, T(0)});
  for (index_type i = begin; i < behind; i += b.operands.key_tile) {
    const index_type key = samples.first + i * stride;
    const index_type count = std::min(b.operands.key_tile, behind - i);
    weigh_strides(b, {key, stride, count, classify(b, b.view.hull, key, count, stride), {0, 0}, true}, i, from, to);
  }
  const index_type last = b.view.keys.end - 1;
  const key_interval rest = stride_of(b, samples.count);
  if (!to_the_last || rest.begin == rest.end) return;
  weigh_strides(b, {last, 1, 1, classify(b, b.view.hull, last, 1, 1), {0, 0}, true}, samples.count, from, to);
}

// The first sum of each stretch that a window cuts becomes NaN.
template <class T>
void mark_cut_stretches(block<T>& b, const sample_range& samples) {
  const index_type keys = samples.in_stretch * b.plan->stride;
  const index_type last = samples.stretches() - 1;
  for (index_type i = 0; i < b.search.window_count; ++i) {
    const key_interval window = window_of(b, i);
    const index_type end = std::min((window.end - 1 - b.view.keys.begin) / keys, last);
    for (index_type s = std::min((window.begin - b.view.keys.begin) / keys, last); s <= end; ++s) {
      b.loss.stretch_sums[s * b.view.rows] = std::numeric_limits<T>::quiet_NaN();
    }
  }
}

// Takes the sums of stretches that are whole and whose samples all rows see; the first sum of the others becomes NaN.
template <class T>
void take_whole_stretches(block<T>& b, const sample_range& samples) {
  for (index_type s = 0; s < samples.stretches(); ++s) {
    T* sums = b.loss.stretch_sums + s * b.view.rows;
    const bool whole = std::all_of(sums, sums + b.view.rows, [](T sum) { return is_finite(sum); });
    if (!whole) sums[0] = std::numeric_limits<T>::quiet_NaN();
    for (index_type r = 0; whole && r < b.view.rows; ++r) b.loss.estimate[r] += static_cast<double>(sums[r]);
  }
  for (index_type r = 0; r < b.view.rows; ++r) {
    if (!(b.loss.estimate[r] > 0)) continue;
    const double above = (static_cast<double>(b.loss.sample_base[r]) - static_cast<double>(b.state.shift[r])) * exact_unit(b);
    b.loss.estimate[r] *= std::exp(above);
  }
}

// From the sums in hand to what each row may have lost: L over half a stride, errors of weights and scores, what underflowed.
template <class T>
void finish_untaken(block<T>& b) {
  constexpr double ulp = static_cast<double>(std::numeric_limits<T>::epsilon());
  const double least = std::ldexp(4.0, least_weight_power<T>);
  const double slack = 1 + 2 * weight_error<T> + 0x1p-8 * static_cast<double>(b.view.sequence.kv_len) * ulp;
  const double granted = reach_of(b, b.plan->stride / 2);
  const index_type keys_of_all = untaken_of(b.search.taken, b.view.keys).count;
  for (index_type r = 0; r < b.view.rows; ++r) {
    mass_bound& mass = b.loss.mass[r];
    double& estimate = b.loss.estimate[r];
    const index_type keys = b.call->modifiers.masks ? untaken_of(b.search.taken, reachable_keys(b, hull_of(b, r, 1))).count : keys_of_all;
    if (keys == 0) {
      mass.left_out = estimate = 0;
      continue;
    }
    const bool unknown = b.loss.stand_ins[r].waiting > 0;
    const double error = b.loss.certified ? std::exp(score_error(b, r, b.loss.sample_square[r], b.search.sample_max[r])) : 1;
    const double weight = mass.left_out + (estimate + static_cast<double>(keys) * least) * granted;
    mass.left_out = 0;
    mass.leave_out(unknown ? std::numeric_limits<double>::infinity() : std::ldexp(rounded_up(weight * slack) * error, -b.weighing.margin));
    estimate = std::ldexp(estimate, -b.weighing.margin);
  }
}

// Without samples nothing is known of rows that keys were kept from.
template <class T>
void mark_unknown(block<T>& b) {
  for (index_type r = 0; r < b.view.rows; ++r) {
    if (untaken_of(b.search.taken, reachable_keys(b, hull_of(b, r, 1))).count == 0) continue;
    b.loss.mass[r].left_out = b.loss.estimate[r] = std::numeric_limits<double>::infinity();
  }
}

// Time: O(rows * d_qk) for each sample of a stretch that is not whole, O(rows) for each other stretch.
template <class T>
void weigh_untaken(block<T>& b) {
  if (!b.search.sampled) return mark_unknown(b);
  const sample_range samples = samples_of(b);
  const auto is_whole = [&](index_type s) { return is_finite(b.loss.stretch_sums[s * b.view.rows]); };
  std::fill_n(b.loss.stand_ins, b.view.rows, stand_in<T>{-1, 0, 0, T(0)});
  mark_cut_stretches(b, samples);
  take_whole_stretches(b, samples);
  for (index_type s = 0; s < samples.stretches(); ++s) {
    if (is_whole(s)) continue;
    index_type end = s + 1;
    while (end < samples.stretches() && !is_whole(end)) ++end;
    weigh_run(b, samples, s, end);
    s = end;
  }
  finish_untaken(b);
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
