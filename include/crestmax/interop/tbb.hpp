// An executor over oneTBB, for users who have it. Include it after linking TBB::tbb.
#pragma once

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include "../execution.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

struct tbb_executor {
  tbb::task_arena* arena;    // the caller's arena; its size is the number of workers
  bool keeps_items = false;  // a run of neighbours for each worker, as in openmp; the same ones in every call as far as oneTBB can

  explicit tbb_executor(tbb::task_arena& where, bool keep_items = false) : arena(&where), keeps_items(keep_items) { where.initialize(); }
  int workers() const { return arena->max_concurrency(); }
  template <class Body>
  void run(index_type count, Body&& body) const {
    const auto run_item = [&](index_type item) {
      // Without isolation a worker that waits inside an item could start a second one.
      tbb::this_task_arena::isolate([&] { body(item, tbb::this_task_arena::current_thread_index()); });
    };
    arena->execute([&] {
      if (keeps_items) tbb::parallel_for(index_type{0}, count, run_item, tbb::static_partitioner{});
      else tbb::parallel_for(index_type{0}, count, run_item);
    });
  }
};

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
