// Batches of sequences as encoders have them, one core: heads apart, all keys or those before each query.
#include "encoders.hpp"

#include <crestmax/crestmax.hpp>
#include <random>
#include <stdexcept>

#include "machine.hpp"
#include "timing.hpp"

namespace crestmax_bench {

namespace {

using index_type = std::int64_t;

struct batch_shape {
  index_type batch, heads, n;
};
constexpr batch_shape batches[] = {{4, 8, 17}, {32, 12, 32}, {32, 12, 64}, {8, 12, 128}, {8, 12, 256}, {4, 12, 512}, {1, 12, 2048}};
constexpr int rounds = 7;
constexpr double seconds_of_round = 4e-3;  // at least

template <class T>
std::vector<T> normal_numbers(index_type count) {
  std::mt19937 source(1);
  std::normal_distribution<float> normal;
  std::vector<T> all(static_cast<std::size_t>(count));
  for (T& x : all) x = crestmax::convert<T>(normal(source));
  return all;
}

// Median GFLOP/s of a call; only what is seen counts.
template <class T>
double speed_of(const batch_shape& s, index_type head_dim, bool causal) {
  const index_type count = s.batch * s.heads * s.n * head_dim;
  const std::vector<T> query = normal_numbers<T>(count), key = normal_numbers<T>(count), value = normal_numbers<T>(count);
  std::vector<T> output(static_cast<std::size_t>(count));
  const std::array<index_type, 4> extents{s.batch, s.n, s.heads, head_dim}, strides{s.heads * s.n * head_dim, head_dim, s.n * head_dim, 1};
  const auto in = [&](const std::vector<T>& from) { return crestmax::tensor<const T>(from.data(), extents, strides); };
  const auto call = [&] {
    const crestmax::status status = crestmax::attention(in(query), in(key), in(value), crestmax::tensor<T>(output.data(), extents, strides),
                                                        crestmax::options{}, crestmax::causal{causal});
    if (!status.ok()) throw std::runtime_error(status.message());
  };
  call();  // pages and caches
  const int calls = std::max(1, static_cast<int>(seconds_of_round / seconds_of(call)));
  std::vector<double> seconds;
  for (int i = 0; i < rounds; ++i) {
    seconds.push_back(seconds_of([&] {
      for (int c = 0; c < calls; ++c) call();
    }) / calls);
  }
  const auto n = static_cast<double>(s.n);
  const double pairs = static_cast<double>(s.batch * s.heads) * (causal ? n * (n + 1) / 2 : n * n);
  return 4e-9 * pairs * static_cast<double>(head_dim) / median(seconds);
}

template <class T>
void print_lines(const char* type) {
  for (const bool causal : {false, true}) {
    for (const index_type head_dim : {64, 72, 80}) {
      double speeds[std::size(batches)];
      for (std::size_t i = 0; i < std::size(batches); ++i) speeds[i] = speed_of<T>(batches[i], head_dim, causal);
      std::printf("%s %-6s d %-3lld", type, causal ? "causal" : "full", static_cast<long long>(head_dim));
      for (const double speed : speeds) std::printf("  %6.1f %4.2f", speed, speed / speeds[std::size(batches) - 1]);
      std::printf("\n");
      std::fflush(stdout);
    }
  }
}

}  // namespace

void print_encoders() {
  stay_on_core(this_machine().cores[0]);
  std::printf("\nencoders, one core: GFLOP/s, and the share of what the longest reach; batch x heads x length\n%-17s", "");
  for (const batch_shape& s : batches) {
    const std::string name = std::to_string(s.batch) + "x" + std::to_string(s.heads) + "x" + std::to_string(s.n);
    std::printf("  %11s", name.c_str());
  }
  std::printf("\n");
  print_lines<float>("fp32");
  print_lines<crestmax::bfloat16>("bf16");
}

}  // namespace crestmax_bench
