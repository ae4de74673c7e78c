// What modifiers cost: calls with one beside the same calls without.
#pragma once

namespace crestmax_bench {

// Measures every bar of modifiers and prints it.
void print_modifier_targets();

}  // namespace crestmax_bench
