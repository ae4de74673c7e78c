// What a backend offers. The CPU path and the Ascend path satisfy the same concept, so validation,
// planning and reporting are written once above it.
#pragma once

#include <concepts>

#include "../call.hpp"

CRESTMAX_BEGIN_NAMESPACE

// T is the compute type, float or double.
//   available(p)        ok, or why this backend cannot serve the problem here
//   geometry<T>(p)      the tile sizes of its kernels, and which of them the plan is for
//   instruction_set(h)  the name of what a plan runs on
//   worker_bytes<T>(h)  scratch of one worker; shared_bytes<T>(h, n) partial states of n splits
//   run<T>(call, stage, item, worker)   one item; items of a stage are independent
//   begin<T> / collect<T>               clear and sum the workers' counters
template <class B, class T>
concept backend_for = requires(const B& b, const problem& p, const plan_header& h,
                               const call_data<T>& call, index n, int worker, report& r) {
  { b.name() } -> std::convertible_to<const char*>;
  { b.instruction_set(h) } -> std::convertible_to<const char*>;
  { b.available(p) } -> std::same_as<status>;
  { b.template geometry<T>(p) } -> std::same_as<tile_geometry>;
  { b.template worker_bytes<T>(h) } -> std::same_as<std::size_t>;
  { b.template shared_bytes<T>(h, n) } -> std::same_as<std::size_t>;
  b.template begin<T>(call, worker);
  b.template run<T>(call, n, n, worker);
  b.template collect<T>(call, worker, r);
};

CRESTMAX_END_NAMESPACE
