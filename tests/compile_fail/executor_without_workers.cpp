// An executor without workers() is refused.
// expects: (satisf[a-z ]*'|concept [a-z0-9_:]*)executor
// expects: e\.workers\(\)' (is|would be) invalid
#include "call.hpp"

struct my_executor {
#ifndef REFUSED
  int workers() const { return 1; }
#endif
  template <class Body>
  void run(crestmax::index_type count, Body&& body) const {
    for (crestmax::index_type item = 0; item < count; ++item) body(item, 0);
  }
};
using called = decltype(crestmax::attention(input, input, input, output, {}, crestmax::causal{},
                                            crestmax::backend::cpu{}, my_executor{}));
