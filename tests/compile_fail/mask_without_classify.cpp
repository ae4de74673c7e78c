// A mask without classify is refused.
// expects: (satisf[a-z ]*'|concept [a-z0-9_:]*)modifier_or_chain
// expects: my_mask
#include "call.hpp"

struct my_mask {
  bool visible(crestmax::score_position) const { return true; }
#ifndef REFUSED
  crestmax::visibility classify(crestmax::score_range) const { return crestmax::visibility::all; }
#endif
};
using called = decltype(crestmax::attention(input, input, input, output, {}, my_mask{}));
