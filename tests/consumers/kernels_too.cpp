// The other file; see kernels.cpp.
#include "check_attention.hpp"

crestmax::status attend_too(const float* q, const float* k, const float* v, float* out) {
  return crestmax::attention(consumer::view(q), consumer::view(k), consumer::view(v), consumer::view(out), {}, crestmax::causal{});
}
