// What a backend offers. The CPU path and the Ascend path satisfy the same concept, so validation,
// planning and reporting are written once above it.
#pragma once

#include <concepts>

#include "../call.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// T is the compute type, float or double.
//   available(p, o)     ok, or why this backend cannot serve the problem with these options here
//   geometry<T>(heads)  the tile sizes of its kernels, and which of them the plan is for
//   instruction_set(h)  the name of what a plan runs on
//   worker_bytes<T>(h)  scratch of one worker; shared_bytes<T>(h, n) partial states of n splits
//   run<T>(call, stage, item, worker)   one item; items of a stage are independent
//   begin<T> / collect<T>               clear a worker's counters before its first item, and sum them; source_failed if one met a run of no rows
template <class B, class T>
concept plans_calls_for = requires(const B& b, const problem& p, const options& o, const head_shape& heads, const plan_header& h, index_type n) {
  { b.name() } -> std::convertible_to<const char*>;
  { b.instruction_set(h) } -> std::convertible_to<const char*>;
  { b.available(p, o) } -> std::same_as<status>;
  { b.template geometry<T>(heads) } -> std::same_as<tile_geometry>;
  { b.template worker_bytes<T>(h) } -> std::same_as<std::size_t>;
  { b.template shared_bytes<T>(h, n) } -> std::same_as<std::size_t>;
};

template <class B, class T>
concept backend_for = plans_calls_for<B, T> && requires(const B& b, const call_data<T>& call, index_type n, int worker, report& r) {
  b.template begin<T>(call, worker);
  b.template run<T>(call, n, n, worker);
  { b.template collect<T>(call, worker, r) } -> std::same_as<status>;
};

// A backend that is a device says `static constexpr bool is_device = true`. It takes a call whole; there are no
// items to run. Tensors and workspace are then memory of the device; the plan stays with the host.
//   accepts(call)       before anything is written: do pointers and strides suit the device, is its kernel ready
//   launch(call)        enqueues the work, and does not wait for it
//   collect(call, r)    waits for the work, then tells what it did
template <class B>
inline constexpr bool on_device = requires { requires B::is_device; };

template <class B, class T>
concept device_backend_for = on_device<B> && plans_calls_for<B, T> && requires(const B& b, const device_call& call, report& r) {
  { b.accepts(call) } -> std::same_as<status>;
  { b.launch(call) } -> std::same_as<status>;
  { b.collect(call, r) } -> std::same_as<status>;
};

// True, or an error that names what is missing.
template <class B, class T>
consteval bool is_backend() {
  if constexpr (on_device<B>) static_assert(device_backend_for<B, T>);
  else static_assert(backend_for<B, T>);
  return true;
}

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
