// The engine's threads: an OpenMP team of as many as it says. Where ggml uses the same OpenMP runtime these are the very threads
// that its own kernels have just left, so that none waits beside the others.
#pragma once

#include <algorithm>
#if defined(_OPENMP)
#include <omp.h>
#endif

#include <crestmax/tensor.hpp>


namespace adapter {

class team {
 public:
  explicit team(int threads) : threads_(std::max(1, threads)) {}
#if defined(_OPENMP)
  int threads() const { return threads_; }
#else
  int threads() const { return 1; }
#endif

  // All items of all stages of a call that is attached for threads() workers: one parallel region, a barrier behind each stage.
  template <class Runnable>
  void run(const Runnable& call) const {
#if defined(_OPENMP)
    if (threads_ > 1 && has_work_for_two(call)) {
#pragma omp parallel num_threads(threads_)
      for (crestmax::index_type stage = 0; stage < call.stages(); ++stage) {
#pragma omp for schedule(dynamic, 1)
        for (crestmax::index_type item = 0; item < call.items(stage); ++item) call.run(stage, item, omp_get_thread_num());
      }
      return;
    }
#endif
    for (crestmax::index_type stage = 0; stage < call.stages(); ++stage) {
      for (crestmax::index_type item = 0; item < call.items(stage); ++item) call.run(stage, item, 0);
    }
  }

 private:
  template <class Runnable>
  static bool has_work_for_two(const Runnable& call) {
    for (crestmax::index_type stage = 0; stage < call.stages(); ++stage) {
      if (call.items(stage) > 1) return true;
    }
    return false;
  }

  int threads_;
};

}  // namespace adapter
