// A score modifier that knows float alone is refused, for it would round scores in double.
// expects: (satisf[a-z ]*'|concept [a-z0-9_:]*)modifier_or_chain
// expects: in_float
#include "call.hpp"

struct in_float {
  float operator()(float score, crestmax::score_position) const { return score + 1; }
};
struct in_both {
  template <class T>
  T operator()(T score, crestmax::score_position) const { return score + 1; }
};
#ifdef REFUSED
using modifiers = in_float;
#else
using modifiers = in_both;
#endif
using called = decltype(crestmax::attention(input, input, input, output, {}, modifiers{}));
