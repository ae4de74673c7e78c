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
template <class T>
const bfloat16_pair* pairs_in(const T* memory) {
  return reinterpret_cast<const bfloat16_pair*>(memory);
}

// Rows of scores and outputs that tile registers hold at a time: two by two tiles of 16 rows and 16 columns.
inline constexpr index_type rows_of_tiles = 32;

// Steps that a tile register takes at a time: rows and columns of pairs have whole tiles of them, zeros behind the last.
inline constexpr index_type steps_of_tiles = 16;

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
