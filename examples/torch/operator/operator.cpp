// torch.ops.crestmax: the operators' schemas, and what torch calls. Needs torch 2.10 or later, by its stable ABI.
#include "attend.hpp"
#include "torch_tensors.hpp"

namespace crestmax_torch {
namespace {

#define CRESTMAX_TORCH_SETTINGS \
  "int causal=0, int window_left=-1, int window_right=-1, float softcap=0.0, Tensor? sinks=None, float? scale=None, " \
  "Tensor? k_scale=None, Tensor? v_scale=None"

// The settings of a call, and what owns their tensors.
struct read_settings {
  settings values;
  handle sinks;
  handle scales[2];

  explicit read_settings(argument_reader& reader) {
    values.causal = reader.integer();
    values.window_left = reader.integer();
    values.window_right = reader.integer();
    values.softcap = reader.real();
    sinks = reader.optional_tensor();
    values.sinks = describe("sinks", sinks);
    values.scale = reader.optional_real();
    for (handle& of : scales) of = reader.optional_tensor();
    values.key_scales = describe("k_scale", scales[0]);
    values.value_scales = describe("v_scale", scales[1]);
  }
};

struct output_handles {
  handle output;
  handle lse;
};

constexpr element row_type(element type) { return type == element::float64 ? element::float64 : element::float32; }

// Output (batch, heads, len, d) in memory of (batch, len, heads, d), as torch's own kernels leave it; lse (batch, heads, len).
output_handles make_batched_results(const array& query, index_type d, bool wants_lse, call& c) {
  const index_type batch = query.extent(0);
  const index_type heads = query.extent(1);
  const index_type len = query.extent(2);
  output_handles made;
  void* data = nullptr;
  const std::array<index_type, 4> extents = {batch, heads, len, d};
  const std::array<index_type, 4> strides = {len * heads * d, d, heads * d, 1};
  made.output = new_tensor(extents, strides, query.type, data);
  c.output = {data, kind_of(query.type), {batch, len, heads, d}, {strides[0], strides[2], strides[1], 1}};
  if (wants_lse) {
    const std::array<index_type, 3> lse_extents = {batch, heads, len};
    const std::array<index_type, 3> lse_strides = {heads * len, len, 1};
    made.lse = new_tensor(lse_extents, lse_strides, row_type(query.type), c.lse.data);
    c.lse.extents = {batch, len, heads};
    c.lse.strides = {lse_strides[0], 1, lse_strides[1]};
    c.lse.kind = kind_of(row_type(query.type));
  }
  return made;
}

// Output (total, heads, d); lse (heads, total).
output_handles make_packed_results(const array& query, index_type d, bool wants_lse, call& c) {
  const index_type total = query.extent(0);
  const index_type heads = query.extent(1);
  output_handles made;
  void* data = nullptr;
  const std::array<index_type, 3> extents = {total, heads, d};
  const std::array<index_type, 3> strides = {heads * d, d, 1};
  made.output = new_tensor(extents, strides, query.type, data);
  c.output = {data, kind_of(query.type), {1, total, heads, d}, {0, strides[0], strides[1], 1}};
  if (wants_lse) {
    const std::array<index_type, 2> lse_extents = {heads, total};
    const std::array<index_type, 2> lse_strides = {total, 1};
    made.lse = new_tensor(lse_extents, lse_strides, row_type(query.type), c.lse.data);
    c.lse.extents = {1, total, heads};
    c.lse.strides = {0, 1, total};
    c.lse.kind = kind_of(row_type(query.type));
  }
  return made;
}

void give_back(StableIValue* stack, output_handles& made) {
  stack[0] = torch::stable::detail::from(made.output.release());
  if (made.lse) stack[1] = torch::stable::detail::from(made.lse.release());
}

kept_state& kept_by_this_thread() {
  thread_local kept_state kept;
  return kept;
}

void compute(const call& c) {
  for (const index_type extent : c.output.extents) {
    if (extent == 0) return;
  }
  attend(c, kept_by_this_thread(), torch_threads::available(), [](int workers) { return torch_threads{workers}; });
}

// The three tensors that every operator begins with.
struct read_rows {
  handle handles[3];
  array query, key, value;

