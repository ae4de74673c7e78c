// Stage: which keys are read to their end. The states of all splits say what each key adds to the error of each row; keys and values that add most are
// chosen, until what is left is within the tolerance of every row.
#pragma once

#include "guard.hpp"
#include "planes_scan.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Contributions are told apart by their powers of two, in quarters, from this one on.
inline constexpr int least_power_of_error = -40;
inline constexpr int error_levels = -least_power_of_error * 4 + 2;

// What is known of a row when all its splits are.
struct planes_row {
  double weight;   // of its keys and its sink, above the common shift
  double least;    // what that is at least
  double norm;     // of the output
  double size;     // the same as errors take it
  // Of a bound:
  double rounding; // the share that a computed weight may lie beside what the planes read say
  double largest;  // at most the largest norm of a value that the row sees
  double most;     // at least that
};

// All splits of a block as one state.
template <class T>
void merge_planes(block<T>& b, const planes_view& m) {
  for (index_type r = 0; r < b.view.rows; ++r) {
    double top = -std::numeric_limits<double>::infinity(), sum = 0;
    for (index_type split = 0; split < m.at.splits; ++split) top = std::max(top, m.state(split, r).shift);
    T* const output = b.state.output + r * b.state.output_stride;
    std::memset(output, 0, sizeof(T) * static_cast<std::size_t>(b.state.output_stride));
    for (index_type split = 0; split < m.at.splits; ++split) {
      const planes_state& state = m.state(split, r);
      const double factor = weight_between(state.shift * static_cast<double>(b.weighing.unit), top * static_cast<double>(b.weighing.unit));
      if (!(factor > 0)) continue;
      sum += factor * state.sum;
      b.kernels->add_scaled(output, static_cast<T>(factor), m.output(split, r), b.plan->shape.d_v);
    }
    b.state.shift[r] = static_cast<T>(top);
    b.state.sum[r] = b.state.exact_sum[r] = static_cast<T>(sum);
  }
  set_centers(b);
}

// What a split's weights count under the common shift.
template <class T>
double factor_of_split(const block<T>& b, const planes_view& m, index_type split, index_type r) {
  const auto unit = static_cast<double>(b.weighing.unit);
  return weight_between(m.state(split, r).shift * unit, static_cast<double>(b.state.shift[r]) * unit);
}

// The largest norm of a value that has weight, from below and from above.
template <class T>
void measure_values_of_row(const block<T>& b, const planes_view& m, index_type r, planes_row& row) {
  const float* const weights = m.weights(r);
  float largest = 0, most = 0;
  for (index_type j = 0; j < b.view.sequence.kv_len; ++j) {
    if (!(weights[j] > 0)) continue;
    largest = std::max(largest, m.value_sizes()[j] - 2 * m.value_errors()[j]);
    most = std::max(most, m.value_sizes()[j]);
  }
  row.largest = static_cast<double>(largest) * (1 - 0x1p-10);
  row.most = static_cast<double>(most) * (1 + 0x1p-20);
}

template <class T>
planes_row measure_row(const block<T>& b, const planes_view& m, index_type r) {
  planes_row row{};
  row.weight = static_cast<double>(b.state.sum[r]) + weight_between(sink_of(b, r), b.state.center[r]);
  row.least = row.weight;
  for (index_type split = 0; m.bounds && split < m.at.splits; ++split) {
    const double factor = factor_of_split(b, m, split, r);
    row.least -= factor * m.state(split, r).lacking;
    if (factor > 0) row.rounding = std::max(row.rounding, std::expm1(m.state(split, r).rounding));
  }
  row.least *= 1 - row.rounding;
  double square = 0;
  const T* const output = b.state.output + r * b.state.output_stride;
  for (index_type k = 0; k < b.plan->shape.d_v; ++k) square += static_cast<double>(output[k]) * static_cast<double>(output[k]);
  row.norm = std::sqrt(square) / row.weight;
  row.size = m.bounds ? row.norm : row.norm * row.norm;
  if (m.bounds) measure_values_of_row(b, m, r, row);
  return row;
}

// Of a bound, what the sums of a row may be off by that are rounded: every weight by its share, and sums of so many numbers.
template <class T>
double rounding_of_sums(const block<T>& b, const planes_view& m, const planes_row& row) {
  constexpr double ulp = static_cast<double>(std::numeric_limits<T>::epsilon());
  const double depth = 4.0 * static_cast<double>(keys_of_block) + static_cast<double>(m.keys_per_split / keys_of_block + m.at.splits + b.view.sequence.kv_len / 16);
  return row.weight * (row.rounding * (row.most + row.norm) + depth * ulp * row.most);
}

