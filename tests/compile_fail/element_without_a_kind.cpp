// A 16-bit type of one's own is refused until scalar_traits says what it is.
// expects: satisf[a-z ]*'scalar
// expects: my_half
#include "call.hpp"

struct my_half {
  unsigned short bits;
};
#ifndef REFUSED
template <>
struct crestmax::scalar_traits<my_half> {
  static constexpr auto kind = crestmax::scalar_kind::float16;
};
#endif
crestmax::tensor<my_half> query;
using called = decltype(crestmax::attention(query, input, input, output));
