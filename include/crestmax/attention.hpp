// The entry point: softmax(scale * Q K^T, modified) V, with the shift of the softmax found by sampling
// before the keys are swept.
//
//   crestmax::status attention(query, key, value, output, options, modifiers, backend, executor)
//   crestmax::status attention(query, source,     output, options, modifiers, backend, executor)
//
// Shapes: query (batch, q_len, q_heads, d_qk), key (batch, kv_len, kv_heads, d_qk),
// value (batch, kv_len, kv_heads, d_v), output (batch, q_len, q_heads, d_v); q_heads is a multiple of
// kv_heads. Scores are in nats, scale defaults to 1 / sqrt(d_qk). Accumulation in float; in double
// when an input is double. Time: O(q_len * kv_len * (d_qk + d_v)) per head in coverage `everything`.
//
// Engines that own their threads use the same thing in two steps: prepare() a plan, then run an
// attention_call item by item. Neither allocates, starts threads or takes locks.
//
// With a backend that is a device, tensors and workspace are the device's memory and the call is enqueued on the
// caller's stream: attention() returns before the work is done, unless a report is asked for.
#pragma once

#include <cstdlib>
#include <new>

#include "backend/automatic.hpp"
#include "execution.hpp"
#include "modifiers.hpp"
#include "planner.hpp"
#include "validate.hpp"

CRESTMAX_BEGIN_NAMESPACE

// The keys and values of a call: two tensors, or anything that models kv_source.
template <class K, class V>
contiguous_source<std::remove_const_t<K>, std::remove_const_t<V>> make_source(
    tensor<K> key, tensor<V> value, std::span<const std::int32_t> key_offsets = {}) {
  return {key, value, key_offsets};
}
template <class K, class V>
paged_source<K, V> make_source(const paged_cache<K, V>& cache) {
  return {cache};
}

// One call, bound to its data: check() it against a plan, then run the items of each stage.
//   begin(workers); for each stage: run(stage, item, worker) for every item, then a barrier;
//   collect(workers, report).
// begin() returns a status, which only a device lets fail: it enqueues its work, and its plans have no stages. collect()
// returns one that tells of a source that failed meanwhile, or of a device.
template <class Q, kv_source Source, class O, class Chain, class Backend>
class attention_call {
 public:
  static constexpr bool is_double = kind_of<Q> == scalar_kind::float64 ||
                                    Source::key_kind() == scalar_kind::float64 ||
                                    Source::value_kind() == scalar_kind::float64;
  using compute = std::conditional_t<is_double, double, float>;
  static constexpr scalar_kind compute_kind = is_double ? scalar_kind::float64 : scalar_kind::float32;
  static constexpr bool is_device = on_device<Backend>;
  static_assert(is_backend<Backend, compute>());

  attention_call(tensor<const Q> query, Source source, tensor<O> output, const options& o, Chain modifiers,
                 Backend backend)
      : query_(without_idle_strides(query)), output_(without_idle_strides(output)), source_(source), modifiers_(modifiers),
        backend_(backend), options_(o) {
    for (row_output* rows : {&options_.lse, &options_.row_max, &options_.dropped_mass}) *rows = without_idle_strides(*rows);
    if constexpr (is_paged) {
      source_.cache.key_pages = without_idle_strides(source_.cache.key_pages);
      source_.cache.value_pages = without_idle_strides(source_.cache.value_pages);
    }
    // Offsets may be given with the source or with the options: one truth from here on.
    if constexpr (is_contiguous) {
      if (options_.key_offsets.empty()) options_.key_offsets = source_.offsets;
      source_.offsets = options_.key_offsets;
      source_.key = without_idle_strides(source_.key);
      source_.value = without_idle_strides(source_.value);
    }
  }

  // Shapes of this call, for prepare(). What does not fit together is reported by check().
  problem describe() const {
    problem p;
    const source_shape kv = source_.shape();
    p.sequences = sequence_count();
    p.q_len = query_.extents[1];
    p.q_heads = query_.extents[2];
    p.d_qk = query_.extents[3];
    p.kv_heads = kv.kv_heads;
    p.d_v = kv.d_v;
    p.kv_len = kv.kv_len;
    p.query_kind = kind_of<Q>;
    p.key_kind = Source::key_kind();
    p.value_kind = Source::value_kind();
    p.output_kind = kind_of<O>;
    p.paged = is_paged;
    p.has_score_modifiers = Chain::has_score_modifiers;
    p.has_masks = Chain::has_masks;
    p.has_sinks = Chain::has_sinks;
    p.causal = has_active(modifiers_, modifier_kind::causal);
    p.other_modifier = first_active(modifiers_, modifier_kind::causal);
    return p;
  }

