// What mask tensors cost: calls under one beside the same calls under the mask by positions that says the same, or under none. In turns; medians of
// the ratios of a round.
#include "mask_targets.hpp"

#include <crestmax/crestmax.hpp>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>

#include "machine.hpp"
#include "targets.hpp"
#include "timing.hpp"

namespace crestmax_bench {

namespace {

using crestmax::tensor;
using index_type = std::int64_t;

constexpr index_type heads = 8, n = 2048;
constexpr std::size_t rounds = 15;

void require(const crestmax::status& s) {
  if (!s.ok()) throw std::runtime_error(s.message());
}

// A mask of one head, broadcast over the others, and its map.
template <class Entry>
struct mask_of_calls {
  std::vector<Entry> entries;
  std::vector<std::uint64_t> map;

  mask_of_calls(Entry shown, Entry hidden, bool triangle) : entries(static_cast<std::size_t>(n * n), shown) {
    for (index_type i = 0; triangle && i < n; ++i) std::fill(entries.begin() + i * n + i + 1, entries.begin() + (i + 1) * n, hidden);
    std::size_t bytes = 0;
    require(crestmax::mask_map_bytes(view(), bytes));
    map.resize(bytes / sizeof(std::uint64_t) + 1);
  }
  crestmax::mask_view view() const { return tensor<const Entry>(entries.data(), {1, 1, n, n}); }
  void build() { require(crestmax::build_mask_map(view(), std::as_writable_bytes(std::span(map)))); }
  crestmax::mask_tensor tensor_of() const { return {view(), std::as_bytes(std::span(map))}; }
};

// All lines share one chain, whose masks are on or off.
using chain = decltype(crestmax::causal{} | crestmax::mask_tensor{});

template <class T>
class masked_calls {
 public:
  explicit masked_calls(index_type head_dim) : shape_{1, n, heads, head_dim}, q_(filled(head_dim)), k_(filled(head_dim)), v_(filled(head_dim)), o_(q_.size()) {}

  void call(const chain& modifiers) {
    const auto in = [&](const std::vector<T>& from) { return tensor<const T>(from.data(), shape_); };
    require(crestmax::attention(in(q_), in(k_), in(v_), tensor<T>(o_.data(), shape_), {}, modifiers));
  }

  // Medians of (time under the mask, map and all) / (time without) and (time under the mask, map kept) / (time without).
  template <class Entry>
  std::pair<double, double> ratios(mask_of_calls<Entry> mask, bool causal) {
    const chain without = crestmax::causal{causal} | crestmax::mask_tensor{};
    const auto with = [&] { return crestmax::causal{false} | mask.tensor_of(); };
    std::vector<double> building, kept;
    mask.build();
    for (std::size_t i = 0; i < rounds; ++i) {
      const double before = seconds_of([&] { call(without); });
      const double all = seconds_of([&] {
        mask.build();
        call(with());
      });
      const double under_kept = seconds_of([&] { call(with()); });
      const double after = seconds_of([&] { call(without); });
      building.push_back(2 * all / (before + after));
      kept.push_back(2 * under_kept / (before + after));
    }
    return {median(building), median(kept)};
  }

 private:
  static std::vector<T> filled(index_type head_dim) {
    std::mt19937 source(1);
    std::normal_distribution<float> normal;
    std::vector<T> all(static_cast<std::size_t>(n * heads * head_dim));
    for (T& x : all) x = crestmax::convert<T>(normal(source));
    return all;
  }

  std::array<index_type, 4> shape_;
  std::vector<T> q_, k_, v_, o_;
};

template <class T, class Entry>
void print_masks(const char* calls, const char* entries, Entry shown, Entry hidden) {
  for (const index_type head_dim : {64, 128}) {
    masked_calls<T> of(head_dim);
    const std::string where = std::string("prefill ") + calls + " " + std::to_string(n) + ", head_dim " + std::to_string(head_dim) + ": mask of " + entries;
    const auto [building, kept] = of.ratios(mask_of_calls<Entry>(shown, hidden, true), true);
    print_target(where + ", lower triangle, map built / causal, time", true, 1.15, building, {});
    print_target(where + ", lower triangle, map kept / causal, time", true, 1.05, kept, {});
    const auto [zeros, kept_zeros] = of.ratios(mask_of_calls<Entry>(shown, hidden, false), false);
    print_target(where + ", nothing hidden, map built / no mask, time", true, 1.1, zeros, {});
    print_target(where + ", nothing hidden, map kept / no mask, time", true, 1.1, kept_zeros, {});
  }
}

}  // namespace

void print_mask_targets() {
  stay_on_core(this_machine().cores[0]);
  std::printf("\nmask tensors, 8 heads, broadcast over them, one core: medians of %zu rounds\n", rounds);
  constexpr float infinite = std::numeric_limits<float>::infinity();
  print_masks<float, std::uint8_t>("fp32", "bools", 1, 0);
  print_masks<float, float>("fp32", "float32", 0, -infinite);
  using crestmax::bfloat16;
  print_masks<bfloat16, std::uint8_t>("bf16", "bools", 1, 0);
  print_masks<bfloat16, bfloat16>("bf16", "bfloat16", crestmax::to_bfloat16(0), crestmax::to_bfloat16(-infinite));
}

}  // namespace crestmax_bench
