// Tests that run once per instruction set: the plain C++ ones anywhere, of the others those of the machine.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "attention_case.hpp"

namespace crestmax_test {

// Kernels that a call can be held to.
struct kernel_set {
  const char* name;      // in a test's name
  const char* reported;  // by a call
  backend_kind backend;
  crestmax::instruction_set set;

  bool is(const kernel_set& other) const { return backend == other.backend && set == other.set; }
  surroundings with(surroundings s = {}) const {
    s.backend = backend;
    s.most = set;
    return s;
  }
};

inline std::vector<kernel_set> every_kernel_set() {
  using crestmax::instruction_set;
  std::vector<kernel_set> sets{{"portable", "portable", backend_kind::portable, instruction_set::portable},
                               {"plain_tiles", "amx in plain C++", backend_kind::tiles, instruction_set::portable}};
  for (int i = static_cast<int>(instruction_set::generic); i < static_cast<int>(instruction_set::widest); ++i) {
    const auto set = static_cast<instruction_set>(i);
    sets.push_back({name(set), name(set), backend_kind::cpu, set});
  }
  return sets;
}

inline bool machine_runs(const kernel_set& k) {
  return k.backend != backend_kind::cpu || crestmax::cpu::machine_has(k.set);
}

class OnEverySet : public ::testing::TestWithParam<kernel_set> {
 protected:
  void SetUp() override {
    if (!machine_runs(GetParam())) GTEST_SKIP() << "[note] not executed: this machine has no " << GetParam().name;
  }
};

inline std::string name_of_set(const ::testing::TestParamInfo<kernel_set>& info) { return info.param.name; }
inline void PrintTo(const kernel_set& k, std::ostream* to) { *to << k.name; }

}  // namespace crestmax_test
