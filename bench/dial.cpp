// Decode within a tolerance over caches in planes beside exact decode over a float16 cache of the same numbers, in alternating runs.
//
// Numbers: of 8,192 keys those of real text (captures_long beside the captures: 9 heads on 3, and the key-value heads alone, repeated to 8), where they
// are there; else, and for other lengths and head dims, by a recipe. A query of head h has normal numbers times 1.2. A key has normal numbers; key 0 and
// one key of 256 have 0.25 times a direction of their head added, whose part in a query is 3 to 5, so that a few keys carry most of a row's weight, and
// thousands the rest. A value has normal numbers, and 0.3 added.
#include "dial.hpp"

#include <crestmax/attention.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <string>

#include "../tests/support/npy.hpp"
#include "machine.hpp"
#include "memory.hpp"
#include "targets.hpp"
#include "timing.hpp"
#include "workload.hpp"

namespace crestmax_bench {

namespace {

struct dial_shape {
  index_type kv_len, q_heads, kv_heads, head_dim;
  const char* capture;  // null: by the recipe
};

constexpr index_type keys_of_block = 64;

// Queries, keys and values as floats: [head][key][number].
struct dial_numbers {
  std::vector<float> query, key, value;

  explicit dial_numbers(const dial_shape& s) {
    if (s.capture != nullptr && from_capture(s)) return;
    const index_type d = s.head_dim, group = s.q_heads / s.kv_heads;
    std::mt19937 source(1);
    std::normal_distribution<float> normal;
    const auto draw = [&](std::vector<float>& to, index_type count, float size) {
      to.resize(static_cast<std::size_t>(count));
      for (float& x : to) x = size * normal(source);
    };
    draw(query, s.q_heads * d, 1.2f);
    draw(key, s.kv_heads * s.kv_len * d, 1);
    draw(value, s.kv_heads * s.kv_len * d, 1);
    for (float& x : value) x += 0.3f;
    std::vector<float> direction;
    draw(direction, s.kv_heads * d, 1);
    for (index_type h = 0; h < s.q_heads; ++h) {
      const float part = 3 + 2 * static_cast<float>(h % group) / static_cast<float>(group);
      for (index_type k = 0; k < d; ++k) query[at(h * d + k)] += part * direction[at(h / group * d + k)] / std::sqrt(static_cast<float>(d)) * 2;
    }
    for (index_type h = 0; h < s.kv_heads; ++h) {
      for (index_type j = 0; j < s.kv_len; j += 256) {
        const index_type key_at = j == 0 ? 0 : j + static_cast<index_type>(source() % 256);
        for (index_type k = 0; k < d && key_at < s.kv_len; ++k) key[at((h * s.kv_len + key_at) * d + k)] += 0.25f * direction[at(h * d + k)];
      }
    }
  }

