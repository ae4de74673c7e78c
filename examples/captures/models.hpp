// The captured tensors of a folder and what its index says about their heads.
#pragma once

#include <crestmax/options.hpp>
#include <string>
#include <vector>

namespace example {

using crestmax::index_type;

struct captured_head {
  index_type number;      // row in <name>_q.npy
  index_type model_head;  // its number in the model
  std::string kind;  // sink, local or other
};

struct captured_model {
  std::string name;
  bool causal = true;  // a text decoder; encoders see all keys
  index_type tokens = 0, q_heads = 0, kv_heads = 0, d_qk = 0, d_v = 0;
  std::vector<float> query, key, value;  // (heads, tokens, dim)
  std::vector<captured_head> heads;

  index_type first_query = 0;  // the examples look at queries [first_query, tokens)
  index_type queries() const { return tokens - first_query; }

  // One head as (1, tokens, 1, dim).
  const float* query_row(index_type head, index_type row) const { return query.data() + (head * tokens + row) * d_qk; }
  const float* key_row(index_type head, index_type row) const {
    return key.data() + (head * kv_heads / q_heads * tokens + row) * d_qk;
  }
  const float* value_row(index_type head, index_type row) const {
    return value.data() + (head * kv_heads / q_heads * tokens + row) * d_v;
  }
  index_type visible_keys(index_type row) const { return causal ? row + 1 : tokens; }
};

// Reads every model of a folder's index.tsv; `most_queries` > 0 looks at the last ones only. Returns an
// empty string, or what is wrong.
std::string read_models(const std::string& folder, index_type most_queries, std::vector<captured_model>& models);

}  // namespace example
