// Stage: the first plane of every key, of blocks of few rows whose coverage is a tolerance. Scores of all keys of a split fix its shift: what unread
// bits can add to a score is known, so that no weight is above 1. Then weights are multiplied with what the first plane tells of the values, and what
// the unread bits of each key may be worth is noted.
#pragma once

#include "../planes_memory.hpp"
#include "block_start.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Planes are read as float.
template <class T>
inline constexpr bool reads_planes = sizeof(T) == sizeof(float);

inline constexpr index_type keys_of_block = keys_in_block(scalar_kind::planes16);
// Planes that are read of all keys.
inline constexpr int first_planes = 1;
// Numbers of this size and above are infinite: products with weights of 0 stay 0.
inline constexpr double largest_error = 1e30;

// What the stages of one block share.
struct planes_view {
  planes_memory at;
  std::byte* memory;
  index_type keys_per_split;
  bool bounds;  // errors add up themselves, not by their squares

  template <class N>
  N* array(index_type begin) const { return pointer_to<N>(memory + begin); }
  float* weights(index_type r) const { return array<float>(at.weights) + r * at.stride; }
  float* value_sizes() const { return array<float>(at.value_sizes); }
  float* value_errors() const { return array<float>(at.value_errors); }
  float* key_errors(index_type key_block) const { return array<float>(at.key_errors) + key_block * at.rows; }
  planes_summary* summaries(index_type key_block) const { return array<planes_summary>(at.summaries) + key_block * at.rows; }
  std::uint8_t* read() const { return array<std::uint8_t>(at.read); }
  std::uint8_t* key_levels() const { return array<std::uint8_t>(at.levels); }
  std::uint8_t* value_levels() const { return key_levels() + at.stride; }
  planes_state& state(index_type split, index_type r) const { return array<planes_state>(at.states)[split * at.rows + r]; }
  float* output(index_type split, index_type r) const { return array<float>(at.outputs) + (split * at.rows + r) * at.output_stride; }
  key_interval keys_of(index_type split, index_type kv_len) const {
    return {std::min(split * keys_per_split, kv_len), std::min((split + 1) * keys_per_split, kv_len)};
  }
};

template <class T>
planes_view planes_of(const call_data<T>& call, const plan_sequence& s, index_type number) {
  const plan_header& h = call.plan.header();
  const planes_memory at = planes_memory::of(h.shape, s, s);
  return {at, call.workspace.shared() + h.planes_at + s.first_planes + (number - s.first_block) * at.size,
          planner::keys_per_split_of_planes(s.kv_len, s.splits), planner::bounds_error(h.by_planes)};
}

// A block whose keys and values come from their first planes.
template <class T>
void start_planes(block<T>& b, index_type number) {
  start_block(b, number);
  for (source_rows* rows : {&b.operands.key_rows, &b.operands.value_rows}) {
    rows->decode = b.kernels->planes.decode;
    rows->planes = first_planes;
  }
  b.operands.score_in_place = b.kernels->planes.score;
  b.operands.multiply_in_place = b.kernels->planes.multiply;
  b.weighing.margin = 0;
}

// Nats by which unread bits of 64 keys may change a score of a row, and the variance that they have if they are uniform.
struct unread_score {
  double most;
  double variance;
  double size;  // at least the sum of |query * key| of each of the keys
};

// Of the rows of a block, from the steps of the channels alone.
template <class T>
void measure_unread(block<T>& b, index_type key, unread_score* of_rows) {
  T sizes[most_direct_rows], squares[most_direct_rows], products[most_direct_rows];
  b.kernels->planes.measure_steps(in_place_view(b), key, sizes, squares, products);
  const double scale = std::fabs(b.plan->scale);
  for (index_type r = 0; r < b.view.rows; ++r) {
    of_rows[r] = {rounded_up(static_cast<double>(sizes[r]) * scale * static_cast<double>(unread_span(first_planes)) * (1 + 0x1p-12)),
                  static_cast<double>(squares[r]) * scale * scale * variance_of_unread(first_planes),
                  static_cast<double>(products[r]) * scale * (1 + 0x1p-12)};
  }
}

// Sums of |query * key| of rows that are not coded yet, the largest of some keys.
template <class T>
double size_of_open_scores(block<T>& b, index_type r, key_interval keys) {
  const source_rows& of = b.operands.key_rows;
  const T* const query = b.operands.query + r * b.operands.query_stride;
  double largest = 0;
  for (index_type key = keys.begin; key < keys.end; ++key) {
    of.decode(of, coded_run_to_read(of, key), 0, 1, 1, b.operands.key);
    double size = 0;
    for (index_type k = 0; k < of.length; ++k) size += std::fabs(static_cast<double>(query[k]) * static_cast<double>(b.operands.key[k]));
    largest = std::max(largest, size);
  }
  return largest * std::fabs(b.plan->scale);
}

