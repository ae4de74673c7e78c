// How a block's keys and values come: packed, as numbers or in pairs of bfloat16, or read where they lie. Chosen once per block, in
// start_operands(); what follows calls what was chosen.
#pragma once

#include "following.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Blocks of at most this many rows are read in place: with more, transposing a tile once costs less than
// summing across lanes for every row. Plans count on it.
inline constexpr index_type most_direct_rows = planner::most_joined_rows;

// Numbers of a tile of values that may be multiplied where they lie: 32 KB of float.
inline constexpr index_type most_lying_values = 8192;

template <class T>
struct operand_way {
  bool multiplies_whole_tiles;  // also where masks hide some of them
  // Asks memory for what follows a tile, while it is multiplied.
  void (*look_ahead)(block<T>&, const tile_keys&);
  void (*take_keys)(block<T>&, const tile_keys&);
  void (*take_values)(block<T>&, const tile_keys&);
  // Raw scores of a strip; true: lanes hold maxima.
  bool (*score)(block<T>&, row_span strip, const tile_keys&);
  // Scored, and weighed under the shift.
  void (*score_and_weigh)(block<T>&, row_span strip, const tile_keys&, const weight_constants<T>&);
  // output += weights times values.
  void (*multiply)(block<T>&, row_span strip, const tile_keys&);
};

template <class T>
struct packed_operands {
  static score_operands<T> scored(block<T>& b, row_span strip, const tile_keys& tile) {
    operands<T>& o = b.operands;
    const index_type steps = o.packed->steps_of(b.plan->shape.d_qk);
    return {o.query_in_hand + strip.first * steps, o.key, steps, planner::divide_up(tile.count, b.kernels->panel), &o.ahead};
  }
  // The next tile, or what follows the block.
  static void look_ahead(block<T>& b, const tile_keys& tile) {
    operands<T>& o = b.operands;
    const index_type groups = planner::divide_up(b.view.rows, o.packed->row_group);
    o.ahead.clear();
    if (tile.next.begin < tile.next.end) {
      o.ahead.add(o.key_rows, tile.next);
      o.ahead.add(o.value_rows, tile.next);
    } else if (ends_with(b, tile)) {
      list_following(b);
    }
    o.ahead.spread(planner::divide_up(tile.count, b.kernels->panel) * groups);
  }
  static void take_keys(block<T>& b, const tile_keys& tile) {
    operands<T>& o = b.operands;
    o.packed->pack_keys(o.key_rows, tile.first, tile.step, tile.count, o.packed->steps_of(b.plan->shape.d_qk), o.key);
  }
  // Values that may not be pairs are numbers.
  static void take_values(block<T>& b, const tile_keys& tile) {
    operands<T>& o = b.operands;
    o.value_in_hand = lying_values(b, tile);
    if (o.value_in_hand != nullptr) return;
    o.value_in_hand = o.value;
    const value_tile values{tile.first, tile.count, tile.seen != visibility::all, b.redo.finite_only, b.weighing.margin};
    const auto pack = [&](const packed_kernels<T>& as) {
      o.of_value = &as;
      return as.pack_values(o.value_rows, values, as.steps_of(tile.count), o.value);
    };
    if (!pack(*o.packed)) pack(b.kernels->numbers);
  }
  // A tile that is multiplied as numbers and lies in memory as if it were one panel after the other, if it is small enough to stay in the first
  // cache; or null.
  static const T* lying_values(const block<T>& b, const tile_keys& tile) {
    const operands<T>& o = b.operands;
    const source_rows& rows = o.value_rows;
    const bool as_numbers = o.packed == &b.kernels->numbers && rows.kind == kind_of<T> && rows.decode == nullptr && !b.redo.finite_only;
    if (!as_numbers || rows.length % b.kernels->panel != 0 || tile.count * rows.length > most_lying_values) return nullptr;
    const plain_run run = run_if_any(rows, tile.first);
    return run.rows >= tile.count && run.row_stride == rows.length ? pointer_to<T>(run.data) : nullptr;
  }
  // The values in hand for rows from `first` on.
  static value_operands<T> multiplied(block<T>& b, index_type first, const tile_keys& tile) {
    operands<T>& o = b.operands;
    const index_type panel = b.kernels->panel;
    const index_type steps = o.of_value->steps_of(tile.count);
    const bool lying = o.value_in_hand != o.value;
    const index_type stride = b.state.output_stride;
    return {o.value_in_hand, tile.count, steps, lying ? panel : steps * panel, lying ? stride : panel, b.state.output + first * stride, stride, &o.ahead};
  }
  static bool score(block<T>& b, row_span strip, const tile_keys& tile) {
    return b.operands.packed->score(view_of(b, strip), scored(b, strip, tile));
  }
  static void score_and_weigh(block<T>& b, row_span strip, const tile_keys& tile, const weight_constants<T>& constants) {
    b.operands.packed->score_and_weigh(view_of(b, strip), scored(b, strip, tile), b.state.shift + strip.first, constants);
  }
  static void multiply(block<T>& b, row_span strip, const tile_keys& tile) {
    const packed_kernels<T>& scored_as = *b.operands.packed;
    const packed_kernels<T>& of_value = *b.operands.of_value;
    // Rows that were scored together see the same panels. Those that other kernels would multiply together need not.
    for (index_type r = 0; r < strip.count;) {
      const index_type rows = &of_value == &scored_as ? strip.count : scored_as.next_group(strip.count - r);
      const index_type first = strip.first + r;
      of_value.multiply(view_of(b, strip, {first, rows}), multiplied(b, first, tile));
      r += rows;
    }
  }
  static constexpr operand_way<T> way{false, look_ahead, take_keys, take_values, score, score_and_weigh, multiply};
};

