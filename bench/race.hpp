// A race: all methods on one workload, one after the other, again and again, so that what disturbs the
// machine disturbs all of them. Ratios are medians of ratios within a round.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ceilings.hpp"
#include "methods.hpp"

namespace crestmax_bench {

struct line_result {
  std::string method;
  std::vector<double> seconds;  // of one call, one entry per round
  double error = 0;             // relative to max |V|
  std::string trouble;          // why the numbers mean nothing: a wrong result, or another way taken
  std::string plan;
  double kv_bytes_read = 0;  // as the report counts them; 0 if unknown
  double rows_corrected_share = 0;

  double median_seconds() const;
};

struct race_result {
  shape of;
  std::vector<line_result> lines;
  std::vector<pace> paces;  // one per round

  const line_result* find(const std::string& method) const;
  // Median over rounds of (time of a method) / (time of another); 0 if either did not run.
  double ratio(const std::string& method, const std::string& other) const;
  // Median over rounds of a method's share of the multiply-adds that were possible in that round, or of the reads of keys and
  // values; 0 if it did not run.
  double share_of_multiply_adds(const std::string& method) const;
  double share_of_reads(const std::string& method) const;
  pace median_pace() const;

 private:
  double share(const std::string& method, double work, double peak, double pace::* of_peak) const;
};

struct race_settings {
  double seconds = 3;  // keep going until they are used up
  int least_rounds = 5;
};

// Whether a method has a line in the race of a shape.
bool takes_part(const method& m, const shape& s);

race_result run_race(const shape& s, const race_settings& settings);

}  // namespace crestmax_bench
