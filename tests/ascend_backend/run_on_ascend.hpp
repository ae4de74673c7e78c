// Cases of attention() on backend::basic_ascend, with the model as its device.
#pragma once

#include "model_device.hpp"
#include "support/attention_case.hpp"

namespace crestmax_test {

device_log& last_launches();
crestmax::backend::basic_ascend<model_device> ascend_on_the_model(const surroundings& s = {});
attention_result run_on_ascend(const attention_case& c, const surroundings& s);

}  // namespace crestmax_test
