#include <crestmax/backend/cpu/portable.hpp>

#include "raw_call_typed.hpp"
#include "support/tiled.hpp"

namespace crestmax_test {

crestmax::status call_in_plain_cpp(const raw_call& c, const crestmax::options& o) {
  if (c.around.backend == backend_kind::tiles) return call_with_types<types_in_plain_cpp>(c, o, tiled_backend{});
  return call_with_types<types_in_plain_cpp>(c, o, crestmax::backend::portable{});
}

}  // namespace crestmax_test
