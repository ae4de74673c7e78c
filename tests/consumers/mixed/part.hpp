// What translation units of different instruction sets hand to each other: the vocabulary of crestmax.
#pragma once

#include <crestmax/options.hpp>
#include <crestmax/report.hpp>
#include <crestmax/status.hpp>
#include <crestmax/tensor.hpp>

namespace mixed {

using floats = crestmax::tensor<const float>;
using halves = crestmax::tensor<const crestmax::float16>;
using brains = crestmax::tensor<const crestmax::bfloat16>;

// One translation unit's share, behind plain pointers: nothing of it is inlined into another. `generic`
// keeps a call to the kernels that the unit's flags shape; otherwise the machine's best ones run.
struct part {
  const char* name;
  crestmax::status (*attend)(floats query, floats key, floats value, crestmax::tensor<float> output,
                             const crestmax::options& options, bool generic);
  crestmax::status (*attend_16)(floats query, halves key, brains value, crestmax::tensor<float> output,
                                const crestmax::options& options, bool generic);
  crestmax::float16 (*to_float16)(float x);
  crestmax::bfloat16 (*to_bfloat16)(float x);
  float (*from_float16)(crestmax::float16 x);
  float (*from_bfloat16)(crestmax::bfloat16 x);
};

const part& baseline();
const part& v3();
const part& v4();

}  // namespace mixed