  read_rows(argument_reader& reader, const char* key_name, const char* value_name)
      : handles{reader.tensor(), reader.tensor(), reader.tensor()},
        query(describe("query", handles[0])),
        key(describe(key_name, handles[1])),
        value(describe(value_name, handles[2])) {}
  void make_dense() {
    make_rows_dense(handles[0], query);
    make_rows_dense(handles[1], key);
    make_rows_dense(handles[2], value);
  }
};

template <bool WantsLse>
void attention(StableIValue* stack, std::uint64_t, std::uint64_t) {
  argument_reader reader(stack);
  read_rows rows(reader, "key", "value");
  const handle mask = reader.optional_tensor();
  const read_settings read(reader);
  call c;
  c.options = read.values;
  c.mask = describe("mask", mask);
  check::batched(rows.query, rows.key, rows.value);
  check::mask(c.mask, rows.query, rows.key.extent(2));
  check::options(c.options, rows.query.extent(1));
  check::scales(c.options.key_scales, rows.key, 1, "(batch, heads, len)");
  check::scales(c.options.value_scales, rows.value, 1, "(batch, heads, len)");
  rows.make_dense();
  const index_type q_len = rows.query.extent(2);
  const index_type kv_len = keys_in_reach(c.options, q_len, rows.key.extent(2));
  c.query = batched_view(rows.query, q_len);
  c.key = batched_view(rows.key, kv_len);
  c.value = batched_view(rows.value, kv_len);
  c.key_coding = batched_coding(c.options.key_scales);
  c.value_coding = batched_coding(c.options.value_scales);
  output_handles made = make_batched_results(rows.query, rows.value.extent(3), WantsLse, c);
  compute(c);
  give_back(stack, made);
}

template <bool WantsLse>
void attention_varlen(StableIValue* stack, std::uint64_t, std::uint64_t) {
  argument_reader reader(stack);
  read_rows rows(reader, "key", "value");
  const handle offsets[2] = {reader.tensor(), reader.tensor()};
  const read_settings read(reader);
  const array query_offsets = describe("cu_seqlens_q", offsets[0]);
  const array key_offsets = describe("cu_seqlens_k", offsets[1]);
  call c;
  c.options = read.values;
  check::packed(rows.query, rows.key, rows.value);
  check::options(c.options, rows.query.extent(1));
  check::scales(c.options.key_scales, rows.key, 1, "(total, heads)");
  check::scales(c.options.value_scales, rows.value, 1, "(total, heads)");
  check::offsets(query_offsets, rows.query.extent(0), "the total of query,");
  check::offsets(key_offsets, rows.key.extent(0), "the total of key,");
  check::equal(key_offsets.name, "entries (those of cu_seqlens_q)", query_offsets.extent(0), key_offsets.extent(0));
  rows.make_dense();
  c.query = packed_view(rows.query);
  c.key = packed_view(rows.key);
  c.value = packed_view(rows.value);
  c.key_coding = packed_coding(c.options.key_scales);
  c.value_coding = packed_coding(c.options.value_scales);
  c.query_offsets = query_offsets.numbers();
  c.key_offsets = key_offsets.numbers();
  output_handles made = make_packed_results(rows.query, rows.value.extent(2), WantsLse, c);
  compute(c);
  give_back(stack, made);
}

// The pages of a call. Returns the number of sequences.
index_type read_pages(const array& table, const array& lengths, const array& cache, page_table& pages) {
  check::on_cpu(table);
  check::whole_numbers(table, 2, "(sequences, pages)");
  if (table.extent(0) > 1) check::equal(table.name, "rows that follow each other, a stride of", table.extent(1), table.stride(0));
  check::lengths(lengths, table.extent(0), table.extent(1) * cache.extent(1));
  pages.per_sequence = table.extent(1);
  pages.entries = {static_cast<const std::int32_t*>(table.data), static_cast<std::size_t>(table.extent(0) * table.extent(1))};
  pages.lengths = lengths.numbers();
  return table.extent(0);
}

template <bool WantsLse>
void attention_paged(StableIValue* stack, std::uint64_t, std::uint64_t) {
  argument_reader reader(stack);
  read_rows rows(reader, "key_cache", "value_cache");
  const handle table = reader.tensor();
  const handle lengths = reader.tensor();
  const handle offsets = reader.optional_tensor();
  const read_settings read(reader);
  const array query_offsets = describe("cu_seqlens_q", offsets);
  call c;
  c.options = read.values;
  check::paged(rows.query, rows.key, rows.value);
  check::options(c.options, rows.query.extent(1));
  check::scales(c.options.key_scales, rows.key, 2, "(pages, page_size, heads)");
  check::scales(c.options.value_scales, rows.value, 2, "(pages, page_size, heads)");
  const index_type sequences = read_pages(describe("block_table", table), describe("cache_seqlens", lengths), rows.key, c.pages);
  rows.make_dense();
  c.is_paged = true;
  c.key = paged_view(rows.key);
  c.value = paged_view(rows.value);
  c.key_coding = paged_coding(c.options.key_scales);
  c.value_coding = paged_coding(c.options.value_scales);
  output_handles made = make_packed_results(rows.query, rows.value.extent(3), WantsLse, c);
  if (query_offsets.given) {
    check::offsets(query_offsets, rows.query.extent(0), "the total of query,");
    check::equal(query_offsets.name, "sequences + 1 entries,", sequences + 1, query_offsets.extent(0));
    c.query = packed_view(rows.query);
    c.query_offsets = query_offsets.numbers();
  } else {  // a query for each sequence
    check::equal("query", "without cu_seqlens_q a total (sequences of block_table) of", sequences, rows.query.extent(0));
    c.query = one_each(packed_view(rows.query));
    c.output = one_each(c.output);
    if (c.lse) c.lse = one_each(c.lse);
  }
  compute(c);
  give_back(stack, made);
}

}  // namespace
}  // namespace crestmax_torch

