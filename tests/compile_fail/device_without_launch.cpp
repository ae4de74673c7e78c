// A device that cannot launch is refused.
// expects: device_backend_for<
// expects: b\.launch\(call\)' (is|would be) invalid
#include "call.hpp"

struct my_device {
  static constexpr bool is_device = true;
  const char* name() const { return "mine"; }
  const char* instruction_set(const crestmax::plan_header&) const { return "none"; }
  crestmax::status available(const crestmax::problem&, const crestmax::options&) const { return crestmax::success(); }
  template <class T>
  crestmax::tile_geometry geometry(const crestmax::problem&) const { return {1, 16, 1, 16}; }
  template <class T>
  std::size_t worker_bytes(const crestmax::plan_header&) const { return 0; }
  template <class T>
  std::size_t shared_bytes(const crestmax::plan_header&, crestmax::index) const { return 0; }
  crestmax::status accepts(const crestmax::device_call&) const { return crestmax::success(); }
#ifndef REFUSED
  crestmax::status launch(const crestmax::device_call&) const { return crestmax::success(); }
#endif
  crestmax::status collect(const crestmax::device_call&, crestmax::report&) const { return crestmax::success(); }
};
using call = decltype(crestmax::bind(input, crestmax::make_source(input, input), output, {}, crestmax::causal{}, my_device{}));
static_assert(sizeof(call) > 0);
