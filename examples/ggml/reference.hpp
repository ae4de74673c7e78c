// What an attention operator should give, straight from its formula in float64: to compare with.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "attention_operator.hpp"

namespace adapter {

class reference {
 public:
  // Reads a number of a row of quantised blocks.
  using read_quantised = double (*)(const operand& of, const std::byte* row, index_type number);

  explicit reference(const attention_operator& o, read_quantised read = nullptr) : o_(o), read_(read) {}

  // The output of one row: d_v numbers. Time: O(kv_len * (d_qk + d_v)).
  std::vector<double> row(index_type sequence, index_type head, index_type query) const {
    const index_type kv_head = head / (o_.q_heads() / o_.kv_heads());
    std::vector<double> scores(static_cast<std::size_t>(o_.kv_len()));
    double top = o_.sinks ? number(*o_.sinks, {head, 0, 0, 0}) : hidden;
    for (index_type k = 0; k < o_.kv_len(); ++k) {
      double& s = scores[static_cast<std::size_t>(k)];
      s = score({sequence, head, query, k}, kv_head);
      top = std::max(top, s);
    }
    std::vector<double> output(static_cast<std::size_t>(o_.d_v()), 0.0);
    if (!(top > hidden)) return output;
    double sum = o_.sinks ? std::exp(number(*o_.sinks, {head, 0, 0, 0}) - top) : 0;
    for (index_type k = 0; k < o_.kv_len(); ++k) {
      const double weight = std::exp(scores[static_cast<std::size_t>(k)] - top);
      if (!(weight > 0)) continue;
      sum += weight;
      for (index_type c = 0; c < o_.d_v(); ++c) output[static_cast<std::size_t>(c)] += weight * number(o_.value, {c, k, kv_head, sequence});
    }
    for (double& x : output) x /= sum;
    return output;
  }

  // What an output tensor of the operator's shape holds there.
  double given(index_type sequence, index_type head, index_type query, index_type column) const {
    return number(o_.output, {column, head, query, sequence});
  }

 private:
  struct place {
    index_type sequence, head, query, key;
  };
  static constexpr double hidden = -std::numeric_limits<double>::infinity();

  double number(const operand& t, std::array<index_type, 4> at) const {
    const std::byte* p = static_cast<const std::byte*>(t.data);
    for (std::size_t i = 1; i < 4; ++i) p += static_cast<std::size_t>(at[i]) * t.strides[i];
    if (crestmax::is_encoded(*t.kind)) return read_(t, p, at[0]);
    p += static_cast<std::size_t>(at[0]) * t.strides[0];
    return crestmax::visit_input_kind<float>(*t.kind, [&]<class T>(T*) {
      return crestmax::convert<double>(*crestmax::pointer_to<T>(static_cast<const void*>(p)));
    });
  }

  double slope(index_type head) const {
    if (!(o_.max_bias > 0)) return 1;
    const double first = std::exp2(std::floor(std::log2(static_cast<double>(o_.q_heads()))));
    const double h = static_cast<double>(head);
    const double bias = static_cast<double>(o_.max_bias);
    return h < first ? std::exp2(-bias / first * (h + 1)) : std::exp2(-bias / 2 / first * (2 * (h - first) + 1));
  }

  double score(const place& at, index_type kv_head) const {
    const double added = o_.mask ? number(*o_.mask, {at.key, at.query, at.head % o_.mask->extents[2], at.sequence % o_.mask->extents[3]}) : 0;
    if (o_.mask && std::isinf(added) && added < 0) return hidden;
    double s = 0;
    for (index_type c = 0; c < o_.d_qk(); ++c) {
      s += number(o_.query, {c, at.query, at.head, at.sequence}) * number(o_.key, {c, at.key, kv_head, at.sequence});
    }
    s *= static_cast<double>(o_.scale);
    const double cap = static_cast<double>(o_.soft_cap);
    if (std::fabs(cap) > 0) s = cap * std::tanh(s / cap);
    return s + slope(at.head) * added;
  }

  const attention_operator& o_;
  read_quantised read_;
};

}  // namespace adapter
