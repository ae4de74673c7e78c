// The shortest way in: four views, one call, a status. Causal attention over eight heads.
#include <crestmax/crestmax.hpp>

#include "example.hpp"

crestmax::status attend(float* q, float* k, float* v, float* out, std::int64_t length) {
  const std::int64_t heads = 8, head_dim = 64;
  crestmax::tensor query{q, {1, length, heads, head_dim}};  // (batch, q_len, q_heads, d_qk)
  crestmax::tensor key{k, {1, length, heads, head_dim}};
  crestmax::tensor value{v, {1, length, heads, head_dim}};
  crestmax::tensor output{out, {1, length, heads, head_dim}};
  return crestmax::attention(query, key, value, output, {}, crestmax::causal{});
}

int main() {
  const std::int64_t length = 1000, heads = 8, head_dim = 64, row = heads * head_dim;
  std::vector<float> q = example::random_numbers(length * row, 1), k = example::random_numbers(length * row, 2);
  std::vector<float> v = example::random_numbers(length * row, 3), out(q.size());

  if (crestmax::status s = attend(q.data(), k.data(), v.data(), out.data(), length); !s) {
    return example::failed("quickstart", s.message());
  }

  // Every 97th query of every head against the definition.
  double error = 0;
  for (std::int64_t i = 0; i < length; i += 97) {
    for (std::int64_t h = 0; h < heads; ++h) {
      const std::int64_t at = h * head_dim;
      const auto expected = example::plain_attention(
          i + 1, head_dim,
          [&](std::int64_t j) {
            return example::dot(&q[std::size_t(i * row + at)], &k[std::size_t(j * row + at)], head_dim) / 8;
          },
          [&](std::int64_t j, std::int64_t c) { return double(v[std::size_t(j * row + at + c)]); });
      error = std::max(error, example::largest_difference(expected, &out[std::size_t(i * row + at)]));
    }
  }
  return example::verdict("quickstart: 1000 tokens, 8 heads, causal", error, 2e-6);
}
