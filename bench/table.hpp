// Prints runs as tables for people. Knows nothing of attention but the counters that main.cpp sets.
#pragma once

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "race.hpp"

namespace crestmax_bench {

class table_reporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;

 private:
  std::string heading_;
};

}  // namespace crestmax_bench
