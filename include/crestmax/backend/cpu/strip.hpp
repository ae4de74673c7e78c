// What kernels see of the rows whose scores are in memory, and of the keys that these are of.
#pragma once

#include <limits>

#include "../../modifiers/concepts.hpp"
#include "../../planner.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Some rows of a block.
struct row_span {
  index_type first;
  index_type count;
};

// The keys of one tile: first, first + step, ...
struct tile_keys {
  index_type first;
  index_type step;
  index_type count;
  visibility seen;
  key_interval next{0, 0};  // what the next tile will read, as far as it is known
  bool scores_only = false;  // its values are not read
};

// Constants, so that the rows of a register tile are at constant distances; no powers of two, so that they do not compete for
// the same lines of the cache.
inline constexpr index_type score_stride = planner::most_tile_keys + 16;
inline constexpr index_type weight_stride = planner::most_tile_keys + 32;

inline constexpr index_type widest_lanes = 16;

// Of a key that a row does not see.
template <class T>
inline constexpr T hidden_score = -std::numeric_limits<T>::infinity();

// A strip: rows of a block whose scores are in memory at the same time, small enough for the first caches. Each sees panels
// [first_panel, last_panel) of the tile in hand; rows that are multiplied together see the same ones.
template <class T>
struct strip_view {
  index_type rows;
  T* scores;          // [rows][score_stride]: scores, then weights, of the tile in hand
  bfloat16* rounded;  // [rows][weight_stride]: weights rounded for values in pairs
  T* lanes;           // [rows][lanes]: maxima or sums per lane
  T* rounded_lanes;   // the same of the sums of rounded weights
  const index_type* first_panel;
  const index_type* last_panel;

  T* score_row(index_type r) const { return scores + r * score_stride; }
  bfloat16* rounded_row(index_type r) const { return rounded + r * weight_stride; }
};

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
