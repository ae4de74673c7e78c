// The kernels of one instruction set: what the method asks of it, as a table. The method is compiled once and calls these through
// pointers; a set fills a table from the texts in text/, over its own vectors (text/table.inc), and knows nothing of the method.
//
// Words: a panel is as many keys, or columns of values, as one register tile has; the tile in hand is the keys that packed operands,
// or scores, are of. A kernel touches no others of a strip's scores or weights than the panels that its rows see, but where it says so.
// No kernel allocates, throws or fails. Sums inside of a kernel are of T, in an order that depends on sizes alone.
//
// Memory of the library's own (packed operands, scores, lanes, outputs) begins at multiples of 64 bytes; a row of it, or a strip, need not.
// What the caller has (source_rows, query_rows) is aligned as its elements are, and read to its last element, no further. No argument
// overlaps another, but that weights take the place of scores.
#pragma once

#include "../../modifiers/view.hpp"
#include "../../options.hpp"
#include "ahead.hpp"
#include "features.hpp"
#include "pairs.hpp"
#include "rows_in_place.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

template <class T>
inline constexpr int polynomial_terms = sizeof(T) == 4 ? 6 : 12;

// Weights below 2^this, times 2^-margin, may be 0: no set takes larger ones for it.
template <class T>
inline constexpr int least_weight_power = sizeof(T) == 4 ? -110 : -1000;

// weight(x) = 2^(x * factor - margin), which is exp(score - shift) * 2^-margin; see text/exponential.inc.
template <class T>
struct weight_constants {
  T factor;
  T low;   // scores below shift at which the weight is 0, above it at which it is infinite
  T high;
  T coefficients[polynomial_terms<T>];  // times 2^-margin, which is exact
};

// The queries of some rows, and where they stand in the caller's tensor.
struct query_rows {
  const tensor_view* tensor;
  const row_position* at;
  index_type rows;
  index_type batch;
  index_type begin;   // row of the tensor of query index 0
  index_type length;  // d_qk
  double scale;       // nats per raw score

  template <class Stored>
  const Stored* row(index_type r) const {
    return static_cast<const Stored*>(tensor->data) + batch * tensor->strides[0] + (begin + at[r].query_index) * tensor->strides[1] +
           at[r].head * tensor->strides[2];
  }
};

// What a strip's scores are products of: packed queries of its rows and the packed keys in hand.
template <class T>
struct score_operands {
  const T* query;  // as pack_query of the same kernels left them, from the strip's first row on
  const T* key;    // panels of keys, [steps][panel]
  index_type steps;
  index_type panels;
  fetch_list* ahead;
};

// Values of a tile on their way into packed operands.
struct value_tile {
  index_type first;
  index_type count;
  bool seen_in_part;  // some row may not see some of them
  bool finite_only;   // those that are no finite numbers count as 0
  int margin;         // weights are 2^-margin at the crest
};

// What a strip's weights are multiplied by: values of so many keys; and what that is added to.
template <class T>
struct value_operands {
  const T* value;  // packed: panels of columns, [steps][panel]; or numbers that lie in whole panels, key by key
  index_type keys;
  index_type steps;
  index_type panel_distance;  // in elements: from a panel to the next
  index_type step_distance;   // from a step to the next
  T* output;  // [rows][output_stride], of the strip's first row
  index_type output_stride;
  fetch_list* ahead;
};

// Packed operands of one kind, and what multiplies them. An element is a number of T or a pair of bfloat16, in the memory of one T.
template <class T>
struct packed_kernels {
  using constants = weight_constants<T>;

  index_type numbers;      // in an element
  index_type whole_steps;  // rows and columns have a multiple of so many steps
  index_type row_group;    // rows that are multiplied together
  bool rounds_weights;     // to bfloat16: values have to be known by then, as they may be none
  bool turns_slowly;       // turning to other kernels and back costs more than a maximum of every row
  bool takes_rows;         // queries lie row by row

  index_type steps_of(index_type length) const { return planner::round_up(planner::divide_up(length, numbers), whole_steps); }

  // Rows of the first group of so many that are left.
  index_type (*next_group)(index_type rows_left);

  constants (*weigh_with)(T unit, int margin);  // for scores of `unit` nats

  // Queries lie in groups of rows, [steps][rows of the group], or row by row. Keys and values lie in panels, [steps][panel], zeros behind
  // the last number or column, and the last key once more behind it.
  // False if these queries, or values, have to be numbers. Behind packed queries widest_lanes more elements may be written.
  bool (*pack_query)(const query_rows&, index_type steps, T* to);
  void (*pack_keys)(const source_rows&, index_type first, index_type step, index_type count, index_type steps, T* to);
  bool (*pack_values)(const source_rows&, const value_tile&, index_type steps, T* to);

