// What programs make of the headers, for flags that warn of more than the project's own.
#include <crestmax/backend/cpu/portable.hpp>
#include <crestmax/crestmax.hpp>
#include <crestmax/interop/dlpack.hpp>
#include <crestmax/interop/eigen.hpp>
#include <crestmax/interop/mdspan.hpp>
#include <crestmax/interop/span.hpp>
#include <crestmax/throwing.hpp>

namespace {

using crestmax::attention;
using crestmax::tensor;

[[maybe_unused]] crestmax::status attend(tensor<float> x, tensor<crestmax::bfloat16> y, tensor<double> z,
                                         const crestmax::paged_cache<crestmax::float16>& cache, const crestmax::options& o) {
  const auto every_modifier = crestmax::causal{} | crestmax::sliding_window{} | crestmax::alibi{} | crestmax::soft_cap{} |
                              crestmax::attention_sinks{} | crestmax::additive_bias<float>{} | crestmax::boolean_mask<bool>{} | crestmax::mask_tensor{};
  if (auto s = crestmax::build_mask_map(x, {}); !s) return s;
  if (auto s = attention(x, y, y, x, o, every_modifier); !s) return s;
  if (auto s = attention(y, y, y, y, o); !s) return s;
  if (auto s = attention(z, z, z, z, o, crestmax::backend::portable{}); !s) return s;
  return attention(x, cache, x, o);
}

}  // namespace