 private:
  static std::size_t at(index_type i) { return static_cast<std::size_t>(i); }
  bool from_capture(const dial_shape& s) {
    const std::filesystem::path folder = std::filesystem::path(capture_folder()).parent_path() / "captures_long";
    crestmax_test::npy_array parts[3];
    for (int i = 0; i < 3; ++i) {
      constexpr const char* ends[] = {"_q.npy", "_k.npy", "_v.npy"};
      const std::filesystem::path file = folder / (std::string(s.capture) + ends[i]);
      if (!std::filesystem::exists(file) || !crestmax_test::read_npy(file.string(), parts[i]).empty()) return false;
    }
    const index_type heads = parts[0].shape[0], queries = parts[0].shape[1], kv_heads = parts[1].shape[0], d = s.head_dim;
    const index_type group = heads / kv_heads;
    if (parts[1].shape[1] != s.kv_len || parts[1].shape[2] != d) return false;
    query.clear(), key.clear(), value.clear();
    for (index_type h = 0; h < s.q_heads; ++h) {
      const index_type from = s.q_heads == heads ? h : h % kv_heads * group;
      for (index_type k = 0; k < d; ++k) query.push_back(static_cast<float>(parts[0].at((from * queries + queries - 1) * d + k)));
    }
    for (index_type h = 0; h < s.kv_heads; ++h) {
      for (index_type i = 0; i < s.kv_len * d; ++i) {
        key.push_back(static_cast<float>(parts[1].at(h % kv_heads * s.kv_len * d + i)));
        value.push_back(static_cast<float>(parts[2].at(h % kv_heads * s.kv_len * d + i)));
      }
    }
    return true;
  }
};

// One kind of cache in as many places as no cache holds, and calls on it.
class dial_call {
 public:
  dial_call(const dial_shape& s, const dial_numbers& numbers, bool planes, std::size_t least_bytes, crestmax::instruction_set most, double tolerance)
      : shape_(s), planes_(planes), tolerance_(tolerance), backend_(most), query_(numbers.query), output_(numbers.query.size()) {
    const auto bytes = static_cast<std::size_t>(s.kv_heads * s.kv_len * s.head_dim * 2);
    copies_ = std::max<std::size_t>(1, (least_bytes + 2 * bytes - 1) / (2 * bytes));
    key_ = memory_block(bytes * copies_);
    value_ = memory_block(bytes * copies_);
    if (planes) {
      code(numbers.key, true, key_, key_steps_, key_minimums_);
      code(numbers.value, false, value_, value_steps_, value_minimums_);
    } else {
      round(numbers.key, key_), round(numbers.value, value_);
    }
    for (std::size_t copy = 1; copy < copies_; ++copy) {
      std::memcpy(key_.data() + copy * bytes, key_.data(), bytes);
      std::memcpy(value_.data() + copy * bytes, value_.data(), bytes);
    }
    workspace_ = memory_block(std::size_t{96} << 20);
  }
  std::size_t copies() const { return copies_; }
  const crestmax::report& report() const { return report_; }

  // One call, stage by stage; the seconds that choosing took are added.
  void run(std::size_t copy, double* choosing = nullptr) {
    const dial_shape& s = shape_;
    crestmax::options o;
    const scalar_kind kind = planes_ ? scalar_kind::planes16 : scalar_kind::float16;
    const index_type n = s.kv_len, d = s.head_dim, heads = s.kv_heads, block = keys_of_block * d * 2;
    if (planes_) {
      o.coverage = tolerance_ > 0 ? crestmax::within(tolerance_) : crestmax::everything;
      o.key_coding = coding(key_steps_, key_minimums_, {n / keys_of_block * heads * d, d, n / keys_of_block * d, 1}, true);
      o.value_coding = coding(value_steps_, value_minimums_, {n * heads, 1, n, 1}, false);
    }
    const std::array<index_type, 4> strides = planes_ ? std::array<index_type, 4>{n / keys_of_block * heads * block, block, n / keys_of_block * block, 1}
                                                      : std::array<index_type, 4>{n * heads * d, d, n * d, 1};
    const auto view = [&](const memory_block& m) {
      return crestmax::tensor_view(m.data() + m.size() / copies_ * copy, kind, {1, n, heads, d}, strides);
    };
    const crestmax::tensor<const float> query(query_.data(), {1, 1, s.q_heads, d});
    const crestmax::tensor<float> output(output_.data(), {1, 1, s.q_heads, d});
    const crestmax::call_views<float, crestmax::contiguous_view> tensors{query, crestmax::contiguous_view(view(key_), view(value_), {}), output};
    crestmax::plan plan;
    crestmax::problem shape = crestmax::problem_of(tensors, o);
    shape.workers = 1;
    alignas(8) std::byte plan_memory[crestmax::plan::bytes(1)];
    expect(crestmax::make_plan(shape, plan_memory, plan, o, backend_));
    o.workspace = {workspace_.data(), workspace_.size()};
    const auto attached = crestmax::attach(plan, 1, tensors, o, backend_);
    expect(attached.begin());
    for (index_type stage = 0; stage < attached.stages(); ++stage) {
      const bool chooses = choosing != nullptr && plan->stage[stage] == crestmax::plan_stage::choose;
      const double start = chooses ? now() : 0;
      for (index_type item = 0; item < attached.items(stage); ++item) attached.run(stage, item, 0);
      if (chooses) *choosing += now() - start;
    }
    expect(attached.collect(report_));
  }

