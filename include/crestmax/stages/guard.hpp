// Stage: guard. Tells the rows whose shift was good enough from those that the correction redoes, and
// writes finished rows. A row passes when its weights sum up to no more than the limit in any tile, to half of the crest's
// weight at least in all, and its output is finite. Then no weight overflowed, the crest itself was among the keys, and no
// score that counts lies so far above the shift that rounding their difference would show.
#pragma once

#include "left_out.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

template <class T>
bool output_is_finite(const block<T>& b, index_type r) {
  return b.kernels->all_finite(b.state.output + r * b.state.output_stride, b.state.output_stride);
}

// Which conditions apply: after a whole sweep all; within one split of the keys the crest may lie
// elsewhere; after merging the splits have been checked for overflow.
enum class guard_scope { whole, split, merged };

// 2^exponent, of a normal number: a call of the C library for every row would cost more than all else that the guard does.
inline double power_of_two(int exponent) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(1023 + exponent) << 52);
}

template <class T>
bool row_passes(const block<T>& b, index_type r, guard_scope scope) {
  const plan_rules& h = *b.plan;
  const bool covers_all = h.coverage != coverage_kind::plateaus || b.redo.careful;
  const double center = b.state.center[r];
  if (equals(center, -std::numeric_limits<double>::infinity())) return covers_all;  // sees no key
  double sum = static_cast<double>(b.state.sum[r]);
  const bool is_number = b.state.sum[r] <= std::numeric_limits<T>::infinity();
  if (!is_number) return scope != guard_scope::merged && h.coverage == coverage_kind::everything;  // nor is a score, however it is summed
  if (!is_finite(b.state.sum[r]) || !is_finite(b.state.exact_sum[r])) return false;
  if (scope != guard_scope::merged && !(static_cast<double>(b.state.tile_sum[r]) * power_of_two(b.weighing.margin) <= h.guard_limit)) return false;
  if (scope != guard_scope::split) {
    sum += weight_between(sink_of(b, r), center);
    const double least = covers_all ? 0.5 * power_of_two(-std::max(b.weighing.margin, 0)) : std::numeric_limits<double>::min();
    if (!(sum >= least)) return false;
  }
  return is_finite(b.state.center[r]) && output_is_finite(b, r);
}

// Whether row_passes() would say so of every row in hand, seen with a few comparisons each. Most blocks do; of others it may say no.
template <class T>
bool all_rows_pass(const block<T>& b, guard_scope scope) {
  constexpr T most = std::numeric_limits<T>::max();
  const bool is_whole = scope != guard_scope::split;
  const T least = is_whole ? static_cast<T>(0.5 * power_of_two(-std::max(b.weighing.margin, 0))) : T(0);
  const double most_in_tile = scope == guard_scope::merged ? std::numeric_limits<double>::max() : b.plan->guard_limit * power_of_two(-b.weighing.margin);
  bool pass = true;
  for (index_type r = 0; r < b.view.rows; ++r) {
    const T sum = b.state.sum[r];
    pass &= (sum >= least) & (sum <= most) & (b.state.exact_sum[r] <= most) & is_finite(b.state.center[r]) &
            (static_cast<double>(b.state.tile_sum[r]) <= most_in_tile);
  }
  return pass && b.kernels->all_finite(b.state.output, b.view.rows * b.state.output_stride);
}

// Nats by which a row's crest may lie below its highest score: known after a correction, else no key weighs more than all of them,
// those that the coverage left out among them.
template <class T>
void note_undershoot(block<T>& b, index_type r) {
  if (b.redo.careful) {
    const T crest = b.state.crest[slot_of(b, r)];
    if (!is_finite(crest) || !is_finite(b.state.shift[r])) return;
    const double undershoot = (static_cast<double>(b.state.shift[r]) - static_cast<double>(crest)) * static_cast<double>(b.weighing.unit);
    b.counters->undershoot_bound = std::max(b.counters->undershoot_bound, undershoot);
    return;
  }
  double sum = static_cast<double>(b.state.exact_sum[r]);
  if (b.loss.leaves_out) sum += b.loss.mass[r].left_out;
  if (!(sum > b.state.largest_sum)) return;
  b.state.largest_sum = sum;
  constexpr double ulp = static_cast<double>(std::numeric_limits<T>::epsilon());
  const double slack = weight_error<T> + 0x1p-6 * static_cast<double>(b.view.sequence.kv_len) * ulp;
  b.counters->undershoot_bound = std::max(b.counters->undershoot_bound, std::log(sum) + b.weighing.margin * ln2 + slack);
}

