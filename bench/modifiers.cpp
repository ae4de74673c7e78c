// What modifiers cost: calls with one beside the same calls without, in turns, the median of their ratios. All lines share one chain whose
// modifiers are on or off, as an engine has it.
#include "modifiers.hpp"

#include <crestmax/backend/cpu/avx512.hpp>
#include <crestmax/crestmax.hpp>
#include <cstdio>
#include <optional>
#include <random>
#include <stdexcept>

#include "machine.hpp"
#include "targets.hpp"
#include "timing.hpp"

namespace crestmax_bench {

namespace {

using crestmax::instruction_set;
using crestmax::tensor;
using index_type = std::int64_t;
using chain = decltype(crestmax::causal{} | crestmax::soft_cap{} | crestmax::alibi{} | crestmax::additive_bias<float>{});

constexpr index_type heads = 8;
constexpr std::size_t pairs_of_calls = 15;

struct line {
  const char* what;
  double bar[2];  // time of the call without: at head_dim 64, at 128
  chain on;
  bool backwards = false;  // has a point only where no query sees what comes behind it: there it would raise scores without end
};

// Tensors of one shape, filled with random numbers, and calls on them.
template <class T>
class modified_calls {
 public:
  modified_calls(index_type q_len, index_type kv_len, index_type head_dim, instruction_set most)
      : query_{1, q_len, heads, head_dim}, key_{1, kv_len, heads, head_dim}, most_(most), q_(filled(q_len * heads * head_dim)),
        k_(filled(kv_len * heads * head_dim)), v_(filled(kv_len * heads * head_dim)), o_(q_.size()) {}

  template <class Chain>
  double seconds(const Chain& modifiers) {
    return seconds_of([&] {
      const crestmax::status s = crestmax::attention(tensor<const T>(q_.data(), query_), tensor<const T>(k_.data(), key_),
                                                     tensor<const T>(v_.data(), key_), tensor<T>(o_.data(), query_), {}, modifiers,
                                                     crestmax::backend::cpu(most_), crestmax::serial{});
      if (!s.ok()) throw std::runtime_error(s.message());
    });
  }

  // Median of (time with) / (time without); neither always runs behind the other.
  template <class With, class Without>
  double ratio(const With& with, const Without& without, double least_seconds) {
    const int calls = 1 + static_cast<int>(least_seconds / seconds(without));
    const auto sample = [&](const auto& c) {
      double sum = 0;
      for (int i = 0; i < calls; ++i) sum += seconds(c);
      return sum;
    };
    std::vector<double> ratios;
    for (std::size_t i = 0; i < pairs_of_calls; ++i) {
      const double before = i % 2 == 0 ? 0 : sample(without);
      const double time = sample(with);
      ratios.push_back(time / (i % 2 == 0 ? sample(without) : before));
    }
    return median(ratios);
  }

 private:
  static std::vector<T> filled(index_type count) {
    std::mt19937 source(1);
    std::normal_distribution<float> normal;
    std::vector<T> all(static_cast<std::size_t>(count));
    for (T& x : all) x = crestmax::convert<T>(normal(source));
    return all;
  }

  std::array<index_type, 4> query_, key_;
  instruction_set most_;
  std::vector<T> q_, k_, v_, o_;
};

// The modifiers that have a bar, over tables for so many queries and keys.
class modifier_lines {
 public:
  modifier_lines(index_type q_len, index_type kv_len) : slopes_(heads), table_(static_cast<std::size_t>(q_len * kv_len)) {
    float slope = 1;
    for (float& s : slopes_) s = slope /= 2;
    std::mt19937 source(2);
    std::normal_distribution<float> normal;
    for (float& x : table_) x = normal(source);
    bias_ = crestmax::additive_bias{tensor<const float>(table_.data(), {1, 1, q_len, kv_len})};
  }

  static chain only_masked(bool causal) { return with(causal, {}, {}, {}); }
  std::array<line, 3> lines(bool causal, bool decode) const {
    return {{{"soft cap", {decode ? 1.15 : 1.35, decode ? 1.15 : 1.2}, with(causal, {30.0f}, {}, {})},
             {"ALiBi", {1.15, 1.15}, with(causal, {}, {slopes_}, {}), true},
             {"bias table", {1.15, 1.15}, with(causal, {}, {}, bias_)}}};
  }

 private:
  static chain with(bool causal, crestmax::soft_cap cap, crestmax::alibi alibi, crestmax::additive_bias<float> bias) {
    return crestmax::causal{causal} | cap | alibi | bias;
  }

