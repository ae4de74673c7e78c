// What a key costs by how many rows share it.
#pragma once

namespace crestmax_bench {

// Measures every set of the machine, prints a table and every bar of rows per key.
void print_row_targets();

}  // namespace crestmax_bench