STABLE_TORCH_LIBRARY(crestmax, library) {
  library.def("attention(Tensor query, Tensor key, Tensor value, Tensor? mask=None, *, " CRESTMAX_TORCH_SETTINGS ") -> Tensor");
  library.def("attention_with_lse(Tensor query, Tensor key, Tensor value, Tensor? mask=None, *, " CRESTMAX_TORCH_SETTINGS
              ") -> (Tensor, Tensor)");
  library.def("attention_varlen(Tensor query, Tensor key, Tensor value, Tensor cu_seqlens_q, Tensor cu_seqlens_k, *, "
              CRESTMAX_TORCH_SETTINGS ") -> Tensor");
  library.def("attention_varlen_with_lse(Tensor query, Tensor key, Tensor value, Tensor cu_seqlens_q, Tensor cu_seqlens_k, *, "
              CRESTMAX_TORCH_SETTINGS ") -> (Tensor, Tensor)");
  library.def("attention_paged(Tensor query, Tensor key_cache, Tensor value_cache, Tensor block_table, Tensor cache_seqlens, "
              "Tensor? cu_seqlens_q=None, *, " CRESTMAX_TORCH_SETTINGS ") -> Tensor");
  library.def("attention_paged_with_lse(Tensor query, Tensor key_cache, Tensor value_cache, Tensor block_table, Tensor cache_seqlens, "
              "Tensor? cu_seqlens_q=None, *, " CRESTMAX_TORCH_SETTINGS ") -> (Tensor, Tensor)");
}

STABLE_TORCH_LIBRARY_IMPL(crestmax, CPU, library) {
  library.impl("attention", &crestmax_torch::attention<false>);
  library.impl("attention_with_lse", &crestmax_torch::attention<true>);
  library.impl("attention_varlen", &crestmax_torch::attention_varlen<false>);
  library.impl("attention_varlen_with_lse", &crestmax_torch::attention_varlen<true>);
  library.impl("attention_paged", &crestmax_torch::attention_paged<false>);
  library.impl("attention_paged_with_lse", &crestmax_torch::attention_paged<true>);
}
