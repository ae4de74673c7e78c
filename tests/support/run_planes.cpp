#include <crestmax/backend/cpu/backend.hpp>

#include "planes_case.hpp"

namespace crestmax_test {

planes_result run_planes(const planes_case& c, const surroundings& s) {
  if (s.backend == backend_kind::portable) return run_planes_on_portable(c, s);
  return run_planes_with(c, s, crestmax::backend::cpu(s.most));
}

}  // namespace crestmax_test
