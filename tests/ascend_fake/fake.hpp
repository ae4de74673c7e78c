// A stand-in for CANN: records what the library calls, hands out handles and counts them, and fails where it is told to.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ascend_fake {

struct launch {
  std::string kernel;
  std::uint32_t blocks = 0;
  const void* stream = nullptr;
  std::vector<std::uint64_t> words;
};

struct state {
  // What the machine is.
  std::string version = "9.1.0";
  std::string chip = "Ascend910B3";
  std::int32_t device = 0;
  std::int64_t cores = 24;
  std::size_t parameters = 28;  // of every kernel: how many words a launch passes

  // What goes wrong: an entry point's name and the error it answers.
  std::map<std::string, int> failing;
  std::string message;  // what aclGetRecentErrMsg says
  std::string log;      // of a compilation, if it fails
  bool no_chip = false;
  std::size_t binary_bytes = 100;

  // What happened.
  std::vector<std::string> calls;
  std::vector<std::string> sources;
  std::vector<std::vector<std::string>> options;
  std::vector<launch> launches;
  int programs = 0;   // that are alive
  int binaries = 0;   // that are alive
  std::vector<std::string> misuses;  // handles that do not exist, memory that is too small

  int count(const std::string& entry_point) const {
    int n = 0;
    for (const auto& c : calls) n += c == entry_point;
    return n;
  }
};

// The one of this process; a test starts with a new one.
state& now();

}  // namespace ascend_fake