// A block of few rows as kernels see it.
template <class T>
rows_in_place<T> in_place_view(const block<T>& b) {
  const operands<T>& o = b.operands;
  return {b.view.rows, o.query, o.query_stride, b.scratch.scores, b.state.output, b.state.output_stride,
          &o.key_rows, &o.value_rows, o.key, o.value, b.redo.finite_only, o.integers, &b.kernels->in_place};
}

// Such a block is one strip. What several blocks take in turn comes with those of the others.
template <class T>
struct operands_in_place {
  static void look_ahead(block<T>&, const tile_keys&) {}  // kernels do
  static void take_keys(block<T>&, const tile_keys&) {}
  static void take_values(block<T>&, const tile_keys&) {}
  static bool score(block<T>& b, row_span, const tile_keys& tile) {
    if (b.operands.turn.scored) return false;
    const rows_in_place<T> alone = in_place_view(b);
    b.operands.score_in_place({&alone, 1}, tile);
    return false;
  }
  static void score_and_weigh(block<T>& b, row_span strip, const tile_keys& tile, const weight_constants<T>& constants) {
    score(b, strip, tile);
    b.kernels->numbers.weigh(view_of(b, strip), b.state.shift, constants);
  }
  static void multiply(block<T>& b, row_span, const tile_keys& tile) {
    b.operands.turn.weighed = true;
    if (b.operands.turn.scored) return;
    const rows_in_place<T> alone = in_place_view(b);
    b.operands.multiply_in_place({&alone, 1}, tile);
  }
  static constexpr operand_way<T> way{true, look_ahead, take_keys, take_values, score, score_and_weigh, multiply};
};