 private:
  static void expect(const crestmax::status& s) {
    if (!s.ok()) throw std::runtime_error(s.message());
  }
  static crestmax::row_coding coding(const std::vector<crestmax::bfloat16>& steps, const std::vector<crestmax::bfloat16>& minimums,
                                     const std::array<index_type, 4>& strides, bool of_keys) {
    crestmax::row_coding c;
    c.scales = {steps.data(), strides};
    c.offsets = {minimums.data(), strides};
    c.offset = crestmax::offset_kind::minimum;
    c.group = of_keys ? 1 : 0;
    c.keys = of_keys ? keys_of_block : 1;
    if (of_keys) c.open = {steps.data(), scalar_kind::bfloat16, {0, 0, 0}};  // all blocks are whole
    return c;
  }
  static void round(const std::vector<float>& from, const memory_block& to) {
    auto* const numbers = reinterpret_cast<crestmax::float16*>(to.data());
    for (std::size_t i = 0; i < from.size(); ++i) numbers[i] = crestmax::to_float16(from[i]);
  }
  // Numbers that share a step and a minimum: `count` of them, `apart` from each other. Both are bfloat16, rounded so that every number has a code.
  void code_range(const float* from, index_type count, index_type apart, crestmax::bfloat16& step, crestmax::bfloat16& minimum, std::vector<int>& codes) {
    float least = from[0], most = from[0];
    for (index_type i = 1; i < count; ++i) least = std::min(least, from[i * apart]), most = std::max(most, from[i * apart]);
    // The least and the most lie in the middle of what the first plane tells apart. Steps of this size are no normal numbers of float16: bfloat16.
    const float middle = (most - least) / 30;
    minimum = crestmax::to_bfloat16(least - middle - 0x1p-7f * std::fabs(least - middle));
    step = crestmax::to_bfloat16((most + middle - crestmax::to_float(minimum)) / 65535 * (1 + 0x1p-7f) + 1e-30f);
    codes.resize(static_cast<std::size_t>(count));
    for (index_type i = 0; i < count; ++i) {
      const float code = std::nearbyint((from[i * apart] - crestmax::to_float(minimum)) / crestmax::to_float(step));
      codes[static_cast<std::size_t>(i)] = static_cast<int>(std::clamp(code, 0.0f, 65535.0f));
    }
  }
  void code(const std::vector<float>& from, bool are_keys, const memory_block& to, std::vector<crestmax::bfloat16>& steps, std::vector<crestmax::bfloat16>& minimums) {
    const index_type n = shape_.kv_len, d = shape_.head_dim, heads = shape_.kv_heads, block = keys_of_block * d * 2;
    const index_type blocks = n / keys_of_block;
    steps.resize(static_cast<std::size_t>(are_keys ? heads * blocks * d : heads * n));
    minimums.resize(steps.size());
    std::vector<int> codes;
    std::memset(to.data(), 0, static_cast<std::size_t>(heads * blocks * block));
    for (index_type h = 0; h < heads; ++h) {
      for (index_type b = 0; b < blocks; ++b) {
        std::byte* const begin = to.data() + (h * blocks + b) * block;
        const float* const rows = from.data() + (h * n + b * keys_of_block) * d;
        for (index_type i = 0; i < (are_keys ? d : keys_of_block); ++i) {
          const auto place = static_cast<std::size_t>(are_keys ? (h * blocks + b) * d + i : h * n + b * keys_of_block + i);
          if (are_keys) code_range(rows + i, keys_of_block, d, steps[place], minimums[place], codes);
          else code_range(rows + i * d, d, 1, steps[place], minimums[place], codes);
          for (std::size_t j = 0; j < codes.size(); ++j) put(begin, are_keys ? static_cast<index_type>(j) : i, are_keys ? i : static_cast<index_type>(j), codes[j]);
        }
      }
    }
  }
  void put(std::byte* block, index_type row, index_type k, int code) {
    const index_type d = shape_.head_dim;
    const int shift = k % 2 == 0 ? 0 : 4;
    block[row * (d / 2) + k / 2] |= static_cast<std::byte>((code >> 12) << shift);
    block[32 * d + row * (d / 2) + k / 2] |= static_cast<std::byte>((code >> 8 & 15) << shift);
    block[64 * d + row * d + k] = static_cast<std::byte>(code & 255);
  }

