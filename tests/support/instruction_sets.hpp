// Tests that run once per instruction set: all that have a name, in order; those of the machine are executed.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "attention_case.hpp"

namespace crestmax_test {

inline std::vector<crestmax::instruction_set> every_instruction_set() {
  std::vector<crestmax::instruction_set> sets;
  for (int i = 0; i < static_cast<int>(crestmax::instruction_set::widest); ++i) {
    sets.push_back(static_cast<crestmax::instruction_set>(i));
  }
  return sets;
}

// Whether calls can be run on exactly this set here.
bool machine_runs(crestmax::instruction_set set);

inline surroundings on(crestmax::instruction_set set, surroundings s = {}) {
  s.backend = set == crestmax::instruction_set::portable ? backend_kind::portable : backend_kind::cpu;
  s.most = set;
  return s;
}

class OnEverySet : public ::testing::TestWithParam<crestmax::instruction_set> {
 protected:
  void SetUp() override {
    if (!machine_runs(GetParam())) GTEST_SKIP() << "[note] not executed: this machine has no " << name(GetParam());
  }
};

inline std::string name_of_set(const ::testing::TestParamInfo<crestmax::instruction_set>& info) {
  return name(info.param);
}

}  // namespace crestmax_test
