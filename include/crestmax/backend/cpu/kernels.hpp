// The kernels of one instruction set: what the method asks of it, as a table. The method is compiled once and calls these through
// pointers; a set fills a table from the texts in text/, over its own vectors (text/table.inc), and knows nothing of the method.
//
// Words: a strip is some rows of a block whose scores are in memory; a panel is as many keys, or columns of values, as one register tile
// has; the tile in hand is the keys that the block's packed operands, or its scores, are of. Every row of a strip sees panels
// [first_panel, last_panel) of the tile in hand, and a kernel touches no others of its scores or weights. No kernel allocates, throws
// or fails. Sums inside of a kernel are of T, in an order that depends on sizes alone.
#pragma once

#include "../../options.hpp"
#include "block.hpp"
#include "features.hpp"
#include "numbers.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Blocks of at most this many rows read in place: with more, transposing a tile once costs less than
// summing across lanes for every row.
inline constexpr index_type most_direct_rows = 16;

template <class T>
inline constexpr int polynomial_terms = sizeof(T) == 4 ? 6 : 12;

// weight(x) = 2^(x * factor - margin), which is exp(score - shift) * 2^-margin; see text/exponential.inc.
template <class T>
struct weight_constants {
  T factor;
  T low;   // scores below shift at which the weight is 0, above it at which it is infinite
  T high;
  T coefficients[polynomial_terms<T>];  // times 2^-margin, which is exact
};

template <class T>
struct kernel_table {
  using span = row_span;
  using constants = weight_constants<T>;

  instruction_set set;
  index_type lanes;      // of a vector
  index_type panel;      // keys, or columns of values: a power of two, a multiple of lanes
  index_type row_group;  // rows of a register tile
  bool reads_in_place;   // has the two kernels that read keys and values where they lie
  bool multiplies_pairs;  // has those of pairs of bfloat16

  constants (*weigh_with)(T unit, int margin);  // for scores of `unit` nats

  // State that an item's kernels need from its first to its last.
  void (*open)(const plan_rules&);
  void (*close)(const plan_rules&);

  // Operands, packed from the caller's tensors.
  void (*pack_query)(block<T>&);  // decides how the block's operands come, too: direct, pairs, pairs_in_place
  void (*pack_keys)(block<T>&, index_type first, index_type step, index_type count);
  void (*pack_values)(block<T>&, index_type first, index_type count);
  // False if these values have to be numbers.
  bool (*pack_value_pairs)(block<T>&, index_type first, index_type count, bool seen_in_part);

  // Raw scores of a strip against the packed keys in hand; lanes = each row's maxima per lane; false where these are not kept.
  bool (*score)(block<T>&, span strip, index_type panels);
  // Of whole blocks against keys where they lie.
  void (*score_in_place)(side_by_side<T>, const tile_keys&);
  void (*scale_scores)(block<T>&, span strip, T factor);
  // One panel of so many rows, `stride` apart: -inf.
  void (*hide_panel)(T* scores, index_type stride, index_type rows);
  // lanes = maxima per lane of the scores in hand; tile_max = those of the lanes.
  void (*row_maxima)(block<T>&, span strip);
  void (*join_maxima)(block<T>&, span strip);

  row_kernels<T> rows;  // for modifiers

  // Weights: of the scores in hand above `base`, in place, as numbers or rounded to pairs; lanes = their sums per lane, of rounded ones
  // in rounded_lanes.
  void (*weigh)(block<T>&, span strip, const constants&);
  void (*weigh_as_pairs)(block<T>&, span strip);
  // Scored and weighed under `shift`, no score in memory.
  void (*score_and_weigh)(block<T>&, span strip, index_type panels, const constants&);
  void (*score_and_weigh_as_pairs)(block<T>&, span strip, index_type panels);
  // Rounds the weights in hand in place, and adds what they sum up to to `sum`.
  void (*round_weights)(block<T>&, span strip, weight_type to);
  // sums[r] += what the lanes of row r sum up to; where `largest` is not null, the largest of these totals is kept there.
  void (*add_totals)(const T* lanes, span rows, T* sums, T* largest);
  T (*total)(const T* lanes);

  // output += weights in hand times the values in hand, packed as numbers or pairs, or where they lie.
  void (*multiply)(block<T>&, span strip, index_type keys);
  void (*multiply_pairs)(block<T>&, span strip, index_type keys);
  void (*multiply_in_place)(side_by_side<T>, const tile_keys&);

  // Rows of outputs; counts are multiples of lanes but for add_scaled, whose `of` may lie anywhere, and write.
  void (*scale_row)(T* row, index_type count, T factor);
  void (*add_scaled)(T* sum, T factor, const T* of, index_type count);
  bool (*all_finite)(const T* numbers, index_type count);
  // to[c] = from[c] * factor, the product rounded to T once, then to the type.
  void (*write)(const T* from, double factor, scalar_kind kind, void* to, index_type count);

  // Sampling and what coverages leave out.
  // column[j] = the largest that score j of a row lies above its crest.
  void (*excess_over_crest)(block<T>&, span strip, index_type padded);
  // sums[r] += the weights of row r in columns [from, end), each times what its key stands for.
  void (*sum_standing)(block<T>&, span strip, index_type from, index_type end, T* sums);
  // Squared norms of the keys of a tile, and the largest.
  void (*measure_keys)(block<T>&, const tile_keys&);
};

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
