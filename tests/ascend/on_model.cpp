#include "on_model.hpp"

#include <crestmax/error.hpp>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace crestmax_test {

namespace ascend = crestmax::ascend;

namespace {

// A tensor as the device has it: 32-byte aligned, its rows the only bytes that may be touched.
class device_tensor {
 public:
  device_tensor(const test_tensor& t, index_type padding, bool fill)
      : extents_(t.extents()), element_(static_cast<std::size_t>(bytes_of(t.kind()))) {
    const auto [batch, len, heads, dim] = extents_;
    head_ = dim + padding;
    row_ = heads * head_;
    batch_ = len * row_;
    padded_ = padding > 0;
    memory_.assign(static_cast<std::size_t>(batch * batch_) * element_ + 64, std::byte{0xff});
    base_ = memory_.data() + (32 - reinterpret_cast<std::uintptr_t>(memory_.data()) % 32);
    if (!fill) return;
    t.for_each([&](index_type a, index_type b, index_type c, index_type d) { write_number(t.kind(), at(a, b, c, d), t.at(a, b, c, d)); });
  }
  void copy_to(test_tensor& t) const {
    t.for_each([&](index_type a, index_type b, index_type c, index_type d) { t.set(a, b, c, d, read_number(t.kind(), at(a, b, c, d))); });
  }
  std::byte* at(index_type a, index_type b, index_type c, index_type d) const {
    return base_ + static_cast<std::size_t>(a * batch_ + b * row_ + c * head_ + d) * element_;
  }
  ascend::tensor_arguments arguments() const { return {reinterpret_cast<std::uint64_t>(base_), batch_, row_, head_}; }
  void add_to(std::vector<ascend_model::memory_range>& ranges, const char* name, bool writable) const {
    const auto [batch, len, heads, dim] = extents_;
    if (batch * len == 0) return;
    if (!padded_) {
      ranges.push_back({base_, static_cast<std::size_t>(batch * batch_) * element_, writable, name, !writable});
      return;
    }
    for (index_type b = 0; b < batch; ++b) {
      for (index_type i = 0; i < len; ++i) {
        for (index_type h = 0; h < heads; ++h) {
          ranges.push_back({at(b, i, h, 0), static_cast<std::size_t>(dim) * element_, writable, name, !writable});
        }
      }
    }
  }
  void append_bits(std::vector<std::byte>& bits) const {
    bits.insert(bits.end(), base_, base_ + static_cast<std::size_t>(extents_[0] * batch_) * element_);
  }

 private:
  std::array<index_type, 4> extents_;
  std::size_t element_;
  index_type head_, row_, batch_;
  bool padded_;
  std::vector<std::byte> memory_;
  std::byte* base_;
};

struct device_memory {
  explicit device_memory(std::uint64_t size) : bytes(size), storage(size + 512, std::byte{0xff}) {
    base = storage.data() + (512 - reinterpret_cast<std::uintptr_t>(storage.data()) % 512);
  }
  std::uint64_t bytes;
  std::vector<std::byte> storage;
  std::byte* base;
};

void add(ascend::core_counters& sum, const ascend::core_counters& first, const ascend::core_counters& second) {
  sum.query_tiles += first.query_tiles;
  sum.corrected_tiles += first.corrected_tiles;
  sum.failing_rows += first.failing_rows + second.failing_rows;
  sum.keys_sampled += first.keys_sampled;
  sum.keys_crest += first.keys_crest;
  sum.keys_swept += first.keys_swept;
  sum.keys_redone += first.keys_redone;
}

}  // namespace

ascend::tiling_request request_of(const attention_case& c, const model_settings& s) {
  ascend::tiling_request r;
  r.on = s.on;
  r.element = c.query.kind();
  r.causal = c.modifiers.causal.enabled;
  r.batch = c.query.extent(0);
  r.q_len = c.query.extent(1);
  r.kv_len = c.key.extent(1);
  r.q_heads = c.q_heads();
  r.kv_heads = c.kv_heads();
  r.d_qk = c.d_qk();
  r.d_v = c.d_v();
  r.cores = s.cores;
  r.scale = c.options.scale.value_or(0);
  r.sample_stride = s.sample_stride;
  r.windows = s.windows;
  r.has_margin = s.margin.has_value();
  r.margin = s.margin.value_or(0);
  r.guard_tile_limit = s.guard_tile_limit;
  return r;
}

