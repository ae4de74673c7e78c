// What a worker holds while it works on one query block, and where that lies in its memory.
#pragma once

#include <cmath>
#include <cstring>

#include "../../call.hpp"
#include "../../intervals.hpp"
#include "../../planner.hpp"
#include "arena.hpp"
#include "loss.hpp"
#include "pairs.hpp"
#include "rows_ahead.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Runs of rows that a source did not have although a sequence has keys there, and the first of them.
struct failed_runs {
  struct place {
    index_type sequence, position, rows;
    bool of_keys;
  };
  index_type count;
  place first;
};

// What one worker counted; summed into the report after the call.
struct worker_counters {
  index_type rows, visible, sampled, crest, plateau, accumulated, skipped, masked, bytes, rescales, corrected;
  index_type above_bound;
  failed_runs failed;
  double dropped_mass, dropped_estimate, undershoot_bound, lipschitz, undershoot, sampling_bound;
};

// A coarse peak that refinement will look at.
struct plateau_window {
  double excess;  // coarse score above the row's crest, in score units, largest over the rows
  index_type key;
};

// Some rows of a block.
struct row_span {
  index_type first;
  index_type count;
};

// Hull of the positions and heads of some rows.
struct row_hull {
  index_type first_query;
  index_type last_query;
  index_type first_head;
  index_type last_head;
};

// A piece of memory that will be read soon.
struct memory_run {
  const std::byte* data;
  index_type bytes;
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

// How far a tile has come that several blocks take in turn, run by run.
struct turn_taken {
  bool scored;   // its scores are in hand; the values come with those of the other blocks
  bool weighed;  // and are weights that wait for them
};

template <class T>
struct kernel_table;  // kernels.hpp

// One query block: `rows` query rows that share the keys of one key-value head. T is the compute type.
//
// Scores are held in score units: raw products q.k where the scale can wait for the exponential
// (`unit` nats each), nats where a modifier needs them (unit = 1).
template <class T>
struct block {
  const kernel_table<T>* kernels;
  const call_data<T>* call;
  const plan_rules* plan;
  plan_sequence sequence;
  index_type sequence_number;
  index_type kv_head;

  index_type rows;
  index_type block_rows;    // rows of the whole block; rows is fewer while some are corrected
  index_type first_index;  // query index and head of the block's first row, and its number of heads
  index_type block_head;
  index_type block_heads;
  row_hull hull;
  index_type query_offset;  // position of query index 0: kv_len - q_len
  key_interval keys;   // hull of the keys that masks leave reachable
  T unit;
  bool raw;            // scores stay raw products
  bool all_set;        // every row has a shift
  bool careful;        // the correction
  bool finite_only;    // values that are no finite numbers count as 0 in the sums, and are noted for the rows that see them
  weight_type weights; // what weights are rounded to
  bool pairs;          // queries and keys are packed in pairs of bfloat16
  bool value_pairs;    // and so are the values in hand, and weights rounded for them
  int margin;          // weights are exp(s - shift) * 2^-margin
  double largest_sum;  // of the weights of the rows done so far
  T lipschitz;         // largest neighbouring difference seen on refined windows, score units
  bool measure_lipschitz;
  bool sampled;        // phase 0 ran

  // Per row, [capacity]
  row_position* rows_at;
  T* shift;      // score units, without margin; -inf: no visible key met yet
  T* base;       // what the tile in hand subtracts: shift, or 0 where that is -inf
  T* sum;        // of the weights that multiplied values
  T* exact_sum;  // of the weights before rounding to the weight type
  T* tile_sum;   // the largest that they sum up to in one tile, for the guard
  bool* passes;  // whether the guard has nothing against it
  T* tile_max;
  T* crest;      // the shift as the crest phase left it, by number in the whole block
  double* center; // nats: weights summed so far are exp(score - center), kept unrounded; -inf: none
  T* sample_max;
  T* row_top;    // true maximum, for diagnostics
  T* row_step;   // L of the row, for diagnostics
  T* row_last;   // score of the previous visible key, for diagnostics
  loss_of_rows<T> loss;

