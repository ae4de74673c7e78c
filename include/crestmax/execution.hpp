// Who runs the independent items of a stage. The library starts no threads: an executor does.
#pragma once

#include <concepts>
#include <cstdint>
#if defined(_OPENMP)
#include <omp.h>
#endif

#include "config.hpp"
#include "tensor.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// workers() is the number of workers, at least 1. run(count, body) calls body(item, worker) once for
// every item in [0, count), worker in [0, workers()), never twice at a time with the same worker, and
// returns when all are done. Which worker takes which item never changes a result.
template <class E>
concept executor = requires(E& e, void (*body)(index_type item, int worker)) {
  { e.workers() } -> std::convertible_to<int>;
  e.run(index_type{}, body);
};

// Runs everything on the calling thread.
struct serial {
  int workers() const { return 1; }
  template <class Body>
  void run(index_type count, Body&& body) const {
    for (index_type item = 0; item < count; ++item) body(item, 0);
  }
};

#if defined(_OPENMP)
// Runs items on an OpenMP team, one at a time as workers become free; or where a worker keeps its items a run of neighbours each, the
// same ones in every call of a shape: what it read last time may be in its caches. That is for items that cost alike.
struct openmp {
  int threads = omp_get_max_threads();
  bool keeps_items = false;
  int workers() const { return threads < 1 ? 1 : threads; }
  template <class Body>
  void run(index_type count, Body&& body) const {
    if (keeps_items) {
#pragma omp parallel for schedule(static) num_threads(workers())
      for (index_type item = 0; item < count; ++item) body(item, omp_get_thread_num());
      return;
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(workers())
    for (index_type item = 0; item < count; ++item) body(item, omp_get_thread_num());
  }
};
#endif

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
