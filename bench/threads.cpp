// Calls with 1, 2, 4 and 8 threads on the cores that there are: what a second core brings, and what threads beyond the cores cost.
#include "threads.hpp"

#include <crestmax/crestmax.hpp>
#include <cstdio>
#include <memory>
#include <random>
#include <stdexcept>

#include "machine.hpp"
#include "memory.hpp"
#include "targets.hpp"
#include "timing.hpp"

namespace crestmax_bench {

namespace {

using index_type = std::int64_t;

struct call_shape {
  const char* name;
  index_type batch, q_len, kv_len, q_heads, kv_heads, head_dim;
  bool causal;
  bool is_long;  // has the bar of two workers
  std::vector<std::int32_t> lengths = {};
};
const call_shape shapes[] = {
    {"decode, 32 heads on 8, kv 4096", 1, 1, 4096, 32, 8, 128, false, false},
    {"decode, 32 heads on 8, kv 65536", 1, 1, 65536, 32, 8, 128, false, false},
    {"decode, 8 sequences of 100 to 16384", 8, 1, 16384, 32, 8, 128, false, false, {100, 16384, 517, 4096, 133, 1800, 9000, 2500}},
    {"prefill 512, causal, 8 heads", 1, 512, 512, 8, 8, 128, true, false},
    {"prefill 2048, causal, 8 heads", 1, 2048, 2048, 8, 8, 128, true, false},
    {"a chunk of 256 behind 8192, 8 on 2", 1, 256, 8448, 8, 2, 128, true, false},
    {"encoder, 32 x 12 x 64", 32, 64, 64, 12, 12, 64, false, false},
    {"17 queries, kv 131072, 1 head", 1, 17, 131072, 1, 1, 128, true, true},
    {"32 queries, kv 131072, 1 head", 1, 32, 131072, 1, 1, 128, true, true},
    {"64 queries, kv 131072, 1 head", 1, 64, 131072, 1, 1, 128, true, true},
};
constexpr int thread_counts[] = {1, 2, 4, 8};
constexpr std::size_t counts = std::size(thread_counts);
constexpr int rounds = 9;
constexpr double seconds_of_turn = 0.04;  // at least
constexpr double least_gain_of_two = 1.8, most_loss_of_many = 1.15;

template <class T>
class call {
 public:
  explicit call(const call_shape& s)
      : shape_(s), query_(numbers(s.q_len * s.q_heads)), key_(numbers(s.kv_len * s.kv_heads)), value_(numbers(s.kv_len * s.kv_heads)),
        output_(query_.size()) {}

  // Seconds of calls with the team's threads, the first of which wakes them.
  std::vector<double> run(team& workers, double at_least) {
    const auto query = view(query_, shape_.q_len, shape_.q_heads), output = view(output_, shape_.q_len, shape_.q_heads);
    const auto key = view(key_, shape_.kv_len, shape_.kv_heads), value = view(value_, shape_.kv_len, shape_.kv_heads);
    crestmax::options o;
    o.key_lengths = shape_.lengths;
    std::size_t bytes = 0;
    check(crestmax::workspace_bytes(crestmax::tensors(query, key, value, output), workers.workers(), bytes, o));
    const memory_block workspace(bytes);
    o.workspace = {workspace.data(), bytes};
    const auto seconds_of_call = [&] {
      return seconds_of([&] { check(crestmax::attention(query, key, value, output, o, crestmax::causal{shape_.causal}, lent_team{&workers})); });
    };
    std::vector<double> seconds;
    const int calls = std::max(1, static_cast<int>(at_least / seconds_of_call()));
    for (int i = 0; i < calls; ++i) seconds.push_back(seconds_of_call());
    return seconds;
  }

 private:
  static void check(const crestmax::status& s) {
    if (!s.ok()) throw std::runtime_error(s.message());
  }
  std::vector<T> numbers(index_type rows) const {
    std::mt19937 source(1);
    std::normal_distribution<float> normal;
    std::vector<T> all(static_cast<std::size_t>(shape_.batch * rows * shape_.head_dim));
    for (T& x : all) x = crestmax::convert<T>(normal(source));
    return all;
  }
  // Heads apart.
  crestmax::tensor<T> view(std::vector<T>& of, index_type rows, index_type heads) const {
    const index_type d = shape_.head_dim;
    return {of.data(), {shape_.batch, rows, heads, d}, {heads * rows * d, d, rows * d, 1}};
  }

  call_shape shape_;
  std::vector<T> query_, key_, value_, output_;
};

// Median seconds of a call by number of threads, which take turns.
template <class T>
std::array<double, counts> times_of(const call_shape& s) {
  call<T> of(s);
  std::vector<double> times[counts];
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < counts; ++i) {
      team workers(thread_counts[i]);
      times[i].push_back(median(of.run(workers, seconds_of_turn)));
    }
  }
  std::array<double, counts> medians{};
  for (std::size_t i = 0; i < counts; ++i) medians[i] = median(times[i]);
  return medians;
}

struct worst_of {
  double least_gain = 1e9, most_loss = 0;
  std::string gain_of, loss_of;
};

template <class T>
void print_lines(const char* type, worst_of& worst) {
  for (const call_shape& s : shapes) {
    const auto seconds = times_of<T>(s);
    std::printf("%s %-36s", type, s.name);
    for (const double t : seconds) std::printf(" %9.3f", 1e3 * t);
    const double gain = seconds[0] / seconds[1], loss = std::max(seconds[2], seconds[3]) / seconds[1];
    std::printf("  %5.2f %5.2f\n", gain, loss);
    std::fflush(stdout);
    if (s.is_long && gain < worst.least_gain) worst.least_gain = gain, worst.gain_of = std::string(type) + " " + s.name;
    if (loss > worst.most_loss) worst.most_loss = loss, worst.loss_of = std::string(type) + " " + s.name;
  }
}

}  // namespace

void print_thread_targets() {
  const std::size_t cores = this_machine().cores.size();
  std::printf("\nthreads on %zu core(s): milliseconds of a call with so many; one thread's time over two threads', 4's or 8's over two's\n%-41s", cores, "");
  for (const int count : thread_counts) std::printf(" %9d", count);
  std::printf("\n");
  worst_of worst;
  print_lines<float>("fp32", worst);
  print_lines<crestmax::bfloat16>("bf16", worst);
  if (cores < 2) return;
  std::printf("\n");
  print_target("17 to 64 queries on 131,072 keys, two threads over one", false, least_gain_of_two, worst.least_gain, worst.gain_of);
  if (cores == 2) print_target("4 and 8 threads on two cores, over two threads", true, most_loss_of_many, worst.most_loss, worst.loss_of);
}

}  // namespace crestmax_bench