// What is noted of 64 keys before their scores are weighed: the errors of these, and the most that they may rise by, in score units; of a bound the
// largest sums of |query * key| as well.
template <class T>
void note_key_errors(block<T>& b, const planes_view& m, key_interval keys, T* most, double* sizes) {
  unread_score unread[most_direct_rows];
  const index_type key = keys.begin;
  measure_unread(b, key, unread);
  const double per_unit = b.weighing.raw ? std::fabs(b.plan->scale) : 1.0;
  float* const errors = m.key_errors(key / keys_of_block);
  for (index_type r = 0; r < b.view.rows; ++r) {
    const double error = m.bounds ? std::expm1(std::min(unread[r].most, 80.0)) : unread[r].variance;
    errors[r] = static_cast<float>(std::min(error, largest_error));
    most[r] = std::max(most[r], static_cast<T>(unread[r].most / per_unit));
    if (m.bounds) sizes[r] = std::max(sizes[r], unread[r].size > 0 ? unread[r].size : size_of_open_scores(b, r, keys));
  }
}

// How far a computed score of a row may lie from what the planes read say, in nats, as far as its weight is no smaller than any float: roundings of the
// sum, of the shift, of modifiers and of the exponential.
template <class T>
double rounding_of_scores(const block<T>& b, index_type r, double size) {
  constexpr double ulp = static_cast<double>(std::numeric_limits<T>::epsilon()), farthest = 104;
  const double shift = std::fabs(static_cast<double>(b.state.shift[r]) * static_cast<double>(b.weighing.unit));
  const double of_sum = (static_cast<double>(b.plan->shape.d_qk) + 16) * ulp * size;
  const double modified = 32 * ulp * b.call->modifiers.score_modifiers * (2 * size + shift + farthest);
  return rounded_up(of_sum + modified + 4 * ulp * (shift + farthest) + 8 * ulp);
}

// Scores of the keys of a split go to memory; the shift of each row is at least the highest score that all planes would give.
template <class T>
void score_split(block<T>& b, const planes_view& m, key_interval range, double* sizes) {
  T lifted[most_direct_rows];
  std::fill_n(sizes, b.view.rows, 0.0);
  std::fill_n(b.state.shift, b.view.rows, hidden_score<T>);
  for (index_type first = range.begin; first < range.end; first += planner::most_tile_keys) {
    const index_type count = std::min(planner::most_tile_keys, range.end - first);
    const visibility seen = classify(b, b.view.hull, first, count, 1);
    if (seen == visibility::none) continue;
    const tile_keys tile{first, 1, count, seen, {first + count, std::min(range.end, first + count + planner::most_tile_keys)}, true};
    score_strip(b, {0, b.view.rows}, tile);
    std::fill_n(lifted, b.view.rows, T(0));
    for (index_type key = first; key < first + count; key += keys_of_block) {
      note_key_errors(b, m, {key, std::min(key + keys_of_block, first + count)}, lifted, sizes);
    }
    for (index_type r = 0; r < b.view.rows; ++r) {
      std::memcpy(m.weights(r) + first, b.scratch.scores + r * score_stride, static_cast<std::size_t>(count) * sizeof(float));
      b.state.shift[r] = std::max(b.state.shift[r], b.state.tile_max[r] + lifted[r] * (1 + T(0x1p-20)));
    }
  }
}

// Sizes and errors of the values of a tile.
template <class T>
void note_values(block<T>& b, const planes_view& m, key_interval keys) {
  const index_type count = keys.end - keys.begin;
  float* const sizes = m.value_sizes() + keys.begin;
  float* const errors = m.value_errors() + keys.begin;
  b.kernels->planes.measure_values(b.operands.value_rows, keys.begin, count, sizes, errors);
  const auto d = static_cast<double>(b.operands.value_rows.length);
  constexpr auto most = static_cast<float>(largest_error);
  if (m.bounds) {
    const auto factor = static_cast<float>(static_cast<double>(unread_span(first_planes)) * std::sqrt(d) * (1 + 0x1p-20));
    for (index_type j = 0; j < count; ++j) {
      errors[j] = std::min(std::fabs(errors[j]) * factor, most);
      sizes[j] = std::sqrt(sizes[j]) * (1 + 0x1p-12f) + errors[j];  // of all that the planes may say
    }
  } else {
    const auto factor = static_cast<float>(d * variance_of_unread(first_planes));
    for (index_type j = 0; j < count; ++j) errors[j] = std::min(errors[j] * errors[j] * factor, most);
  }
}

// What is known of 64 keys of a block, as kernels take it.
template <class T>
errors_of_keys<T> errors_of(const block<T>& b, const planes_view& m, index_type key) {
  return {b.view.rows, m.weights(0) + key, m.at.stride, m.value_sizes() + key, m.value_errors() + key, nullptr, nullptr, !m.bounds};
}

// Sums over the keys of each block of keys.
template <class T>
void summarise(block<T>& b, const planes_view& m, key_interval range) {
  for (index_type key = range.begin; key < range.end; key += keys_of_block) {
    planes_summary* const to = m.summaries(key / keys_of_block);
    error_sums<T> sums;
    for (index_type r = 0; r < b.view.rows; ++r) {
      b.kernels->planes.sum_errors(errors_of(b, m, key), r, sums);
      to[r] = {sums.weights, sums.sizes, sums.errors};
    }
  }
}

