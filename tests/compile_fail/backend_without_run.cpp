// A backend without run is refused.
// expects: backend_for<
// expects: b\.(template )?run<T>\(call, n, n, worker\)' (is|would be) invalid
#include "call.hpp"

struct my_backend {
  const char* name() const { return "mine"; }
  const char* instruction_set(const crestmax::plan_header&) const { return "none"; }
  crestmax::status available(const crestmax::problem&, const crestmax::options&) const { return crestmax::success(); }
  template <class T>
  crestmax::tile_geometry geometry(const crestmax::problem&) const { return {1, 16, 1, 16}; }
  template <class T>
  std::size_t worker_bytes(const crestmax::plan_header&) const { return 0; }
  template <class T>
  std::size_t shared_bytes(const crestmax::plan_header&, crestmax::index) const { return 0; }
  template <class T>
  void begin(const crestmax::call_data<T>&, int) const {}
#ifndef REFUSED
  template <class T>
  void run(const crestmax::call_data<T>&, crestmax::index, crestmax::index, int) const {}
#endif
  template <class T>
  void collect(const crestmax::call_data<T>&, int, crestmax::report&) const {}
};
using call = decltype(crestmax::bind(input, crestmax::make_source(input, input), output, {}, crestmax::causal{}, my_backend{}));
