// An LSE of 16-bit numbers is refused.
// expects: (convert|conversion).*float16.*row_output
#include <crestmax/options.hpp>

#ifdef REFUSED
using element = crestmax::float16;
#else
using element = float;
#endif
crestmax::row_tensor<element> lse;
crestmax::options options{.lse = lse};
