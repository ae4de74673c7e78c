// The engine's threads: an OpenMP team of as many as it says. Where ggml uses the same OpenMP runtime these are the very threads
// that its own kernels have just left, so that none waits beside the others.
#pragma once

#include <cstdint>

namespace adapter {

// Work in stages of independent items.
struct staged_work {
  const void* context;
  std::int64_t stages;
  std::int64_t (*items)(const void* context, std::int64_t stage);
  void (*run)(const void* context, std::int64_t stage, std::int64_t item, int worker);
};

// A call of crestmax's as such work. It must outlive it.
template <class Runnable>
staged_work work_of(const Runnable& call) {
  return {&call, call.stages(), [](const void* c, std::int64_t stage) { return static_cast<const Runnable*>(c)->items(stage); },
          [](const void* c, std::int64_t stage, std::int64_t item, int worker) { static_cast<const Runnable*>(c)->run(stage, item, worker); }};
}

// Runs all items of all stages, a stage when the one before is done. Workers are numbered from 0, and fewer than `threads`.
void run_in_team(int threads, const staged_work& work);

}  // namespace adapter
