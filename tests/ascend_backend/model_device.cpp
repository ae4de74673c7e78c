#include "model_device.hpp"

#include <cstdio>
#include <cstring>

namespace crestmax_test {
namespace {

using crestmax::ascend::tensor_arguments;

// Where a tensor of these extents lies, from its first byte to its last.
ascend_model::memory_range range_of(const char* name, const tensor_arguments& t, std::int64_t batch, std::int64_t rows,
                                    std::int64_t heads, std::int64_t dim, std::int64_t element, bool output) {
  if (t.address == 0 || batch * rows * heads == 0) return {nullptr, 0, false, name, false};
  std::int64_t low = 0, high = dim;
  for (const auto& [stride, extent] : {std::pair{t.batch_stride, batch}, {t.row_stride, rows}, {t.head_stride, heads}}) {
    (stride < 0 ? low : high) += stride * (extent - 1);
  }
  auto* base = reinterpret_cast<char*>(static_cast<std::uintptr_t>(t.address)) + low * element;
  return {base, static_cast<std::uint64_t>((high - low) * element), output, name, !output};
}

}  // namespace

crestmax::status model_device::prepare(const crestmax::npu::kernel_key& key, std::size_t, kernel& k) const {
  prepared = key;
  k = find_kernel(key);
  if (k != nullptr) return crestmax::success();
  char name[64];
  crestmax::npu::write_name(key, name);
  return crestmax::error_text(crestmax::status_code::not_compiled, "kernel", "one that this test program has", name);
}

crestmax::status model_device::launch(kernel k, std::uint32_t blocks, std::span<std::uint64_t> words) const {
  crestmax::ascend::kernel_arguments a{};
  std::memcpy(&a, words.data(), sizeof a);
  const crestmax::ascend::device_layout layout = crestmax::ascend::layout_for(
      generation, static_cast<std::int32_t>(prepared.d_qk), static_cast<std::int32_t>(prepared.d_v));
  const auto at = [](std::uint64_t address) { return reinterpret_cast<void*>(static_cast<std::uintptr_t>(address)); };
  std::vector<ascend_model::memory_range> global{
      range_of("query", a.query, a.batch, a.q_len, a.q_heads, layout.d_qk, 2, false),
      range_of("key", a.key, a.batch, a.kv_len, a.kv_heads, layout.d_qk, 2, false),
      range_of("value", a.value, a.batch, a.kv_len, a.kv_heads, layout.d_v, 2, false),
      range_of("output", a.output, a.batch, a.q_len, a.q_heads, layout.d_v, 2, true),
      range_of("lse", a.lse, a.batch, a.q_len, a.q_heads, 1, 4, true),
      {at(a.scratch), std::uint64_t{blocks} * layout.scratch_bytes, true, "scratch", false},
      {at(a.counters), std::uint64_t{blocks} * 2 * sizeof(crestmax::ascend::core_counters), true, "counters", false}};
  std::erase_if(global, [](const ascend_model::memory_range& r) { return r.bytes == 0; });
  const auto on = generation == crestmax::npu::generation::atlas_2201 ? ascend_model::target::ascend_2201
                                                                      : ascend_model::target::ascend_3510;
  const ascend_model::outcome result = ascend_model::launch(on, blocks, [&] { k(a); }, global);
  if (log != nullptr) {
    ++log->launches;
    log->last = result;
  }
  if (result.ok) return crestmax::success();
  std::fprintf(stderr, "%s\n", result.report.c_str());
  return crestmax::error_text(crestmax::status_code::device_error, "the model", "a kernel that keeps the rules",
                              result.report.c_str());
}

crestmax::status model_device::read(void* to, const void* from, std::size_t bytes) const {
  std::memcpy(to, from, bytes);
  return crestmax::success();
}

}  // namespace crestmax_test
