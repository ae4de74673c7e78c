// How short sequences fare beside long ones.
#pragma once

namespace crestmax_bench {

// Measures batches of encoders' sequences and prints, for each length, GFLOP/s and the share of what sequences of 2,048 reach.
void print_encoders();

}  // namespace crestmax_bench
