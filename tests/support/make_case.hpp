// Short ways to a case: shapes and types in, random inputs out.
#pragma once

#include "attention_case.hpp"

namespace crestmax_test {

struct case_shape {
  index_type batch = 1;
  index_type q_len = 1;
  index_type kv_len = 1;
  index_type q_heads = 1;
  index_type kv_heads = 1;
  index_type d_qk = 16;
  index_type d_v = 16;
  scalar_kind query = scalar_kind::float32;
  scalar_kind key = scalar_kind::float32;
  scalar_kind value = scalar_kind::float32;
  scalar_kind output = scalar_kind::float32;
  memory_layout layout = memory_layout::dense;

  case_shape with_types(scalar_kind kind) const {
    case_shape s = *this;
    s.query = s.key = s.value = s.output = kind;
    return s;
  }
};

// Tensors of the shape: inputs NaN, for the caller to fill.
inline attention_case empty_case(const case_shape& s) {
  attention_case c;
  c.query = test_tensor(s.query, {s.batch, s.q_len, s.q_heads, s.d_qk}, s.layout);
  c.key = test_tensor(s.key, {s.batch, s.kv_len, s.kv_heads, s.d_qk}, s.layout);
  c.value = test_tensor(s.value, {s.batch, s.kv_len, s.kv_heads, s.d_v}, s.layout);
  c.output = test_tensor(s.output, {s.batch, s.q_len, s.q_heads, s.d_v}, s.layout);
  return c;
}

// Standard normal inputs.
inline attention_case normal_case(const case_shape& s, std::uint64_t seed) {
  attention_case c = empty_case(s);
  random_source random(seed);
  c.query.fill_normal(random);
  c.key.fill_normal(random);
  c.value.fill_normal(random);
  return c;
}

// A case whose scores are given: head_dim 4, scale 1, every query (1, 0, 0, ...), key j (score(j), 0, 0, ...),
// so that all rows have the same scores. Values are random in [-1, 1].
template <class Score>
attention_case scores_case(index_type q_len, index_type kv_len, Score&& score, scalar_kind kind = scalar_kind::float32,
                           index_type d_v = 8, index_type d_qk = 4) {
  attention_case c =
      empty_case(case_shape{.q_len = q_len, .kv_len = kv_len, .d_qk = d_qk, .d_v = d_v}.with_types(kind));
  random_source random(static_cast<std::uint64_t>(kv_len));
  c.query.fill(0);
  c.key.fill(0);
  for (index_type q = 0; q < q_len; ++q) c.query.set(0, q, 0, 0, 1);
  for (index_type j = 0; j < kv_len; ++j) {
    c.key.set(0, j, 0, 0, score(j));
    for (index_type k = 0; k < d_v; ++k) c.value.set(0, j, 0, k, random.uniform(-1, 1));
  }
  c.options.scale = 1.0;
  return c;
}

// The same call from a paged cache with pages of `page_size` keys in shuffled places; what belongs to no
// key is NaN, unused table entries are -1. Not for packed keys.
attention_case paged(const attention_case& c, index_type page_size, bool compressed, std::uint64_t seed,
                     index_type unused_pages = 2);

// Options that force the strided sample on.
inline crestmax::sampled_max forced_sample(index_type stride = 16, index_type radius = 32, index_type windows = 4) {
  return {.stride = stride, .radius = radius, .windows = windows, .coarse = crestmax::choice::on};
}

}  // namespace crestmax_test