  std::vector<float> slopes_, table_;
  crestmax::additive_bias<float> bias_;
};

template <class T>
void print_calls(const char* type, index_type q_len, index_type kv_len, instruction_set most) {
  const modifier_lines modifiers(q_len, kv_len);
  const bool decode = q_len == 1;
  for (const bool causal : {false, true}) {
    if (decode && causal) continue;
    for (const index_type head_dim : {64, 128}) {
      modified_calls<T> calls(q_len, kv_len, head_dim, most);
      const chain without = modifier_lines::only_masked(causal);
      for (const line& l : modifiers.lines(causal, decode)) {
        if (l.backwards && !causal && !decode) continue;
        const std::string where = std::string(decode ? "decode " : "prefill ") + type + " " + std::to_string(kv_len) +
                                  (decode ? "" : causal ? " causal" : " full") + ", head_dim " + std::to_string(head_dim);
        print_target(where + ": " + l.what + " / without, time", true, l.bar[head_dim == 128], calls.ratio(l.on, without, decode ? 0.02 : 0.0), {});
      }
    }
  }
}

// Positions of the caller's beside the places that keys have in any case: in order where there are many queries, in a ring for one.
template <class T>
void print_positions(const char* type, index_type q_len, index_type kv_len, double bar) {
  const bool decode = q_len == 1;
  constexpr index_type kept = 4;
  const index_type ring = kv_len - kept, newest = 3 * kv_len;
  std::vector<std::int32_t> keys, queries;
  for (index_type j = 0; j < kv_len; ++j) {
    const index_type behind = j < kept ? 0 : (ring + ring / 3 - (j - kept)) % ring;
    keys.push_back(static_cast<std::int32_t>(!decode || j < kept ? j : newest - behind));
  }
  for (index_type i = 0; i < q_len; ++i) queries.push_back(static_cast<std::int32_t>(decode ? newest : kv_len - q_len + i));
  const crestmax::token_positions positions = crestmax::positions_of(keys, queries);
  for (const index_type head_dim : {64, 128}) {
    modified_calls<T> calls(q_len, kv_len, head_dim, instruction_set::widest);
    const std::string what = std::string(decode ? "decode " : "prefill ") + type + " " + std::to_string(kv_len) + ", head_dim " + std::to_string(head_dim);
    print_target(what + ": causal by positions / causal, time", true, bar,
                 calls.ratio(crestmax::at_positions(positions, crestmax::causal{}), crestmax::causal{}, decode ? 0.02 : 0.0), {});
  }
}

#if CRESTMAX_X86_SETS
CRESTMAX_BEGIN_TARGET("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")
// Weights that pairs are multiplied by, of numbers in memory.
CRESTMAX_KERNEL void weigh_pairs(const float* from, crestmax::bfloat16* to, index_type count) {
  namespace set = crestmax::cpu::avx512;
  using primitives = set::avx512_bf16::primitives;
  typename primitives::vec sum = primitives::broadcast(0), rounded = primitives::broadcast(0);
  set::weigh_run<primitives>(from, count, 0.0f, set::make_weight_constants<primitives>(1.0f, 2),
                             [&](index_type j, const primitives::vec (&x)[2]) {
                               for (int v = 0; v < 2; ++v) sum = primitives::add(sum, x[v]);
                               primitives::store_rounded(to + j, x, rounded);
                             });
  primitives::keep(sum);
  primitives::keep(rounded);
}
CRESTMAX_END_TARGET

// The pass of a soft cap over scores in the second cache beside the pass that makes them weights.
double cap_beside_exponential() {
  constexpr index_type rows = 96, keys = 512;
  alignas(64) static float scores[rows * keys];
  alignas(64) static crestmax::bfloat16 weights[rows * keys];
  for (index_type i = 0; i < rows * keys; ++i) scores[i] = -20.0f * static_cast<float>(i) / (rows * keys);
  const auto& kernels = crestmax::cpu::avx512::kernels::table<float>().rows;
  std::vector<double> ratios;
  const auto fresh = [] { asm volatile("" : : "r"(scores), "r"(weights) : "memory"); };
  for (std::size_t i = 0; i < 10 * pairs_of_calls; ++i) {
    const double exponential = seconds_of([&] {
      for (index_type r = 0; r < rows; ++r) weigh_pairs(scores + r * keys, weights + r * keys, keys);
      fresh();
    });
    const double cap = seconds_of([&] {
      for (index_type r = 0; r < rows; ++r) kernels.soft_cap(scores + r * keys, keys, 1.0f, 30.0f);
      fresh();
    });
    ratios.push_back(cap / exponential);
  }
  return median(ratios);
}
#endif

}  // namespace

void print_modifier_targets() {
  stay_on_core(this_machine().cores[0]);
  std::printf("\nmodifiers, 8 heads, one core: medians of %zu pairs of calls\n", pairs_of_calls);
  print_calls<float>("fp32", 2048, 2048, instruction_set::widest);
  print_calls<float>("fp32", 1, 8192, instruction_set::widest);
  print_positions<float>("fp32", 2048, 2048, 1.05);
  print_positions<float>("fp32", 1, 8192, 1.03);
  print_positions<crestmax::bfloat16>("bf16", 1, 8192, 1.03);
  // Where neither pairs nor tiles multiply.
  print_calls<crestmax::bfloat16>("bf16 as numbers", 2048, 2048, std::min(crestmax::cpu::machine_set(), instruction_set::avx512));
#if CRESTMAX_X86_SETS
  if (crestmax::cpu::machine_has(instruction_set::avx512_bf16)) {
    print_target("bf16 in pairs or tiles: soft cap's pass / the exponential's", true, 2.5, cap_beside_exponential(), {});
    return;
  }
#endif
  std::printf("  bf16 in pairs or tiles: not on this machine\n");
}

}  // namespace crestmax_bench
