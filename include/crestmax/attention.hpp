// The entry point: softmax(scale * Q K^T, modified) V, with the shift of the softmax found by sampling
// before the keys are swept.
//
//   crestmax::status attention(query, key, value, output, options, modifiers, backend, executor)
//   crestmax::status attention(query, source,     output, ...)
//   crestmax::status attention(query, paged_cache, output, ...)
//
// Shapes: query (batch, q_len, q_heads, d_qk), key (batch, kv_len, kv_heads, d_qk),
// value (batch, kv_len, kv_heads, d_v), output (batch, q_len, q_heads, d_v); q_heads is a multiple of
// kv_heads. Scores are in nats, scale defaults to 1 / sqrt(d_qk). Accumulation in float; in double
// when an input is double. Time: O(q_len * kv_len * (d_qk + d_v)) per head in coverage `everything`.
//
// What follows the tensors may come in any order, each at most once, and may be left out: options, modifiers (one, or a
// chain), a backend, an executor. Options in braces come first.
//
// Engines that own their threads use the same thing in steps: problem -> plan -> attach -> runnable. make_plan() needs
// shapes, lengths and options, and no tensor; attach() checks a plan against a call's tensors and memory, and what it
// returns runs item by item. None of them allocates, starts threads or takes locks.
//
// With a backend that is a device, tensors and workspace are the device's memory and the call is enqueued on the
// caller's stream: attention() returns before the work is done, unless a report is asked for.
#pragma once

#include "arguments.hpp"
#include "bound_call.hpp"
#include "compiler.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// A plan starts a workspace that holds it.
constexpr std::size_t padded_plan_bytes(index_type sequences) {
  constexpr std::size_t alignment = workspace_size::alignment;
  return (plan::bytes(std::max<index_type>(0, sequences)) + alignment - 1) / alignment * alignment;
}

// Bytes that options.workspace of attention() must have: plan, shared and workers' parts. For a device, whose workspace is
// its own memory, without the plan.
constexpr memory_size whole_workspace(const workspace_size& size, index_type sequences, int workers, bool is_device) {
  return memory_size(is_device ? 0 : padded_plan_bytes(sequences)) + memory_size(size.total(workers));
}

inline status check_workers(int workers) {
  return workers < 1 ? error(status_code::bad_option, "workers", "at least", 1, workers) : success();
}

// Memory that is freed with the call that asked for it.
class owned_memory {
 public:
  owned_memory() = default;
  owned_memory(const owned_memory&) = delete;
  owned_memory& operator=(const owned_memory&) = delete;
  ~owned_memory() { compiler::free_aligned(data_); }

  status take(std::size_t bytes, std::span<std::byte>& memory) {
    data_ = compiler::allocate_aligned(workspace_size::alignment, bytes);
    if (data_ == nullptr) {
      return error(status_code::out_of_memory, "workspace", "bytes of memory:", static_cast<index_type>(bytes), 0);
    }
    memory = {static_cast<std::byte*>(data_), bytes};
    return success();
  }

 private:
  void* data_ = nullptr;
};
// A call that is to have no memory but the caller's: what is missing is said by its checks.
struct no_memory {
  status take(std::size_t, std::span<std::byte>&) { return success(); }
};

// Runs a call in the caller's memory, or where there is none in what Memory gives.
template <class Memory, class T, class Source, class Chain, class Backend, class Executor>
status run_call(const call_views<T, Source>& t, const options& o, const Chain& chain, const Backend& backend, Executor& run_on) {
  const bound_call call(t, o, chain, backend);
  constexpr bool is_device = decltype(call)::is_device;
  const int workers = run_on.workers();
  if (status s = check_workers(workers); !s.ok()) return s;
  // A plan of few sequences is made at once, on the stack. Another is measured, and goes into the memory when that is known
  // to be good: the plan first, the workspace behind it. Without a workspace the call owns one. A device's workspace is
  // always the caller's, and the plan is apart from it.
  constexpr index_type few = 4;
  alignas(plan::alignment) std::byte on_stack[plan::bytes(few)];
  const bool has_few = call.sequences() <= few;
  plan p;
  workspace_size size;
  if (status s = has_few ? call.make(std::span<std::byte>(on_stack), p, workers) : call.measure(size, workers); !s.ok()) return s;
  if (has_few) size = p.workspace();
  const std::size_t plan_bytes = padded_plan_bytes(call.sequences());
  const memory_size needed = whole_workspace(size, call.sequences(), workers, is_device);
  if (needed.is_too_large()) return too_large();
  const std::size_t bytes = needed.value();
  Memory own;
  std::span<std::byte> memory = o.workspace;
  if (is_device || memory.empty()) {
    if (status s = own.take(is_device ? plan_bytes : bytes, memory); !s.ok()) return s;
  }
  if (status s = call.check_data({}, is_device ? o.workspace : memory, bytes); !s.ok()) return s;
  if (!has_few) {
    if (status s = call.write(memory.first(plan_bytes), p, workers); !s.ok()) return s;
  }
  if (status s = call.check_places(p); !s.ok()) return s;
  const auto attached = call.attach(p, is_device ? o.workspace.data() : memory.data() + plan_bytes, workers);
  if (status s = attached.begin(); !s.ok()) return s;
  for (index_type stage = 0; stage < attached.stages(); ++stage) {
    run_on.run(attached.items(stage), [&](index_type item, int worker) { attached.run(stage, item, worker); });
  }
  // A device's call goes on after this one has returned, unless a report is asked for.
  if (is_device && o.report == nullptr) return success();
  report unasked;
  return attached.collect(o.report != nullptr ? *o.report : unasked);
}

