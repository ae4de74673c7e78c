// The sets of NEON: neon_bf16 multiplies pairs of bfloat16 in a region of its own; all else is compiled once for both, and they share
// one table.
#pragma once

#include "neon_bf16.hpp"

#if CRESTMAX_ARM_SETS

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::neon {

// Called only where a plan was made for neon_bf16.
struct pair_multiplies {
  using registers = neon_bf16::register_pairs<neon_bf16::primitives>;
};

#include "text/table.inc"

}  // namespace cpu::neon

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"

#endif
