// A type that is no modifier is refused by a call.
// expects: (satisf[a-z ]*'|concept [a-z0-9_:]*)modifier_or_chain
// expects: nothing_at_all
#include "call.hpp"

struct nothing_at_all {};
#ifdef REFUSED
using modifiers = nothing_at_all;
#else
using modifiers = crestmax::causal;
#endif
using called = decltype(crestmax::attention(input, input, input, output, {}, modifiers{}));