// What runs a call on such tensors.
template <class Q, class Source, class O, class Chain, class Backend>
decltype(auto) narrow_for(const call_tensors<Q, Source, O>&, const Chain&, const Backend& backend) {
  return cpu::narrow<compute_type<Q, Source>, needs_of<Q, Source, O, Chain>>(backend);
}

// A call with its arguments, whose status goes through Finish. See the top of this file.
template <class Finish>
struct attention_function {
  template <number_scalar Q, scalar K, scalar V, output_scalar O, arguments::known... More>
  auto operator()(tensor<Q> query, tensor<K> key, tensor<V> value, tensor<O> output, const options& o = {}, More&&... more) const {
    return finish(crestmax::tensors(query, key, value, output), o, more...);
  }
  template <number_scalar Q, scalar K, scalar V, output_scalar O, arguments::no_options First, arguments::known... More>
    requires arguments::known<First>
  auto operator()(tensor<Q> query, tensor<K> key, tensor<V> value, tensor<O> output, First&& first, More&&... more) const {
    return finish(crestmax::tensors(query, key, value, output), first, more...);
  }
  template <number_scalar Q, kv_source Source, output_scalar O, arguments::known... More>
  auto operator()(tensor<Q> query, const Source& source, tensor<O> output, const options& o = {}, More&&... more) const {
    return finish(crestmax::tensors(query, source, output), o, more...);
  }
  template <number_scalar Q, kv_source Source, output_scalar O, arguments::no_options First, arguments::known... More>
    requires arguments::known<First>
  auto operator()(tensor<Q> query, const Source& source, tensor<O> output, First&& first, More&&... more) const {
    return finish(crestmax::tensors(query, source, output), first, more...);
  }
  template <number_scalar Q, scalar K, scalar V, output_scalar O, arguments::known... More>
  auto operator()(tensor<Q> query, const paged_cache<K, V>& cache, tensor<O> output, const options& o = {}, More&&... more) const {
    return finish(crestmax::tensors(query, cache, output), o, more...);
  }
  template <number_scalar Q, scalar K, scalar V, output_scalar O, arguments::no_options First, arguments::known... More>
    requires arguments::known<First>
  auto operator()(tensor<Q> query, const paged_cache<K, V>& cache, tensor<O> output, First&& first, More&&... more) const {
    return finish(crestmax::tensors(query, cache, output), first, more...);
  }

 private:
  template <class Tensors, class... Given>
  static typename Finish::result finish(const Tensors& t, Given&... given) {
    static_assert(arguments::known_together<Given...>);
    return Finish::of(arguments::tell_apart(
        [&](const options& o, const auto& chain, const auto& backend, auto& executor) {
          const auto& serving = crestmax::narrow_for(t, chain, backend);
          return crestmax::run_call<owned_memory>(crestmax::views_of(t), o, chain, serving, executor);
        },
        given...));
  }
};

struct return_status {
  using result = status;
  static status of(const status& s) { return s; }
};

inline constexpr attention_function<return_status> attention{};

// Bytes that options.workspace of such a call must have, on an executor of so many workers.
template <class T, class Source, class... Given>
  requires arguments::known_together<Given...>
