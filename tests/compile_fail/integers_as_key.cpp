// A key of integers is refused.
// expects: satisf[a-z ]*'scalar
// expects: with [A-Z] = int]|'int' does not satisfy
#include <crestmax/crestmax.hpp>

#ifdef REFUSED
using element = int;
#else
using element = float;
#endif
crestmax::tensor<float> query;
crestmax::tensor<element> key;
crestmax::tensor<float> value;
crestmax::tensor<float> output;
using called = decltype(crestmax::attention(query, key, value, output));
