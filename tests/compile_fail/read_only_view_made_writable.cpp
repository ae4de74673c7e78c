// A read-only view does not become a writable one.
// expects: (conversion|convert).*tensor<const float>
#include <crestmax/tensor.hpp>

crestmax::tensor<const float> readable;
#ifdef REFUSED
crestmax::tensor<float> converted = readable;
#else
crestmax::tensor<const float> converted = crestmax::tensor<float>{};
#endif
