// What a worker holds while it works on one query block, by owner, and where that lies in its memory.
#pragma once

#include <cmath>
#include <cstring>

#include "../../call.hpp"
#include "../../intervals.hpp"
#include "block_place.hpp"
#include "kernels.hpp"
#include "loss.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Hull of the positions and heads of some rows.
struct row_hull {
  index_type first_query;
  index_type last_query;
  index_type first_head;
  index_type last_head;
};

// Which rows a block has, and what they may see.
struct block_view {
  plan_sequence sequence;
  index_type sequence_number;
  index_type kv_head;
  index_type rows;
  index_type block_rows;   // rows of the whole block; rows is fewer in a part of it, and while some are corrected
  index_type first_row;    // of the part in hand, in the whole block
  index_type first_index;  // query index and head of the block's first row, and its number of heads
  index_type block_head;
  index_type block_heads;
  row_position* rows_at;   // [capacity]
  row_hull hull;
  index_type query_offset;  // position of query index 0: kv_len - q_len
  key_interval keys;        // hull of the keys that masks leave reachable
};

// What rows have summed, and under which shift. Per row, [capacity].
template <class T>
struct row_state {
  T* shift;      // score units, without margin; hidden_score: no visible key met yet
  T* base;       // what the tile in hand subtracts: shift, or 0 where that is hidden_score
  T* sum;        // of the weights that multiplied values
  T* exact_sum;  // of the weights before rounding to the weight type
  T* tile_sum;   // the largest that they sum up to in one tile, for the guard
  T* tile_max;   // of the scores in hand
  T* crest;      // the shift as the crest phase left it, by number in the whole block
  double* center;  // nats: weights summed so far are exp(score - center), kept unrounded; -inf: none
  double* error;   // of its output, as what was read leaves it; see options::output_error
  bool* passes;    // whether the guard has nothing against it
  T* output;       // [capacity][output_stride]
  index_type output_stride;
  bool all_set;        // every row has a shift
  double largest_sum;  // of the weights of the rows done so far
};

// How scores become weights. Scores are held in score units: raw products q.k where the scale can wait for the exponential
// (`unit` nats each), nats where a modifier needs them (unit = 1).
template <class T>
struct weighing_rule {
  T unit;
  bool raw;    // scores stay raw products
  int margin;  // weights are exp(score - shift) * 2^-margin
};

// How a tile has come along that several blocks take in turn, run by run.
struct turn_taken {
  bool scored;   // its scores are in hand; the values come with those of the other blocks
  bool weighed;  // and are weights that wait for them
};

template <class T>
struct operand_way;  // stages/operands.hpp

// How keys and values come: chosen once per block, in start_operands().
template <class T>
struct operands {
  const operand_way<T>* way;
  const packed_kernels<T>* packed;    // as which queries and keys are packed, if they are
  const packed_kernels<T>* of_value;  // as which the values in hand are
  void (*score_in_place)(side_by_side<T>, const tile_keys&);
  void (*multiply_in_place)(side_by_side<T>, const tile_keys&);
  source_rows key_rows;
  source_rows value_rows;
  std::byte* zeros;  // a row for runs that fail
  T* decoded;        // a panel of rows, of encoded ones
  T* integers;  // queries as integers: see integer_query
  T* query;  // room for packed queries; in place: [rows][query_stride]
  T* key;    // packed, or room for a run of them
  T* value;
  const T* query_in_hand;   // of what is packed: there, or where the queries lie
  const T* value_in_hand;   // packed there, or where the values lie
  index_type query_stride;  // d_qk in whole vectors; zeros behind d_qk
  index_type key_tile;      // keys per tile: that of packed tiles, or of those read in place
  weight_type weights;      // what weights are rounded to
  fetch_list ahead;
  turn_taken turn;
};

// Memory of the strip in hand.
template <class T>
struct strip_memory {
  T* scores;         // [strip][score_stride]; of what is read in place, [rows of all blocks of an item]
  bfloat16* rounded;  // [strip][weight_stride]
  T* lanes;          // [capacity][lanes], by row of the block
  T* rounded_lanes;
  index_type* first_panel;  // [capacity] panels of the tile in hand that the row's group sees
  index_type* last_panel;
};

// A coarse peak that refinement will look at.
struct plateau_window {
  double excess;  // coarse score above the row's crest, in score units, largest over the rows
  index_type key;
};

