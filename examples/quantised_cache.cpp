// A paged cache in fewer bits, written and read by the library: keys of 4 bits, with a scale and a minimum for each channel of 64 keys, values of 8 bits
// with a scale for each row. A prompt comes at once, then tokens one by one; a speculative decoder takes some back and goes on.
#include <crestmax/append.hpp>
#include <crestmax/crestmax.hpp>

#include "example.hpp"

namespace {

using crestmax::float16;
using crestmax::index_type;
constexpr index_type q_heads = 8, kv_heads = 2, head_dim = 64, page_size = 64, pages = 8, row = kv_heads * head_dim;

// One sequence, whose pages are in the order of the pool.
struct cache {
  std::vector<std::uint8_t> keys = std::vector<std::uint8_t>(pages * page_size * row / 2);
  std::vector<std::int8_t> values = std::vector<std::int8_t>(pages * page_size * row);
  std::vector<float16> key_scales = std::vector<float16>(pages * row), key_minimums = key_scales;  // (pages, 1 block, heads, channels)
  std::vector<float16> value_scales = std::vector<float16>(pages * page_size * kv_heads);          // (pages, keys, heads)
  std::vector<float16> open = std::vector<float16>(page_size * row);                               // (1 sequence, keys, heads, channels)
  std::vector<std::int32_t> table = {0, 1, 2, 3, 4, 5, 6, 7}, lengths = {0};

  crestmax::tensor<crestmax::uint4> key_pages() {
    auto* const bytes = reinterpret_cast<crestmax::uint4*>(keys.data());
    return {bytes, {pages, page_size, kv_heads, head_dim}, {page_size * row / 2, row / 2, head_dim / 2, 1}};
  }
  crestmax::tensor<std::int8_t> value_pages() { return {values.data(), {pages, page_size, kv_heads, head_dim}}; }
  crestmax::row_coding key_coding() {
    const std::array<index_type, 4> steps{row, row, head_dim, 1};
    return {.scales = {key_scales.data(), steps},
            .offsets = {key_minimums.data(), steps},
            .offset = crestmax::offset_kind::minimum,
            .group = 1,
            .keys = page_size,
            .open = {open.data(), crestmax::scalar_kind::float16, {page_size * row, row, head_dim}}};
  }
  crestmax::row_coding value_coding() { return {.scales = {value_scales.data(), {page_size * kv_heads, kv_heads, 1, 1}}}; }

  // Tokens go behind those that are there.
  crestmax::status append(const float* key, const float* value, index_type tokens) {
    const std::array<index_type, 3> shape{tokens, kv_heads, head_dim};
    std::vector<std::int64_t> slots(static_cast<std::size_t>(tokens));
    for (std::int64_t& slot : slots) slot = lengths[0]++;
    const std::vector<std::int32_t> sequence_of(slots.size(), 0);
    if (auto s = crestmax::append(crestmax::tensor<const float, 3>(key, shape), key_pages(), slots,
                                  {.coding = key_coding(), .sequence_of = sequence_of, .sequences = 1}); !s) return s;
    return crestmax::append(crestmax::tensor<const float, 3>(value, shape), value_pages(), slots, {.coding = value_coding()});
  }
  // Takes the last tokens back.
  crestmax::status cut(index_type tokens) {
    const index_type from = lengths[0], to = from - tokens;
    lengths[0] = static_cast<std::int32_t>(to);
    return crestmax::truncate(key_pages(), {.sequence = 0, .from = from, .to = to, .slot = to}, {.coding = key_coding(), .sequences = 1});
  }
  crestmax::status attend(const crestmax::tensor<const float>& query, const crestmax::tensor<float>& output) {
    const crestmax::paged_cache<crestmax::uint4, std::int8_t> view{
        .key_pages = key_pages(), .value_pages = value_pages(), .block_table = table, .key_lengths = lengths, .table_stride = pages};
    return crestmax::attention(query, view, output, {.key_coding = key_coding(), .value_coding = value_coding()});
  }
};

}  // namespace

int main() {
  constexpr index_type prompt = 150, tokens = 300;
  const std::vector<float> keys = example::random_numbers(tokens * row, 1), values = example::random_numbers(tokens * row, 2);
  cache c;
  crestmax::status status = c.append(keys.data(), values.data(), prompt);
  double error = 0;
  while (status.ok() && c.lengths[0] < tokens) {
    const index_type length = c.lengths[0];
    status = c.append(&keys[static_cast<std::size_t>(length * row)], &values[static_cast<std::size_t>(length * row)], 1);
    // Once, 40 keys into the fourth block, and 20 of the third are taken back with it.
    static bool taken_back = false;
    if (status.ok() && !taken_back && c.lengths[0] == 232) {
      taken_back = true;
      status = c.cut(60);
      continue;
    }
    const std::vector<float> query = example::random_numbers(q_heads * head_dim, 100 + static_cast<unsigned>(length));
    std::vector<float> out(query.size());
    if (status.ok()) status = c.attend({query.data(), {1, 1, q_heads, head_dim}}, {out.data(), {1, 1, q_heads, head_dim}});
    for (index_type h = 0; status.ok() && h < q_heads; ++h) {
      const float* const q = &query[static_cast<std::size_t>(h * head_dim)];
      const auto at = [&](index_type j) { return static_cast<std::size_t>(j * row + h / (q_heads / kv_heads) * head_dim); };
      const auto expected = example::plain_attention(
          c.lengths[0], head_dim, [&](index_type j) { return example::dot(q, &keys[at(j)], head_dim) / 8; },
          [&](index_type j, index_type i) { return static_cast<double>(values[at(j) + static_cast<std::size_t>(i)]); });
      error = std::max(error, example::largest_difference(expected, &out[static_cast<std::size_t>(h * head_dim)]));
    }
  }
  if (!status) return example::failed("quantised_cache", status.message());
  std::printf("quantised_cache: keys of 4 bits and values of 8, %lld tokens: outputs differ from those of float by at most %.3f\n",
              static_cast<long long>(tokens), error);
  return error < 0.15 ? 0 : 1;
}
