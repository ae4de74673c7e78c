// How much of an ideal machine's speed shapes have to reach, and which do.
#pragma once

#include <array>

#include "simulate.hpp"

namespace crestmax_simulator {

inline constexpr int numbers_of_workers[] = {1, 2, 4, 8, 16, 32, 64, 128, 192};

struct simulated_shape {
  call_shape shape;
  double alone;  // nanoseconds of one worker
  std::array<double, std::size(numbers_of_workers)> efficiency;
  index_type items_for_64;
};

inline simulated_shape simulate_shape(const call_shape& shape, const cost_table& costs, const surroundings& around = {}) {
  simulated_shape s{shape, simulation(shape, costs, 1, around).nanoseconds(), {}, 0};
  for (std::size_t i = 0; i < std::size(numbers_of_workers); ++i) {
    const simulation run(shape, costs, numbers_of_workers[i], around);
    s.efficiency[i] = s.alone / (numbers_of_workers[i] * run.nanoseconds());
    if (numbers_of_workers[i] == 64) s.items_for_64 = run.plan().items(run.plan()->stage[0] == crestmax::plan_stage::crest ? 1 : 0);
  }
  return s;
}

inline std::vector<simulated_shape> simulate_every_shape(const cost_table& costs, const surroundings& around = {}) {
  std::vector<simulated_shape> all;
  for (const call_shape& shape : every_shape()) all.push_back(simulate_shape(shape, costs, around));
  return all;
}

// The efficiency that is due for so many workers where one takes so many nanoseconds; 0 where none is.
inline double bar_of(int workers, double alone) {
  const double share = alone / workers;
  constexpr double long_share = 200e3, short_share = 50e3;
  if (workers == 64) return share > long_share ? 0.85 : share > short_share ? 0.7 : 0;
  if (workers == 16) return share > long_share ? 0.9 : share > short_share ? 0.8 : 0;
  return 0;
}

}  // namespace crestmax_simulator
