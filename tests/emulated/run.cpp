// The calls of the emulated tests: the CPU backend alone.
#include "support/run_typed.hpp"

namespace crestmax_test {

attention_result run(const attention_case& c, const surroundings& s) {
  return run_on(c, s, crestmax::backend::cpu(s.most));
}

}  // namespace crestmax_test
