// Encoded caches beside one of float16.
#pragma once

namespace crestmax_bench {

// Decode and prefill with encoded keys and values, one core: times beside a float16 cache in alternating runs, and the bars.
void print_encoding_targets();

}  // namespace crestmax_bench
