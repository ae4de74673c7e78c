// What more threads than one make of a call.
#pragma once

namespace crestmax_bench {

// Times calls with 1, 2, 4 and 8 threads on the cores that there are, in turns, and prints a table and its bars.
void print_thread_targets();

}  // namespace crestmax_bench
