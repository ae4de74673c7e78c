// One thing that can be wrong with a call, or that looks wrong and is not.
#pragma once

#include <span>

#include "bytes.hpp"
#include "raw_call.hpp"

namespace crestmax_test {

struct fault {
  const char* name;
  const char* arguments;  // that the status may name, between blanks; "*": any. Empty: the call is as good as before
  bool (*apply)(raw_call& c, fuzz_bytes& bytes);  // false: there is nothing in this call to which it could be done

  bool is_harmless() const { return *arguments == 0; }
};

std::span<const fault> faults_of_tensors();
std::span<const fault> faults_of_memory();
std::span<const fault> faults_of_lengths();
std::span<const fault> faults_of_options();
std::span<const fault> faults_of_modifiers();
std::vector<fault> every_fault();

}  // namespace crestmax_test
