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
template <class Q, kv_source Source, class O, class Chain, class Backend>
class attention_call {
 public:
  static constexpr bool is_double = kind_of<Q> == scalar_kind::float64 ||
                                    Source::key_kind() == scalar_kind::float64 ||
                                    Source::value_kind() == scalar_kind::float64;
  using compute = std::conditional_t<is_double, double, float>;
  static_assert(backend_for<Backend, compute>);

  attention_call(tensor<Q> query, Source source, tensor<O> output, const options& o, Chain modifiers,
                 Backend backend)
      : query_(query), output_(output), source_(source), modifiers_(modifiers), backend_(backend),
        options_(o) {}

  // Shapes of this call, for prepare(). What does not fit together is reported by check().
  problem describe() const {
    problem p;
    const tensor_view key = key_view();
    const tensor_view value = value_view();
    p.sequences = sequence_count();
    p.q_len = query_.extents[1];
    p.q_heads = query_.extents[2];
    p.d_qk = query_.extents[3];
    p.kv_heads = key.extents[2];
    p.d_v = value.extents[3];
    p.kv_len = longest_kv();
    p.query_kind = kind_of<Q>;
    p.key_kind = key.kind;
    p.value_kind = value.kind;
    p.output_kind = kind_of<O>;
    p.paged = is_paged;
    p.has_score_modifiers = Chain::has_score_modifiers;
    p.has_masks = Chain::has_masks;
    p.has_sinks = Chain::has_sinks;
    return p;
  }

  // Bytes of plan memory.
  std::size_t plan_bytes() const { return plan::bytes(std::max<index>(0, sequence_count())); }

  // Checks lengths and options, then fills `memory` (plan_bytes(), aligned to 8) with a plan.
  status prepare(std::span<std::byte> memory, plan& result) const {
    workspace_size unused;
    if (memory.empty()) {
      return error(status_code::workspace_too_small, "plan memory", "bytes, at least",
                   static_cast<index>(plan_bytes()), 0);
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
    if (status s = backend_.available(p); !s.ok()) return s;
    sequence_lengths lengths{options_.query_offsets, options_.query_lengths, options_.key_offsets,
                             options_.key_lengths};
    if constexpr (is_paged) lengths.key_lengths = source_.cache.kv_lengths;
    return make_plan(
        p, options_, lengths, backend_.template geometry<compute>(p),
        is_double ? scalar_kind::float64 : scalar_kind::float32,
        [&](const plan_header& h) { return backend_.template worker_bytes<compute>(h); },
        [&](const plan_header& h, index n) { return backend_.template shared_bytes<compute>(h, n); },
        memory, result, size);
  }

 public:

  // Everything that can be wrong with the data, found before anything is written. `workspace` needs
  // plan.workspace().total(workers) bytes, aligned to 64.
  status check(plan p, std::span<std::byte> workspace, int workers) {
    plan_ = p;
    workspace_ = {workspace.data(), p.workspace()};
    if (workers < 1) return error(status_code::bad_option, "workers", "at least", 1, workers);
    if (status s = check_lengths(); !s.ok()) return s;
    const problem& shape = p->shape;
    if (status s = check_modifiers(modifiers_, {shape.sequences, shape.q_len, shape.kv_len, shape.q_heads});
        !s.ok()) {
      return s;
    }
    return validate::check_call(data(), key_view(), value_view(), static_cast<index>(workspace.size()),
                                workers);
  }

  // The call as kernels see it. Valid while this object lives.
  call_data<compute> data() const {
    return {plan_, tensor_view(query_), tensor_view(output_), view_of(source_), view_of<compute>(modifiers_),
            options_.lse, options_.row_max, options_.dropped_mass, workspace_};
  }

  void begin(int workers) const {
    for (int w = 0; w < workers; ++w) backend_.begin(data(), w);
  }
  void run(index stage, index item, int worker) const { backend_.run(data(), stage, item, worker); }
  void collect(int workers, report& r) const {
    r = report{};
    r.backend = backend_.name();
    r.instruction_set = backend_.instruction_set(plan_.header());
    for (int w = 0; w < workers; ++w) backend_.collect(data(), w, r);
  }

 private:
  static constexpr bool is_paged = requires(const Source& s) { s.cache.block_table; };

  tensor_view key_view() const {
    if constexpr (is_paged) return source_.cache.key_pages;
    else return source_.key;
  }
  tensor_view value_view() const {
    if constexpr (is_paged) return source_.cache.value_pages;
    else return source_.value;
  }
  index sequence_count() const {
    return options_.query_offsets.empty() ? query_.extents[0]
                                          : static_cast<index>(options_.query_offsets.size()) - 1;
  }
  index longest_kv() const {
    if constexpr (is_paged) {
      index longest = 0;
      for (const std::int32_t n : source_.cache.kv_lengths) longest = std::max<index>(longest, n);
      return longest;
    } else {
      return source_.key.extents[1];
    }
  }
  status check_lengths() const {
    using namespace validate;
    const index sequences = sequence_count();
    const index rows = query_.extents[1];
    if (!options_.query_offsets.empty() && query_.extents[0] != 1) {
      return error(status_code::mismatch, "query", "a batch extent with query_offsets of", 1, query_.extents[0]);
    }
    if (status s = check_offsets("query_offsets", options_.query_offsets, sequences, rows); !s.ok()) return s;
    if (status s = check_lengths_of_queries(sequences, rows); !s.ok()) return s;
    if constexpr (is_paged) {
      if (!options_.key_offsets.empty() || !options_.key_lengths.empty()) {
        return error_text(status_code::bad_option, "key_lengths", "none: a paged cache has kv_lengths", "some");
      }
      return check_pages(source_.cache, sequences);
    } else {
      const index keys = source_.key.extents[1];
      if (options_.key_offsets.empty()) {
        if (status s = expect("key", "batch (that of query)", sequences, source_.key.extents[0]); !s.ok()) return s;
      } else if (source_.key.extents[0] != 1) {
        return error(status_code::mismatch, "key", "a batch extent with key_offsets of", 1, source_.key.extents[0]);
      }
      if (status s = check_offsets("key_offsets", options_.key_offsets, sequences, keys); !s.ok()) return s;
      return check_key_lengths(sequences, keys);
    }
  }
  // With offsets, a length may not exceed what its offsets leave.
  status check_lengths_of_queries(index sequences, index rows) const {
    return check_against("query_lengths", options_.query_lengths, options_.query_offsets, sequences, rows);
  }
  status check_key_lengths(index sequences, index keys) const {
    return check_against("key_lengths", options_.key_lengths, options_.key_offsets, sequences, keys);
  }
  static status check_against(const char* name, std::span<const std::int32_t> lengths,
                              std::span<const std::int32_t> offsets, index sequences, index rows) {
    if (status s = validate::check_lengths(name, lengths, sequences, rows); !s.ok()) return s;
    if (lengths.empty() || offsets.empty()) return success();
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      const index room = offsets[i + 1] - offsets[i];
      if (lengths[i] > room) return error(status_code::bad_index, name, "lengths within the offsets:", room, lengths[i]);
    }
    return success();
  }