// The weights of a tile whose scores are in memory, and their products with the values.
template <class T>
void weigh_tile(block<T>& b, const planes_view& m, const tile_keys& tile) {
  const row_span strip{0, b.view.rows};
  const strip_view<T> view = view_of(b, strip);
  const auto bytes = static_cast<std::size_t>(tile.count) * sizeof(float);
  for (index_type r = 0; r < b.view.rows; ++r) {
    std::memcpy(b.scratch.scores + r * score_stride, m.weights(r) + tile.first, bytes);
    b.state.base[r] = base_of(b.state.shift[r]);
  }
  see_panels(b, strip, tile);
  if (const index_type in_last = tile.count % b.kernels->panel; in_last != 0) {
    b.kernels->hide_columns(view.scores + tile.count - in_last, strip.count, in_last);
  }
  b.kernels->numbers.weigh(view, b.state.base, b.kernels->numbers.weigh_with(b.weighing.unit, 0));
  b.kernels->add_totals(view.lanes, b.view.rows, b.state.sum, nullptr);
  for (index_type r = 0; r < b.view.rows; ++r) std::memcpy(m.weights(r) + tile.first, b.scratch.scores + r * score_stride, bytes);
  note_values(b, m, {tile.first, tile.first + tile.count});
  const rows_in_place<T> alone = in_place_view(b);
  b.operands.multiply_in_place({&alone, 1}, tile);
}

// Nothing of some keys counts.
template <class T>
void leave_out(block<T>& b, const planes_view& m, key_interval keys) {
  const auto count = static_cast<std::size_t>(keys.end - keys.begin);
  for (index_type r = 0; r < b.view.rows; ++r) std::memset(m.weights(r) + keys.begin, 0, count * sizeof(float));
  std::memset(m.value_sizes() + keys.begin, 0, count * sizeof(float));
  std::memset(m.value_errors() + keys.begin, 0, count * sizeof(float));
  for (index_type j = keys.begin; j < keys.end; j += keys_of_block) {
    std::fill_n(m.key_errors(j / keys_of_block), m.at.rows, 0.0f);
  }
}

// Behind the last key of a sequence stand keys of no weight, to the end of their block.
template <class T>
void fill_up(block<T>& b, const planes_view& m) {
  const index_type kv_len = b.view.sequence.kv_len, behind = m.at.stride - kv_len;
  for (index_type r = 0; r < b.view.rows; ++r) std::fill_n(m.weights(r) + kv_len, behind, 0.0f);
  std::fill_n(m.value_sizes() + kv_len, behind, 0.0f);
  std::fill_n(m.value_errors() + kv_len, behind, 0.0f);
  std::fill_n(m.read() + kv_len, behind, std::uint8_t{0});
}

// Bytes of the first planes of keys or values, and of what stands beside them.
template <class T>
void count_first_planes(block<T>& b, index_type keys) {
  const auto beside = [&](const source_rows& rows, index_type numbers) {
    const kv_run run = coded_run_if_any(rows, 0);
    return run.beside.coding == nullptr ? 0 : 2 * numbers * size_of(run.beside.coding->scales.kind);
  };
  const index_type of_keys = b.operands.key_rows.length / 2 * keys + beside(b.operands.key_rows, b.operands.key_rows.length) * planner::divide_up(keys, keys_of_block);
  b.counters->bytes += of_keys + (b.operands.value_rows.length / 2 + beside(b.operands.value_rows, 1)) * keys;
}

// One split, from its first score to its sums.
template <class T>
void scan_split(block<T>& b, const planes_view& m, index_type split) {
  const key_interval range = m.keys_of(split, b.view.sequence.kv_len);
  reset_rows(b);
  double sizes[most_direct_rows];
  score_split(b, m, range, sizes);
  std::memset(m.read() + range.begin, 0, static_cast<std::size_t>(range.end - range.begin));
  for (index_type first = range.begin; first < range.end; first += planner::most_tile_keys) {
    const index_type end = std::min(first + planner::most_tile_keys, range.end);
    const visibility seen = classify(b, b.view.hull, first, end - first, 1);
    if (seen == visibility::none) {
      leave_out(b, m, {first, end});
      count_pairs(b, b.view.rows * (end - first), 0);
      continue;
    }
    weigh_tile(b, m, {first, 1, end - first, seen, {end, std::min(range.end, end + planner::most_tile_keys)}});
    count_first_planes(b, end - first);
    count_pairs(b, b.view.rows * (end - first), b.view.rows * (end - first));
  }
  if (range.begin < range.end && range.end == b.view.sequence.kv_len) fill_up(b, m);
  summarise(b, m, range);
  for (index_type r = 0; r < b.view.rows; ++r) {
    m.state(split, r) = {static_cast<double>(b.state.shift[r]), static_cast<double>(b.state.sum[r]), 0, 0, 0, 0,
                         m.bounds ? rounding_of_scores(b, r, sizes[r]) : 0};
    std::copy_n(b.state.output + r * b.state.output_stride, b.plan->shape.d_v, m.output(split, r));
  }
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