status workspace_bytes(const call_views<T, Source>& t, int workers, std::size_t& bytes, const Given&... given) {
  if (status s = check_workers(workers); !s.ok()) return s;
  return arguments::tell_apart(
      [&](const options& o, const auto& chain, const auto& backend, const auto&) {
        const bound_call call(t, o, chain, backend);
        workspace_size size;
        if (status s = call.measure(size, workers); !s.ok()) return s;
        const memory_size needed = whole_workspace(size, call.sequences(), workers, decltype(call)::is_device);
        bytes = needed.value();
        return needed.is_too_large() ? too_large() : success();
      },
      given...);
}
template <class Q, class Source, class O, class... Given>
status workspace_bytes(const call_tensors<Q, Source, O>& t, int workers, std::size_t& bytes, const Given&... given) {
  return crestmax::workspace_bytes(crestmax::views_of(t), workers, bytes, given...);
}

// The shape of a call, for make_plan(). It is not checked: lengths may be any.
template <class T, class Source>
problem problem_of(const call_views<T, Source>& t, const options& o = {}) {
  const no_modifiers none{};
  const backend::automatic usual{};
  return bound_call(t, o, none, usual).shape();
}
template <class Q, class Source, class O>
problem problem_of(const call_tensors<Q, Source, O>& t, const options& o = {}) {
  return crestmax::problem_of(crestmax::views_of(t), o);
}

// Decides everything that shapes, lengths and options decide, and writes it to `memory`: plan::bytes(p.sequences) bytes,
// aligned to 8. p.workers tells whom items are made for; any number of workers may run them, and results are the same. Modifiers, if given, tell a backend that serves only some calls to refuse others now. Time: O(sequences).
template <class... Given>
  requires arguments::known_together<Given...>
status make_plan(const problem& p, std::span<std::byte> memory, plan& result, const Given&... given) {
  return arguments::tell_apart(
      [&](const options& o, const auto& chain, const auto& backend, const auto&) {
        problem asked = p;
        asked.row_max = asked.row_max || static_cast<bool>(o.row_max);
        asked.causal = asked.causal || crestmax::has_active(chain, modifier_kind::causal);
        if (const modifier_kind other = crestmax::first_active(chain, modifier_kind::causal); other != modifier_kind::none) {
          asked.other_modifier = other;
        }
        const sequence_lengths lengths = crestmax::lengths_of(o);
        if (status s = validate::check_sequences(lengths, p.sequences); !s.ok()) return s;
        const bool in_double = compute_kind(p.query_kind, p.key_kind, p.value_kind) == scalar_kind::float64;
        return in_double ? crestmax::write_plan<double>(lengths.with_longest(asked), o, lengths, backend, memory, result)
                         : crestmax::write_plan<float>(lengths.with_longest(asked), o, lengths, backend, memory, result);
      },
      given...);
}

// attach() with its arguments told apart.
template <class Call>
auto attach_call(const plan& p, int workers, const Call& call, const options& o) {
  if (status s = check_workers(workers); !s.ok()) return call.refuse(s);
  if (status s = call.check(p); !s.ok()) return call.refuse(s);
  if (status s = call.check_data(p.memory(), o.workspace, p.workspace().total(workers)); !s.ok()) return call.refuse(s);
  if (status s = call.check_places(p); !s.ok()) return call.refuse(s);
  return call.attach(p, o.workspace.data(), workers);
}

// Attaches a plan to a call's tensors and memory. Everything that can be wrong is found here, before anything is written:
// see runnable::ready(). The plan must be, byte by byte, the one that make_plan() would make for this call.
// options.workspace must have p.workspace().total(workers) bytes, aligned to 64; for a device, of its memory. Time: O(sequences).
template <class T, class Source, class... Given>
  requires arguments::known_together<Given...>
auto attach(const plan& p, int workers, const call_views<T, Source>& t, const Given&... given) {
  return arguments::tell_apart(
      [&](const options& o, const auto& chain, const auto& backend, const auto&) { return crestmax::attach_call(p, workers, bound_call(t, o, chain, backend), o); },
      given...);
}
template <class Q, class Source, class O, class... Given>
  requires arguments::known_together<Given...>
auto attach(const plan& p, int workers, const call_tensors<Q, Source, O>& t, const Given&... given) {
  return arguments::tell_apart(
      [&](const options& o, const auto& chain, const auto& backend, const auto&) {
        const auto& serving = crestmax::narrow_for(t, chain, backend);
        return crestmax::attach_call(p, workers, bound_call(crestmax::views_of(t), o, chain, serving), o);
      },
      given...);
}

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
