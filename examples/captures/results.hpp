// What the program finds out about the heads of one kind in one model, and how it is shown.
#pragma once

#include "measure.hpp"

namespace example {

inline constexpr double large_undershoot = 2;  // nats

// What the score rows look like: does the hypothesis of clustered maxima hold?
struct row_shapes {
  index_type rows = 0, top_is_first = 0, top_is_near = 0;
  std::vector<double> plateau;  // keys within 1 nat of the maximum, one per row
  std::vector<double> step;     // L, nats, one per row
  std::vector<double> range;    // highest - lowest score, nats, one per row
  // Rows whose crest comes out more than `large_undershoot` too low: of every 16th key alone, with windows
  // refined around its peaks, of the anchors alone (first 4 and nearest 32 keys), of all three: the method.
  index_type low_sample = 0, low_windows = 0, low_anchors = 0, low_all = 0;
};

struct kind_results {
  std::string model, kind;
  bool causal = true;
  index_type tokens = 0, head_dim = 0, heads = 0;
  std::vector<outcome> table, dial;  // one for each way
  row_shapes shapes;
};

double median_of(std::vector<double> numbers);

void print_methods(const std::vector<way>& ways, const std::vector<kind_results>& kinds);
void print_hypothesis(const std::vector<kind_results>& kinds);

}  // namespace example
