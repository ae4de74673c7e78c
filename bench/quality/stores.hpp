// Ways to hold keys and values, written by append() and read by attention().
#pragma once

#include <crestmax/append.hpp>
#include <crestmax/crestmax.hpp>
#include <string>
#include <vector>

#include "captures.hpp"

namespace crestmax_quality {

// Which rows share a scale.
enum class sharing { none, row, head, tensor };

// One side of a cache.
struct row_store {
  crestmax::scalar_kind kind;
  sharing scales = sharing::none;
  bool offsets = false;
  index_type group = 0;  // neighbouring numbers that share a scale; 0: the row does
  index_type keys = 1;   // neighbouring keys that do

  bool fits(index_type head_dim) const;
  double bits(index_type head_dim) const;  // of a number, scales and offsets of 16 bits among them
};

struct store {
  std::string name;
  row_store key;
  row_store value;

  bool fits(index_type head_dim) const { return key.fits(head_dim) && value.fits(head_dim); }
  double bits(index_type head_dim) const { return (key.bits(head_dim) + value.bits(head_dim)) / 2; }
};

// All that are measured, those of float16 and bfloat16 first.
const std::vector<store>& stores();

// Attention on a capture whose keys and values are held so, (rows, q_heads, head_dim). Throws std::runtime_error.
std::vector<float> attention_of(const capture& c, const store& s);

}  // namespace crestmax_quality