  // Groups of rows see the same panels. Tiles read and write 16 or 32 rows at a time, of queries, of scores and of rounded weights,
  // however few a strip has: there is room.
  // Raw scores of a strip; true: lanes = each row's maxima per lane, hidden_score where it sees nothing.
  bool (*score)(const strip_view<T>&, const score_operands<T>&);
  // Weights of the scores in hand above `base`; lanes = their sums per lane, of rounded ones in rounded_lanes.
  void (*weigh)(const strip_view<T>&, const T* base, const constants&);
  // Scored, and weighed above `shift`; scores need not be in memory.
  void (*score_and_weigh)(const strip_view<T>&, const score_operands<T>&, const T* shift, const constants&);
  // output += weights in hand times the values in hand. Weights of hidden keys and behind the last one are 0.
  void (*multiply)(const strip_view<T>&, const value_operands<T>&);
};

// Products of integers, of blocks whose keys or values are encoded and read where they lie. Runs of rows that integers cannot read (see
// code_runs.hpp) go to the kernels of numbers.
template <class T>
struct integer_kernels {
  take_codes take;
  // Of packed queries [rows][stride], to integer_query's memory. False if one is no finite number, or they are too small or too many to be integers.
  bool (*pack_query)(scalar_kind keys, const T* query, index_type stride, index_type rows, index_type length, T* to);
  // As those of numbers.
  void (*score)(side_by_side<T>, const tile_keys&);
  void (*multiply)(side_by_side<T>, const tile_keys&);
};

// Queries of blocks of few rows, and what multiplies them with keys and values where these lie. A set that has none packs always. Blocks
// side by side, at most planner::most_joined_blocks, are of one sequence, and of like types, strides and numbers of rows.
template <class T>
struct in_place_kernels {
  // query[row * stride + k], zeros behind d_qk, in the order in which keys of this kind come.
  void (*pack_query)(const query_rows&, scalar_kind keys, index_type stride, T* to);
  // As pairs of bfloat16, [row][d_qk / 2]: false if they cannot be.
  bool (*pack_query_pairs)(const query_rows&, scalar_kind keys, T* to);
  // Raw scores of whole blocks, in whole panels: those behind the last key are of some key that there is. output += weights times
  // values; whole vectors of outputs are read and written.
  void (*score)(side_by_side<T>, const tile_keys&);
  void (*score_pairs)(side_by_side<T>, const tile_keys&);
  void (*multiply)(side_by_side<T>, const tile_keys&);
  integer_kernels<T> integers;  // take is null where a set has none, or types allow none
  integer_kernels<T> dots;      // the same by the machine's own dot products, where it has them
};

// A key whose part in the sums changes.
struct refined_key {
  index_type key;
  index_type column;  // of its new weights among the scores; negative: they are as they were
  bool was_whole;     // its value had been read by all planes
  bool is_whole;      // it is now
};

// What 64 keys of a block add to the errors of its rows, and how that is shared out.
inline constexpr index_type keys_sharing = keys_in_block(scalar_kind::planes16);
template <class T>
struct errors_of_keys {
  index_type rows;
  const T* weights;  // [rows][weight_stride]; zeros where there are fewer keys, as in sizes and errors
  index_type weight_stride;
  const T* sizes;       // per key: of the values
  const T* errors;      // per key: of the values
  const T* key_left;    // per key: 0 where the key is read by all planes, else 1; null: 1 for all
  const T* value_left;  // the same of its value
  bool squared;         // weights count by their squares, else errors of scores add to those of values
  // For shares:
  const T* key_errors = nullptr;  // per row: of the scores
  const T* shares = nullptr;      // per row: what a weight of 1 is, as a share of what is allowed
  const T* row_sizes = nullptr;   // per row: that of its output
  T least = 0;                    // shares up to which add to the totals
};
// Over the keys that are left: of weights, or of their squares; of these times sizes of values; of those of values that are left, times their errors,
// and of keys and values that are left, likewise.
template <class T>
struct error_sums {
  T weights, sizes, errors, errors_of_both;
};
template <class T>
struct error_shares {
  T of_key[planner::most_joined_rows][keys_sharing];
  T of_value[planner::most_joined_rows][keys_sharing];
  T largest_of_key[keys_sharing];  // of the rows
  T largest_of_value[keys_sharing];
  T total[planner::most_joined_rows];  // of both, of keys whose largest share is at most `least`
};

