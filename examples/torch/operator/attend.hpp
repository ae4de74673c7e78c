// A call of an operator as a call of crestmax: tensors and modifiers of types that are known when it runs.
#pragma once

#include "kept.hpp"
#include "masks.hpp"

namespace crestmax_torch {

// A tensor in crestmax's order: (batch, len, heads, d), or (pages, page_size, heads, d).
struct view {
  const void* data = nullptr;
  std::array<index_type, 4> extents{};
  std::array<index_type, 4> strides{};

  template <class T>
  crestmax::tensor<const T> of() const {
    return {static_cast<const T*>(data), extents, strides};
  }
};

// What is written: like a view. lse is (batch, len, heads) of float, of double where the query is; null if not wanted.
struct results {
  void* output = nullptr;
  std::array<index_type, 4> extents{};
  std::array<index_type, 4> strides{};
  void* lse = nullptr;
  std::array<index_type, 3> lse_strides{};
};

struct page_table {
  std::span<const std::int32_t> entries;
  index_type per_sequence = 0;
  std::span<const std::int32_t> lengths;  // keys of each sequence
};

struct call {
  element type = element::float32;
  view query, key, value;
  results out;
  settings options;
  array mask;
  position_band band;
  std::span<const std::int32_t> query_offsets{};  // of packed sequences
  std::span<const std::int32_t> key_offsets{};
  page_table pages{};
  bool is_paged = false;

