// The lines of the paired benchmark, and the memory that a line's calls work on.
#pragma once

#include <string>
#include <vector>

#include "adapter.hpp"

namespace crestmax_paired {

struct line {
  std::string name;
  call shape{};                // without its pointers
  bool owns_workspace = false;  // its calls allocate their own
  bool is_exempt = false;       // reported, but held to no bar
};

std::vector<line> every_line();

// Inputs of random numbers, the same for both sides.
class line_memory {
 public:
  explicit line_memory(const line& l);

  const call& bound() const { return bound_; }
  std::vector<std::byte>& output() { return output_; }

 private:
  void fill(std::vector<std::byte>& bytes, std::int64_t numbers);

  call bound_;
  std::vector<std::byte> query_, key_, value_, output_, workspace_;
  std::vector<std::int32_t> block_table_;
  std::vector<std::uint8_t> mask_;
  std::vector<float> slopes_;
  std::uint64_t random_ = 0x9e3779b97f4a7c15u;
};

}  // namespace crestmax_paired