// Where the crest is looked for.
template <class T>
struct crest_search {
  bool sampled;         // phase 0 ran
  T* sample_max;        // [capacity]
  T* column;            // [longest tile]: largest excess per sampled key
  plateau_window* windows;
  index_type window_count;
  double least_peak;    // the lowest excess among the windows
  interval_set taken;   // keys that have joined the sums
  bool measure_lipschitz;
  T lipschitz;          // largest neighbouring difference seen on refined windows, score units
};

// Per row, for diagnostics; `top` also holds shifts for a correction.
template <class T>
struct row_diagnosis {
  T* top;   // true maximum
  T* step;  // L of the row
  T* last;  // score of the previous visible key
};

// What is done once more.
struct redo {
  bool careful;        // the correction
  bool finite_only;    // values that are no finite numbers count as 0 in the sums, and are noted for the rows that see them
  std::uint8_t* special;  // [capacity][output_stride / 4], with finite_only: what a row saw of such values, two bits per output
};
inline constexpr index_type specials_per_byte = 4;

inline constexpr index_type no_block = -1;

// One query block: `rows` query rows that share the keys of one key-value head. T is the compute type.
template <class T>
struct block {
  const kernel_table<T>* kernels;
  const call_data<T>* call;
  const plan_rules* plan;
  block_view view;
  row_state<T> state;
  weighing_rule<T> weighing;
  crestmax::cpu::operands<T> operands;
  strip_memory<T> scratch;
  crest_search<T> search;
  loss_of_rows<T> loss;
  row_diagnosis<T> diagnosis;
  crestmax::cpu::redo redo;
  key_interval upcoming;  // keys that follow the range in hand, if they are known
  index_type following;   // number of the block that is likely to be worked on next; no_block: unknown
  worker_counters* counters;
  index_type failed_before;  // runs that failed before the item in hand
};

// Whether the item in hand has met a run that could not be read, in whatever was done so far.
template <class T>
inline bool item_failed(const block<T>& b) {
  return b.operands.key_rows.failed->count != b.failed_before;
}

template <class T>
inline query_rows queries_of(const block<T>& b) {
  const block_view& v = b.view;
  return {&b.call->query, v.rows_at, v.rows, v.sequence.query_batch, v.sequence.query_begin, b.plan->shape.d_qk, b.plan->scale};
}

// Rows whose scores are in memory at a time: those of a strip, or of all blocks that one item sweeps.
inline index_type rows_with_scores(const plan_rules& h) {
  const index_type joined = planner::most_joined_blocks * planner::most_joined_rows;
  return std::min(planner::round_up(h.tiles.query_block, h.tiles.row_group), std::max(h.tiles.strip, joined));
}

// Arrays that have a number for each row.
template <class T, class F>
void for_each_row_array(block<T>& b, F&& f) {
  for (T** row : {&b.state.shift, &b.state.base, &b.state.sum, &b.state.exact_sum, &b.state.tile_sum, &b.state.tile_max, &b.state.crest,
                  &b.search.sample_max, &b.diagnosis.top, &b.diagnosis.step, &b.diagnosis.last}) {
    f(*row);
  }
}

