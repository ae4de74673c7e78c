// Caches in planes that are read within a tolerance, beside exact decode over float16.
#pragma once

namespace crestmax_bench {

// Decode on one core: times beside an exact call on a float16 cache of the same numbers in alternating runs, bytes read, the share of the time that
// choosing takes, and the bars.
void print_dial_targets();

}  // namespace crestmax_bench
