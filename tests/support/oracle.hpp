// Attention in float64 (long double where the inputs are double), written from the definition: every
// score, its modifiers, a softmax over all visible keys. Shares no code with the library but the
// modifiers' own element-by-element functions.
#pragma once

#include <vector>

#include "attention_case.hpp"

namespace crestmax_test {

// Keys and values of one key-value head of one sequence, as stored, through the page table.
struct head_inputs {
  index_type kv_len = 0, d_qk = 0, d_v = 0;
  std::vector<double> key, value;

  head_inputs() = default;
  head_inputs(const attention_case& c, const sequence_place& s, index_type kv_head)
      : kv_len(s.kv_len), d_qk(c.d_qk()), d_v(c.d_v()) {
    key.reserve(static_cast<std::size_t>(kv_len * d_qk));
    value.reserve(static_cast<std::size_t>(kv_len * d_v));
    for (index_type j = 0; j < kv_len; ++j) {
      for (index_type k = 0; k < d_qk; ++k) key.push_back(number_at(c, c.key, s, j, kv_head, k));
      for (index_type k = 0; k < d_v; ++k) value.push_back(number_at(c, c.value, s, j, kv_head, k));
    }
  }
  const double* key_row(index_type j) const { return key.data() + j * d_qk; }
  const double* value_row(index_type j) const { return value.data() + j * d_v; }
};

inline std::vector<double> query_row(const attention_case& c, const row_place& r) {
  std::vector<double> row;
  for (index_type k = 0; k < c.d_qk(); ++k) row.push_back(result_at(c.query, r, k));
  return row;
}

inline crestmax::score_position position_of(const row_place& r, index_type key) {
  return {r.sequence.number, r.head, r.query + r.sequence.kv_len - r.sequence.q_len, r.query, key};
}

struct oracle_row {
  std::vector<double> scores;  // modified, in nats; -inf where hidden
  std::vector<bool> visible;
  std::vector<double> weights;  // softmax, sink included in the denominator
  std::vector<double> output;
  double max = -infinity;  // over visible keys, sink not included
  double lse = -infinity;  // sink included
  double lipschitz = 0;    // largest difference of neighbouring visible scores
  double value_max = 0;    // largest finite |value| among visible keys
  index_type visible_keys = 0;

  // Share of the row's weight on the keys for which `inside(key)` is true.
  template <class F>
  double mass(F&& inside) const {
    double sum = 0;
    for (std::size_t j = 0; j < weights.size(); ++j) {
      if (inside(static_cast<index_type>(j))) sum += weights[j];
    }
    return sum;
  }
};

template <class Real>
oracle_row oracle_of(const attention_case& c, const row_place& r, const head_inputs& in) {
  const std::vector<double> query = query_row(c, r);
  oracle_row o;
  o.scores.assign(static_cast<std::size_t>(in.kv_len), -infinity);
  o.visible.assign(static_cast<std::size_t>(in.kv_len), false);
  o.weights.assign(static_cast<std::size_t>(in.kv_len), 0.0);
  o.output.assign(static_cast<std::size_t>(in.d_v), 0.0);
  double previous = -infinity;
  bool poisoned = false;
  for (index_type j = 0; j < in.kv_len; ++j) {
    const auto at = static_cast<std::size_t>(j);
    if (!c.modifiers.visible(position_of(r, j))) continue;
    Real dot = 0;
    for (index_type k = 0; k < in.d_qk; ++k) {
      dot += static_cast<Real>(query[static_cast<std::size_t>(k)]) * static_cast<Real>(in.key_row(j)[k]);
    }
    const double score =
        c.modifiers.modify(static_cast<double>(dot * static_cast<Real>(c.scale())), position_of(r, j));
    o.visible[at] = true;
    o.scores[at] = score;
    ++o.visible_keys;
    poisoned |= std::isnan(score) || score == infinity;
    if (score == -infinity) continue;
    o.max = std::max(o.max, score);
    if (previous != -infinity) o.lipschitz = std::max(o.lipschitz, std::fabs(score - previous));
    previous = score;
    for (index_type k = 0; k < in.d_v; ++k) {
      const double size = std::fabs(in.value_row(j)[k]);
      if (std::isfinite(size)) o.value_max = std::max(o.value_max, size);
    }
  }
  const double sink = c.modifiers.sink(r.head);
  if (poisoned) {
    o.max = o.lse = not_a_number;
    std::fill(o.output.begin(), o.output.end(), not_a_number);
    return o;
  }
  const double top = std::max(o.max, sink);
  if (top == -infinity) return o;
  Real sum = std::exp(static_cast<Real>(sink) - static_cast<Real>(top));
  for (const double score : o.scores) sum += std::exp(static_cast<Real>(score) - static_cast<Real>(top));
  std::vector<Real> output(static_cast<std::size_t>(in.d_v), Real(0));
  for (index_type j = 0; j < in.kv_len; ++j) {
    const auto at = static_cast<std::size_t>(j);
    if (o.scores[at] == -infinity) continue;  // hidden, or without weight: its value is not read
    const Real weight = std::exp(static_cast<Real>(o.scores[at]) - static_cast<Real>(top)) / sum;
    o.weights[at] = static_cast<double>(weight);
    for (index_type k = 0; k < in.d_v; ++k) {
      output[static_cast<std::size_t>(k)] += weight * static_cast<Real>(in.value_row(j)[k]);
    }
  }
  for (std::size_t k = 0; k < output.size(); ++k) o.output[k] = static_cast<double>(output[k]);
  o.lse = static_cast<double>(static_cast<Real>(top) + std::log(sum));
  return o;
}

inline oracle_row oracle_of(const attention_case& c, const row_place& r, const head_inputs& in) {
  return c.computes_in_double() ? oracle_of<long double>(c, r, in) : oracle_of<double>(c, r, in);
}
inline oracle_row oracle_of(const attention_case& c, const row_place& r) {
  return oracle_of(c, r, head_inputs(c, r.sequence, r.head / c.group()));
}

}  // namespace crestmax_test
