// A key-value source that hands out pointers instead of runs is refused.
// expects: satisf[a-z ]*'kv_source
// expects: my_source
// expects: return-type-requirement|type constraint
#include "call.hpp"

struct my_source {
  crestmax::tensor<const float> key;
  crestmax::tensor<const float> value;
#ifdef REFUSED
  const float* key_run(crestmax::index_type, crestmax::index_type, crestmax::index_type) const { return numbers; }
#else
  crestmax::kv_run key_run(crestmax::index_type, crestmax::index_type, crestmax::index_type) const { return {numbers, 8, 1}; }
#endif
  crestmax::kv_run value_run(crestmax::index_type, crestmax::index_type, crestmax::index_type) const { return {numbers, 8, 1}; }
  crestmax::source_shape shape() const { return {1, 1, 1, 8, 8}; }
  static constexpr crestmax::scalar_kind key_kind() { return crestmax::scalar_kind::float32; }
  static constexpr crestmax::scalar_kind value_kind() { return crestmax::scalar_kind::float32; }
};
using called = decltype(crestmax::attention(input, my_source{input, input}, output));
