// A paged cache of integers is refused.
// expects: satisf[a-z ]*'scalar
// expects: with [A-Z] = int]|'int' does not satisfy
#include "call.hpp"

#ifdef REFUSED
using element = int;
#else
using element = crestmax::bfloat16;
#endif
crestmax::paged_cache<element> cache;
using called = decltype(crestmax::attention(input, cache, output));