// Lays a block out in memory. Its size depends on head dims and tile sizes only.
template <class T>
void place(block<T>& b, const plan_header& h, arena& memory) {
  const index_type capacity = planner::round_up(h.block_capacity, h.tiles.row_group);
  const index_type packed_tile = planner::round_up(h.tiles.key_tile, h.tiles.panel);
  const index_type longest_tile = std::max(packed_tile, h.tiles.key_tile_in_place);
  const bool in_tiles = h.tiles.pairs == pair_product::tiles;
  auto& operands = b.operands;
  b.state.output_stride = planner::round_up(h.shape.d_v, h.tiles.panel);
  operands.query_stride = planner::round_up(h.shape.d_qk, widest_lanes);
  b.counters = memory.take<worker_counters>(1);
  b.view.rows_at = memory.take<row_position>(capacity);
  b.search.windows = memory.take<plateau_window>(planner::most_windows);
  for_each_row_array(b, [&](T*& row) { row = memory.take<T>(capacity); });
  b.state.center = memory.take<double>(capacity);
  b.state.error = memory.take<double>(capacity);
  b.state.passes = memory.take<bool>(capacity);
  operands.ahead.place(packed_tile, capacity, memory);
  b.scratch.first_panel = memory.take<index_type>(capacity);
  b.scratch.last_panel = memory.take<index_type>(capacity);
  operands.query = memory.take<T>(capacity * operands.query_stride + planner::most_joined_blocks * widest_lanes);
  operands.integers = memory.take<T>(capacity * integer_row_size(h));
  // Rows read in place may be copied here, a run of them.
  const index_type tile = std::max(packed_tile, direct_run);
  const index_type least_steps = h.pairs && in_tiles ? steps_of_tiles : 1;
  // Or queries times the steps of keys that are read by their first plane, and weights times those of values.
  const index_type few = planner::is_by_planes(h.by_planes) ? planner::most_joined_rows : 0;
  operands.key = memory.take<T>(std::max({tile * std::max(h.shape.d_qk, least_steps), direct_run * operands.query_stride,
                                          few * planner::round_up(h.shape.d_qk, 2 * widest_lanes)}));
  operands.value = memory.take<T>(std::max(tile * b.state.output_stride, few * keys_in_block(scalar_kind::planes16)));
  // Tiles store 16 rows of scores, however few a block has, and those of a part of a block need not be the first.
  const index_type stored_rows = in_tiles ? rows_of_tiles / 2 : 0;
  b.scratch.scores = memory.take<T>((rows_with_scores(h) + stored_rows) * score_stride);
  b.state.output = memory.take<T>(capacity * b.state.output_stride);
  b.scratch.lanes = memory.take<T>(capacity * widest_lanes);
  b.scratch.rounded_lanes = memory.take<T>(h.pairs ? capacity * widest_lanes : 0);
  b.scratch.rounded = memory.take<bfloat16>(h.pairs ? std::min(capacity, h.tiles.strip) * weight_stride : 0);
  b.search.column = memory.take<T>(longest_tile);
  b.loss.place(h.coverage, capacity, longest_tile, memory);
  operands.zeros = memory.take<std::byte>(std::max(bytes_of_zeros(h.shape.key_kind, h.shape.d_qk, sizeof(T)),
                                                   bytes_of_zeros(h.shape.value_kind, h.shape.d_v, sizeof(T))));
  const index_type coded = std::max(is_encoded(h.shape.key_kind) ? h.shape.d_qk : 0, is_encoded(h.shape.value_kind) ? h.shape.d_v : 0);
  operands.decoded = memory.take<T>(h.tiles.panel * planner::round_up(coded, widest_lanes));
  b.redo.special = memory.take<std::uint8_t>(capacity * b.state.output_stride / specials_per_byte);
}

// The part of a block's memory that belongs to one of several smaller blocks, each of at most `rows` rows.
// What lives only as long as a tile is common to all of them, but for scores where there is room for those of each.
template <class T>
block<T> part_of(const block<T>& whole, index_type part, index_type rows) {
  block<T> b = whole;
  const index_type first = part * rows;
  b.view.rows_at += first;
  for_each_row_array(b, [&](T*& row) { row += first; });
  b.state.center += first;
  b.state.error += first;
  b.loss.skip_rows(first);
  b.state.passes += first;
  if (first + rows <= rows_with_scores(*whole.plan)) b.scratch.scores += first * score_stride;
  b.operands.query += first * b.operands.query_stride + part * widest_lanes;  // packed queries may write that much behind their end
  b.operands.integers += first * integer_row_size(*whole.plan);
  b.state.output += first * b.state.output_stride;
  b.redo.special += first * b.state.output_stride / specials_per_byte;
  return b;
}

template <class T>
std::size_t worker_bytes(const plan_header& h) {
  block<T> b{};
  arena memory(nullptr);
  place(b, h, memory);
  return memory.used();
}

// Points a block at a sequence, a key-value head, a chunk of its heads and a run of its queries.
template <class T>
void open_block(block<T>& b, index_type number) {
  const block_place at = place_of_block(b.call->plan, number);
  b.view.sequence_number = at.sequence;
  b.view.sequence = b.call->plan.sequences()[static_cast<std::size_t>(at.sequence)];
  b.view.kv_head = at.kv_head;
  b.view.query_offset = b.view.sequence.kv_len - b.view.sequence.q_len;
  b.view.first_index = at.first_query;
  b.view.block_head = at.first_head;
  b.view.block_heads = at.heads;
  b.view.rows = b.view.first_row = 0;
  for (index_type q = at.first_query; q < at.first_query + at.queries; ++q) {
    for (index_type i = 0; i < at.heads; ++i) {
      b.view.rows_at[b.view.rows++] = {at.first_head + i, q + b.view.query_offset, q};
    }
  }
  b.view.block_rows = b.view.rows;
  aim(b.operands.key_rows, at, b.view.sequence);
  aim(b.operands.value_rows, at, b.view.sequence);
}

