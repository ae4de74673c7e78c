// What mask tensors cost: calls under one beside calls under causal, or under none.
#pragma once

namespace crestmax_bench {

// Measures every bar of mask tensors and prints it.
void print_mask_targets();

}  // namespace crestmax_bench
