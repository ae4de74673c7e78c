// How fast decode with codes of 8 bits could be if memory were no matter.
#pragma once

namespace crestmax_bench {

// 1e9 bytes of keys and values per second, one core, 4 query heads on each of 128 numbers, from the first cache: codes loaded, unpacked, multiplied by
// queries and weights, added, sums scaled; no maximum, no exponential. By AVX2 alone; 0 where the machine has none.
double integer_ceiling();

}  // namespace crestmax_bench
