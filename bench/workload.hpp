// What a race is run on: shapes, and the tensors that fill them.
#pragma once

#include <crestmax/backend/cpu/features.hpp>
#include <crestmax/options.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "memory.hpp"

namespace crestmax_bench {

using crestmax::index_type;
using crestmax::scalar_kind;

struct shape {
  std::string phase = "prefill";                  // or "decode"
  scalar_kind query_kind = scalar_kind::float32;  // of the output too
  scalar_kind kv_kind = scalar_kind::float32;
  index_type q_len = 0;
  index_type kv_len = 0;
  index_type q_heads = 1;
  index_type kv_heads = 1;
  index_type head_dim = 128;
  bool causal = false;
  bool paged = false;
  bool token_major = false;  // keys and values are (len, heads, dim)
  bool all_cores = false;
  crestmax::instruction_set most = crestmax::instruction_set::widest;  // kernels of no wider set
  std::string data = "random";  // or the name of a capture

  index_type group() const { return q_heads / kv_heads; }
  // Of one call: 4 operations per visible pair and dimension.
  double flops() const;
  double kv_bytes() const;
  std::string name() const;   // prefill/float32/d:128/...
  std::string title() const;  // the same, for readers
};

inline constexpr index_type page_size = 16;  // keys per page of a paged cache

// Tensors of one shape. Keys and values exist in `copies` places, so that decode can be measured with
// cold caches. Contiguous ones are (heads, len, dim) unless token_major; pages are (page, page_size, heads, dim).
struct workload {
  shape of;
  int copies = 1;
  memory_block query;
  memory_block key;
  memory_block value;
  memory_block output;
  std::vector<std::int32_t> block_table;  // shuffled; one for all copies
  double largest_value = 0;               // max |V| of the first copy

  std::byte* key_copy(int copy) const;
  std::byte* value_copy(int copy) const;
  // Where key (or value) `position` of a head starts within a copy, in elements.
  index_type row_offset(index_type head, index_type position) const;
  index_type query_offset(index_type row, index_type head) const;  // of query and output, (len, heads, dim)
};

// Copies are added until together they are at least `least_bytes`.
workload make_workload(const shape& s, double least_bytes);

double read_number(scalar_kind kind, const std::byte* data, index_type at);
void write_number(scalar_kind kind, std::byte* data, index_type at, double value);

// Names of the captures found, and whether a capture is causal. The folder: CRESTMAX_CAPTURES, or
// ../shared/captures beside the project, or the shipped examples/data.
std::vector<std::string> capture_names();
std::string capture_folder();
shape capture_shape(const std::string& name);

}  // namespace crestmax_bench
