// Compiled several times: PART and NAME say which copy it is, and each has an instruction set of its own.
#include "part.hpp"

#include <crestmax/crestmax.hpp>

namespace mixed {
namespace {

template <class K, class V>
crestmax::status attend(floats query, crestmax::tensor<const K> key, crestmax::tensor<const V> value,
                        crestmax::tensor<float> output, const crestmax::options& options, bool generic) {
  return crestmax::attention(query, key, value, output, options, crestmax::causal{},
                             crestmax::backend::cpu{generic ? crestmax::instruction_set::generic
                                                            : crestmax::instruction_set::widest});
}

}  // namespace

const part& PART() {
  static constexpr part here = {NAME,
                            attend<float, float>,
                            attend<crestmax::float16, crestmax::bfloat16>,
                            [](float x) { return crestmax::to_float16(x); },
                            [](float x) { return crestmax::to_bfloat16(x); },
                            [](crestmax::float16 x) { return crestmax::to_float(x); },
                            [](crestmax::bfloat16 x) { return crestmax::to_float(x); }};
  return here;
}

}  // namespace mixed
