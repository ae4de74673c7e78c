#include "verify.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace crestmax_bench {

namespace {

std::vector<double> exact_row(const workload& w, index_type query, index_type head) {
  const shape& s = w.of;
  const index_type kv_head = head / s.group();
  const index_type seen = s.causal ? query + s.kv_len - s.q_len + 1 : s.kv_len;
  std::vector<double> scores(static_cast<std::size_t>(seen));
  std::vector<double> q(static_cast<std::size_t>(s.head_dim));
  for (index_type k = 0; k < s.head_dim; ++k) {
    q[static_cast<std::size_t>(k)] =
        read_number(s.query_kind, w.query.data(), w.query_offset(query, head) + k);
  }
  double highest = -std::numeric_limits<double>::infinity();
  for (index_type j = 0; j < seen; ++j) {
    const index_type at = w.row_offset(kv_head, j);
    double product = 0;
    for (index_type k = 0; k < s.head_dim; ++k) {
      product += q[static_cast<std::size_t>(k)] * read_number(s.kv_kind, w.key.data(), at + k);
    }
    scores[static_cast<std::size_t>(j)] = product / std::sqrt(static_cast<double>(s.head_dim));
    highest = std::max(highest, scores[static_cast<std::size_t>(j)]);
  }
  double sum = 0;
  std::vector<double> output(static_cast<std::size_t>(s.head_dim));
  for (index_type j = 0; j < seen; ++j) {
    const index_type at = w.row_offset(kv_head, j);
    const double weight = std::exp(scores[static_cast<std::size_t>(j)] - highest);
    sum += weight;
    for (index_type k = 0; k < s.head_dim; ++k) {
      output[static_cast<std::size_t>(k)] += weight * read_number(s.kv_kind, w.value.data(), at + k);
    }
  }
  for (double& x : output) x /= sum;
  return output;
}

}  // namespace

reference::reference(const workload& w) : w_(w) {
  const shape& s = w.of;
  constexpr index_type wanted = 8;
  const index_type total = s.q_len * s.q_heads;
  // Spread over queries and heads, the first and the last row among them.
  for (index_type i = 0; i < std::min(wanted, total); ++i) {
    const index_type at = total <= wanted ? i : i * (total - 1) / (wanted - 1);
    rows_.push_back({at / s.q_heads, at % s.q_heads, exact_row(w, at / s.q_heads, at % s.q_heads)});
  }
}

double reference::error() const {
  double largest = 0;
  for (const row& r : rows_) {
    for (std::size_t k = 0; k < r.output.size(); ++k) {
      const index_type at = w_.query_offset(r.query, r.head) + static_cast<index_type>(k);
      const double difference = std::fabs(read_number(w_.of.query_kind, w_.output.data(), at) - r.output[k]);
      // A NaN must not slip through a maximum.
      if (!(difference <= std::numeric_limits<double>::max())) return std::numeric_limits<double>::infinity();
      largest = std::max(largest, difference);
    }
  }
  return largest / w_.largest_value;
}

double reference::tolerance() const {
  double largest = 0;
  for (const row& r : rows_) {
    for (const double x : r.output) largest = std::max(largest, std::fabs(x));
  }
  const double unit = w_.of.query_kind == scalar_kind::bfloat16  ? 0x1p-8
                      : w_.of.query_kind == scalar_kind::float16 ? 0x1p-11
                                                                 : 0x1p-24;
  // Weights may be bfloat16 where outputs are: a weighted mean of their errors is well below those of outputs.
  const double weights = w_.of.query_kind == scalar_kind::bfloat16 ? 0.5 * unit : 0;
  // Scores of real captures reach hundreds of nats, where fp32 products err in the fifth digit.
  return (w_.of.data == "random" ? 2e-6 : 1e-4) + (1.01 * unit + weights) * largest / w_.largest_value;
}

}  // namespace crestmax_bench
