// The instruction sets that a case is run on under an emulator.
#pragma once

#include "support/contract.hpp"

namespace crestmax_test {

// The machine's widest. Sets of AArch64 differ where bfloat16 is multiplied: such a case is run on either of them.
inline std::vector<surroundings> sets_for(const attention_case& c) {
  using crestmax::instruction_set;
  std::vector<surroundings> sets{{}};
  if (crestmax::cpu::machine_set() == instruction_set::neon_bf16 && c.key.kind() == scalar_kind::bfloat16) {
    sets.push_back({.most = instruction_set::neon});
  }
  return sets;
}

inline void expect_exact(const attention_case& c, index_type compared_rows) {
  for (const surroundings& s : sets_for(c)) ASSERT_TRUE(is_exact(c, s, compared_rows)) << "no wider than " << name(s.most);
}

}  // namespace crestmax_test