model_result run_on_model(const attention_case& c, const model_settings& s) {
  model_result result;
  result.attention.status = crestmax::success();
  ascend::tiling_request request = request_of(c, s);
  const device_tensor query(c.query, s.padding, true), key(c.key, s.padding, true), value(c.value, s.padding, true);
  const device_tensor output(c.output, s.padding, false);
  test_tensor lse_host(scalar_kind::float32, {c.query.extent(0), c.query.extent(1), c.query.extent(2), 1});
  const device_tensor lse(lse_host, s.padding, false);
  request.query = query.arguments();
  request.key = key.arguments();
  request.value = value.arguments();
  request.output = output.arguments();
  if (c.wants_lse) request.lse = lse.arguments();
  if (const ascend::refusal no = ascend::make_tiling(request, result.tiling)) {
    result.attention.status = crestmax::error_text(crestmax::status_code::unsupported, no.argument.c_str(),
                                                   no.expected.c_str(), no.given.c_str());
    return result;
  }
  const device_memory scratch(result.tiling.scratch_bytes), counters(result.tiling.counters_bytes);
  ascend::kernel_arguments& a = result.tiling.arguments;
  a.scratch = reinterpret_cast<std::uint64_t>(scratch.base);
  a.counters = reinterpret_cast<std::uint64_t>(counters.base);
  if (s.guard_least_sum != 0) a.guard_least_sum = static_cast<float>(s.guard_least_sum);

  std::vector<ascend_model::memory_range> ranges;
  query.add_to(ranges, "query", false);
  key.add_to(ranges, "key", false);
  value.add_to(ranges, "value", false);
  output.add_to(ranges, "output", true);
  if (c.wants_lse) lse.add_to(ranges, "lse", true);
  ranges.push_back({scratch.base, scratch.bytes, true, "scratch", false});
  ranges.push_back({counters.base, counters.bytes, true, "counters", false});
  const auto target = s.on == ascend::device::atlas_2201 ? ascend_model::target::ascend_2201 : ascend_model::target::ascend_3510;
  result.outcome = ascend_model::launch(target, result.tiling.blocks, kernel_for(result.tiling, a), ranges, s.mutation);
  if (!result.outcome.ok) {
    result.attention.status = crestmax::error_text(crestmax::status_code::unsupported, "model", "no error",
                                                   result.outcome.report.c_str());
    return result;
  }
  for (std::int32_t block = 0; block < result.tiling.blocks; ++block) {
    ascend::core_counters both[2];
    std::memcpy(both, counters.base + static_cast<std::size_t>(block) * sizeof both, sizeof both);
    add(result.counters, both[0], both[1]);
  }
  result.attention.output = c.output;
  output.copy_to(result.attention.output);
  lse.copy_to(lse_host);
  result.attention.lse = lse_host;
  const ascend::buffer& last = result.tiling.layout.scratch_output;
  result.scratch_output.resize(last.bytes / sizeof(float));
  if (last.bytes > 0) std::memcpy(result.scratch_output.data(), scratch.base + last.address, last.bytes);
  output.append_bits(result.bits);
  lse.append_bits(result.bits);
  return result;
}

testing::AssertionResult result_is_exact(const attention_case& c, const model_result& result, index_type most_rows) {
  if (!result.outcome.ok) return testing::AssertionFailure() << result.outcome.report << "\n" << describe(c);
  attention_case strict = c;
  strict.options.weights = c.query.kind() == scalar_kind::float16 ? crestmax::weight_type::float16
                                                                  : crestmax::weight_type::bfloat16;
  strict.row_kind = scalar_kind::float32;
  strict.narrow_slack = 0;
  return is_exact(strict, result.attention, most_rows);
}

testing::AssertionResult is_exact_on_model(const attention_case& c, const model_settings& s, index_type most_rows) {
  return result_is_exact(c, run_on_model(c, s), most_rows);
}

attention_case device_case(scalar_kind kind, index_type q_len, index_type kv_len, index_type d_qk, index_type d_v, bool causal, index_type q_heads,
                           index_type kv_heads, index_type batch) {
  const case_shape shape{.batch = batch, .q_len = q_len, .kv_len = kv_len, .q_heads = q_heads, .kv_heads = kv_heads,
                         .d_qk = d_qk, .d_v = d_v};
  attention_case c = normal_case(shape.with_types(kind), static_cast<std::uint64_t>(q_len * 31 + kv_len));
  c.modifiers.causal.enabled = causal;
  return c;
}

attention_case scored_case(scalar_kind kind, index_type q_len, index_type kv_len, const std::function<double(index_type)>& score, bool causal) {
  attention_case c = device_case(kind, q_len, kv_len, 64, 64, causal);
  c.query.fill(0);
  c.key.fill(0);
  for (index_type i = 0; i < q_len; ++i) c.query.set(0, i, 0, 0, 1);
  for (index_type j = 0; j < kv_len; ++j) c.key.set(0, j, 0, 0, score(j));
  c.options.scale = 1.0;
  return c;
}

bool long_tier(const char* what) {
  if (std::getenv("CRESTMAX_LONG") != nullptr) return true;
  std::printf("[note] not run: %s (set CRESTMAX_LONG=1)\n", what);
  return false;
}

}  // namespace crestmax_test
