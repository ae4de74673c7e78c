// A device that cannot launch is refused.
// expects: device_backend_for<
// expects: b\.launch\(call\)' (is|would be) invalid
#include "call.hpp"

struct my_device : plans_calls {
  static constexpr bool is_device = true;
  crestmax::status accepts(const crestmax::device_call&) const { return crestmax::success(); }
#ifndef REFUSED
  crestmax::status launch(const crestmax::device_call&) const { return crestmax::success(); }
#endif
  crestmax::status collect(const crestmax::device_call&, crestmax::report&) const { return crestmax::success(); }
};
using call = decltype(crestmax::attach({}, 1, crestmax::tensors(input, input, input, output), crestmax::causal{}, my_device{}));
static_assert(sizeof(call) > 0);
