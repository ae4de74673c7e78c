// One call with an encoded cache: what its user pays beside one_call.cpp's.
#include <crestmax/attention.hpp>

crestmax::status attend(crestmax::tensor<const float> query, crestmax::tensor<const crestmax::q8_0> key, crestmax::tensor<const crestmax::q8_0> value,
                        crestmax::tensor<float> output) {
  return crestmax::attention(query, key, value, output);
}
