// Calls that need different kernels of the same sets, in one program: of float here, of bfloat16 in another file.
#include "needs.hpp"

int main() {
  const std::vector<float> q = needs::fill(1), k = needs::fill(2), v = needs::fill(3);
  for (const auto set : {crestmax::instruction_set::widest, crestmax::instruction_set::avx512, crestmax::instruction_set::avx2,
                         crestmax::instruction_set::generic}) {
    // In turn, so that what one of them has made is there for the other.
    for (int turn = 0; turn < 2; ++turn) {
      if (needs::fails_in<float>(q, k, v, set, consumer::tolerance) && consumer::fails("float32")) return 1;
      if (needs::fails_in_bfloat16(q, k, v, set) && consumer::fails("bfloat16")) return 1;
    }
  }
  return 0;
}
