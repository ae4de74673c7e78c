// Captured queries, keys and values of real models, and what attention gives for them in float64.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace crestmax_quality {

using index_type = std::int64_t;

struct capture {
  std::string name;
  index_type q_heads = 0, kv_heads = 0, kv_len = 0, head_dim = 0;
  bool causal = true;
  std::vector<std::int32_t> rows;   // the positions of the queries that are looked at
  std::vector<float> query;         // (rows, q_heads, head_dim)
  std::vector<float> key, value;    // (kv_len, kv_heads, head_dim)
  std::vector<double> attention;    // (rows, q_heads, head_dim), of the numbers as they were captured

  index_type group() const { return q_heads / kv_heads; }
  index_type q_len() const { return static_cast<index_type>(rows.size()); }
};

// The captures of a folder, of which at most so many queries are looked at, evenly apart. Throws std::runtime_error.
std::vector<capture> captures_in(const std::string& folder, index_type most_rows);

}  // namespace crestmax_quality
