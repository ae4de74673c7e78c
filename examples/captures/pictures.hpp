// Writes what gnuplot draws: score rows with the way to their shift, and the accuracy-speed dial.
#pragma once

#include "results.hpp"

namespace example {

// The method whose way is drawn, and whose crests are judged.
inline constexpr crestmax::sampled_max pictured{
    .stride = 16, .radius = 32, .windows = 4, .coarse = crestmax::choice::on};

// Keeps the most telling row of each sort while heads go by; see pictures.cpp for what that means.
class picture_rows {
 public:
  // `crests`: what `pictured` finds for each row.
  void consider(const captured_model& m, const captured_head& h, const reference& truth,
                const std::vector<double>& crests);
  // row_<n>.tsv, row_<n>_bands.tsv and row_<n>.gp for every row. An empty string, or what is wrong.
  std::string write(const std::string& folder) const;

 private:
  struct candidate {
    const captured_model* model = nullptr;
    captured_head head;
    index_type query = 0;
    row_facts facts{};
    double merit = 0;
  };
  static constexpr std::size_t sort_count = 5;
  candidate best_[sort_count];
};

// Settings of the dial, from cheap to exact.
std::vector<way> dial_ways();

// dial.tsv and dial.gp: for each kind of head one block of lines each for above(tau), above(tau) in small
// tiles, and plateaus; a line is: setting (as labels of the two pictures, "-" where there is no room), keys
// accumulated in %, time ratio, lost weight (mean, worst row), error (mean, worst).
std::string write_dial(const std::string& folder, const std::vector<way>& settings,
                       const std::vector<kind_results>& kinds);

}  // namespace example
