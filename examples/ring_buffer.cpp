// A cache that never grows: the first keys are kept, all others share a ring, and each new key takes the place of the oldest. Keys lie in any order;
// their positions say how far they are from a query, for what is causal and for ALiBi.
#include <crestmax/crestmax.hpp>

#include "example.hpp"

namespace {

using crestmax::index_type;
constexpr index_type heads = 4, head_dim = 64, kept = 4, ring = 252, capacity = kept + ring, row = heads * head_dim;
constexpr index_type chunk = 3, steps = 300;  // tokens that come together, as a prompt's or a draft's do

struct cache {
  std::vector<float> keys = std::vector<float>(capacity * row), values = keys;
  std::vector<std::int32_t> positions = std::vector<std::int32_t>(capacity, 0);
  index_type length = 0;

  static index_type place_of(index_type position) { return position < kept ? position : kept + (position - kept) % ring; }
  void write(index_type position, const float* key, const float* value) {
    const index_type place = place_of(position);
    std::copy_n(key, row, &keys[std::size_t(place * row)]);
    std::copy_n(value, row, &values[std::size_t(place * row)]);
    positions[std::size_t(place)] = static_cast<std::int32_t>(position);
    length = std::max(length, place + 1);
  }
};

}  // namespace

int main() {
  cache c;
  const std::vector<float> slopes{0.5f, 0.25f, 0.125f, 0.0625f};
  double error = 0;
  for (index_type step = 0; step < steps; ++step) {
    const auto numbers = example::random_numbers(3 * chunk * row, 10 + static_cast<unsigned>(step));
    std::vector<float> query(numbers.begin(), numbers.begin() + chunk * row), out(query.size());
    std::vector<std::int32_t> query_positions;
    for (index_type i = 0; i < chunk; ++i) {
      const index_type position = step * chunk + i;
      c.write(position, &numbers[std::size_t((chunk + i) * row)], &numbers[std::size_t((2 * chunk + i) * row)]);
      query_positions.push_back(static_cast<std::int32_t>(position));
    }
    const auto of_cache = [&](std::vector<float>& of) { return crestmax::tensor{of.data(), {1, c.length, heads, head_dim}}; };
    const auto of_chunk = [&](std::vector<float>& of) { return crestmax::tensor{of.data(), {1, chunk, heads, head_dim}}; };
    const auto positions = crestmax::positions_of(std::span(c.positions).first(std::size_t(c.length)), query_positions);
    const auto status = crestmax::attention(of_chunk(query), of_cache(c.keys), of_cache(c.values), of_chunk(out),
                                            crestmax::at_positions(positions, crestmax::alibi{slopes} | crestmax::causal{}));
    if (!status) return example::failed("ring_buffer", status.message());

    for (index_type i = 0; i < chunk && step % 20 == 19; ++i) {
      for (index_type h = 0; h < heads; ++h) {
        const auto at = std::size_t(i * row + h * head_dim);
        const index_type own = query_positions[std::size_t(i)];
        const auto expected = example::plain_attention(
            c.length, head_dim,
            [&](index_type j) {
              const index_type position = c.positions[std::size_t(j)];
              if (position > own) return -std::numeric_limits<double>::infinity();
              const double score = example::dot(&query[at], &c.keys[std::size_t(j * row + h * head_dim)], head_dim) / 8;
              return score - double(slopes[std::size_t(h)]) * double(own - position);
            },
            [&](index_type j, index_type k) { return double(c.values[std::size_t(j * row + h * head_dim + k)]); });
        error = std::max(error, example::largest_difference(expected, &out[at]));
      }
    }
  }
  std::printf("ring_buffer: %lld tokens have passed through %lld places\n", static_cast<long long>(steps * chunk), static_cast<long long>(capacity));
  return example::verdict("ring_buffer: kept first keys, causal and ALiBi by positions", error, 2e-6);
}
