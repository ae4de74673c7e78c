// What the library aims at, held against what was measured.
#pragma once

#include <string>
#include <vector>

#include "race.hpp"

namespace crestmax_bench {

// One bar: at least or at most that much, what was measured, and where.
void print_target(const std::string& what, bool most, double bar, double measured, const std::string& where);

// The sets that bars of one core are printed for: AVX2 and the machine's widest, each once, as far as the machine has them.
std::vector<crestmax::instruction_set> sets_to_measure();

// Prints every bar that the races have a shape for: the bar, what was measured, the worst shape. Returns false if a
// line computed a wrong result, or went another way than its name says; a missed bar is no error.
bool print_targets(const std::vector<race_result>& races);

}  // namespace crestmax_bench
