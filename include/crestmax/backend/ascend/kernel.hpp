// The attention kernel: what every core of a launch runs. C++17, device code; compiled at run time for one traits.
//
//   using traits = crestmax::ascend::kernel_traits<half, 128, 128, true, crestmax::ascend::target_2201>;
//   crestmax::ascend::attention_kernel<traits>(arguments);   // in an entry point of the mix 1:2
//
// One cube core and two vector cores make a block (mix 1:2). Finite inputs only, hidden keys and their values included: the matrix
// unit takes no NaN. Scores q.k lie within 1e35, before the scale and after it: float16 inputs cannot do otherwise, and bfloat16 ones
// only with numbers near 1e16. Beyond, what masks hide and what rows see is not told apart.
//
// Words of the hardware. Memories: global memory; the cube core's L1, L0A and L0B (left and right operands) and L0C (products and their
// sums); each vector core's unified buffer, UB. Pipes, which work beside each other: MTE2 (from global memory), MTE1 (L1 to L0A, L0B),
// M (products), FIX (out of L0C), V (vectors), MTE3 (UB to global memory), S (scalars). Matrices on the cube core are cut into
// fractals of 16 rows of 32 bytes. Their order has two letters: capital Z, line by line of fractals, N, column by column; and in the
// same way z or n inside of each.
#pragma once

#include "kernel_cube.hpp"
#include "kernel_vector.hpp"

CRESTMAX_BEGIN_VERSION

namespace ascend {

template <class Traits>
__aicore__ inline void attention_kernel(const kernel_arguments& arguments) {
  AscendC::InitSocState();
  if ASCEND_IS_AIC {
    cube_core<Traits> core(arguments, static_cast<std::int32_t>(AscendC::GetBlockIdx()));
    core.run();
  }
  if ASCEND_IS_AIV {
    // Vector cores count through: two to a block.
    vector_core<Traits> core(arguments, static_cast<std::int32_t>(AscendC::GetBlockIdx()) / 2,
                             static_cast<std::int32_t>(AscendC::GetSubBlockIdx()));
    core.run();
  }
}

}  // namespace ascend

CRESTMAX_END_VERSION
