#pragma once

#include <cstdint>

namespace ascend_model {

// c += a * b, with k ascending for each element, so that the sum does not depend on the machine. c and b have rows of
// columns * 16 floats, a of `stride`; rows is a multiple of 4.
void multiply_add(float* c, const float* a, const float* b, std::uint64_t rows, std::uint64_t columns, std::uint64_t depth,
                  std::uint64_t stride);

}  // namespace ascend_model