  bool has_lengths() const { return is_paged || !query_offsets.empty(); }
};

// (batch, heads, len, d) with len cut to the keys that are used.
inline view batched_view(const array& a, index_type len) {
  return {a.data, {a.extent(0), len, a.extent(1), a.extent(3)}, {a.stride(0), a.stride(2), a.stride(1), a.stride(3)}};
}
// (total, heads, d).
inline view packed_view(const array& a) {
  return {a.data, {1, a.extent(0), a.extent(1), a.extent(2)}, {0, a.stride(0), a.stride(1), a.stride(2)}};
}
inline view paged_view(const array& a) {
  return {a.data, {a.extent(0), a.extent(1), a.extent(2), a.extent(3)}, {a.stride(0), a.stride(1), a.stride(2), a.stride(3)}};
}

// The same rows as one query of each sequence.
template <class View>
View one_each(View rows) {
  rows.extents = {rows.extents[1], 1, rows.extents[2], rows.extents[3]};
  rows.strides = {rows.strides[1], 0, rows.strides[2], rows.strides[3]};
  if constexpr (requires { rows.lse_strides; }) rows.lse_strides = {rows.lse_strides[1], 0, rows.lse_strides[2]};
  return rows;
}

// Calls f with a null pointer of the type that a floating element stands for.
template <class F>
void visit_floating(element type, F&& f) {
  using crestmax::scalar_kind;
  constexpr scalar_kind kinds[] = {scalar_kind::float32, scalar_kind::float64, scalar_kind::float16, scalar_kind::bfloat16};
  crestmax::visit_kind(kinds[static_cast<std::size_t>(type)], f);
}

// The sinks as crestmax takes them, in memory that is kept.
inline std::span<const float> sinks_of(const array& sinks, std::vector<float>& kept) {
  if (!sinks.given) return {};
  visit_floating(sinks.type, [&](auto* type) {
    const auto* const from = static_cast<const std::remove_pointer_t<decltype(type)>*>(sinks.data);
    kept.clear();
    for (index_type i = 0; i < sinks.extent(0); ++i) kept.push_back(crestmax::convert<float>(from[i * sinks.stride(0)]));
  });
  return kept;
}

// Fewer multiplications and additions than this are not worth another thread's waking.
inline constexpr index_type least_to_share = index_type{1} << 16;

inline int workers_for(const crestmax::plan& plan, int available) {
  const auto& shape = plan->shape;
  const double products = static_cast<double>(plan->sequences * plan->q_len * shape.q_heads) * static_cast<double>(plan->kv_len) *
                          static_cast<double>(shape.d_qk + shape.d_v);
  return products < static_cast<double>(least_to_share) ? 1 : available;
}

// Runs a call by a kept plan, or by one for this once where sequences have lengths of their own. `threads(workers)` is an executor.
template <class Tensors, class Chain, class Threads>
void run(const Tensors& tensors, const crestmax::options& o, const Chain& chain, bool keep_plan, kept_state& kept, int available,
         const Threads& threads) {
  const crestmax::backend::automatic backend{};
  const crestmax::bound_call bound(tensors, o, chain, backend);
  require(bound.check_lengths());
  const auto make = [&](std::span<std::byte> memory, crestmax::plan& result) { return bound.make(memory, result); };
  crestmax::plan plan;
  const crestmax::problem shape = bound.shape();
  if (keep_plan) plan = kept.plans.find(key_of(shape, o), bound.sequences(), make);
  else require(make(kept.plan.at_least(crestmax::plan::bytes(bound.sequences())), plan));
  const int workers = workers_for(plan, available);
  const std::size_t needed = plan.workspace().total(workers);
  const std::span<std::byte> workspace = kept.workspace.at_least(needed);
  // Of the memory there is nothing to check: torch vouches for its tensors, and the results are new ones.
  require(crestmax::check_modifiers(chain, {shape.sequences, shape.q_len, shape.kv_len, shape.q_heads}));
  require(bound.check_places(plan));
  const auto attached = bound.attach(plan, workspace.data(), workers);
  require(attached.begin());
  const auto executor = threads(workers);
  for (index_type stage = 0; stage < attached.stages(); ++stage) {
    executor.run(attached.items(stage), [&](index_type item, int worker) { attached.run(stage, item, worker); });
  }
  crestmax::report unasked;
  require(attached.collect(unasked));
}

// Calls use(chain) with the modifiers of a call; T is the type of the query.
template <class T, class Use>
void with_chain(const call& c, std::span<const float> sinks, Use&& use) {
  const crestmax::soft_cap cap{static_cast<float>(c.options.softcap)};
  const crestmax::attention_sinks sink{sinks};
  const auto with_mask = [&](const auto& mask) { use(crestmax::chain(cap, sink, c.band, mask)); };
  if (!c.mask.given) return use(crestmax::chain(cap, sink, c.band));
  if (c.mask.type == element::boolean) return with_mask(table_of<bool>(c.mask));
  if (c.mask.type == element::float32) return with_mask(table_of<float>(c.mask));
  if constexpr (!std::is_same_v<T, float>) with_mask(table_of<T>(c.mask));
}

template <class T, class Threads>
void attend_in(const call& c, kept_state& kept, int available, const Threads& threads) {
  using row_type = std::conditional_t<std::is_same_v<T, double>, double, float>;
  crestmax::options o;
  o.scale = c.options.scale;
  o.query_offsets = c.query_offsets;
  o.key_offsets = c.key_offsets;
  const auto& extents = c.out.extents;
  if (c.out.lse != nullptr) {
    o.lse = crestmax::row_tensor<row_type>(static_cast<row_type*>(c.out.lse), {extents[0], extents[1], extents[2]}, c.out.lse_strides);
  }
  const crestmax::tensor<T> output(static_cast<T*>(c.out.output), extents, c.out.strides);
  const std::span<const float> sinks = sinks_of(c.options.sinks, kept.sinks);
  const auto run_on = [&](const auto& tensors) {
    with_chain<T>(c, sinks, [&](const auto& chain) { crestmax_torch::run(tensors, o, chain, !c.has_lengths(), kept, available, threads); });
  };
  if (c.is_paged) {
    crestmax::paged_cache<T> cache{c.key.of<T>(), c.value.of<T>(), c.pages.entries, c.pages.lengths, c.pages.per_sequence};
    run_on(crestmax::tensors(c.query.of<T>(), cache, output));
  } else {
    run_on(crestmax::tensors(c.query.of<T>(), c.key.of<T>(), c.value.of<T>(), output));
  }
}

// Computes a call whose arguments have been checked. `threads(workers)` is an executor of so many workers, at most `available`.
// Throws std::invalid_argument for what only its data shows to be wrong, such as a page that there is not.
template <class Threads>
void attend(const call& c, kept_state& kept, int available, const Threads& threads) {
  visit_floating(c.type, [&](auto* type) { attend_in<std::remove_pointer_t<decltype(type)>>(c, kept, available, threads); });
}

}  // namespace crestmax_torch
