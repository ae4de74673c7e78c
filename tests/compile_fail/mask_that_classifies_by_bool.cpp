// A mask that classifies by anything but visibility is refused.
// expects: (satisf[a-z ]*'|concept [a-z0-9_:]*)modifier_or_chain
// expects: my_mask
#include "call.hpp"

struct my_mask {
#ifdef REFUSED
  using answer = bool;
#else
  using answer = crestmax::visibility;
#endif
  bool visible(crestmax::score_position) const { return true; }
  answer classify(crestmax::score_range) const { return answer{}; }
};
using called = decltype(crestmax::attention(input, input, input, output, {}, my_mask{}));