  tensor<Q> query_;
  tensor<O> output_;
  Source source_;
  Chain modifiers_;
  Backend backend_;
  options options_;
  plan plan_;
  workspace_view workspace_;
};

// Binds a call; see attention_call. `modifiers` is a modifier, a chain of them, or {}.
template <class Q, kv_source Source, class O, class Modifiers = no_modifiers,
          class Backend = backend::automatic>
auto bind(tensor<Q> query, const Source& source, tensor<O> output, const options& o = {},
          const Modifiers& modifiers = {}, Backend backend = {}) {
  using chain_type = decltype(as_chain(modifiers));
  return attention_call<std::remove_const_t<Q>, Source, O, chain_type, Backend>(
      query, source, output, o, as_chain(modifiers), backend);
}

template <class Q, kv_source Source, class O, class Modifiers = no_modifiers,
          class Backend = backend::automatic, executor Executor = serial>
status attention(tensor<Q> query, const Source& source, tensor<O> output, const options& o = {},
                 const Modifiers& modifiers = {}, Backend backend = {}, Executor&& run_on = {}) {
  auto call = bind(query, source, output, o, modifiers, backend);
  const int workers = run_on.workers();
  const std::size_t plan_bytes = (call.plan_bytes() + 63) / 64 * 64;
  // The plan goes first, the workspace behind it. Without a workspace the call owns one of each.
  struct owned_memory {
    void* data = nullptr;
    ~owned_memory() { std::free(data); }
    bool allocate(std::size_t bytes) {
      data = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
      return data != nullptr;
    }
  } owned_plan, owned_workspace;
  std::span<std::byte> plan_memory = o.workspace.first(std::min(plan_bytes, o.workspace.size()));
  if (o.workspace.empty()) {
    if (!owned_plan.allocate(plan_bytes)) {
      return error(status_code::out_of_memory, "workspace", "bytes for the plan:", static_cast<index>(plan_bytes), 0);
    }
    plan_memory = {static_cast<std::byte*>(owned_plan.data), plan_bytes};
  }
  plan p;
  if (status s = call.prepare(plan_memory, p); !s.ok()) return s;
  std::span<std::byte> memory = o.workspace.subspan(plan_memory.size() < o.workspace.size() ? plan_memory.size()
                                                                                          : o.workspace.size());
  if (o.workspace.empty()) {
    const std::size_t bytes = p.workspace().total(workers);
    if (!owned_workspace.allocate(bytes)) {
      return error(status_code::out_of_memory, "workspace", "bytes of memory:", static_cast<index>(bytes), 0);
    }
    memory = {static_cast<std::byte*>(owned_workspace.data), bytes};
  }
  if (status s = call.check(p, memory, workers); !s.ok()) return s;
  call.begin(workers);
  for (index stage = 0; stage < p.stages(); ++stage) {
    run_on.run(p.items(stage), [&](index item, int worker) { call.run(stage, item, worker); });
  }
  if (o.report != nullptr) call.collect(workers, *o.report);
  return success();
}

template <class Q, class K, class V, class O, class Modifiers = no_modifiers,
          class Backend = backend::automatic, executor Executor = serial>
status attention(tensor<Q> query, tensor<K> key, tensor<V> value, tensor<O> output, const options& o = {},
                 const Modifiers& modifiers = {}, Backend backend = {}, Executor&& run_on = {}) {
  return attention(query, make_source(key, value, o.key_offsets), output, o, modifiers, backend, run_on);
}

template <class Q, class K, class V, class O, class Modifiers = no_modifiers,
          class Backend = backend::automatic, executor Executor = serial>
status attention(tensor<Q> query, const paged_cache<K, V>& cache, tensor<O> output, const options& o = {},
                 const Modifiers& modifiers = {}, Backend backend = {}, Executor&& run_on = {}) {
  return attention(query, make_source(cache), output, o, modifiers, backend, run_on);
}

// Bytes that options.workspace must have for a call made by bind(): plan, shared and workers' parts.
template <class Call>
status workspace_bytes(const Call& call, int workers, std::size_t& bytes) {
  workspace_size size;
  if (status s = call.measure(size); !s.ok()) return s;
  bytes = (call.plan_bytes() + 63) / 64 * 64 + size.total(workers);
  return success();
}

CRESTMAX_END_NAMESPACE