// Number of a row in the part of the block that is in hand, whichever of them are being corrected.
template <class T>
index_type slot_of(const block<T>& b, index_type r) {
  return (b.view.rows_at[r].query_index - b.view.first_index) * b.view.block_heads + b.view.rows_at[r].head - b.view.block_head -
         b.view.first_row;
}

// A strip: rows of a block whose scores are in memory at the same time, small enough for the first caches.
// Strips are whole groups, but for the last.
template <class T, class F>
void for_each_strip(const block<T>& b, F&& f) {
  for (index_type first = 0; first < b.view.rows; first += b.plan->tiles.strip) {
    f(row_span{first, std::min(b.plan->tiles.strip, b.view.rows - first)});
  }
}

// Some rows of the strip in hand as kernels see them.
template <class T>
strip_view<T> view_of(const block<T>& b, row_span strip, row_span rows) {
  const strip_memory<T>& of = b.scratch;
  const index_type within = rows.first - strip.first;
  const index_type lanes = rows.first * b.kernels->lanes;
  return {rows.count, of.scores + within * score_stride, of.rounded + within * weight_stride, of.lanes + lanes, of.rounded_lanes + lanes,
          of.first_panel + rows.first, of.last_panel + rows.first};
}
template <class T>
strip_view<T> view_of(const block<T>& b, row_span strip) {
  return view_of(b, strip, strip);
}

// Scores of a row of the strip in hand.
template <class T>
T* score_row(const block<T>& b, row_span strip, index_type row) {
  return b.scratch.scores + (row - strip.first) * score_stride;
}

template <class T>
row_hull hull_of(const block<T>& b, index_type first, index_type count) {
  row_hull h{b.view.rows_at[first].query, b.view.rows_at[first].query, b.view.rows_at[first].head, b.view.rows_at[first].head};
  for (index_type r = first + 1; r < first + count; ++r) {
    h.first_query = std::min(h.first_query, b.view.rows_at[r].query);
    h.last_query = std::max(h.last_query, b.view.rows_at[r].query);
    h.first_head = std::min(h.first_head, b.view.rows_at[r].head);
    h.last_head = std::max(h.last_head, b.view.rows_at[r].head);
  }
  return h;
}

// What masks are asked about: some rows of a head, and keys first, first + step, ...
template <class T>
score_range range_of(const block<T>& b, const row_hull& rows, index_type head, index_type first, index_type keys, index_type step) {
  return {b.view.sequence_number, head, rows.first_query, rows.last_query, b.view.query_offset, first, first + (keys - 1) * step, step};
}

// The last head of some rows that masks have to be asked about.
template <class T>
index_type last_head_asked(const block<T>& b, const row_hull& rows) {
  return b.call->modifiers.masks_by_head ? rows.last_head : rows.first_head;
}

// Hull of those of the keys first, first + step, ... that masks can leave visible to some rows.
template <class T>
key_interval reachable_keys(const block<T>& b, const row_hull& rows, index_type first, index_type count, index_type step) {
  const modifier_view<T>& m = b.call->modifiers;
  key_interval keys{first + count * step, first};
  for (index_type head = rows.first_head; head <= last_head_asked(b, rows); ++head) {
    const key_interval k = m.reachable(m.context, range_of(b, rows, head, first, count, step));
    keys = {std::min(keys.begin, k.begin), std::max(keys.end, k.end)};
  }
  return {std::max(first, keys.begin), std::min(first + count * step, keys.end)};
}
template <class T>
key_interval reachable_keys(const block<T>& b, const row_hull& rows) {
  return reachable_keys(b, rows, 0, b.view.sequence.kv_len, 1);
}

// Hulls that follow from the rows in hand.
template <class T>
void measure_block(block<T>& b) {
  b.view.hull = hull_of(b, 0, b.view.rows);
  b.view.keys = reachable_keys(b, b.view.hull);
}

// What the masks leave of [first, first + keys * step) for some rows.
template <class T>
visibility classify(const block<T>& b, const row_hull& rows, index_type first, index_type keys, index_type step) {
  const modifier_view<T>& m = b.call->modifiers;
  if (!m.masks) return visibility::all;
  bool any = false;
  bool all = true;
  for (index_type head = rows.first_head; head <= last_head_asked(b, rows); ++head) {
    const visibility v = m.classify(m.context, range_of(b, rows, head, first, keys, step));
    any |= v != visibility::none;
    all &= v == visibility::all;
    if (any && !all) return visibility::partial;
  }
  return all ? visibility::all : any ? visibility::partial : visibility::none;
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
