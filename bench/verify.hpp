// Agreement of an output with softmax attention in double precision, on a few rows.
#pragma once

#include <vector>

#include "workload.hpp"

namespace crestmax_bench {

// Some rows of the exact result for the first copy of a workload, written plainly in double.
class reference {
 public:
  explicit reference(const workload& w);
  // The largest difference of the workload's output from it, divided by the largest |V|.
  double error() const;
  // What an exact method may differ: fp32 arithmetic on the way, and one rounding of the output.
  double tolerance() const;

 private:
  struct row {
    index_type query;
    index_type head;
    std::vector<double> output;
  };
  const workload& w_;
  std::vector<row> rows_;
};

}  // namespace crestmax_bench
