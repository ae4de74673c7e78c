// A call of an operator as a call of crestmax.
#pragma once

#include "kept.hpp"
#include "masks.hpp"

namespace crestmax_torch {

using crestmax::tensor_view;

struct page_table {
  std::span<const std::int32_t> entries;
  index_type per_sequence = 0;
  std::span<const std::int32_t> lengths;  // keys of each sequence
};

// Tensors in crestmax's order: (batch, len, heads, d), or (pages, page_size, heads, d); lse (batch, len, heads).
struct call {
  tensor_view query, key, value, output;
  crestmax::row_output lse{};
  crestmax::row_coding key_coding{}, value_coding{};
  settings options{};
  array mask{};
  std::span<const std::int32_t> query_offsets{};  // of packed sequences
  std::span<const std::int32_t> key_offsets{};
  page_table pages{};
  bool is_paged = false;

  // Whether sequences are as long as their tensors.
  bool is_even() const { return !is_paged && query_offsets.empty(); }
};

// (batch, heads, len, d), with len cut to the rows that are used.
inline tensor_view batched_view(const array& a, index_type len) {
  return {a.data, kind_of(a.type), {a.extent(0), len, a.extent(1), a.extent(3)}, {a.stride(0), a.stride(2), a.stride(1), a.stride(3)}};
}
// (total, heads, d).
inline tensor_view packed_view(const array& a) {
  return {a.data, kind_of(a.type), {1, a.extent(0), a.extent(1), a.extent(2)}, {0, a.stride(0), a.stride(1), a.stride(2)}};
}
inline tensor_view paged_view(const array& a) {
  return {a.data, kind_of(a.type), {a.extent(0), a.extent(1), a.extent(2), a.extent(3)},
          {a.stride(0), a.stride(1), a.stride(2), a.stride(3)}};
}
// Scales that have been checked, beside rows (batch or page, len, heads, d); `places`: which axis of the scales each of the first three is, of
// as many as rows have but for d. Axes that scales have not are shared.
inline crestmax::row_coding coding_of(const array& scales, std::array<std::size_t, 3> places, std::size_t axes) {
  crestmax::row_coding coding;
  if (!scales.given) return coding;
  coding.scales = {scales.data, kind_of(scales.type), {}};
  for (std::size_t i = 0; i < places.size(); ++i) {
    const std::size_t axis = scales.rank() == 1 ? (i == 2 ? 0 : axes) : places[i];
    if (axis < scales.rank() && scales.extent(axis) > 1) coding.scales.strides[i] = scales.stride(axis);
  }
  return coding;
}
inline crestmax::row_coding batched_coding(const array& scales) { return coding_of(scales, {0, 2, 1}, 3); }
inline crestmax::row_coding packed_coding(const array& scales) { return coding_of(scales, {2, 0, 1}, 2); }
inline crestmax::row_coding paged_coding(const array& scales) { return coding_of(scales, {0, 1, 2}, 3); }

// Packed rows as one query of each sequence.
template <class Rows>
Rows one_each(Rows rows) {
  rows.extents[0] = std::exchange(rows.extents[1], 1);
  rows.strides[0] = std::exchange(rows.strides[1], 0);
  return rows;
}

// The sinks as crestmax takes them, in memory that is kept.
inline std::span<const float> sinks_of(const array& sinks, std::vector<float>& kept) {
  if (!sinks.given) return {};
  crestmax::visit_kind(kind_of(sinks.type), [&](auto* type) {
    const auto* const from = static_cast<const std::remove_pointer_t<decltype(type)>*>(sinks.data);
    kept.clear();
    for (index_type i = 0; i < sinks.extent(0); ++i) kept.push_back(crestmax::convert<float>(from[i * sinks.stride(0)]));
  });
  return kept;
}

// Fewer multiplications and additions than this are not worth another thread's waking.
inline constexpr index_type least_to_share = index_type{1} << 16;

inline int workers_for(const crestmax::problem& p, int available) {
  const double products = static_cast<double>(p.sequences * p.q_len * p.q_heads) * static_cast<double>(p.kv_len) *
                          static_cast<double>(p.d_qk + p.d_v);
  return products < static_cast<double>(least_to_share) ? 1 : available;
}

// Runs a call by a kept plan, or by one for this once. `threads(workers)` runs items: run(count, body).
template <class Views, class Chain, class Threads>
void run(const Views& views, const crestmax::options& o, const Chain& chain, bool keep_plan, kept_state& kept, int available,
         const Threads& threads) {
  const crestmax::backend::automatic backend{};
  const crestmax::bound_call bound(views, o, chain, backend);
  require(bound.check_lengths());
  crestmax::problem shape = bound.shape();
  const int workers = shape.workers = workers_for(shape, available);
  const auto make = [&](std::span<std::byte> memory, crestmax::plan& result) { return bound.make(memory, result, workers); };
  crestmax::plan plan;
  if (keep_plan) plan = kept.plans.find(key_of(shape, o), shape.sequences, make);
  else require(make(kept.plan.at_least(crestmax::plan::bytes(shape.sequences)), plan));
  // Of the memory there is nothing to check: torch vouches for its tensors, and the results are new ones.
  require(crestmax::check_modifiers(chain, {shape.sequences, shape.q_len, shape.kv_len, shape.q_heads}));
  require(bound.check_places(plan));
  const auto attached = bound.attach(plan, kept.workspace.at_least(plan.workspace().total(workers)).data(), workers);
  require(attached.begin());
  for (index_type stage = 0; stage < attached.stages(); ++stage) {
    threads(workers).run(attached.items(stage), [&](index_type item, int worker) { attached.run(stage, item, worker); });
  }
  crestmax::report unasked;
  require(attached.collect(unasked));
}

// The mask of a call, and its map, in memory that is kept: built anew for each call, as a tensor's numbers may change.
template <class Threads>
crestmax::mask_tensor mask_of(const array& mask, kept_state& kept, int available, const Threads& threads) {
  if (!mask.given) return {};
  const crestmax::mask_view view = view_of_mask(mask);
  std::size_t bytes = 0;
  require(crestmax::mask_map_bytes(view, bytes));
  const std::span<std::byte> map = kept.mask_map.at_least(bytes);
  crestmax::mask_map_builder builder(view, map);
  require(builder.begin());
  const index_type keys = view.strides[3] == 0 ? 1 : view.extents[3];
  const bool is_large = builder.items() * crestmax::mask_map_layout::tile_queries * keys > least_to_share;
  threads(is_large ? available : 1).run(builder.items(), [&](index_type item, int) { builder.run(item); });
  require(builder.finish());
  return {view, map};
}

// What only the numbers of scales show to be wrong.
inline void check_coding(const char* name, const tensor_view& rows, const crestmax::row_coding& coding) {
  crestmax::validate::byte_range beside[3];
  require(crestmax::validate::check_coding({name, {name, name, name, name}, rows, coding, 0, false, false}, beside));
}

// T is the type that the call is computed in.
template <class T, class Threads>
void attend_in(const call& c, kept_state& kept, int available, const Threads& threads) {
  crestmax::options o;
  o.scale = c.options.scale;
  o.query_offsets = c.query_offsets;
  o.key_offsets = c.key_offsets;
  o.lse = c.lse;
  o.key_coding = c.key_coding;
  o.value_coding = c.value_coding;
  check_coding("k_scale", c.key, c.key_coding);
  check_coding("v_scale", c.value, c.value_coding);
  const auto chain = crestmax::chain(crestmax::soft_cap{static_cast<float>(c.options.softcap)}, mask_of(c.mask, kept, available, threads),
                                     crestmax::attention_sinks{sinks_of(c.options.sinks, kept.sinks)}, band_of(c.options));
  if (c.is_paged) {
    crestmax::cache_view cache;
    cache.key_pages = c.key;
    cache.value_pages = c.value;
    cache.block_table = c.pages.entries;
    cache.key_lengths = c.pages.lengths;
    cache.table_stride = c.pages.per_sequence;
    const crestmax::call_views<T, crestmax::paged_view> views{c.query, crestmax::paged_view(cache), c.output};
    crestmax_torch::run(views, o, chain, c.is_even(), kept, available, threads);
  } else {
    const crestmax::call_views<T, crestmax::contiguous_view> views{c.query, crestmax::contiguous_view(c.key, c.value, {}), c.output};
    crestmax_torch::run(views, o, chain, c.is_even(), kept, available, threads);
  }
}

// Computes a call whose arguments have been checked, by at most `available` workers. Throws bad_argument for what only its data
// shows to be wrong, such as a page that there is not.
template <class Threads>
void attend(const call& c, kept_state& kept, int available, const Threads& threads) {
  if (c.query.kind == crestmax::scalar_kind::float64) attend_in<double>(c, kept, available, threads);
  else attend_in<float>(c, kept, available, threads);
}

}  // namespace crestmax_torch
