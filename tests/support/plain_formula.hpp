// The yardstick: attention as anyone would write it in the compute type (float, or double if an input is
// double). Inputs as stored, maximum subtracted, weights rounded to the weight type, sums in blocks of
// 256 keys, output rounded once. How far it is from the oracle is what arithmetic of that type costs.
// A product q.k may be summed in any order: a single row's error in one order may be small by luck.
#pragma once

#include <vector>

#include "oracle.hpp"

namespace crestmax_test {

// Where the sum of a product starts, as a share of the head dim, and whether it runs backwards; it wraps.
struct dot_order {
  double start = 0;
  bool backwards = false;
};

struct plain_row {
  std::vector<double> output;
  double lse = -infinity;
};

inline double round_weight(crestmax::weight_type type, double weight) {
  if (type == crestmax::weight_type::float16) return rounded_to(scalar_kind::float16, weight);
  if (type == crestmax::weight_type::bfloat16) return rounded_to(scalar_kind::bfloat16, weight);
  return weight;
}

template <class Real>
plain_row plain_formula_of(const attention_case& c, const row_place& r, const head_inputs& in,
                           dot_order order, crestmax::weight_type weights) {
  constexpr index_type block = 256;
  constexpr Real none = -std::numeric_limits<Real>::infinity();
  const std::vector<double> stored_query = query_row(c, r);
  const std::vector<Real> query(stored_query.begin(), stored_query.end());
  const Real scale = static_cast<Real>(c.scale());

  const index_type start = static_cast<index_type>(order.start * static_cast<double>(in.d_qk));
  std::vector<Real> scores(static_cast<std::size_t>(in.kv_len), none);
  Real max = static_cast<Real>(c.modifiers.sink(r.head));
  bool poisoned = false;
  for (index_type j = 0; j < in.kv_len; ++j) {
    if (!c.modifiers.visible(position_of(r, j))) continue;
    Real dot = 0;
    for (index_type i = 0; i < in.d_qk; ++i) {
      const index_type k = (start + (order.backwards ? in.d_qk - 1 - i : i)) % in.d_qk;
      dot += query[static_cast<std::size_t>(k)] * static_cast<Real>(in.key_row(j)[k]);
    }
    const Real score = c.modifiers.modify(dot * scale, position_of(r, j));
    scores[static_cast<std::size_t>(j)] = score;
    poisoned |= std::isnan(score);
    if (score > max) max = score;
  }
  plain_row result;
  result.output.assign(static_cast<std::size_t>(in.d_v), 0.0);
  if (max == none && !poisoned) return result;

  Real sum = 0;        // of rounded weights
  Real exact_sum = 0;  // of the weights before rounding
  std::vector<Real> output(static_cast<std::size_t>(in.d_v), Real(0));
  for (index_type first = 0; first < in.kv_len; first += block) {
    Real block_sum = 0;
    Real block_exact_sum = 0;
    std::vector<Real> block_output(static_cast<std::size_t>(in.d_v), Real(0));
    for (index_type j = first; j < std::min(first + block, in.kv_len); ++j) {
      const Real score = scores[static_cast<std::size_t>(j)];
      if (score == none) continue;  // no weight: the value is not read
      const Real exact = std::exp(score - max);
      const Real weight = static_cast<Real>(round_weight(weights, static_cast<double>(exact)));
      block_sum += weight;
      block_exact_sum += exact;
      for (index_type k = 0; k < in.d_v; ++k) {
        block_output[static_cast<std::size_t>(k)] += weight * static_cast<Real>(in.value_row(j)[k]);
      }
    }
    sum += block_sum;
    exact_sum += block_exact_sum;
    for (std::size_t k = 0; k < output.size(); ++k) output[k] += block_output[k];
  }
  const Real sink_weight = std::exp(static_cast<Real>(c.modifiers.sink(r.head)) - max);
  sum += sink_weight;
  exact_sum += sink_weight;
  for (std::size_t k = 0; k < output.size(); ++k) {
    result.output[k] = rounded_to(c.output.kind(), static_cast<double>(output[k] / sum));
  }
  result.lse = static_cast<double>(max + std::log(exact_sum));
  return result;
}

// `weights` is the type of the path that is held against the formula.
inline plain_row plain_formula_of(const attention_case& c, const row_place& r, const head_inputs& in,
                                  crestmax::weight_type weights, dot_order order = {}) {
  return c.computes_in_double() ? plain_formula_of<double>(c, r, in, order, weights)
                                : plain_formula_of<float>(c, r, in, order, weights);
}

}  // namespace crestmax_test
