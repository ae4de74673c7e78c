#include "run_on_ascend.hpp"

#include "support/run_typed.hpp"

namespace crestmax_test {

device_log& last_launches() {
  static device_log log;
  return log;
}

crestmax::backend::basic_ascend<model_device> ascend_on_the_model(const surroundings& s) {
  model_device device;
  device.generation = s.device == 3510 ? crestmax::npu::generation::atlas_3510 : crestmax::npu::generation::atlas_2201;
  device.cores = s.device_cores;
  device.log = &last_launches();
  return {device};
}

attention_result run_on_ascend(const attention_case& c, const surroundings& given) {
  surroundings s = given;
  // Addresses of 32 bytes, which a vector's memory need not have; and guard pages as a gift.
  if (s.memory == placing::as_it_is) s.memory = placing::before_a_guard_page;
  return run_on(c, s, ascend_on_the_model(s));
}

namespace {
[[maybe_unused]] const bool registered = (set_ascend(run_on_ascend), true);
}

}  // namespace crestmax_test
