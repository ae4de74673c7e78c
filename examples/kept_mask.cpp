// A mask as engines hand it over: one float tensor (1, 1, queries, keys) for all heads and layers, 0 where a key is visible and -inf where it is
// not. Its map is built once a step, by the engine's threads, and serves every layer.
#include <atomic>
#include <crestmax/crestmax.hpp>
#include <thread>

#include "example.hpp"

namespace {

using crestmax::index_type;

constexpr index_type length = 600, heads = 4, head_dim = 64, layers = 3;
constexpr float hidden = -std::numeric_limits<float>::infinity();

// A prefix that all queries see, and documents behind it that see themselves, up to the query.
bool sees(index_type query, index_type key) { return key < 50 || (key <= query && key / 140 == query / 140); }

// Each thread takes the next item; finish() comes when all are done.
crestmax::status build_by_threads(const crestmax::mask_view& mask, std::span<std::byte> memory) {
  crestmax::mask_map_builder builder(mask, memory);
  if (const crestmax::status s = builder.begin(); !s) return s;
  std::atomic<index_type> next{0};
  const auto work = [&] {
    for (index_type item; (item = next++) < builder.items();) builder.run(item);
  };
  std::thread other(work);
  work();
  other.join();
  return builder.finish();
}

}  // namespace

int main() {
  std::vector<float> numbers(std::size_t(length * length));
  for (index_type i = 0; i < length; ++i) {
    for (index_type j = 0; j < length; ++j) numbers[std::size_t(i * length + j)] = sees(i, j) ? 0 : hidden;
  }
  const crestmax::mask_view mask(crestmax::tensor<const float>(numbers.data(), {1, 1, length, length}));
  std::size_t bytes = 0;
  if (const crestmax::status s = crestmax::mask_map_bytes(mask, bytes); !s) return example::failed("kept_mask", s.message());
  std::vector<std::uint64_t> memory(bytes / sizeof(std::uint64_t) + 1);
  const std::span<std::byte> map = std::as_writable_bytes(std::span(memory));
  if (const crestmax::status s = build_by_threads(mask, map); !s) return example::failed("kept_mask", s.message());

  double error = 0;
  crestmax::report report;
  for (unsigned layer = 0; layer < layers; ++layer) {
    std::vector<float> q = example::random_numbers(length * heads * head_dim, 3 * layer + 1), out(q.size());
    std::vector<float> k = example::random_numbers(length * heads * head_dim, 3 * layer + 2);
    std::vector<float> v = example::random_numbers(length * heads * head_dim, 3 * layer + 3);
    const auto tensor = [&](std::vector<float>& of) { return crestmax::tensor{of.data(), {1, length, heads, head_dim}}; };
    const crestmax::status status =
        crestmax::attention(tensor(q), tensor(k), tensor(v), tensor(out), {.report = &report}, crestmax::mask_tensor(mask, map));
    if (!status) return example::failed("kept_mask", status.message());
    for (index_type i = 0; i < length; i += 17) {
      const auto row = [&](std::vector<float>& of, index_type at) { return &of[std::size_t((at * heads + i % heads) * head_dim)]; };
      const auto expected = example::plain_attention(
          length, head_dim,
          [&](index_type j) { return sees(i, j) ? example::dot(row(q, i), row(k, j), head_dim) / 8 : -std::numeric_limits<double>::infinity(); },
          [&](index_type j, index_type c) { return double(row(v, j)[c]); });
      error = std::max(error, example::largest_difference(expected, row(out, i)));
    }
  }
  std::printf("kept_mask: %.0f %% of all keys were never touched: the map of %zu bytes says which\n",
              100.0 * static_cast<double>(report.pairs_masked) / static_cast<double>(heads * length * length), bytes);
  return example::verdict("kept_mask: one mask for all heads and layers", error, 2e-6);
}