  // Bytes of plan memory.
  std::size_t plan_bytes() const { return plan::bytes(std::max<index_type>(0, sequence_count())); }

  // Checks lengths and options, then fills `memory` (plan_bytes(), aligned to 8) with a plan.
  status prepare(std::span<std::byte> memory, plan& result) const {
    workspace_size unused;
    if (memory.empty()) {
      return error(status_code::workspace_too_small, "plan memory", "bytes, at least",
                   static_cast<index_type>(plan_bytes()), 0);
    }
    return make(memory, result, unused);
  }

  // The workspace that the plan would ask for, without making it.
  status measure(workspace_size& size) const {
    plan unused;
    return make({}, unused, size);
  }

 private:
  status make(std::span<std::byte> memory, plan& result, workspace_size& size) const {
    if (status s = check_lengths(); !s.ok()) return s;
    const problem p = describe();
    if (status s = planner::check_problem(p); !s.ok()) return s;
    if (status s = backend_.available(p, options_); !s.ok()) return s;
    return make_plan(
        p, options_, lengths(), backend_.template geometry<compute>(p), compute_kind,
        [&](const plan_header& h) { return backend_.template worker_bytes<compute>(h); },
        [&](const plan_header& h, index_type n) { return backend_.template shared_bytes<compute>(h, n); },
        memory, result, size);
  }

 public:

  // Everything that can be wrong with the plan and the data, found before anything is written.
  // `workspace` needs plan.workspace().total(workers) bytes, aligned to 64; for a device, of its memory.
  status check(plan p, std::span<std::byte> workspace, int workers) {
    if (workers < 1) return error(status_code::bad_option, "workers", "at least", 1, workers);
    if (status s = check_lengths(); !s.ok()) return s;
    const problem asked = describe();
    if (status s = check_plan(p, asked, lengths(), backend_.template geometry<compute>(asked), compute_kind,
                              options_); !s.ok()) {
      return s;
    }
    if (status s = validate::check_rows(p, query_.extents[1]); !s.ok()) return s;
    if (status s = check_data(asked, p.memory(), workspace, p.workspace().total(workers)); !s.ok()) return s;
    if constexpr (is_paged) {
      if (status s = validate::check_page_table(source_.cache); !s.ok()) return s;
    }
    plan_ = p;
    workspace_ = {workspace.data(), p.workspace()};
    if constexpr (is_device) {
      if (status s = backend_.available(asked, options_); !s.ok()) return s;
      return backend_.accepts(whole());
    } else {
      return success();
    }
  }

  // The same of the data alone, before there is a plan: `workspace` must have `needed` bytes.
  status check_data(const problem& p, std::span<const std::byte> plan_memory, std::span<const std::byte> workspace,
                    std::size_t needed) const {
    if (status s = check_modifiers(modifiers_, {p.sequences, p.q_len, p.kv_len, p.q_heads}); !s.ok()) return s;
    return validate::check_memory({query_, output_, key_view(), value_view(), is_contiguous || is_paged, is_paged, options_.lse,
                                   options_.row_max, options_.dropped_mass, plan_memory, workspace},
                                  p, !options_.query_offsets.empty(), needed);
  }

  // The call as kernels see it. Valid while this object lives.
  call_data<compute> data() const {
    return {plan_, tensor_view(query_), tensor_view(output_), view_of(source_), view_of<compute>(modifiers_),
            options_.lse, options_.row_max, options_.dropped_mass, workspace_};
  }

  status begin(int workers) const {
    if constexpr (is_device) {
      return backend_.launch(whole());
    } else {
      for (int w = 0; w < workers; ++w) backend_.begin(data(), w);
      return success();
    }
  }
  void run(index_type stage, index_type item, int worker) const {
    if constexpr (!is_device) backend_.run(data(), stage, item, worker);
  }
  status collect(int workers, report& r) const {
    r = report{};
    r.backend = backend_.name();
    r.instruction_set = backend_.instruction_set(plan_.header());
    r.weights = name(plan_->weights);
    if constexpr (is_device) {
      return backend_.collect(whole(), r);
    } else {
      status result = success();
      for (int w = 0; w < workers; ++w) {
        if (const status s = backend_.collect(data(), w, r); result.ok()) result = s;
      }
      return result;
    }
  }

