// Where products of pairs of bfloat16 run in the tests: in plain C++ anywhere, natively where the machine can. Emulators are
// spared the former.
#pragma once

#include <cstdio>

#include "attention_case.hpp"
#include "random.hpp"

namespace crestmax_test {

#if defined(CRESTMAX_TEST_EMULATED)
inline constexpr bool emulated = true;
#else
inline constexpr bool emulated = false;
#endif

struct pair_set {
  const char* name;
  surroundings where;
};

inline std::vector<pair_set> pair_sets() {
  std::vector<pair_set> sets;
  if (!emulated) {
    sets.push_back({"registers in plain C++", {.backend = backend_kind::portable}});
    sets.push_back({"tiles in plain C++", {.backend = backend_kind::tiles}});
  }
  using crestmax::instruction_set;
  for (const auto set : {instruction_set::neon_bf16, instruction_set::avx512_bf16, instruction_set::amx}) {
    if (crestmax::cpu::machine_has(set)) sets.push_back({name(set), {.most = set}});
    else std::printf("[note] %s instructions were not executed: the machine has none\n", name(set));
  }
  return sets;
}

// A number of random cases, which is smaller under an emulator.
inline index_type pair_cases(index_type count) { return cases(emulated ? (count + 3) / 4 : count); }

// The same case with all of its tensors in bfloat16.
inline attention_case in_bfloat16(attention_case c, memory_layout layout = memory_layout::dense) {
  for (test_tensor* t : {&c.query, &c.key, &c.value}) *t = t->copy(scalar_kind::bfloat16, layout);
  c.output = test_tensor(scalar_kind::bfloat16, c.output.extents(), layout);
  return c;
}

}  // namespace crestmax_test
