// The attention kernel: what every core of a launch runs. C++17, device code; compiled at run time for one traits.
//
//   using traits = crestmax::ascend::kernel_traits<half, 128, 128, true, crestmax::ascend::target_2201>;
//   crestmax::ascend::attention_kernel<traits>(arguments);   // in an entry point of the mix 1:2
//
// One cube core and two vector cores make a block (mix 1:2). Finite inputs only, hidden keys and their values included: the matrix
// unit takes no NaN. Scores q.k lie within 1e35, before the scale and after it: float16 inputs cannot do otherwise, and bfloat16 ones
// only with numbers near 1e16. Beyond, what masks hide and what rows see is not told apart.
#pragma once

#include "kernel_cube.hpp"
#include "kernel_vector.hpp"

namespace crestmax::ascend {

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

}  // namespace crestmax::ascend
