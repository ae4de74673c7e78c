// Encoded caches beside one of float16.
#pragma once

namespace crestmax_bench {

// Decode and prefill with encoded keys and values, one core and two: times beside a float16 cache in alternating runs, and the bars. Of shapes whose
// title, the instruction set in front, has `only` in it.
void print_encoding_targets(const char* only);

}  // namespace crestmax_bench
