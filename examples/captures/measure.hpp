// Runs one head in one way, times it, and compares it with the reference.
#pragma once

#include "reference.hpp"

namespace example {

// A way to compute attention: what the table has a line for.
struct way {
  std::string name;
  crestmax::softmax_method softmax{};
  crestmax::coverage_mode coverage{};
  crestmax::tile_sizes tiles{};
};

// Over all heads of one kind. Shares of keys are of (row, key) pairs in the tiles that masks leave over.
struct outcome {
  index_type heads = 0, rows = 0;
  std::string instruction_set;
  double seconds = 0;    // of all heads, each the median of its repeats
  double time_ratio = 0;  // sum over heads of the median of (this way / the first way) in the same repeat
  double error_max = 0, error_sum = 0;  // |output - reference| / max |V|
  index_type error_count = 0;
  double lost_max = 0, lost_sum = 0;  // share of a row's weight that was left out
  double reported_lost = 0;           // what the library says of it at most
  double said_lost_sum = 0;           // what it says per row: the bound of `above`, the estimate of `plateaus`
  index_type rows_beyond_report = 0;       // rows that lost more than the rigorous bound: must be 0
  double visible = 0, sampled = 0, refined = 0, accumulated = 0, skipped = 0;
  index_type corrected = 0;
  double undershoot = 0;      // largest true maximum - crest found, nats
  double sampling_bound = 0;  // largest L * stride, L measured on the row; 0 without a sample
  index_type rows_above_bound = 0; // rows whose undershoot exceeds their L * stride: must be 0

  double error_mean() const { return error_sum / static_cast<double>(error_count); }
  double lost_mean() const { return lost_sum / static_cast<double>(rows); }
  double said_lost_mean() const { return said_lost_sum / static_cast<double>(rows); }
  double milliseconds() const { return 1e3 * seconds / static_cast<double>(heads); }
  double ratio() const { return time_ratio / static_cast<double>(heads); }
  double share(double pairs) const { return 100 * pairs / visible; }
};

// Adds one head to every outcome; outcomes[i] belongs to ways[i]. Repeats take turns, so that a busy machine
// disturbs all ways alike. Returns an empty string, or what is wrong.
std::string measure(const captured_model& m, index_type head, const reference& truth, const std::vector<way>& ways,
                    int repeats, bool diagnostics, std::vector<outcome>& outcomes);

}  // namespace example
