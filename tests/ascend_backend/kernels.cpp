// The kernels of this program, compiled from the library's headers against the model's kernel_operator.h.
#include <crestmax/backend/ascend/kernel.hpp>

#include "model_device.hpp"

namespace crestmax_test {
namespace {

using crestmax::scalar_kind;
using crestmax::ascend::kernel_traits;
using crestmax::npu::generation;

template <class Element, std::int32_t d_qk, std::int32_t d_v, bool causal, class Target>
void kernel(const crestmax::ascend::kernel_arguments& arguments) {
  crestmax::ascend::attention_kernel<kernel_traits<Element, d_qk, d_v, causal, Target>>(arguments);
}

struct entry {
  crestmax::npu::kernel_key key;
  device_kernel run;
};

template <class Element, class Target, std::int32_t d_qk, std::int32_t d_v>
void add(std::vector<entry>& all) {
  constexpr generation g =
      std::is_same_v<Target, crestmax::ascend::target_2201> ? generation::atlas_2201 : generation::atlas_3510;
  constexpr scalar_kind kind = std::is_same_v<Element, half> ? scalar_kind::float16 : scalar_kind::bfloat16;
  all.push_back({{g, kind, d_qk, d_v, false}, kernel<Element, d_qk, d_v, false, Target>});
  all.push_back({{g, kind, d_qk, d_v, true}, kernel<Element, d_qk, d_v, true, Target>});
}

}  // namespace

device_kernel find_kernel(const crestmax::npu::kernel_key& key) {
  static const std::vector<entry> all = [] {
    using first = crestmax::ascend::target_2201;
    using second = crestmax::ascend::target_3510;
    std::vector<entry> made;
    add<half, first, 64, 64>(made);
    add<bfloat16_t, first, 64, 64>(made);
    add<half, first, 128, 128>(made);
    add<bfloat16_t, first, 128, 128>(made);
    add<half, first, 192, 128>(made);
    add<bfloat16_t, first, 256, 256>(made);
    add<half, second, 64, 64>(made);
    add<bfloat16_t, second, 128, 128>(made);
    return made;
  }();
  for (const entry& e : all) {
    if (e.key == key) return e.run;
  }
  return nullptr;
}

}  // namespace crestmax_test
