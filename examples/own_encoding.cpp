// Keys and values in an encoding of your own: three numbers in two bytes, five bits each, with a scale for every row. A source hands out
// runs of rows, and a function that makes numbers of some of them; attention() does the rest, masks, long contexts and threads included.
#include <crestmax/crestmax.hpp>
#include <cstdint>
#include <cstring>

#include "example.hpp"

namespace {

using crestmax::index_type;

// A row: a float scale, then words of three numbers, -16 to 15 times the scale.
index_type bytes_of_row(index_type length) { return 4 + 2 * ((length + 2) / 3); }

void decode_row(const std::byte* row, index_type length, float* to) {
  float scale;
  std::memcpy(&scale, row, sizeof scale);
  for (index_type i = 0; i < length; ++i) {
    std::uint16_t word;
    std::memcpy(&word, row + 4 + i / 3 * 2, sizeof word);
    to[i] = scale * static_cast<float>((word >> i % 3 * 5 & 31) - 16);
  }
}

void encode_row(const float* from, index_type length, std::byte* row) {
  float largest = 0;
  for (index_type i = 0; i < length; ++i) largest = std::max(largest, std::fabs(from[i]));
  const float scale = largest / 15;
  std::memcpy(row, &scale, sizeof scale);
  for (index_type i = 0; i < length; i += 3) {
    unsigned word = 0;
    for (index_type j = 0; j < 3 && i + j < length; ++j) {
      const float code = scale == 0 ? 0 : std::nearbyint(from[i + j] / scale);
      word |= static_cast<unsigned>(code + 16) << 5 * j;
    }
    const auto stored = static_cast<std::uint16_t>(word);
    std::memcpy(row + 4 + i / 3 * 2, &stored, sizeof stored);
  }
}

// What attention() calls, all workers at once: rows first, first + step, ... of a run, whose stride counts bytes.
void decode(const crestmax::kv_run& run, index_type first, index_type step, index_type count, index_type length, float* to, index_type to_stride) {
  const auto* const rows = static_cast<const std::byte*>(run.data);
  for (index_type i = 0; i < count; ++i) decode_row(rows + (first + i * step) * run.row_stride, length, to + i * to_stride);
}

struct five_bit_source {
  const std::byte* keys;
  const std::byte* values;
  index_type kv_len, head_dim;

  crestmax::kv_run key_run(index_type, index_type, index_type position) const { return run(keys, position); }
  crestmax::kv_run value_run(index_type, index_type, index_type position) const { return run(values, position); }
  crestmax::source_shape shape() const { return {1, kv_len, 1, head_dim, head_dim}; }
  static constexpr crestmax::scalar_kind key_kind() { return crestmax::scalar_kind::custom; }
  static constexpr crestmax::scalar_kind value_kind() { return crestmax::scalar_kind::custom; }

 private:
  crestmax::kv_run run(const std::byte* rows, index_type position) const {
    const index_type bytes = bytes_of_row(head_dim);
    return {rows + position * bytes, bytes, kv_len - position, {.decode = decode}};
  }
};

}  // namespace

int main() {
  constexpr index_type heads = 4, kv_len = 5000, head_dim = 64;
  const std::vector<float> query = example::random_numbers(heads * head_dim, 1);
  std::vector<float> output(heads * head_dim), same(heads * head_dim);

  // Keys and values, encoded, and the numbers that they then stand for.
  const index_type bytes = bytes_of_row(head_dim);
  std::vector<std::byte> cache[2];
  std::vector<float> numbers[2];
  for (unsigned i = 0; i < 2; ++i) {
    cache[i].resize(static_cast<std::size_t>(kv_len * bytes));
    numbers[i] = example::random_numbers(kv_len * head_dim, 2 + i);
    for (index_type j = 0; j < kv_len; ++j) {
      encode_row(numbers[i].data() + j * head_dim, head_dim, cache[i].data() + j * bytes);
      decode_row(cache[i].data() + j * bytes, head_dim, numbers[i].data() + j * head_dim);
    }
  }

  const crestmax::tensor<const float> q(query.data(), {1, 1, heads, head_dim});
  const five_bit_source source{cache[0].data(), cache[1].data(), kv_len, head_dim};
  crestmax::status status = crestmax::attention(q, source, crestmax::tensor<float>(output.data(), {1, 1, heads, head_dim}));
  const crestmax::tensor<const float> k(numbers[0].data(), {1, kv_len, 1, head_dim}), v(numbers[1].data(), {1, kv_len, 1, head_dim});
  if (status.ok()) status = crestmax::attention(q, k, v, crestmax::tensor<float>(same.data(), {1, 1, heads, head_dim}));
  if (!status.ok()) return std::printf("%s\n", status.message()), 1;

  std::printf("%lld keys of %lld bytes instead of %lld: the output is %s\n", static_cast<long long>(kv_len), static_cast<long long>(bytes),
              static_cast<long long>(head_dim * 4), output == same ? "that of their numbers in float, bit for bit" : "another one");
  return output == same ? 0 : 1;
}
