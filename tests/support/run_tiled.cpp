#include "run_typed.hpp"
#include "tiled.hpp"

namespace crestmax_test {

attention_result run_on_tiles(const attention_case& c, const surroundings& s) { return run_on(c, s, tiled_backend{}); }

}  // namespace crestmax_test
