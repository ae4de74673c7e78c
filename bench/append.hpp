// What it costs to put new rows into a cache.
#pragma once

namespace crestmax_bench {

// Measures every kind of cache, prints a table and a bar for each.
void print_append_targets();

}  // namespace crestmax_bench
