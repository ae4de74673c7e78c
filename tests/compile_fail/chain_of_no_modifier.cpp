// A type that is no modifier is refused in a chain.
// expects: satisf[a-z ]*'modifier_or_chain
// expects: nothing_at_all
#include "call.hpp"

struct nothing_at_all {};
struct my_sink {
  double sink(crestmax::index_type) const { return 0; }
};
#ifdef REFUSED
using part = nothing_at_all;
#else
using part = my_sink;
#endif
auto chain = crestmax::causal{} | part{};
