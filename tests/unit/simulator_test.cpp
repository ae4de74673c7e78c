// Plans on many workers, as the simulator has them from the costs in the tree (tests/simulator).
#include <gtest/gtest.h>

#include <string>

#include "simulator/bars.hpp"

namespace crestmax_test {
namespace {

namespace simulator = crestmax_simulator;
using simulator::numbers_of_workers;

const std::vector<simulator::simulated_shape>& shapes() {
  static const std::vector<simulator::simulated_shape> all = simulator::simulate_every_shape(simulator::measured_costs());
  return all;
}

// Calls that miss a bar, and what they reach at least.
struct exemption {
  const char* name;
  int workers;
  double least;
};
constexpr exemption exemptions[] = {
#include "simulator/exemptions.inc"
};

const exemption* exemption_of(const std::string& name, int workers) {
  for (const exemption& e : exemptions) {
    if (name == e.name && workers == e.workers) return &e;
  }
  return nullptr;
}

TEST(Simulator, HasManyCallsOfRealModels) { EXPECT_GE(shapes().size(), 40u); }

TEST(Simulator, PlansKeepManyWorkersBusy) {
  for (const simulator::simulated_shape& s : shapes()) {
    for (std::size_t i = 0; i < std::size(numbers_of_workers); ++i) {
      const int workers = numbers_of_workers[i];
      const double bar = simulator::bar_of(workers, s.alone);
      if (bar <= 0) continue;
      const exemption* const e = exemption_of(s.shape.name, workers);
      EXPECT_GE(s.efficiency[i], e != nullptr ? e->least : bar) << s.shape.name << ", " << workers << " workers";
    }
  }
}

// What is no longer needed goes.
TEST(Simulator, ExemptionsAreOfCallsThatMissTheirBar) {
  for (const exemption& e : exemptions) {
    bool misses = false;
    for (const simulator::simulated_shape& s : shapes()) {
      for (std::size_t i = 0; i < std::size(numbers_of_workers); ++i) {
        misses = misses || (s.shape.name == e.name && numbers_of_workers[i] == e.workers &&
                            s.efficiency[i] < simulator::bar_of(e.workers, s.alone));
      }
    }
    EXPECT_TRUE(misses) << e.name << ", " << e.workers << " workers";
  }
}

TEST(Simulator, MoreWorkersAreHardlyEverSlower) {
  for (const simulator::simulated_shape& s : shapes()) {
    for (std::size_t i = 1; i < std::size(numbers_of_workers); ++i) {
      const auto time = [&](std::size_t n) { return s.alone / (s.efficiency[n] * numbers_of_workers[n]); };
      EXPECT_LE(time(i), 1.1 * time(i - 1) + simulator::surroundings{}.per_barrier * 3) << s.shape.name << ", " << numbers_of_workers[i] << " workers";
    }
  }
}

}  // namespace
}  // namespace crestmax_test