// Codes that are multiplied as integers. What is done once more is exact, and so are scores by which keys are left out.
template <class T>
void start_integers(block<T>& b) {
  operands<T>& o = b.operands;
  const in_place_kernels<T>& kernels = b.kernels->in_place;
  const integer_kernels<T>& integers = b.plan->tiles.dots && kernels.dots.take != nullptr ? kernels.dots : kernels.integers;
  o.key_rows.codes = o.value_rows.codes = nullptr;
  if (integers.take == nullptr || b.redo.careful || b.redo.finite_only) return;
  if (form_of(o.value_rows.stored).known) {
    o.value_rows.codes = integers.take;
    o.multiply_in_place = integers.multiply;
  }
  const bool may_score = b.plan->coverage == coverage_kind::everything && form_of(o.key_rows.stored).known;
  if (!may_score || !integers.pack_query(o.key_rows.stored, o.query, o.query_stride, b.view.rows, o.key_rows.length, o.integers)) return;
  o.key_rows.codes = integers.take;
  o.score_in_place = integers.score;
}

template <class T>
void start_in_place(block<T>& b, const query_rows& queries) {
  const in_place_kernels<T>& kernels = b.kernels->in_place;
  operands<T>& o = b.operands;
  o.way = &operands_in_place<T>::way;
  o.key_tile = b.plan->tiles.key_tile_in_place;
  o.packed = o.of_value = &b.kernels->numbers;  // weights are
  const bool may_pair = b.plan->tiles.pairs != pair_product::none && kernels.pack_query_pairs != nullptr;
  const bool pairs = may_pair && kernels.pack_query_pairs(queries, o.key_rows.kind, o.query);
  o.score_in_place = pairs ? kernels.score_pairs : kernels.score;
  if (!pairs) kernels.pack_query(queries, o.key_rows.kind, o.query_stride, o.query);
  o.multiply_in_place = kernels.multiply;
  if (b.plan->products == products::integer) start_integers(b);
}

// Where queries lie as they would be packed as numbers, in the order of the block's rows; or null.
template <class T>
const T* lying_queries(const query_rows& queries) {
  if (queries.tensor->kind != kind_of<T>) return nullptr;
  const T* const first = queries.row<T>(0);
  for (index_type r = 1; r < queries.rows; ++r) {
    if (queries.row<T>(r) != first + r * queries.length) return nullptr;
  }
  return first;
}

// Queries as pairs, unless they may not be.
template <class T>
void start_packed(block<T>& b, const query_rows& queries, bool may_be_pairs) {
  operands<T>& o = b.operands;
  o.way = &packed_operands<T>::way;
  o.key_tile = b.plan->tiles.key_tile;
  const auto pack = [&](const packed_kernels<T>& as) {
    o.packed = o.of_value = &as;
    o.query_in_hand = o.query;
    return as.pack_query(queries, as.steps_of(queries.length), o.query);
  };
  const bool in_tiles = b.plan->tiles.pairs == pair_product::tiles;
  const bool paired = may_be_pairs && pack(in_tiles ? b.kernels->tiles : b.kernels->pairs);
  if (paired) return;
  const T* const lying = b.kernels->numbers.takes_rows ? lying_queries<T>(queries) : nullptr;
  if (lying != nullptr) {
    o.packed = o.of_value = &b.kernels->numbers;
    o.query_in_hand = lying;
  } else {
    pack(b.kernels->numbers);
  }
}

// Whether a block's rows may multiply pairs, for all that its queries say.
template <class T>
bool may_be_pairs(const block<T>& b) {
  return b.plan->pairs && b.operands.weights == weight_type::bfloat16;
}

template <class T>
bool comes_in_place(const block<T>& b) {
  return b.kernels->in_place.score != nullptr && b.view.rows <= most_direct_rows;
}

// Takes the queries in hand. Rows that are corrected keep the weights of the block that they are from.
template <class T>
void start_operands(block<T>& b) {
  const bool in_place = comes_in_place(b);
  if (!b.redo.careful) b.operands.weights = in_place ? b.plan->weights_in_place : b.plan->weights;
  if (in_place) start_in_place(b, queries_of(b));
  else start_packed(b, queries_of(b), may_be_pairs(b));
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
