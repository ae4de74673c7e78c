// The kernels of AMX over plain tiles, compiled once for all test programs.
#include "tiled.hpp"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::tiled {

void run_float(const call_data<float>& call, index_type stage, index_type item, int worker) {
  run_item<primitives<float>>(call, stage, item, worker);
}

}  // namespace cpu::tiled

CRESTMAX_END_NAMESPACE