template <class T>
void write_number(const row_output& to, index_type batch, index_type row, index_type head, double value) {
  if (!to) return;
  const index_type at = batch * to.strides[0] + row * to.strides[1] + head * to.strides[2];
  if (to.kind == scalar_kind::float64) static_cast<double*>(to.data)[at] = value;
  else static_cast<float*>(to.data)[at] = static_cast<float>(value);
}

// The same of a number that is rounded up.
inline void write_rounded_up(const row_output& to, index_type batch, index_type row, index_type head, double number) {
  const float nearest = static_cast<float>(number);
  const bool below = to.kind != scalar_kind::float64 && static_cast<double>(nearest) < number;
  write_number<float>(to, batch, row, head, below ? static_cast<double>(std::nextafter(nearest, std::numeric_limits<float>::infinity())) : number);
}

// Where a row's outputs go: batch and row of the tensors.
struct output_place {
  index_type batch;
  index_type row;
};
template <class T>
output_place place_of(const block<T>& b, index_type r) {
  return {b.view.sequence.query_batch, b.view.sequence.query_begin + b.view.rows_at[r].query_index};
}

// The row of the output tensor.
template <class T>
void* output_row(const block<T>& b, index_type r) {
  const tensor_view& out = b.call->output;
  const output_place to = place_of(b, r);
  const index_type at = to.batch * out.strides[0] + to.row * out.strides[1] + b.view.rows_at[r].head * out.strides[2];
  return static_cast<char*>(const_cast<void*>(out.data)) + at * size_of(out.kind);
}

// Writes NaN wherever a row's numbers would go: some of its keys or values could not be read.
template <class T>
void poison_row(const block<T>& b, index_type r) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  b.kernels->write(b.state.output + r * b.state.output_stride, none, b.call->output.kind, output_row(b, r), b.plan->shape.d_v);
  const output_place to = place_of(b, r);
  for (const row_output* rows : {&b.call->lse, &b.call->dropped_mass, &b.call->output_error}) {
    write_number<T>(*rows, to.batch, to.row, b.view.rows_at[r].head, none);
  }
}

// Divides by the sum, joins the sink, writes output, lse and the lost mass of one row.
template <class T>
void write_row(block<T>& b, index_type r) {
  const plan_rules& h = *b.plan;
  const row_position at = b.view.rows_at[r];
  const auto [batch, row] = place_of(b, r);
  const double center = b.state.center[r];
  const double sink = sink_of(b, r);
  const double top = std::max(center, sink);
  const bool empty = equals(top, -std::numeric_limits<double>::infinity());
  const double keys_weight = empty ? 0 : weight_between(center, top);
  const double sink_weight = empty ? 0 : weight_between(sink, top);
  const double sum = static_cast<double>(b.state.sum[r]) * keys_weight + sink_weight;
  const double exact_sum = static_cast<double>(b.state.exact_sum[r]) * keys_weight + sink_weight;
  const T* output = b.state.output + r * b.state.output_stride;
  const bool none = equals(center, -std::numeric_limits<double>::infinity());
  const double factor = none ? 0 : keys_weight / sum;
  const scalar_kind kind = b.call->output.kind;
  if (none) std::memset(output_row(b, r), 0, static_cast<std::size_t>(size_of(kind) * h.shape.d_v));
  else b.kernels->write(output, factor, kind, output_row(b, r), h.shape.d_v);
  if (b.call->lse) write_number<T>(b.call->lse, batch, row, at.head, empty ? top : top + std::log(exact_sum));
  const lost_mass lost = lost_by(b, r);
  write_rounded_up(b.call->dropped_mass, batch, row, at.head, b.loss.certified ? lost.bound : lost.estimate);
  write_rounded_up(b.call->output_error, batch, row, at.head, b.state.error[r]);
  b.counters->output_error = std::max(b.counters->output_error, b.state.error[r]);
  b.counters->dropped_mass = std::max(b.counters->dropped_mass, lost.bound);
  b.counters->dropped_estimate = std::max(b.counters->dropped_estimate, lost.estimate);
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
