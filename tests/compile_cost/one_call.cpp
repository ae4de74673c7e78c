// One fp32 call: what the smallest user pays. With ONE_SET, over the generic instruction set alone.
#include <crestmax/attention.hpp>

crestmax::status attend(crestmax::tensor<const float> query, crestmax::tensor<const float> key,
                        crestmax::tensor<const float> value, crestmax::tensor<float> output) {
#if defined(ONE_SET)
  return crestmax::attention(query, key, value, output, {}, crestmax::no_modifiers{}, crestmax::backend::generic{});
#else
  return crestmax::attention(query, key, value, output);
#endif
}
