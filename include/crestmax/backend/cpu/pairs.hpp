// Pairs of bfloat16, which some instruction sets multiply in one step, and how many of them packed operands have.
#pragma once

#include "../../planner.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Two neighbouring bfloat16, which some sets multiply in one step: two dimensions of a query or a key, two keys of a
// column of values or of a row of weights. At any alignment.
struct CRESTMAX_MAY_ALIAS bfloat16_pair {
  bfloat16 first;
  bfloat16 second;
};

// Bits of the smallest (other than zero) and the largest magnitude among some bfloat16; ordered like the numbers.
struct magnitudes {
  std::uint16_t least;  // 0xffff if all are zero
  std::uint16_t most;
};
inline constexpr std::uint16_t smallest_normal = 0x0080;

// What a score can lose, in nats, to instructions on pairs that take subnormal keys for zero.
inline constexpr double most_flushed = 0x1p-36;

// Where pairs lie: in the memory that numbers would take.
template <class T>
bfloat16_pair* pairs_in(T* memory) {
  return reinterpret_cast<bfloat16_pair*>(memory);
}

// Rows of scores and outputs that tile registers hold at a time: two by two tiles of 16 rows and 16 columns.
inline constexpr index_type rows_of_tiles = 32;

// Pairs of one row of queries or keys: with tiles a multiple of the 16 that one has, zeros behind the last.
inline index_type pairs_of_row(const plan_rules& h) {
  const index_type pairs = planner::divide_up(h.shape.d_qk, 2);
  return h.tiles.pairs == pair_product::tiles ? planner::round_up(pairs, 16) : pairs;
}

// Pairs of one column of values, of so many keys.
inline index_type pairs_of_column(const plan_rules& h, index_type keys) {
  const index_type pairs = planner::divide_up(keys, 2);
  return h.tiles.pairs == pair_product::tiles ? planner::round_up(pairs, 16) : pairs;
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