 private:
  device_call whole() const {
    return {plan_, describe(), query_, key_view(), value_view(), output_, options_.lse, workspace_};
  }

  static constexpr bool is_paged = requires(const Source& s) { s.cache.block_table; };
  static constexpr bool is_contiguous = requires(const Source& s) { s.key.strides; s.offsets; };

  tensor_view key_view() const {
    if constexpr (is_paged) return source_.cache.key_pages;
    else if constexpr (is_contiguous) return source_.key;
    else return shape_view(Source::key_kind(), source_.shape().d_qk);
  }
  tensor_view value_view() const {
    if constexpr (is_paged) return source_.cache.value_pages;
    else if constexpr (is_contiguous) return source_.value;
    else return shape_view(Source::value_kind(), source_.shape().d_v);
  }
  tensor_view shape_view(scalar_kind kind, index_type head_dim) const {
    const source_shape s = source_.shape();
    tensor_view view;
    view.kind = kind;
    view.extents = {s.sequences, s.kv_len, s.kv_heads, head_dim};
    return view;
  }
  sequence_lengths lengths() const {
    if constexpr (is_paged) return {options_.query_offsets, options_.query_lengths, {}, source_.cache.kv_lengths};
    else return {options_.query_offsets, options_.query_lengths, options_.key_offsets, options_.key_lengths};
  }
  index_type sequence_count() const {
    return options_.query_offsets.empty() ? query_.extents[0]
                                          : static_cast<index_type>(options_.query_offsets.size()) - 1;
  }
  status check_lengths() const {
    using namespace validate;
    const index_type sequences = sequence_count();
    const index_type rows = query_.extents[1];
    if (!options_.query_offsets.empty() && query_.extents[0] != 1) {
      return error(status_code::mismatch, "query", "a batch extent with query_offsets of", 1, query_.extents[0]);
    }
    if (status s = check_offsets("query_offsets", options_.query_offsets, sequences, rows); !s.ok()) return s;
    if (status s = check_lengths_of_queries(sequences, rows); !s.ok()) return s;
    if constexpr (is_paged) {
      if (!options_.key_offsets.empty() || !options_.key_lengths.empty()) {
        return error_text(status_code::bad_option, "key_lengths", "none: a paged cache has kv_lengths", "some");
      }
      return check_page_shapes(source_.cache, sequences);
    } else {
      const source_shape kv = source_.shape();
      const index_type keys = kv.kv_len;
      if (options_.key_offsets.empty()) {
        if (status s = expect("key", "batch (that of query)", sequences, kv.sequences); !s.ok()) return s;
      } else if (!is_contiguous) {
        return error_text(status_code::bad_option, "key_offsets", "none: they are for key tensors", "some");
      } else if (kv.sequences != 1) {
        return error(status_code::mismatch, "key", "a batch extent with key_offsets of", 1, kv.sequences);
      }
      if (status s = check_offsets("key_offsets", options_.key_offsets, sequences, keys); !s.ok()) return s;
      return check_key_lengths(sequences, keys);
    }
  }
  // With offsets, a length may not exceed what its offsets leave.
  status check_lengths_of_queries(index_type sequences, index_type rows) const {
    return check_against("query_lengths", options_.query_lengths, options_.query_offsets, sequences, rows);
  }
  status check_key_lengths(index_type sequences, index_type keys) const {
    return check_against("key_lengths", options_.key_lengths, options_.key_offsets, sequences, keys);
  }
  static status check_against(const char* name, std::span<const std::int32_t> lengths,
                              std::span<const std::int32_t> offsets, index_type sequences, index_type rows) {
    if (status s = validate::check_lengths(name, lengths, sequences, rows); !s.ok()) return s;
    if (lengths.empty() || offsets.empty()) return success();
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      const index_type room = offsets[i + 1] - offsets[i];
      if (lengths[i] > room) return error(status_code::bad_index, name, "lengths within the offsets:", room, lengths[i]);
    }
    return success();
  }

  tensor<const Q> query_;
  tensor<O> output_;
  Source source_;
  Chain modifiers_;
  Backend backend_;
  options options_;
  plan plan_;
  workspace_view workspace_;
};

// Binds a call; see attention_call. `modifiers` is a modifier, a chain of them, or {}.
template <scalar Q, kv_source Source, output_scalar O, modifier_or_chain Modifiers = no_modifiers,
          class Backend = backend::automatic>
