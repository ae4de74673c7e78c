#include <crestmax/backend/cpu/backend.hpp>

#include "instruction_sets.hpp"
#include "run_typed.hpp"

namespace crestmax_test {

attention_result run_on_cpu(const attention_case& c, const surroundings& s) {
  return run_on(c, s, crestmax::backend::cpu(s.most));
}

namespace {
attention_result (*ascend_runner)(const attention_case&, const surroundings&) = nullptr;
}
void set_ascend(attention_result (*runner)(const attention_case&, const surroundings&)) { ascend_runner = runner; }

attention_result run(const attention_case& c, const surroundings& s) {
  switch (s.backend) {
    case backend_kind::portable: return run_on_portable(c, s);
    case backend_kind::tiles: return run_on_tiles(c, s);
    case backend_kind::ascend:
      if (ascend_runner != nullptr) return ascend_runner(c, s);
      std::fprintf(stderr, "run(): this program brings no model of an Ascend device\n");
      std::abort();
    case backend_kind::cpu: break;
  }
  return run_on_cpu(c, s);
}

bool machine_runs(crestmax::instruction_set set) {
  return set == crestmax::instruction_set::portable || crestmax::backend::cpu(set).chosen() == set;
}

}  // namespace crestmax_test
