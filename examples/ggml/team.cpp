#include "team.hpp"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace adapter {

namespace {

void run_alone(const staged_work& work) {
  for (std::int64_t stage = 0; stage < work.stages; ++stage) {
    for (std::int64_t item = 0, items = work.items(work.context, stage); item < items; ++item) work.run(work.context, stage, item, 0);
  }
}

}  // namespace

#if defined(_OPENMP)

// One parallel region for all stages, and a barrier behind each: it costs less than a region each.
void run_in_team(int threads, const staged_work& work) {
  std::int64_t most_items = 0;
  for (std::int64_t stage = 0; stage < work.stages; ++stage) {
    const std::int64_t items = work.items(work.context, stage);
    most_items = items > most_items ? items : most_items;
  }
  if (threads < 2 || most_items < 2) return run_alone(work);
#pragma omp parallel num_threads(threads)
  for (std::int64_t stage = 0; stage < work.stages; ++stage) {
    const std::int64_t items = work.items(work.context, stage);
#pragma omp for schedule(dynamic, 1)
    for (std::int64_t item = 0; item < items; ++item) work.run(work.context, stage, item, omp_get_thread_num());
  }
}

#else

void run_in_team(int, const staged_work& work) { run_alone(work); }

#endif

}  // namespace adapter