  // Tiles
  T* query;   // packed: groups of rows, [d_qk][rows of the group]; direct: [rows][query_stride]
  T* key;     // packed: panels of keys, [d_qk][panel]
  T* value;   // packed: panels of columns, [keys][panel]
  T* scores;  // [strip][score_stride]: scores, then weights, of the strip in hand
  T* output;  // [capacity][output_stride]
  T* lanes;   // [capacity][lanes]: per-lane maxima or sums of the tile in hand
  T* rounded_lanes;  // the same of the sums of rounded weights, where they are multiplied in pairs
  bfloat16* rounded; // [strip][weight_stride]: those weights
  T* column;  // [longest tile]: largest excess per sampled key
  std::uint8_t* special;  // [capacity][output_stride / 4], with finite_only: what a row saw of such values, two bits per output
  index_type key_tile;      // keys per tile: that of packed tiles, or of those read in place
  index_type output_stride;
  index_type query_stride;  // d_qk in whole vectors; zeros behind d_qk
  index_type* first_panel;  // [capacity] panels of the tile in hand that the row's group sees
  index_type* last_panel;

  // What the tile after the one in hand will read: fetched a few lines at a time between register tiles.
  memory_run* ahead;  // [2 * packed tile]
  index_type ahead_count;
  index_type ahead_at;      // run in hand, and how much of it has been asked for
  index_type ahead_offset;
  index_type ahead_lines;   // to ask for after each register tile
  key_interval upcoming;  // keys that follow the range in hand, if they are known

  // Few rows: keys and values are read in place (text/row_scores.inc, row_outputs.inc).
  bool direct;
  bool pairs_in_place;  // queries and keys are multiplied in pairs of bfloat16 there, queries [rows][d_qk / 2]
  turn_taken turn;

  plateau_window* windows;
  index_type window_count;
  double least_peak;  // the lowest excess among the windows
  interval_set taken;
  worker_counters* counters;
  index_type failed_before;  // runs that failed before the item in hand
  T* zeros;                  // a row for keys and values of runs that fail