  dial_shape shape_;
  bool planes_;
  double tolerance_;
  crestmax::backend::cpu backend_;
  std::size_t copies_ = 1;
  memory_block key_, value_, workspace_;
  std::vector<crestmax::bfloat16> key_steps_, key_minimums_, value_steps_, value_minimums_;
  std::vector<float> query_, output_;
  crestmax::report report_;
};

struct dial_result {
  double ratio, choosing, share_of_bytes, milliseconds;
};
dial_result pair_of(const dial_shape& s, dial_call& exact, dial_call& dial, int pairs) {
  std::vector<double> ratios, shares, times;
  const auto pass = [](dial_call& c, double* choosing) {
    return seconds_of([&] { for (std::size_t copy = 0; copy < c.copies(); ++copy) c.run(copy, choosing); }) / static_cast<double>(c.copies());
  };
  pass(exact, nullptr), pass(dial, nullptr);
  for (int i = 0; i < pairs; ++i) {
    const bool first = i % 2 == 0;
    const double before = first ? pass(exact, nullptr) : 0;
    double choosing = 0;
    const double own = pass(dial, &choosing);
    ratios.push_back((first ? before : pass(exact, nullptr)) / own);
    shares.push_back(choosing / static_cast<double>(dial.copies()) / own);
    times.push_back(own * 1e3);
  }
  const double bytes = static_cast<double>(dial.report().bytes_read) / static_cast<double>(4 * s.head_dim * s.kv_heads * s.kv_len);
  return {median(ratios), median(shares), bytes, median(times)};
}

void print_shape(const dial_shape& s, double bar_1, double bar_01, std::size_t cold, int pairs, crestmax::instruction_set set) {
  const dial_numbers numbers(s);
  dial_call exact(s, numbers, false, cold, set, 0);
  for (const double tolerance : {0.01, 0.001, 0.0}) {
    dial_call dial(s, numbers, true, cold, set, tolerance);
    const dial_result r = pair_of(s, exact, dial, pairs);
    char what[160], where[120] = "";
    const int heads = std::snprintf(what, sizeof what, "%s decode, %lld heads on %lld, %lld keys, d %lld, ", crestmax::name(set), static_cast<long long>(s.q_heads),
                                    static_cast<long long>(s.kv_heads), static_cast<long long>(s.kv_len), static_cast<long long>(s.head_dim));
    const auto left = sizeof what - static_cast<std::size_t>(heads);
    if (tolerance > 0) std::snprintf(what + heads, left, "within %.1f %%: exact fp16 / planes", 100 * tolerance);
    else std::snprintf(what + heads, left, "all planes: exact fp16 / planes");
    std::snprintf(where, sizeof where, "%.3f ms; %.3f of fp16's bytes; choosing %.1f %%; %lld refined, %lld read on", r.milliseconds, r.share_of_bytes, 100 * r.choosing,
                  static_cast<long long>(dial.report().keys_refined), static_cast<long long>(dial.report().rows_read_on));
    print_target(what, false, tolerance > 0.005 ? bar_1 : tolerance > 0 ? bar_01 : 0.8, r.ratio, where);
    std::fflush(stdout);
  }
}

}  // namespace

void print_dial_targets() {
  stay_on_core(this_machine().cores[0]);
  constexpr int pairs = 9;
  const std::size_t cold = 2 * this_machine().last_level_cache;
  std::printf("\ncaches in planes, one core, medians of %d alternating pairs\n", pairs);
  for (const crestmax::instruction_set used : sets_to_measure()) {
    print_shape({8192, 9, 3, 64, "smollm2_L20"}, 1.6, 1.2, cold, pairs, used);
    print_shape({8192, 8, 8, 64, "smollm2_L20"}, 2.2, 1.4, cold, pairs, used);
    print_shape({16384, 32, 8, 128, nullptr}, 1.6, 1.2, cold, pairs, used);
    print_shape({16384, 8, 8, 128, nullptr}, 2.2, 1.4, cold, pairs, used);
    print_shape({65536, 8, 2, 128, nullptr}, 1.6, 1.2, cold, pairs, used);
    print_shape({65536, 2, 2, 64, nullptr}, 2.2, 1.4, cold, pairs, used);
  }
}

}  // namespace crestmax_bench
