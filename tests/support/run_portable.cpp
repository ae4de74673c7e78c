#include <crestmax/backend/cpu/portable.hpp>

#include "planes_case.hpp"
#include "run_typed.hpp"

namespace crestmax_test {

attention_result run_on_portable(const attention_case& c, const surroundings& s) {
  return run_on(c, s, crestmax::backend::portable{});
}

planes_result run_planes_on_portable(const planes_case& c, const surroundings& s) {
  return run_planes_with(c, s, crestmax::backend::portable{});
}

}  // namespace crestmax_test
