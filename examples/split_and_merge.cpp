// Keys that lie in two places (two machines, two memories): a call over each part, and one merge of the
// two results through their LSE. The result of a finished call is a softmax_state: shift = lse, sum = 1.
#include <crestmax/crestmax.hpp>

#include "example.hpp"

int main() {
  using crestmax::index_type;
  // 64 queries stand at the end of 3000 keys. They see the first 2200 keys whole; causality acts in the rest,
  // whose last key is the last query's: bottom-right alignment is what that call means by itself.
  constexpr index_type queries = 64, keys = 3000, first_part = 2200, head_dim = 64;
  std::vector<float> q = example::random_numbers(queries * head_dim, 1);
  std::vector<float> k = example::random_numbers(keys * head_dim, 2);
  std::vector<float> v = example::random_numbers(keys * head_dim, 3);
  struct result {
    std::vector<float> out = std::vector<float>(queries * head_dim), lse = std::vector<float>(queries);
  } near, far, whole;

  const auto attend = [&](index_type begin, index_type end, bool causal, result& to) {
    const crestmax::tensor<float> query{q.data(), {1, queries, 1, head_dim}};
    const crestmax::tensor<float> key{k.data() + begin * head_dim, {1, end - begin, 1, head_dim}};
    const crestmax::tensor<float> value{v.data() + begin * head_dim, {1, end - begin, 1, head_dim}};
    const crestmax::tensor<float> output{to.out.data(), {1, queries, 1, head_dim}};
    const crestmax::row_tensor<float> lse{to.lse.data(), {1, queries, 1}};
    return crestmax::attention(query, key, value, output, {.lse = lse}, crestmax::causal{causal});
  };
  if (auto s = attend(0, first_part, false, far); !s) return example::failed("far part", s.message());
  if (auto s = attend(first_part, keys, true, near); !s) return example::failed("near part", s.message());
  if (auto s = attend(0, keys, true, whole); !s) return example::failed("whole", s.message());

  double error = 0;
  for (index_type i = 0; i < queries; ++i) {
    const auto state_of = [&](result& r) {
      return crestmax::softmax_state<float>{
          r.lse[std::size_t(i)], 1.0f, std::span(r.out).subspan(std::size_t(i * head_dim), std::size_t(head_dim))};
    };
    crestmax::softmax_state<float> merged = state_of(far);
    merged.merge(state_of(near));
    const double lse = static_cast<double>(merged.lse());
    merged.normalise();  // `far.out` now holds the result

    const auto expected = example::plain_attention(
        keys - queries + i + 1, head_dim,
        [&](index_type j) {
          return example::dot(&q[std::size_t(i * head_dim)], &k[std::size_t(j * head_dim)], head_dim) / 8;
        },
        [&](index_type j, index_type c) { return double(v[std::size_t(j * head_dim + c)]); });
    error = std::max({error, example::largest_difference(expected, merged.output.data()),
                      example::largest_difference(expected, &whole.out[std::size_t(i * head_dim)]),
                      std::fabs(lse - expected.lse), std::fabs(lse - static_cast<double>(whole.lse[std::size_t(i)]))});
  }
  return example::verdict("split_and_merge: 2200 + 800 keys, outputs and LSE", error, 5e-6);
}
