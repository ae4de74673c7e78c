// Score modifiers that act on rows: what they get, and what an instruction set offers them.
#pragma once

#include "../scalar_types.hpp"
#include "concepts.hpp"

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

// Each of count numbers on its own, whatever stands beside it and wherever it stands. All begin with x -> scale * x.
template <class T>
struct row_kernels {
  // x -> cap * tanh(x / cap), for a cap between 2^-60 and 2^60. Error at most 8 ulp where |x| >= 2^-60 cap, exact in the limits,
  // +-cap; NaN for NaN.
  void (*soft_cap)(T* x, index_type count, T scale, T cap);
  // x[i] += slope * (first + i * step).
  void (*add_ramp)(T* x, index_type count, T scale, T slope, T first, T step);
  // x[i] += of[i * distance], converted to T. Nothing past the last is read.
  void (*add_numbers)(T* x, index_type count, T scale, scalar_kind kind, const void* of, index_type distance);
};

// Optional, of a score modifier: void modify_row(score_row<T>, const row_kernels<T>&) const does to every score of a row what operator()
// would, to within rounding.
template <class M, class T>
concept row_modifier = score_modifier<M> && requires(const M& m, score_row<T> row, const row_kernels<T>& kernels) {
  { m.modify_row(row, kernels) };
};

// One score after the other.
template <class M, class T>
void modify_each(const M& m, score_row<T> row) {
  for (index_type i = 0; i < row.count; ++i, row.first.key += row.key_step) row.scores[i] = m(row.scale * row.scores[i], row.first);
}

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
