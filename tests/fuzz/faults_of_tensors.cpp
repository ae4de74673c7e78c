#include "faults.hpp"

namespace crestmax_test {
namespace {

constexpr index_type least = std::numeric_limits<index_type>::min();
constexpr index_type most = std::numeric_limits<index_type>::max();

using member = raw_tensor raw_call::*;
using rows = crestmax::row_output crestmax::options::*;

raw_tensor& any_tensor(raw_call& c, fuzz_bytes& b) {
  return c.*b.pick<member>({&raw_call::query, &raw_call::key, &raw_call::value, &raw_call::output});
}
std::size_t any_dimension(fuzz_bytes& b) { return static_cast<std::size_t>(b.integer(0, 3)); }

bool is_empty(const crestmax::row_output& r) { return !r || r.extents[0] == 0 || r.extents[1] == 0 || r.extents[2] == 0; }

template <member Tensor>
bool make_null(raw_call& c, fuzz_bytes&) {
  if ((c.*Tensor).is_empty()) return false;
  (c.*Tensor).data = nullptr;
  return true;
}

template <member Tensor, scalar_kind raw_call::*Kind>
bool misalign(raw_call& c, fuzz_bytes& b) {
  if ((c.*Tensor).is_empty()) return false;
  (c.*Tensor).data += b.integer(1, bytes_of(c.*Kind) - 1);
  return true;
}

template <rows Output>
bool misalign_rows(raw_call& c, fuzz_bytes& b) {
  crestmax::row_output& r = c.options.*Output;
  if (is_empty(r)) return false;
  r.data = static_cast<std::byte*>(r.data) + b.integer(1, bytes_of(r.kind) - 1);
  return true;
}

bool change_extent(raw_call& c, fuzz_bytes& b) {
  index_type& extent = any_tensor(c, b).extents[any_dimension(b)];
  extent += b.chance(0.5) && extent > 0 ? -1 : 1;
  return true;
}

bool break_extent(raw_call& c, fuzz_bytes& b) {
  any_tensor(c, b).extents[any_dimension(b)] = b.pick({index_type{-1}, least, (index_type{1} << 40) + 1, most});
  return true;
}

bool change_rows(raw_call& c, fuzz_bytes& b) {
  crestmax::row_output& r = c.options.*b.pick<rows>({&crestmax::options::lse, &crestmax::options::row_max});
  if (!r) return false;
  r.extents[static_cast<std::size_t>(b.integer(0, 2))] += b.pick({1, -1});
  return true;
}

bool spread_innermost(raw_call& c, fuzz_bytes& b) {
  raw_tensor& t = any_tensor(c, b);
  if (t.is_empty() || t.extents[3] < 2) return false;
  t.strides[3] = b.pick({index_type{0}, index_type{2}, index_type{-1}, most, least});
  return true;
}

bool break_stride(raw_call& c, fuzz_bytes& b) {
  raw_tensor& t = any_tensor(c, b);
  const std::size_t i = any_dimension(b);
  if (t.is_empty() || t.extents[i] < 2) return false;
  t.strides[i] = b.pick({most, least, index_type{1} << 62, -(index_type{1} << 62), most / (t.extents[i] - 1)});
  return true;
}

bool share_output_rows(raw_call& c, fuzz_bytes& b) {
  const std::size_t i = any_dimension(b);
  if (c.output.is_empty() || c.output.extents[i] < 2) return false;
  c.output.strides[i] = i == 3 ? 0 : b.pick({0, 1, -1}) * (c.output.extents[3] - 1);
  return true;
}

bool share_lse_rows(raw_call& c, fuzz_bytes& b) {
  crestmax::row_output& r = c.options.lse;
  const auto i = static_cast<std::size_t>(b.integer(0, 2));
  if (is_empty(r) || r.extents[i] < 2) return false;
  r.strides[i] = 0;
  return true;
}

bool free_strides_of_one(raw_call& c, fuzz_bytes& b) {
  bool changed = false;
  const auto free_one = [&](index_type extent, index_type& stride) {
    if (extent != 1) return;
    stride = b.pick({most, least, index_type{-1}, index_type{0}, index_type{1} << 40});
    changed = true;
  };
  for (raw_tensor* t : {&c.query, &c.key, &c.value, &c.output}) {
    for (std::size_t i = 0; i < 4; ++i) free_one(t->extents[i], t->strides[i]);
  }
  for (crestmax::row_output* r : {&c.options.lse, &c.options.row_max, &c.options.dropped_mass}) {
    for (std::size_t i = 0; *r && i < 3; ++i) free_one(r->extents[i], r->strides[i]);
  }
  return changed;
}

constexpr char shapes[] = " query key value output key_pages value_pages batch q_len kv_len q_heads kv_heads d_qk d_v head_dim "
                          "lse row_max dropped_mass query_lengths key_lengths query_offsets key_offsets block_table "
                          "alibi.slopes attention_sinks.logits additive_bias boolean_mask ";

}  // namespace

std::span<const fault> faults_of_tensors() {
  using crestmax::options;
  static constexpr fault faults[] = {
      {"query is null", " query ", make_null<&raw_call::query>},
      {"key is null", " key key_pages ", make_null<&raw_call::key>},
      {"value is null", " value value_pages ", make_null<&raw_call::value>},
      {"output is null", " output ", make_null<&raw_call::output>},
      {"query is misaligned", " query ", misalign<&raw_call::query, &raw_call::query_kind>},
      {"key is misaligned", " key key_pages ", misalign<&raw_call::key, &raw_call::key_kind>},
      {"value is misaligned", " value value_pages ", misalign<&raw_call::value, &raw_call::value_kind>},
      {"output is misaligned", " output ", misalign<&raw_call::output, &raw_call::output_kind>},
      {"lse is misaligned", " lse ", misalign_rows<&options::lse>},
      {"row_max is misaligned", " row_max ", misalign_rows<&options::row_max>},
      {"dropped_mass is misaligned", " dropped_mass ", misalign_rows<&options::dropped_mass>},
      {"an extent is off by one", shapes, change_extent},
      {"an extent is out of range", shapes, break_extent},
      {"rows are off by one", " lse row_max ", change_rows},
      {"the innermost dimension is spread", " query key value output key_pages value_pages ", spread_innermost},
      {"a stride overflows", " query key value output key_pages value_pages ", break_stride},
      {"rows of the output share memory", " output ", share_output_rows},
      {"rows of lse share memory", " lse ", share_lse_rows},
      {"strides of extents of 1 are anything", "", free_strides_of_one}};
  return faults;
}

}  // namespace crestmax_test
