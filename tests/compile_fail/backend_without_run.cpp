// A backend without run is refused.
// expects: backend_for<
// expects: b\.(template )?run<T>\(call, n, n, worker\)' (is|would be) invalid
#include "call.hpp"

struct my_backend : plans_calls {
  template <class T>
  void begin(const crestmax::call_data<T>&, int) const {}
#ifndef REFUSED
  template <class T>
  void run(const crestmax::call_data<T>&, crestmax::index_type, crestmax::index_type, int) const {}
#endif
  template <class T>
  crestmax::status collect(const crestmax::call_data<T>&, int, crestmax::report&) const { return crestmax::success(); }
};
using call = decltype(crestmax::attach({}, 1, crestmax::tensors(input, input, input, output), crestmax::causal{}, my_backend{}));
