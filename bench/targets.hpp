// What the library aims at, held against what was measured.
#pragma once

#include <vector>

#include "race.hpp"

namespace crestmax_bench {

// Prints every bar that the races have a shape for: the bar, what was measured, the worst shape. Returns false if a
// line computed a wrong result, or went another way than its name says; a missed bar is no error.
bool print_targets(const std::vector<race_result>& races);

}  // namespace crestmax_bench
