// What a worker holds of what a coverage leaves out of the rows of a block.
#pragma once

#include "../../mass_bound.hpp"
#include "../../options.hpp"
#include "arena.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// For strides whose sample a row does not see: its nearest visible sample so far, and what waits for the first.
template <class T>
struct stand_in {
  index_type key;      // -1: none yet
  index_type waiting;  // keys that no sample stands for
  index_type lowest;   // of those keys
  T score;
};

// Of the samples of a block as large as its sequence may have.
inline constexpr index_type stretches_of_block = 64;

template <class T>
struct loss_of_rows {
  bool leaves_out;         // the coverage may
  bool certified;          // rows get a bound that holds
  score_errors<T> errors;
  T largest_square;        // of the norms of the keys in hand, squared

  // Per row; where nothing is left out there is no memory for them.
  mass_bound* mass;     // under the shift, times 2^-margin
  double* estimate;     // of what coverage plateaus leave out, likewise
  double* query_norm;
  double* error;        // nats, of the scores in hand; negative: the row sees no key of the tile
  T* sample_base;       // the shift under which samples were weighed
  T* sample_square;     // the largest squared norm among the samples that the row sees
  T* size;              // the largest size that a score has had on its way through the modifiers
  stand_in<T>* stand_ins;

  // Per key of the tile in hand.
  T* key_square;
  T* stands_for;  // keys that no phase took, of the stride that a sample stands for

  T* stretch_sums;  // [stretches][rows]: weights of the samples of consecutive strides; NaN: not weighed

  void place(coverage_kind coverage, index_type rows, index_type tile, arena& memory) {
    leaves_out = coverage != coverage_kind::everything;
    const bool samples = coverage == coverage_kind::plateaus;
    mass = memory.take<mass_bound>(leaves_out ? rows : 0);
    for (double** row : {&estimate, &query_norm, &error}) *row = memory.take<double>(leaves_out ? rows : 0);
    for (T** row : {&sample_base, &sample_square, &size}) *row = memory.take<T>(leaves_out ? rows : 0);
    stand_ins = memory.take<stand_in<T>>(samples ? rows : 0);
    key_square = memory.take<T>(leaves_out ? tile : 0);
    stands_for = memory.take<T>(samples ? tile : 0);
    stretch_sums = memory.take<T>(samples ? stretches_of_block * rows : 0);
  }

  // Where modifiers note the sizes of rows from this one on, if a bound needs them.
  T* sizes_of(index_type row) const { return certified ? size + row : nullptr; }

  // Those of the rows behind the first so many. Samples are not taken of parts of a block.
  void skip_rows(index_type rows) {
    if (!leaves_out) return;
    mass += rows;
    for (double** row : {&estimate, &query_norm, &error}) *row += rows;
    for (T** row : {&sample_base, &sample_square, &size}) *row += rows;
  }
};

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