// Of a row, what the sum of its keys' errors may be; nothing, or less: all is to be read.
template <class T>
double allowed_error(const block<T>& b, const planes_view& m, const planes_row& row) {
  const double tolerance = b.plan->tolerance;
  if (!m.bounds) return tolerance * row.weight * row.norm * tolerance * row.weight * row.norm * 0.998;
  const bool of_output = b.plan->by_planes == coverage_kind::within_bound_of_output;
  const double error = of_output ? tolerance / (1 + tolerance) * row.norm : tolerance * row.largest;
  return (error * row.least * 0.98 - rounding_of_sums(b, m, row)) / (1 + row.rounding);
}

// The error of an output as a share of what its coverage names.
template <class T>
double share_of_error(const block<T>& b, const planes_row& row, double error) {
  const double of = b.plan->by_planes == coverage_kind::within_bound_of_output ? row.norm - error : row.largest;
  return of > 0 ? rounded_up(error / of) : std::numeric_limits<double>::infinity();
}

// The error of a row as it stands, as options::output_error has it.
template <class T>
double error_of_row(const block<T>& b, const planes_view& m, index_type r, const planes_row& row) {
  double sum = 0;
  for (index_type split = 0; split < m.at.splits; ++split) {
    const planes_state& s = m.state(split, r);
    const double factor = factor_of_split(b, m, split, r);
    sum += (m.bounds ? factor : factor * factor) * (s.by_value + row.size * s.by_key + s.of_value);
  }
  if (m.bounds) {
    if (!(row.least > 0)) return row.weight > 0 ? std::numeric_limits<double>::infinity() : 0;
    return share_of_error(b, row, rounded_up((sum * (1 + row.rounding) + rounding_of_sums(b, m, row)) / row.least * (1 + 0x1p-30)));
  }
  return sum > 0 ? std::sqrt(sum) / (row.weight * row.norm) : sum;
}

// What the chooser keeps of a block.
struct planes_choice {
  planes_row rows[most_direct_rows];
  double allowed[most_direct_rows];
  float sizes[most_direct_rows];
  float share[most_direct_rows];  // of the split in hand: what a weight of 1 there is of what is allowed
  float least;                    // smaller shares are not told apart: those of all keys sum up to an eighth
  double kept[most_direct_rows];  // errors that stay, as shares
  double levels[error_levels][most_direct_rows];
  index_type split;
};

inline void share_weights(const planes_view& m, planes_choice& c, index_type split, const double* factors, index_type rows) {
  c.split = split;
  for (index_type r = 0; r < rows; ++r) {
    const double share = (m.bounds ? factors[r] : factors[r] * factors[r]) / c.allowed[r];
    c.share[r] = static_cast<float>(c.allowed[r] > 0 ? std::min(share, largest_error) : factors[r] > 0 ? largest_error : 0);
  }
}

template <class T>
void take_split(const block<T>& b, const planes_view& m, planes_choice& c, index_type key) {
  const index_type split = key / m.keys_per_split;
  if (split == c.split) return;
  double factors[most_direct_rows];
  for (index_type r = 0; r < b.view.rows; ++r) factors[r] = factor_of_split(b, m, split, r);
  share_weights(m, c, split, factors, b.view.rows);
}

// The level of a share: at least 1.
inline int level_of_error(float share) {
  const int quarters = static_cast<int>(std::bit_cast<std::uint32_t>(share) >> 21) - 4 * 127;
  return std::clamp(quarters - 4 * least_power_of_error + 1, 1, error_levels - 1);
}

// Whether 64 keys as a whole add so little that none of them is looked at.
inline bool is_small(const planes_view& m, planes_choice& c, index_type rows, index_type key_block, float* shares) {
  const planes_summary* const sums = m.summaries(key_block);
  const float* const errors = m.key_errors(key_block);
  float largest = 0;
  for (index_type r = 0; r < rows; ++r) {
    const float more = m.bounds ? 1 + errors[r] : 1;
    shares[r] = c.share[r] * (errors[r] * (sums[r].sizes + static_cast<float>(c.rows[r].size) * sums[r].weights) + sums[r].errors * more);
    largest = std::max(largest, shares[r]);
  }
  return largest * static_cast<float>(m.at.key_blocks) <= 0.125f;
}

// Which of 64 keys and values are neither read by all planes nor going to be, as numbers; whether any is.
struct left_of_keys {
  float key[keys_of_block];
  float value[keys_of_block];

