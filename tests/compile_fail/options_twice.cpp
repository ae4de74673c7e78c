// Options that are given twice are refused.
// expects: options are given twice
#include "call.hpp"

#ifdef REFUSED
using called = decltype(crestmax::attention(input, input, input, output, crestmax::causal{}, crestmax::options{}, crestmax::options{}));
#else
using called = decltype(crestmax::attention(input, input, input, output, crestmax::causal{}, crestmax::options{}));
#endif
