// A query block begins: its rows know nothing yet. And what of the method its plan asks for.
#pragma once

#include "accumulate.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Forgets what the block's rows have accumulated.
template <class T>
inline void reset_rows(block<T>& b) {
  fill(b.shift, b.rows, block<T>::hidden);
  fill(b.sample_max, b.rows, block<T>::hidden);
  for (T* row : {b.sum, b.exact_sum, b.tile_sum}) fill(row, b.rows, T(0));
  for (index_type r = 0; b.loss.leaves_out && r < b.rows; ++r) {
    b.loss.mass[r] = {};
    b.loss.estimate[r] = 0;
    b.loss.sample_square[r] = b.loss.size[r] = 0;
  }
  std::memset(b.output, 0, sizeof(T) * static_cast<std::size_t>(b.rows * b.output_stride));
  if (b.finite_only) forget_special(b);
  b.taken = {};
  b.window_count = 0;
  b.all_set = false;
  b.largest_sum = 0;
  b.lipschitz = 0;
  b.measure_lipschitz = false;
  b.sampled = false;
}

template <class T>
inline void start_block(block<T>& b, index_type number) {
  open_block(b, number);
  measure_block(b);
  b.careful = b.finite_only = false;
  b.kernels->pack_query(b);
  measure_queries(b);
  b.margin = b.plan->margin_exponent;
  reset_rows(b);
}

// A row that met no visible key has no centre; one whose scores were all NaN has a NaN.
template <class T>
inline void set_centers(block<T>& b) {
  for (index_type r = 0; r < b.rows; ++r) {
    if (!equals(b.shift[r], block<T>::hidden)) {
      b.center[r] = static_cast<double>(b.shift[r]) * static_cast<double>(b.unit) + b.margin * ln2;
    } else {
      b.center[r] = equals(b.sum[r], T(0)) ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
    }
  }
}

inline bool has_fixed_shift(softmax_kind kind) {
  return kind == softmax_kind::anchor_shift || kind == softmax_kind::sampled_max;
}

// The baselines, and the correction: every visible key under a running maximum.
inline raise baseline_policy(softmax_kind kind) {
  return kind == softmax_kind::lazy_max ? raise::past_threshold : raise::always;
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
