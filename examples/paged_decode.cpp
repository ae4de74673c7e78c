// Decode over a paged cache that grows: two sequences of different lengths share a pool of float16 pages;
// queries are float32. Table entries past a sequence's last page are -1, and the unused rest of a page
// holds NaN: neither is ever read.
#include <crestmax/crestmax.hpp>

#include "example.hpp"

namespace {

using crestmax::float16;
using crestmax::index_type;
constexpr index_type sequences = 2, q_heads = 8, kv_heads = 2, head_dim = 64, page_size = 16;
constexpr index_type pool_pages = 96, most_pages = 48, steps = 700;
constexpr index_type row = kv_heads * head_dim;

struct cache {
  std::vector<float16> keys = std::vector<float16>(pool_pages * page_size * row, float16{0x7e00});  // NaN
  std::vector<float16> values = keys;
  std::vector<std::int32_t> block_table = std::vector<std::int32_t>(sequences * most_pages, -1);
  std::vector<std::int32_t> lengths = std::vector<std::int32_t>(sequences, 0);
  index_type pages_used = 0;

  // Where the key at `position` of a sequence lies.
  std::size_t place(index_type sequence, index_type position) const {
    const index_type page = block_table[std::size_t(sequence * most_pages + position / page_size)];
    return std::size_t((page * page_size + position % page_size) * row);
  }

  void append(index_type sequence, const float* key, const float* value) {
    const index_type position = lengths[std::size_t(sequence)]++;
    if (position % page_size == 0) {  // a new page, from anywhere in the pool
      const auto page = static_cast<std::int32_t>(pages_used++ * 37 % pool_pages);
      block_table[std::size_t(sequence * most_pages + position / page_size)] = page;
    }
    const std::size_t at = place(sequence, position);
    for (std::size_t i = 0; i < row; ++i) {
      keys[at + i] = crestmax::to_float16(key[i]);
      values[at + i] = crestmax::to_float16(value[i]);
    }
  }

  crestmax::paged_cache<float16> view() const {
    return {.key_pages = {keys.data(), {pool_pages, page_size, kv_heads, head_dim}},
            .value_pages = {values.data(), {pool_pages, page_size, kv_heads, head_dim}},
            .block_table = block_table,
            .key_lengths = lengths,
            .table_stride = most_pages};
  }
};

}  // namespace

int main() {
  using crestmax::index_type;
  cache c;
  double error = 0;
  for (index_type step = 0; step < steps; ++step) {
    const auto numbers = example::random_numbers(sequences * 2 * row, 100 + static_cast<unsigned>(step));
    for (index_type s = 0; s < sequences; ++s) {
      if (s == 1 && step % 3 == 0) continue;  // the second sequence grows more slowly
      c.append(s, &numbers[std::size_t(s * 2 * row)], &numbers[std::size_t((s * 2 + 1) * row)]);
    }
    const auto seed = 5000 + static_cast<unsigned>(step);
    std::vector<float> query = example::random_numbers(sequences * q_heads * head_dim, seed);
    std::vector<float> out(query.size());
    const crestmax::tensor<float> q{query.data(), {sequences, 1, q_heads, head_dim}};
    const crestmax::tensor<float> output{out.data(), {sequences, 1, q_heads, head_dim}};
    if (auto status = crestmax::attention(q, c.view(), output, {}, crestmax::causal{}); !status) {
      return example::failed("paged_decode", status.message());
    }
    if (step % 50 != 49) continue;
    for (index_type s = 0; s < sequences; ++s) {
      for (index_type h = 0; h < q_heads; ++h) {
        const auto at = std::size_t((s * q_heads + h) * head_dim);
        const auto from = std::size_t(h / (q_heads / kv_heads) * head_dim);
        const auto number = [&](const std::vector<float16>& of, index_type j, index_type i) {
          return crestmax::to_float(of[c.place(s, j) + from + std::size_t(i)]);
        };
        const auto expected = example::plain_attention(
            c.lengths[std::size_t(s)], head_dim,
            [&](index_type j) {
              double score = 0;
              for (index_type i = 0; i < head_dim; ++i) {
                score += double(query[at + std::size_t(i)]) * double(number(c.keys, j, i));
              }
              return score / 8;
            },
            [&](index_type j, index_type i) { return double(number(c.values, j, i)); });
        error = std::max(error, example::largest_difference(expected, &out[at]));
      }
    }
  }
  std::printf("paged_decode: %d and %d keys in %lld pages\n", c.lengths[0], c.lengths[1],
              static_cast<long long>(c.pages_used));
  return example::verdict("paged_decode: float32 queries over float16 pages", error, 2e-6);
}
