#define CRESTMAX_ASCEND_TARGET 2201
#define TARGET crestmax::ascend::target_2201
#define FUNCTION kernel_2201
#include "kernels.inc"

namespace crestmax_test {

std::function<void()> kernel_3510(const crestmax::ascend::tiling& t, const crestmax::ascend::kernel_arguments& a);

std::function<void()> kernel_for(const crestmax::ascend::tiling& t, const crestmax::ascend::kernel_arguments& a) {
  return t.on == crestmax::ascend::device::atlas_2201 ? kernel_2201(t, a) : kernel_3510(t, a);
}

}  // namespace crestmax_test