// Rows of planes16 of which source_rows::planes are read.
template <class T>
struct plane_kernels {
  decode_rows decode;  // rows, and those that are not coded yet, as numbers; null where a set reads none
  // As those of in_place_kernels, of one block, by the first plane. Keys are scored from a multiple of 64 on.
  void (*score)(side_by_side<T>, const tile_keys&);
  void (*multiply)(side_by_side<T>, const tile_keys&);
  // Of each row, over the channels of the block of keys at a position: sums of |query * step|, of its squares, and the most that sums of |query * key|
  // may be; 0 where these rows are not coded.
  void (*measure_steps)(const rows_in_place<T>&, index_type position, T* sizes, T* squares, T* products);
  // Of values by their first plane: squared norms, and steps.
  void (*measure_values)(const source_rows&, index_type first, index_type count, T* squares, T* steps);
  void (*sum_errors)(const errors_of_keys<T>&, index_type r, error_sums<T>&);
  void (*share_errors)(const errors_of_keys<T>&, error_shares<T>&);
  // Raw scores of some keys by all planes, in rising order, in columns 0, 1, ... of a block's scores.
  void (*score_whole)(const rows_in_place<T>&, const index_type* keys, index_type count);
  // What some values have brought into the outputs under `weights` [row][key] is taken back, and joins them as it is now. Whole vectors of outputs are
  // read and written.
  void (*rejoin)(const rows_in_place<T>&, const refined_key* keys, index_type count, const T* weights, index_type weight_stride);
};

// What a plan has to know of a table of kernels for T.
template <class T>
struct kernel_sizes {
  instruction_set set;
  index_type lanes;      // of a vector
  index_type panel;      // keys, or columns of values: a power of two, a multiple of lanes
  index_type row_group;  // rows of a register tile
  bool reads_in_place;
  bool multiplies_pairs;
};

// Whether rows of outputs stand far enough apart for kernels of planes, which read and write two vectors of them at a time.
constexpr bool may_read_planes(index_type lanes, index_type panel) { return panel >= 2 * lanes; }

// The kernels that calls with some needs can come to use (call_needs): others may be null.
template <class T>
struct kernel_table : kernel_sizes<T> {
  packed_kernels<T> numbers;
  packed_kernels<T> pairs;  // in registers, and in tiles; score is null where a set has none
  packed_kernels<T> tiles;
  in_place_kernels<T> in_place;  // score is null where a set has none

  // Tiles have state from an item's first product to its last.
  void (*open_tiles)();
  void (*close_tiles)();

  // Scores of a strip.
  void (*scale_scores)(const strip_view<T>&, T factor);
  // One panel of so many rows, score_stride apart: -inf.
  void (*hide_panel)(T* scores, index_type rows);
  // Columns [from, panel) of it.
  void (*hide_columns)(T* scores, index_type rows, index_type from);
  // lanes = maxima per lane of the scores in hand, hidden_score where a row sees none; tile_max = those of the lanes. NaN may be passed over.
  void (*row_maxima)(const strip_view<T>&);
  void (*join_maxima)(const strip_view<T>&, T* tile_max);

  row_kernels<T> rows;  // for modifiers

  // Rounds the weights in hand in place, to float16 or bfloat16, and adds what a row's sum up to to sums[row].
  void (*round_weights)(const strip_view<T>&, weight_type to, T* sums);
  // sums[r] += what the lanes of row r sum up to; where `largest` is not null, the largest of these totals is kept there.
  void (*add_totals)(const T* lanes, index_type rows, T* sums, T* largest);
  T (*total)(const T* lanes);

  // Rows of outputs; counts are multiples of lanes but for write and for add_scaled: of its `of` nothing behind the last is read, of its
  // `sum` whole vectors are read and written.
  void (*scale_row)(T* row, index_type count, T factor);
  void (*add_scaled)(T* sum, T factor, const T* of, index_type count);
  bool (*all_finite)(const T* numbers, index_type count);
  // to[c] = from[c] * factor, the product rounded to T once, then to the type.
  void (*write)(const T* from, double factor, scalar_kind kind, void* to, index_type count);

  // Sampling and what coverages leave out.
  // column[j] = the largest that score j of a row lies above its crest, of rows whose crest is finite, or what it was; `columns` is a
  // multiple of lanes. Columns that a row does not see hold hidden_score.
  void (*excess_over_crest)(const strip_view<T>&, const T* crest, index_type columns, T* column);
  // sums[r] += the weights of row r in columns [from, end), each times what its key stands for; both are multiples of lanes. Uses up the
  // strip's lanes.
  void (*sum_standing)(const strip_view<T>&, const T* stands_for, index_type from, index_type end, T* sums);
  // Squared norms of the keys first, first + step, ...; returns the largest, or NaN if one is.
  T (*measure_keys)(const source_rows&, index_type first, index_type step, index_type count, T* squares);

  decode_rows decode;  // encoded rows to rows of T
  plane_kernels<T> planes;
};

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
