// The simulator's table, as Markdown, or as numbers for draw.py. See tests/simulator/run.
#include <cstdio>
#include <cstring>

#include "bars.hpp"
namespace crestmax_simulator {
namespace {

void print_markdown(const cost_table& costs, const std::vector<simulated_shape>& shapes) {
  std::printf("%s, %s\n\n| call | one worker |", costs.machine, crestmax::name(costs.set));
  for (const int workers : numbers_of_workers) std::printf(" %d |", workers);
  std::printf(" items of 64 |\n|---|---|");
  for (std::size_t i = 0; i <= std::size(numbers_of_workers); ++i) std::printf("---|");
  std::printf("\n");
  for (const simulated_shape& s : shapes) {
    std::printf("| %s | %.3g ms |", s.shape.name.c_str(), s.alone * 1e-6);
    for (std::size_t i = 0; i < std::size(numbers_of_workers); ++i) {
      const double bar = bar_of(numbers_of_workers[i], s.alone);
      std::printf(bar > 0 && s.efficiency[i] < bar ? " **%.2f** |" : bar > 0 ? " %.2f |" : " (%.2f) |", s.efficiency[i]);
    }
    std::printf(" %lld |\n", static_cast<long long>(s.items_for_64));
  }
  std::printf("\nIn brackets: too short for a bar. Bold: below it.\n");
}

void print_numbers(const std::vector<simulated_shape>& shapes) {
  for (const simulated_shape& s : shapes) {
    std::printf("%s\t%.0f", s.shape.name.c_str(), s.alone);
    for (std::size_t i = 0; i < std::size(numbers_of_workers); ++i) std::printf("\t%d:%.4f", numbers_of_workers[i], s.efficiency[i]);
    std::printf("\n");
  }
}

}  // namespace
}  // namespace crestmax_simulator

int main(int count, char** arguments) {
  using namespace crestmax_simulator;
  surroundings around;
  bool numbers = false;
  const char* set = "amx";
  for (int i = 1; i < count; ++i) {
    if (std::sscanf(arguments[i], "--per-item=%lf", &around.per_item) == 1) continue;
    if (std::sscanf(arguments[i], "--per-barrier=%lf", &around.per_barrier) == 1) continue;
    if (std::strncmp(arguments[i], "--set=", 6) == 0) set = arguments[i] + 6;
    numbers = numbers || std::strcmp(arguments[i], "--numbers") == 0;
    around.told = around.told && std::strcmp(arguments[i], "--untold") != 0;
  }
  for (const cost_table& costs : every_measured_cost()) {
    if (std::strcmp(crestmax::name(costs.set), set) != 0) continue;
    const std::vector<simulated_shape> shapes = simulate_every_shape(costs, around);
    if (numbers) print_numbers(shapes);
    else print_markdown(costs, shapes);
    return 0;
  }
  std::fprintf(stderr, "simulator: no costs of %s\n", set);
  return 2;
}
