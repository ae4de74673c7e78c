#include "raw_call_typed.hpp"

#include <crestmax/backend/cpu/backend.hpp>

namespace crestmax_test {

crestmax::status call_cpu(const raw_call& c, const crestmax::options& o) {
  return call_with_types<every_types.size()>(c, o, crestmax::backend::cpu(c.around.most));
}

crestmax::status call(const raw_call& c) {
  crestmax::options o = c.options;
  o.query_offsets = c.query_offsets;
  o.key_offsets = c.key_offsets;
  o.query_lengths = c.query_lengths;
  o.key_lengths = c.key_lengths;
  return c.around.backend == backend_kind::cpu ? call_cpu(c, o) : call_in_plain_cpp(c, o);
}

}  // namespace crestmax_test