auto bind(tensor<Q> query, const Source& source, tensor<O> output, const options& o = {},
          const Modifiers& modifiers = {}, Backend backend = {}) {
  using chain_type = decltype(as_chain(modifiers));
  return attention_call<std::remove_const_t<Q>, Source, O, chain_type, Backend>(
      query, source, output, o, as_chain(modifiers), backend);
}

template <class Call>
std::size_t padded_plan_bytes(const Call& call) {
  constexpr std::size_t alignment = workspace_size::alignment;
  return (call.plan_bytes() + alignment - 1) / alignment * alignment;
}

// Bytes that options.workspace must have for a call made by bind(): plan, shared and workers' parts. For a
// device, whose workspace is its own memory, without the plan.
template <class Call>
status workspace_bytes(const Call& call, int workers, std::size_t& bytes) {
  if (workers < 1) return error(status_code::bad_option, "workers", "at least", 1, workers);
  workspace_size size;
  if (status s = call.measure(size); !s.ok()) return s;
  const memory_size all = memory_size(Call::is_device ? 0 : padded_plan_bytes(call)) + memory_size(size.total(workers));
  bytes = all.value();
  return all.is_too_large() ? too_large() : success();
}

template <scalar Q, kv_source Source, output_scalar O, modifier_or_chain Modifiers = no_modifiers,
          class Backend = backend::automatic, executor Executor = serial>
status attention(tensor<Q> query, const Source& source, tensor<O> output, const options& o = {},
                 const Modifiers& modifiers = {}, Backend backend = {}, Executor&& run_on = {}) {
  auto call = bind(query, source, output, o, modifiers, backend);
  const int workers = run_on.workers();
  std::size_t bytes = 0;
  if (status s = workspace_bytes(call, workers, bytes); !s.ok()) return s;
  // The plan goes first, the workspace behind it. Without a workspace the call owns one. A device's workspace is
  // always the caller's, and the plan is apart from it.
  constexpr bool apart = decltype(call)::is_device;
  const std::size_t plan_bytes = padded_plan_bytes(call);
  struct owned_memory {
    void* data = nullptr;
    ~owned_memory() { std::free(data); }
  } owned;
  std::span<std::byte> memory = o.workspace;
  if (apart || memory.empty()) {
    const std::size_t own = apart ? plan_bytes : bytes;
    owned.data = std::aligned_alloc(workspace_size::alignment, own);
    if (owned.data == nullptr) {
      return error(status_code::out_of_memory, "workspace", "bytes of memory:", static_cast<index_type>(own), 0);
    }
    memory = {static_cast<std::byte*>(owned.data), own};
  }
  if (status s = call.check_data(call.describe(), {}, apart ? o.workspace : memory, bytes); !s.ok()) return s;
  plan p;
  if (status s = call.prepare(memory.first(plan_bytes), p); !s.ok()) return s;
  if (status s = call.check(p, apart ? o.workspace : memory.subspan(plan_bytes), workers); !s.ok()) return s;
  if (status s = call.begin(workers); !s.ok()) return s;
  for (index_type stage = 0; stage < p.stages(); ++stage) {
    run_on.run(p.items(stage), [&](index_type item, int worker) { call.run(stage, item, worker); });
  }
  // A device's call goes on after this one returns, unless a report is asked for.
  if (apart && o.report == nullptr) return success();
  report unasked;
  return call.collect(workers, o.report != nullptr ? *o.report : unasked);
}

template <scalar Q, scalar K, scalar V, output_scalar O, modifier_or_chain Modifiers = no_modifiers,
          class Backend = backend::automatic, executor Executor = serial>
status attention(tensor<Q> query, tensor<K> key, tensor<V> value, tensor<O> output, const options& o = {},
                 const Modifiers& modifiers = {}, Backend backend = {}, Executor&& run_on = {}) {
  return attention(query, make_source(key, value, o.key_offsets), output, o, modifiers, backend, run_on);
}

template <scalar Q, scalar K, scalar V, output_scalar O, modifier_or_chain Modifiers = no_modifiers,
          class Backend = backend::automatic, executor Executor = serial>
status attention(tensor<Q> query, const paged_cache<K, V>& cache, tensor<O> output, const options& o = {},
                 const Modifiers& modifiers = {}, Backend backend = {}, Executor&& run_on = {}) {
  return attention(query, make_source(cache), output, o, modifiers, backend, run_on);
}

CRESTMAX_END_NAMESPACE
