// A call from C beside the same call from C++, in turns in one process and on the same kernels: what does it cost to know types, options and
// modifiers at run time? Decode of one query over 512 keys, the shortest call that engines make often.
#include <crestmax/attention.hpp>
#include <crestmax/c/crestmax.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../memory.hpp"
#include "../timing.hpp"

namespace {

using crestmax::index_type;

constexpr double most_ratio = 1.02;  // what the project holds itself to
// Many short pairs: what else the machine does falls on few of them.
constexpr int pairs = 501;
constexpr double seconds_of_a_side = 0.001;

struct shape {
  const char* name;
  index_type q_heads, kv_heads, head_dim;
};
constexpr index_type kv_len = 512;

[[noreturn]] void fail(const char* what, const char* message) {
  std::fprintf(stderr, "%s: %s\n", what, message);
  std::exit(2);
}

template <class T>
std::vector<T> random_numbers(index_type count) {
  static std::uint64_t bits = 0x9e3779b97f4a7c15u;
  std::vector<T> numbers(static_cast<std::size_t>(count));
  for (T& x : numbers) {
    bits = bits * 6364136223846793005u + 1442695040888963407u;
    x = crestmax::convert<T>(static_cast<float>(static_cast<std::int64_t>(bits) >> 40) * 0x1p-22f);
  }
  return numbers;
}

// Both sides of one call: float32 queries and outputs over a cache of T, causal.
template <class T>
class sides {
 public:
  explicit sides(const shape& s)
      : shape_(s), query_(random_numbers<float>(s.q_heads * s.head_dim)), output_(query_.size()),
        key_(random_numbers<T>(kv_len * s.kv_heads * s.head_dim)), value_(random_numbers<T>(kv_len * s.kv_heads * s.head_dim)),
        workspace_(std::size_t{1} << 22) {
    tensors_ = crestmax_contiguous(
        crestmax_dense(query_.data(), CRESTMAX_FLOAT32, 1, 1, s.q_heads, s.head_dim), crestmax_dense(key_.data(), type(), 1, kv_len, s.kv_heads, s.head_dim),
        crestmax_dense(value_.data(), type(), 1, kv_len, s.kv_heads, s.head_dim),
        crestmax_dense_output(output_.data(), CRESTMAX_FLOAT32, 1, 1, s.q_heads, s.head_dim));
    options_.modifiers = &causal_;
    options_.modifier_count = 1;
    options_.workspace = {workspace_.data(), std::size_t{1} << 22};
  }

  void from_cpp() {
    const crestmax::tensor<const float> q(query_.data(), {1, 1, shape_.q_heads, shape_.head_dim});
    const crestmax::tensor<const T> k(key_.data(), {1, kv_len, shape_.kv_heads, shape_.head_dim});
    const crestmax::tensor<const T> v(value_.data(), {1, kv_len, shape_.kv_heads, shape_.head_dim});
    const crestmax::tensor<float> o(output_.data(), {1, 1, shape_.q_heads, shape_.head_dim});
    crestmax::options options;
    options.workspace = {static_cast<std::byte*>(workspace_.data()), std::size_t{1} << 22};
    const crestmax::status s = crestmax::attention(q, k, v, o, options, crestmax::causal{});
    if (!s.ok()) fail("C++", s.message());
  }
  void from_c() {
    crestmax_status status;
    if (crestmax_attention(&tensors_, &options_, nullptr, &status) != CRESTMAX_OK) fail("C", status.message);
  }
  const std::vector<float>& output() const { return output_; }

 private:
  static constexpr crestmax_type type() {
    return std::is_same_v<T, float> ? CRESTMAX_FLOAT32 : std::is_same_v<T, crestmax::float16> ? CRESTMAX_FLOAT16 : CRESTMAX_BFLOAT16;
  }

  shape shape_;
  std::vector<float> query_, output_;
  std::vector<T> key_, value_;
  crestmax_bench::memory_block workspace_;
  crestmax_tensors tensors_{};
  crestmax_modifier causal_ = crestmax_causal();
  crestmax_options options_ = crestmax_default_options();
};

// Prints a line; whether it holds.
template <class T>
bool race(const char* type, const shape& s) {
  sides<T> both(s);
  both.from_cpp();
  const std::vector<float> wanted = both.output();
  both.from_c();
  if (std::memcmp(wanted.data(), both.output().data(), wanted.size() * sizeof(float)) != 0) fail(s.name, "C and C++ differ");
  const auto repeat = [&](int calls, bool c) {
    return crestmax_bench::seconds_of([&] {
      for (int i = 0; i < calls; ++i) c ? both.from_c() : both.from_cpp();
    }) / calls;
  };
  const int calls = 1 + static_cast<int>(seconds_of_a_side / 2 / repeat(200, false));
  std::vector<double> ratios, of_cpp;
  for (int pair = 0; pair < pairs; ++pair) {
    double took[2] = {0, 0};
    const bool first = pair % 2 != 0;
    for (const bool c : {first, !first, !first, first}) took[c ? 1 : 0] += repeat(calls, c) / 2;
    ratios.push_back(took[1] / took[0]);
    of_cpp.push_back(took[0]);
  }
  const double ratio = crestmax_bench::median(ratios);
  std::printf("%-18s %-9s %9.2f %10.0f %8.4f%s\n", s.name, type, 1e6 * crestmax_bench::median(of_cpp),
              1e9 * (ratio - 1) * crestmax_bench::median(of_cpp), ratio, ratio <= most_ratio ? "" : "  MISSED");
  return ratio <= most_ratio;
}

}  // namespace

int main() {
  const shape shapes[] = {{"1 head of 64", 1, 1, 64}, {"9 on 3 of 64", 9, 3, 64}, {"32 on 8 of 128", 32, 8, 128}};
  std::printf("one query over %lld keys, causal, one thread; medians of %d pairs (C / C++ at most %.2f)\n%-18s %-9s %9s %10s %8s\n",
              static_cast<long long>(kv_len), pairs, most_ratio, "heads", "cache", "C++ us", "C adds ns", "C / C++");
  bool holds = true;
  for (const shape& s : shapes) {
    holds = race<float>("float32", s) && holds;
    holds = race<crestmax::float16>("float16", s) && holds;
    holds = race<crestmax::bfloat16>("bfloat16", s) && holds;
  }
  return holds ? 0 : 1;
}
