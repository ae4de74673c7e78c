// The kernels of AMX over plain tiles, compiled once for all test programs.
#include "tiled.hpp"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::tiled {

const kernel_table<float>& table_on_tiles() {
  static constexpr kernel_table<float> table = filled::table_of<primitives<float>>();
  return table;
}

}  // namespace cpu::tiled

CRESTMAX_END_NAMESPACE
