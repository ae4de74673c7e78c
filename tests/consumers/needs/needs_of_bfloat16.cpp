// The other file; see needs.cpp.
#include "needs.hpp"

// Weights may be rounded to bfloat16, and outputs are.
bool needs::fails_in_bfloat16(const std::vector<float>& q, const std::vector<float>& k, const std::vector<float>& v, crestmax::instruction_set set) {
  return fails_in<crestmax::bfloat16>(q, k, v, set, 0.02);
}