  // A constant, so that the rows of a register tile are at constant distances; not a power of two, so that
  // they do not compete for the same lines of the cache.
  static constexpr index_type score_stride = planner::most_tile_keys + 16;
  static constexpr index_type weight_stride = planner::most_tile_keys + 32;
  static constexpr T hidden = -std::numeric_limits<T>::infinity();
};

// Whether a block's pairs are multiplied in tiles.
template <class T>
bool in_tiles(const block<T>& b) {
  return b.pairs && b.plan->tiles.pairs == pair_product::tiles;
}

// Blocks that are swept together. A tile of several is multiplied run by run, each run for all of them in turn: so lie the
// heads of a token, or of a small page.
template <class T>
struct side_by_side {
  block<T>* const* blocks;
  index_type count;
};

inline constexpr index_type widest_lanes = 16;
inline constexpr index_type specials_per_byte = 4;

// Rows whose scores are in memory at a time: those of a strip, or of all blocks that one item sweeps.
inline index_type rows_with_scores(const plan_rules& h) {
  const index_type joined = planner::most_joined_blocks * planner::most_joined_rows;
  return std::min(planner::round_up(h.tiles.query_block, h.tiles.row_group), std::max(h.tiles.strip, joined));
}

inline index_type longest_row(const plan_rules& h) { return std::max(h.shape.d_qk, h.shape.d_v); }

// Lays a block out in memory. Its size depends on head dims and tile sizes only.
template <class T>
void place(block<T>& b, const plan_header& h, arena& memory) {
  const index_type capacity = planner::round_up(h.block_capacity, h.tiles.row_group);
  const index_type packed_tile = planner::round_up(h.tiles.key_tile, h.tiles.panel);
  const index_type longest_tile = std::max(packed_tile, h.tiles.key_tile_in_place);
  b.output_stride = planner::round_up(h.shape.d_v, h.tiles.panel);
  b.query_stride = planner::round_up(h.shape.d_qk, widest_lanes);
  b.counters = memory.take<worker_counters>(1);
  b.rows_at = memory.take<row_position>(capacity);
  b.windows = memory.take<plateau_window>(planner::most_windows);
  for (T** row : {&b.shift, &b.base, &b.sum, &b.exact_sum, &b.tile_sum, &b.tile_max, &b.crest, &b.sample_max,
                  &b.row_top, &b.row_step, &b.row_last}) {
    *row = memory.take<T>(capacity);
  }
  b.center = memory.take<double>(capacity);
  b.passes = memory.take<bool>(capacity);
  b.ahead = memory.take<memory_run>(2 * packed_tile);
  b.first_panel = memory.take<index_type>(capacity);
  b.last_panel = memory.take<index_type>(capacity);
  b.query = memory.take<T>(capacity * b.query_stride + planner::most_joined_blocks * widest_lanes);
  // Rows read in place may be copied here, a run of them.
  const index_type tile = std::max(packed_tile, direct_run);
  b.key = memory.take<T>(tile * (h.pairs ? std::max(h.shape.d_qk, pairs_of_row(h)) : h.shape.d_qk));
  b.value = memory.take<T>(tile * b.output_stride);
  // Tiles store 16 rows of scores, however few a block has, and those of a part of a block need not be the first.
  const index_type stored_rows = h.tiles.pairs == pair_product::tiles ? rows_of_tiles / 2 : 0;
  b.scores = memory.take<T>((rows_with_scores(h) + stored_rows) * block<T>::score_stride);
  b.output = memory.take<T>(capacity * b.output_stride);
  b.lanes = memory.take<T>(capacity * widest_lanes);
  b.rounded_lanes = memory.take<T>(h.pairs ? capacity * widest_lanes : 0);
  b.rounded = memory.take<bfloat16>(h.pairs ? std::min(capacity, h.tiles.strip) * block<T>::weight_stride : 0);
  b.column = memory.take<T>(longest_tile);
  b.loss.place(h.coverage, capacity, longest_tile, memory);
  b.zeros = memory.take<T>(longest_row(h));
  b.special = memory.take<std::uint8_t>(capacity * b.output_stride / specials_per_byte);
}

// The part of a block's memory that belongs to one of several smaller blocks, each of at most `rows` rows.
// What lives only as long as a tile is common to all of them, but for scores where there is room for those of each.
template <class T>
block<T> part_of(const block<T>& whole, index_type part, index_type rows) {
  block<T> b = whole;
  const index_type first = part * rows;
  b.rows_at += first;
  for (T** row : {&b.shift, &b.base, &b.sum, &b.exact_sum, &b.tile_sum, &b.tile_max, &b.crest, &b.sample_max,
                  &b.row_top, &b.row_step, &b.row_last}) {
    *row += first;
  }
  b.center += first;
  b.loss.skip_rows(first);
  b.passes += first;
  if (first + rows <= rows_with_scores(*whole.plan)) b.scores += first * block<T>::score_stride;
  b.query += first * b.query_stride + part * widest_lanes;  // packed queries may write that much behind their end
  b.output += first * b.output_stride;
  b.special += first * b.output_stride / specials_per_byte;
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
  const plan_rules& h = *b.plan;
  const index_type group = h.shape.group();
  b.sequence_number = b.call->plan.sequence_of_block(number);
  b.sequence = b.call->plan.sequences()[static_cast<std::size_t>(b.sequence_number)];
  const plan_sequence& s = b.sequence;
  const index_type within = number - s.first_block;
  const index_type heads_total = h.shape.kv_heads * s.head_chunks;
  // The last queries see the most keys in a causal call: they go first, so that workers end together.
  const index_type query_block = s.query_blocks - 1 - within / heads_total;
  const index_type head = within % heads_total;
  b.kv_head = head / s.head_chunks;
  const index_type first_head = b.kv_head * group + (head % s.head_chunks) * s.heads_per_block;
  const index_type heads = std::min(s.heads_per_block, b.kv_head * group + group - first_head);
  const index_type first = query_block * s.queries_per_block;
  const index_type queries = std::min(s.queries_per_block, s.q_len - first);
  b.query_offset = s.kv_len - s.q_len;
  b.first_index = first;
  b.block_head = first_head;
  b.block_heads = heads;
  b.rows = 0;
  for (index_type q = first; q < first + queries; ++q) {
    for (index_type i = 0; i < heads; ++i) {
      b.rows_at[b.rows++] = {first_head + i, q + b.query_offset, q};
    }
  }
  b.block_rows = b.rows;
}

// Number of a row in its whole block.
template <class T>
index_type slot_of(const block<T>& b, index_type r) {
  return (b.rows_at[r].query_index - b.first_index) * b.block_heads + b.rows_at[r].head - b.block_head;
}

// A strip: rows of a block whose scores are in memory at the same time, small enough for the first caches.
// Strips are whole groups, but for the last.
template <class T, class F>
void for_each_strip(const block<T>& b, F&& f) {
  for (index_type first = 0; first < b.rows; first += b.plan->tiles.strip) {
    f(row_span{first, std::min(b.plan->tiles.strip, b.rows - first)});
  }
}

// Rounded weights of a row of the strip in hand.
template <class T>
bfloat16* weight_row(const block<T>& b, row_span strip, index_type row) {
  return b.rounded + (row - strip.first) * block<T>::weight_stride;
}

// Scores of a row of the strip in hand.
template <class T>
T* score_row(const block<T>& b, row_span strip, index_type row) {
  return b.scores + (row - strip.first) * block<T>::score_stride;
}

template <class T>
row_hull hull_of(const block<T>& b, index_type first, index_type count) {
  row_hull h{b.rows_at[first].query, b.rows_at[first].query, b.rows_at[first].head, b.rows_at[first].head};
  for (index_type r = first + 1; r < first + count; ++r) {
    h.first_query = std::min(h.first_query, b.rows_at[r].query);
    h.last_query = std::max(h.last_query, b.rows_at[r].query);
    h.first_head = std::min(h.first_head, b.rows_at[r].head);
    h.last_head = std::max(h.last_head, b.rows_at[r].head);
  }
  return h;
}

// Hull of the keys that masks can leave visible to some rows.
template <class T>
key_interval reachable_keys(const block<T>& b, const row_hull& rows) {
  key_interval keys{b.sequence.kv_len, 0};
  for (index_type head = rows.first_head; head <= rows.last_head; ++head) {
    const key_interval k = b.call->modifiers.reachable(
        b.call->modifiers.context, {b.sequence_number, head, rows.first_query, rows.last_query, b.query_offset,
                                    0, b.sequence.kv_len - 1});
    keys = {std::min(keys.begin, k.begin), std::max(keys.end, k.end)};
  }
  return {std::max<index_type>(0, keys.begin), std::min(b.sequence.kv_len, keys.end)};
}

// Hulls that follow from the rows in hand.
template <class T>
void measure_block(block<T>& b) {
  b.hull = hull_of(b, 0, b.rows);
  b.keys = reachable_keys(b, b.hull);
}

// What the masks leave of [first, first + keys * step) for some rows.
template <class T>
visibility classify(const block<T>& b, const row_hull& rows, index_type first, index_type keys, index_type step) {
  if (!b.call->modifiers.masks) return visibility::all;
  bool any = false;
  bool all = true;
  for (index_type head = rows.first_head; head <= rows.last_head; ++head) {
    const visibility v = b.call->modifiers.classify(
        b.call->modifiers.context, {b.sequence_number, head, rows.first_query, rows.last_query, b.query_offset,
                                    first, first + (keys - 1) * step, step});
    any |= v != visibility::none;
    all &= v == visibility::all;
    if (any && !all) return visibility::partial;
  }
  return all ? visibility::all : any ? visibility::partial : visibility::none;
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
