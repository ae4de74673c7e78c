// An output of const elements is refused.
// expects: satisf[a-z ]*'output_scalar
// expects: const float
#include "call.hpp"

#ifdef REFUSED
crestmax::tensor<const float> result(numbers, {1, 1, 1, 8});
#else
crestmax::tensor<float> result(numbers, {1, 1, 1, 8});
#endif
using called = decltype(crestmax::attention(input, input, input, result));
