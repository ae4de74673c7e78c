// Runs a kernel on the model: one thread each for the cube core and the two vector cores of a block, the blocks one
// after the other. A core runs until it waits for another, so that a run always takes the same course.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "include/ascend_model/instruction.hpp"

namespace ascend_model {

enum class target { ascend_2201, ascend_3510 };

// Global memory that the kernel may use. What is not initialised must be written before it is read.
struct memory_range {
  void* base = nullptr;
  std::uint64_t bytes = 0;
  bool writable = false;
  const char* name = "";
  bool initialised = true;
};

// A place in the kernel where a primitive is called, told apart by its template arguments and ids:
// "SetFlag<MTE2_V>(3) kernel.hpp:120". The same text on two cores is one site.
struct call_site {
  std::string name;     // as above
  std::string call;     // "SetFlag"
  std::string file;     // without folders
  int line = 0;
  std::uint64_t calls = 0;
};

// One change of one site. Without a site nothing is changed but, where it is given, the course of the run.
struct mutation {
  action what = action::none;
  std::string site;        // call_site::name
  std::uint64_t call = 0;  // only the call of this number, from 1; 0: all of them
  int slowest = -1;        // this core (0 AIC, 1 AIV0, 2 AIV1) runs only while no other can
};

struct outcome {
  bool ok = true;
  std::string report;  // the first error: core, pipe, call sites
  // "bytes GM->L1", "bytes L1->L0A", "bytes L1->L0B", "bytes L0C->GM", "bytes GM->UB", "bytes UB->GM",
  // "multiply-adds", "instructions AIC M", ...
  std::map<std::string, std::uint64_t> counters;
  std::vector<call_site> sites;  // in the order of their first call
  std::uint64_t mutated_calls = 0;
};

// `kernel` is called once on each of the 3 * blocks cores. No exception leaves the call.
outcome launch(target on, std::int64_t blocks, const std::function<void()>& kernel, std::vector<memory_range> global,
               const mutation& change = {});

}  // namespace ascend_model
