// What a fuzzer runs: bytes become a call, which has to answer as it promises.
#pragma once

#include <map>
#include <span>
#include <string>

#include "faults.hpp"

namespace crestmax_test {

struct fuzz_statistics {
  index_type valid = 0;                            // calls that nothing is wrong with
  index_type refused = 0;                          // calls that one thing is wrong with
  index_type mixed = 0;                            // calls that two things are wrong with
  std::map<std::string, index_type> times;         // each fault was made
  std::string last;                                // what the last call was: told before it is made, should it not return
};

// What is wrong with the answer, and what the call was; empty: nothing is.
std::string trouble_of(std::span<const std::uint8_t> bytes, fuzz_statistics& statistics);

}  // namespace crestmax_test
