// One head in float64, from the definition, and what its score rows look like.
#pragma once

#include "models.hpp"

namespace example {

inline constexpr index_type article_stride = 16;  // the method's article samples every 8th to 16th key
inline constexpr index_type first_keys = 4;       // anchors: the library's defaults
inline constexpr index_type nearest_keys = 32;

struct row_facts {
  double top;         // the true maximum, nats
  index_type top_key;
  index_type plateau;      // keys around the maximum whose scores are all within 1 nat of it
  double step;        // L: the largest difference of neighbouring scores
  double range;       // highest - lowest score
  bool top_is_first;  // the maximum stands on one of the first 4 keys
  bool top_is_near;   // or within 32 keys of the query
};

// Keys are judged in groups of this many: the library takes or skips keys in whole runs of 32.
inline constexpr index_type group_size = 32;

struct reference {
  std::vector<double> output;        // (queries, d_v)
  std::vector<double> group_weight;  // (queries, groups): share of a row's weight on each group of keys
  index_type groups = 0;
  std::vector<row_facts> rows;
  double value_max = 0;        // largest |value|
};

// Scores of the visible keys, in nats.
std::vector<double> score_row(const captured_model& m, index_type head, index_type query);

// Time: O(queries * tokens * (d_qk + d_v)), in double.
reference make_reference(const captured_model& m, index_type head);

}  // namespace example
