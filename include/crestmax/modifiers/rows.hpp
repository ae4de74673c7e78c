// Modifiers that act on rows: what they get, and what an instruction set offers them.
#pragma once

#include <algorithm>
#include <limits>

#include "concepts.hpp"
#include "mask_view.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// Scores of one row in memory, of the keys at first.key, first.key + key_step, ... Hidden keys are among them, whose scores may be any
// bits; the first stands at the start of a vector, behind the last there is room for whole ones, and what is written there is not looked at.
template <class T>
struct score_row {
  T* scores;
  index_type count;
  score_position first;
  index_type key_step;
  T scale = 1;  // the scores are those in memory times this
};

// Each of count numbers on its own, whatever stands beside it and wherever it stands. Those with a scale begin with x -> scale * x.
template <class T>
struct row_kernels {
  // x -> cap * tanh(x / cap), for a cap between 2^-60 and 2^60. Error at most 8 ulp where |x| >= 2^-60 cap, exact in the limits,
  // +-cap; NaN for NaN.
  void (*soft_cap)(T* x, index_type count, T scale, T cap);
  // x[i] += slope * (first + i * step).
  void (*add_ramp)(T* x, index_type count, T scale, T slope, T first, T step);
  // x[i] += factor * of[i * distance], converted to T. Nothing past the last is read.
  void (*add_numbers)(T* x, index_type count, T scale, scalar_kind kind, const void* of, index_type distance, T factor);
  // x[i] = -inf where of[i * distance] is an entry that hides, whatever x[i] was. Nothing past the last is read.
  void (*hide)(T* x, index_type count, mask_type type, const void* of, index_type distance);
};

// Optional, of a score modifier: void modify_row(score_row<T>, const row_kernels<T>&) const does to every score of a row what operator()
// would, to within rounding.
template <class M, class T>
concept row_modifier = score_modifier<M> && requires(const M& m, score_row<T> row, const row_kernels<T>& kernels) {
  { m.modify_row(row, kernels) };
};

// Optional, of a mask: void mask_row(score_row<T>, const row_kernels<T>&) const sets what visible() denies to -inf. The row's scale is 1.
template <class M, class T>
concept row_mask = mask_modifier<M> && requires(const M& m, score_row<T> row, const row_kernels<T>& kernels) {
  { m.mask_row(row, kernels) };
};

// Hides the keys of a row that are not in an interval of positions.
template <class T>
void hide_outside(const score_row<T>& row, key_interval seen) {
  constexpr T hidden = -std::numeric_limits<T>::infinity();
  // Number of the row's keys at positions below this one.
  const auto below = [&](index_type position) -> index_type {
    if (position <= row.first.key) return 0;
    const index_type distance = position - row.first.key;
    if (distance > (row.count - 1) * row.key_step) return row.count;
    return row.key_step == 1 ? distance : (distance - 1) / row.key_step + 1;
  };
  const index_type begin = below(seen.begin);
  const index_type end = std::max(begin, below(seen.end));
  std::fill(row.scores, row.scores + begin, hidden);
  std::fill(row.scores + end, row.scores + row.count, hidden);
}

// One score after the other.
template <class M, class T>
void modify_each(const M& m, score_row<T> row) {
  for (index_type i = 0; i < row.count; ++i, row.first.key += row.key_step) row.scores[i] = m(row.scale * row.scores[i], row.first);
}

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
