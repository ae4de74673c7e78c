// Samples and what they stand for: each stands in the middle of its stride of keys, the last key for what is behind whole strides.
// Their weights, times the keys of their strides that no phase took, estimate what coverage plateaus leave out. They are summed over
// stretches of samples, so that windows, which are chosen later, touch few of the sums.
#pragma once

#include "accumulate.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

template <class T>
index_type first_sample(const block<T>& b) {
  return b.view.keys.begin + std::min(b.plan->stride / 2, b.view.keys.end - b.view.keys.begin - 1);
}

// The samples of a block: first, first + stride, and so on. The last key is one more where keys are left behind whole strides.
struct sample_range {
  index_type first;
  index_type count;
  index_type in_stretch;  // samples whose weights are summed together, whole vectors

  index_type stretches() const { return planner::divide_up(count, in_stretch); }
};

// So many stretches for the largest block that the sequence may have, more for a smaller one; a tile of samples is whole stretches,
// or the other way round. A worker has room for the blocks of other sequences, too, which decides nothing.
template <class T>
sample_range samples_of(const block<T>& b) {
  const index_type first = first_sample(b);
  const index_type count = planner::divide_up(b.view.keys.end - first, b.plan->stride);
  const index_type most_stretches = std::max<index_type>(1, stretches_of_block * planner::block_rows_of(*b.plan, b.view.sequence) / b.view.rows);
  const index_type in_stretch = b.kernels->lanes * planner::divide_up(planner::divide_up(count, b.kernels->lanes), most_stretches);
  return {first, count, in_stretch > b.operands.key_tile ? planner::round_up(in_stretch, b.operands.key_tile) : in_stretch};
}

// The keys that a sample stands for, by its number; that of number samples.count is the last key.
template <class T>
key_interval stride_of(const block<T>& b, index_type sample) {
  const index_type begin = b.view.keys.begin + sample * b.plan->stride;
  return {std::min(begin, b.view.keys.end), std::min(begin + b.plan->stride, b.view.keys.end)};
}

// Keys of an interval that no phase took.
struct untaken_keys {
  index_type count = 0;
  index_type first = 0;
  index_type last = 0;

  index_type distance(index_type key) const { return std::max(std::abs(key - first), std::abs(last - key)); }
};

inline untaken_keys untaken_of(const interval_set& taken, key_interval keys) {
  untaken_keys untaken;
  taken.for_each_gap(keys, [&](key_interval gap) {
    if (untaken.count == 0) untaken.first = gap.begin;
    untaken.last = gap.end - 1;
    untaken.count += gap.end - gap.begin;
  });
  return untaken;
}

// stands_for[j] = untaken keys of the stride of sample number + j, zeros behind the last.
template <class T>
void note_standing(block<T>& b, index_type number, index_type count) {
  const index_type stride = b.plan->stride;
  fill(b.loss.stands_for, count, static_cast<T>(stride));
  fill(b.loss.stands_for + count, planner::round_up(count, b.kernels->panel) - count, T(0));
  const key_interval all{stride_of(b, number).begin, b.view.keys.begin + (number + count) * stride};
  const auto count_again = [&](key_interval cut) {
    if (cut.end <= all.begin || cut.begin >= all.end) return;
    const index_type end = std::min(number + count, planner::divide_up(cut.end - b.view.keys.begin, stride));
    for (index_type i = std::max(number, (cut.begin - b.view.keys.begin) / stride); i < end; ++i) {
      b.loss.stands_for[i - number] = static_cast<T>(untaken_of(b.search.taken, stride_of(b, i)).count);
    }
  };
  for (int i = 0; i < b.search.taken.size(); ++i) count_again(b.search.taken[i]);
  count_again({b.view.keys.end, all.end});  // the stride that the end cuts, and what is behind
}

// Weights of the samples in hand, in place, under the shift; hidden ones weigh nothing.
template <class T>
void weigh_samples(block<T>& b, row_span strip) {
  for (index_type r = strip.first; r < strip.first + strip.count; ++r) b.state.base[r] = base_of(b.state.shift[r]);
  const packed_kernels<T>& numbers = b.kernels->numbers;
  numbers.weigh(view_of(b, strip), b.state.base + strip.first, numbers.weigh_with(b.weighing.unit, 0));
}

// Adds the samples in hand, of which `number` is the first one's, to the sums of their stretches. Those of a stretch with samples that a
// row may not see become NaN: its strides are weighed row by row. Uses up the scores in hand.
template <class T>
void weigh_stretches(block<T>& b, row_span strip, const tile_keys& tile, const sample_range& samples, index_type number) {
  constexpr T unknown = std::numeric_limits<T>::quiet_NaN();
  const auto for_each_stretch = [&](auto&& f) {
    for (index_type j = 0; j < tile.count;) {
      const index_type stretch = std::min(number + j, samples.count - 1) / samples.in_stretch;
      const index_type end = std::min(tile.count, (stretch + 1) * samples.in_stretch - number);
      f(b.loss.stretch_sums + stretch * b.view.rows, j, std::max(end, j + 1));
      j = std::max(end, j + 1);
    }
  };
  const bool may_hide = tile.seen != visibility::all || b.call->modifiers.changes_scores();
  if (may_hide) {
    for_each_stretch([&](T* sums, index_type from, index_type end) {
      const bool all = tile.seen == visibility::all ||
                       classify(b, b.view.hull, tile.first + from * tile.step, end - from, tile.step) == visibility::all;
      if (all && !b.call->modifiers.changes_scores()) return;
      for (index_type r = strip.first; r < strip.first + strip.count; ++r) {
        const T* row = score_row(b, strip, r);
        if (!all || std::find(row + from, row + end, hidden_score<T>) != row + end) sums[r] = unknown;
      }
    });
  }
  weigh_samples(b, strip);
  for_each_stretch([&](T* sums, index_type from, index_type end) {
    b.kernels->sum_standing(view_of(b, strip), b.loss.stands_for, from, planner::round_up(end, b.kernels->lanes), sums + strip.first);
  });
}

// The same of samples that no row sees.
template <class T>
void mark_stretches(block<T>& b, const sample_range& samples, index_type number, index_type count) {
  const index_type from = std::min(number, samples.count - 1) / samples.in_stretch;
  const index_type to = std::min(number + count - 1, samples.count - 1) / samples.in_stretch + 1;
  fill(b.loss.stretch_sums + from * b.view.rows, (to - from) * b.view.rows, std::numeric_limits<T>::quiet_NaN());
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