  bool find(const std::uint8_t* read, unsigned key_bits, unsigned value_bits) {
    unsigned any = 0;
    for (index_type j = 0; j < keys_of_block; ++j) any |= read[j];
    for (index_type j = 0; any != 0 && j < keys_of_block; ++j) {
      key[j] = (read[j] & key_bits) != 0 ? 0.0f : 1.0f;
      value[j] = (read[j] & value_bits) != 0 ? 0.0f : 1.0f;
    }
    return any != 0;
  }
};

// Errors of 64 keys; those that matter get their levels, and are told apart by these.
template <class T>
void level_keys(const block<T>& b, const planes_view& m, planes_choice& c, index_type key, error_shares<T>& shares) {
  left_of_keys left;
  errors_of_keys<T> of = errors_of(b, m, key);
  if (left.find(m.read() + key, key_is_read, value_is_read)) {
    of.key_left = left.key;
    of.value_left = left.value;
  }
  of.key_errors = m.key_errors(key / keys_of_block);
  of.shares = c.share;
  of.row_sizes = c.sizes;
  of.least = c.least;
  b.kernels->planes.share_errors(of, shares);
  for (index_type r = 0; r < b.view.rows; ++r) c.kept[r] += static_cast<double>(shares.total[r]);
  const auto level = [&](std::uint8_t* levels, const T* largest, const T (&of_rows)[planner::most_joined_rows][keys_sharing]) {
    for (index_type j = 0; j < keys_of_block; ++j) {
      levels[j] = 0;
      if (largest[j] <= c.least) continue;
      levels[j] = static_cast<std::uint8_t>(level_of_error(largest[j]));
      for (index_type r = 0; r < b.view.rows; ++r) c.levels[levels[j]][r] += static_cast<double>(of_rows[r][j]);
    }
  };
  level(m.key_levels() + key, shares.largest_of_key, shares.of_key);
  level(m.value_levels() + key, shares.largest_of_value, shares.of_value);
}

// Marks what has at least a level, of 64 keys.
inline void mark_keys(const planes_view& m, index_type key, int level) {
  for (index_type j = key; j < key + keys_of_block; ++j) {
    const unsigned chosen = (m.key_levels()[j] >= level ? key_is_chosen : 0u) | (m.value_levels()[j] >= level ? value_is_chosen : 0u);
    m.read()[j] = static_cast<std::uint8_t>(m.read()[j] | chosen);
  }
}

// The lowest level from which on everything has to be read for the rest to be allowed.
inline int choose_level(const planes_choice& c, index_type rows) {
  double sums[most_direct_rows];
  std::copy_n(c.kept, rows, sums);
  for (int level = 0; level < error_levels; ++level) {
    for (index_type r = 0; r < rows; ++r) {
      sums[r] += c.levels[level][r];
      if (!(sums[r] <= 1)) return level;
    }
  }
  return error_levels;
}

// Marks what is to be read to its end, of a block whose splits are merged. Time: O(rows * keys).
template <class T>
void choose_planes(block<T>& b, const planes_view& m) {
  planes_choice c{};
  c.split = -1;
  c.least = 1 / (16 * static_cast<float>(m.at.stride));
  for (index_type r = 0; r < b.view.rows; ++r) {
    c.rows[r] = measure_row(b, m, r);
    c.sizes[r] = static_cast<float>(c.rows[r].size);
    c.allowed[r] = allowed_error(b, m, c.rows[r]);
  }
  error_shares<T> shares;
  float of_rows[most_direct_rows];
  for (index_type key = 0; key < m.at.stride; key += keys_of_block) {
    take_split(b, m, c, key);
    if (!is_small(m, c, b.view.rows, key / keys_of_block, of_rows)) {
      level_keys(b, m, c, key, shares);
      continue;
    }
    for (index_type r = 0; r < b.view.rows; ++r) c.kept[r] += static_cast<double>(of_rows[r]);
    for (std::uint8_t* levels : {m.key_levels(), m.value_levels()}) std::memset(levels + key, 0, static_cast<std::size_t>(keys_of_block));
  }
  const int level = std::max(1, choose_level(c, b.view.rows));
  for (index_type key = 0; key < m.at.stride; key += keys_of_block) mark_keys(m, key, level);
}

// The stage for one block.
template <class T>
void run_choose(block<T>& b, index_type number, const plan_sequence& s) {
  start_merging(b, number, {0, s.rows()});
  if (b.view.rows == 0) return;
  b.weighing.margin = 0;
  const planes_view m = planes_of(*b.call, s, number);
  merge_planes(b, m);
  choose_planes(b, m);
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
