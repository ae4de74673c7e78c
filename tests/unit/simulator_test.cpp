// Plans on many workers, as the simulator has them from the costs in the tree (tests/simulator).
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "simulator/bars.hpp"

namespace crestmax_test {
namespace {

namespace simulator = crestmax_simulator;
using simulator::numbers_of_workers;

struct simulated_set {
  crestmax::instruction_set set;
  std::vector<simulator::simulated_shape> shapes;
};
const std::vector<simulated_set>& every_set() {
  static const std::vector<simulated_set> all = [] {
    std::vector<simulated_set> sets;
    for (const simulator::cost_table& costs : simulator::every_measured_cost()) sets.push_back({costs.set, simulator::simulate_every_shape(costs)});
    return sets;
  }();
  return all;
}
// Calls f(set, shape, which number of workers).
template <class F>
void for_each_number(F&& f) {
  for (const simulated_set& s : every_set()) {
    for (const simulator::simulated_shape& shape : s.shapes) {
      for (std::size_t i = 0; i < std::size(numbers_of_workers); ++i) f(s.set, shape, i);
    }
  }
}

// Calls that miss a bar, and what they reach at least.
struct exemption {
  crestmax::instruction_set set;
  const char* name;
  int workers;
  double least;
};
using crestmax::instruction_set;
constexpr exemption exemptions[] = {
#include "simulator/exemptions.inc"
};

const exemption* exemption_of(instruction_set set, const std::string& name, int workers) {
  for (const exemption& e : exemptions) {
    if (set == e.set && name == e.name && workers == e.workers) return &e;
  }
  return nullptr;
}

TEST(Simulator, HasManyCallsOfRealModels) {
  for (const simulated_set& s : every_set()) EXPECT_GE(s.shapes.size(), 40u);
}

TEST(Simulator, PlansKeepManyWorkersBusy) {
  for_each_number([](instruction_set set, const simulator::simulated_shape& s, std::size_t i) {
    const int workers = numbers_of_workers[i];
    const double bar = simulator::bar_of(workers, s.alone);
    if (bar <= 0) return;
    const exemption* const e = exemption_of(set, s.shape.name, workers);
    EXPECT_GE(s.efficiency[i], e != nullptr ? e->least : bar) << crestmax::name(set) << ", " << s.shape.name << ", " << workers << " workers";
  });
}

// What is no longer needed goes.
TEST(Simulator, ExemptionsAreOfCallsThatMissTheirBar) {
  for (const exemption& e : exemptions) {
    bool misses = false;
    for_each_number([&](instruction_set set, const simulator::simulated_shape& s, std::size_t i) {
      misses = misses || (set == e.set && s.shape.name == e.name && numbers_of_workers[i] == e.workers && s.efficiency[i] < simulator::bar_of(e.workers, s.alone));
    });
    EXPECT_TRUE(misses) << crestmax::name(e.set) << ", " << e.name << ", " << e.workers << " workers";
  }
}

TEST(Simulator, MoreWorkersAreHardlyEverSlower) {
  for_each_number([](instruction_set set, const simulator::simulated_shape& s, std::size_t i) {
    if (i == 0) return;
    const auto time = [&](std::size_t n) { return s.alone / (s.efficiency[n] * numbers_of_workers[n]); };
    EXPECT_LE(time(i), 1.2 * time(i - 1) + simulator::surroundings{}.per_barrier * 3)
        << crestmax::name(set) << ", " << s.shape.name << ", " << numbers_of_workers[i] << " workers";
  });
}

// What is said to plans is what makes the difference: grains are the same.
TEST(Simulator, PlansThatAreToldOfManyWorkersKeepThemBusier) {
  const simulator::cost_table costs = simulator::every_measured_cost().front();
  simulator::surroundings untold;
  untold.told = false;
  double told_time = 0, untold_time = 0;
  for (const simulator::call_shape& shape : simulator::every_shape()) {
    told_time += std::log(simulator::simulation(shape, costs, 64).nanoseconds());
    untold_time += std::log(simulator::simulation(shape, costs, 64, untold).nanoseconds());
  }
  EXPECT_LT(told_time, untold_time);
}

}  // namespace
}  // namespace crestmax_test
