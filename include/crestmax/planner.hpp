// What a plan decides. Every decision is a function of the heads, types, options and the backend's tile geometry, and of
// one sequence's shape: no function here that decides is given anything of the batch or of threads.
#pragma once

#include <algorithm>
#include <cmath>

#include "float_rules.hpp"
#include "error.hpp"
#include "float_state.hpp"
#include "plan.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace planner {

inline constexpr index_type largest_extent = index_type{1} << 40;
inline constexpr index_type most_sequences = index_type{1} << 24;
inline constexpr index_type most_windows = 64;
inline constexpr index_type most_tile_keys = 512;
inline constexpr index_type usual_tile_keys = 256;
inline constexpr index_type most_splits = 64;
// Blocks of few rows are swept by one item, a run of keys of each in turn where a cache keeps the heads of a token
// together: memory is then read in the order in which it lies.
inline constexpr index_type most_joined_blocks = 8;
inline constexpr index_type most_joined_rows = 16;
// A split has at least this many keys: where they are read in place, and where packing them and merging larger blocks has to pay.
inline constexpr index_type least_keys_per_split = 512;
inline constexpr index_type least_packed_keys_per_split = 1024;
// Shorter sequences read all planes: what is chosen costs as much as it saves.
inline constexpr index_type least_keys_of_planes = 1024;
constexpr index_type least_packed_keys(const tile_geometry& tiles, index_type rows) {
  return std::max(least_packed_keys_per_split, (tiles.pairs == pair_product::tiles ? 16 : 8) * (rows - 64));
}
// A sequence of larger blocks is split where units of their rows are fewer than these; and its partial states have no more rows
// than those.
inline constexpr index_type enough_grains = 64;
inline constexpr index_type usual_unit_rows = 96;
inline constexpr index_type rows_merged_together = 4;  // and their units, once splits are merged
inline constexpr index_type most_anchors_per_item = 128;
inline constexpr index_type most_packed_partial_rows = 1 << 15;

constexpr index_type divide_up(index_type a, index_type b) { return (a + b - 1) / b; }
constexpr index_type round_up(index_type a, index_type b) { return divide_up(a, b) * b; }

inline status check_problem(const problem& p) {
  if (status s = check_float_rules(); !s.ok()) return s;
  const struct { const char* name; index_type value; index_type least; } extents[] = {
      {"batch", p.sequences, 0}, {"q_len", p.q_len, 0},       {"kv_len", p.kv_len, 0},
      {"q_heads", p.q_heads, 0}, {"kv_heads", p.kv_heads, 0}, {"d_qk", p.d_qk, 1},
      {"d_v", p.d_v, 1}};
  for (const auto& e : extents) {
    if (e.value < e.least || e.value > largest_extent) {
      return error(status_code::bad_extent, e.name,
                   e.least ? "an extent from 1 to 2^40" : "an extent from 0 to 2^40", e.value);
    }
  }
  if (p.sequences > most_sequences) return error(status_code::bad_extent, "batch", "at most", most_sequences, p.sequences);
  for (const index_type d : {p.d_qk, p.d_v}) {
    if (d > 65536) return error(status_code::bad_extent, "head_dim", "at most", 65536, d);
  }
  const struct { const char* name; scalar_kind kind; index_type d; } rows[] = {{"key", p.key_kind, p.d_qk}, {"value", p.value_kind, p.d_v}};
  for (const auto& r : rows) {
    const index_type block = numbers_in_block(r.kind);
    if (r.d % block != 0) return error(status_code::bad_extent, r.name, "a head_dim of whole blocks, a multiple of", block, r.d);
  }
  if (p.q_heads > 0 && p.kv_heads == 0) {
    return error(status_code::mismatch, "kv_heads", "at least 1 for q_heads", p.q_heads, p.kv_heads);
  }
  if (p.kv_heads > 0 && p.q_heads % p.kv_heads != 0) {
    return error(status_code::mismatch, "q_heads", "a multiple of kv_heads", p.kv_heads, p.q_heads);
  }
  return success();
}

// Coverages that read planes until a row's error is small enough.
constexpr bool is_by_planes(coverage_kind kind) { return kind >= coverage_kind::within; }
// Of those, which bound the error; the others estimate it.
constexpr bool bounds_error(coverage_kind kind) { return kind > coverage_kind::within; }

inline status check_options(const options& o, scalar_kind compute) {
  const softmax_method& m = o.softmax;
  const auto bad = [](const char* argument, const char* expected, index_type given) {
    return error(status_code::bad_option, argument, expected, given);
  };
  const auto bad_real = [](const char* argument, const char* expected, double given) {
    return error_real(status_code::bad_option, argument, expected, given);
  };
  const struct { const char* argument; std::int32_t value; std::int32_t last; } kinds[] = {
      {"softmax.kind", static_cast<std::int32_t>(m.kind), static_cast<std::int32_t>(softmax_kind::sampled_max)},
      {"softmax.coarse", static_cast<std::int32_t>(m.coarse), static_cast<std::int32_t>(choice::off)},
      {"coverage.kind", static_cast<std::int32_t>(o.coverage.kind), static_cast<std::int32_t>(coverage_kind::within_bound_of_output)},
      {"weights", static_cast<std::int32_t>(o.weights), static_cast<std::int32_t>(weight_type::bfloat16)},
      {"products", static_cast<std::int32_t>(o.products), static_cast<std::int32_t>(products::integer)}};
  for (const auto& k : kinds) {
    if (k.value < 0 || k.value > k.last) return bad(k.argument, "one of its enumerators", k.value);
  }
  if (m.kind == softmax_kind::sampled_max) {
    if (m.stride < 1 || m.stride > largest_extent) return bad("stride", "at least 1", m.stride);
    if (m.radius < 1 || m.radius > largest_extent) return bad("radius", "at least 1", m.radius);
    if (m.windows < 0 || m.windows > most_windows) return bad("windows", "0 to 64", m.windows);
  }
  if (m.first_keys < 0 || m.first_keys > largest_extent) {
    return bad("first_keys", "0 or more", m.first_keys);
  }
  if (m.nearest_keys < 0 || m.nearest_keys > largest_extent) {
    return bad("nearest_keys", "0 or more", m.nearest_keys);
  }
  if (m.margin && !(*m.margin >= 0 && *m.margin <= 20)) {
    return bad_real("margin", "0 to 20 nats", *m.margin);
  }
  if (!(m.threshold >= 0 && m.threshold <= 60)) {
    return bad_real("threshold", "0 to 60 nats", m.threshold);
  }
  if (o.coverage.kind == coverage_kind::above && !(o.coverage.tau > 0 && std::isfinite(o.coverage.tau))) {
    return bad_real("tau", "a positive number of nats", o.coverage.tau);
  }
  if (is_by_planes(o.coverage.kind) && !(o.coverage.tolerance > 0 && std::isfinite(o.coverage.tolerance))) {
    return bad_real("tolerance", "a positive share of the norm of a row's output", o.coverage.tolerance);
  }
  if (o.coverage.kind != coverage_kind::everything && (m.kind == softmax_kind::running_max ||
                                                       m.kind == softmax_kind::lazy_max)) {
    return error_text(status_code::bad_option, "coverage",
                      "everything for a method without a fixed shift", name(o.coverage.kind));
  }
  const double most_scale = compute == scalar_kind::float64 ? std::numeric_limits<double>::max()
                                                            : static_cast<double>(std::numeric_limits<float>::max());
  if (o.scale && !(std::fabs(*o.scale) <= most_scale)) {
    return bad_real("scale", "a number that is finite in the compute type", *o.scale);
  }
  if (!(o.guard_limit >= 0 && o.guard_limit <= most_guard_limit)) {
    return bad_real("guard_limit", "0 to 2^24 times the weight of a row's crest", o.guard_limit);
  }
  if (o.lipschitz && !(*o.lipschitz >= 0)) return bad_real("lipschitz", "0 or more", *o.lipschitz);
  if (o.tiles.query_block < 0 || o.tiles.query_block > 4096) {
    return bad("tiles.query_block", "0 to 4096", o.tiles.query_block);
  }
  if (o.tiles.key_tile < 0 || o.tiles.key_tile > most_tile_keys) {
    return bad("tiles.key_tile", "0 to 512", o.tiles.key_tile);
  }
  if (o.tiles.splits < 0 || o.tiles.splits > most_splits) {
    return bad("tiles.splits", "0 to 64", o.tiles.splits);
  }
  return success();
}

// A tolerance is for caches that can be read in part.
CRESTMAX_OUT_OF_LINE inline status check_planes(const problem& p, const options& o) {
  if (!is_by_planes(o.coverage.kind)) return success();
  const struct { const char* name; scalar_kind kind; } rows[] = {{"key", p.key_kind}, {"value", p.value_kind}};
  for (const auto& r : rows) {
    if (r.kind != scalar_kind::planes16) return error_text(status_code::bad_option, "coverage", "planes16 as keys and values to keep within a tolerance", crestmax::name(r.kind));
  }
  return success();
}

// The strided sample costs 1 / (2 stride) of the work; it has to buy something.
inline void decide_coarse(plan_rules& h, const softmax_method& m) {
  const auto decide = [&](bool on, coarse_reason reason) {
    h.coarse = on;
    h.reason = reason;
  };
  if (m.kind != softmax_kind::sampled_max) return decide(false, coarse_reason::method);
  if (m.coarse != choice::planner) return decide(m.coarse == choice::on, coarse_reason::caller);
  if (h.coverage != coverage_kind::everything) return decide(true, coarse_reason::coverage);
  if (h.weights == weight_type::float16) return decide(true, coarse_reason::narrow_weights);
  decide(false, coarse_reason::anchors);
}

// Numbers that a plan keeps do not depend on the caller's rounding mode. What is volatile is not computed ahead of the state,
// or behind it.
inline double default_scale(index_type d_qk) {
  const default_float_state state;
  const volatile double dimensions = static_cast<double>(d_qk);
  const volatile double scale = 1.0 / std::sqrt(dimensions);
  return scale;
}
inline int margin_in_ln2(double nats) {
  const default_float_state state;
  const volatile double margin = nats;
  const volatile double exponent = margin / ln2;
  return static_cast<int>(std::lround(exponent));
}

inline int decide_margin(const softmax_method& m, weight_type weights) {
  if (m.kind == softmax_kind::running_max || m.kind == softmax_kind::lazy_max) return 0;
  // float16 weights lose small ones to subnormals: use the upper half of their range as well.
  if (weights == weight_type::float16) return -8;
  return m.margin ? margin_in_ln2(*m.margin) : 2;
}

// Rows per block: more where a long sequence gains by them.
constexpr index_type block_rows_of(const plan_rules& h, sequence_shape s) {
  return h.tiles.long_query_block > 0 && s.q_len >= divide_up(h.tiles.long_rows, std::max<index_type>(1, h.shape.group()))
             ? h.tiles.long_query_block
             : h.tiles.query_block;
}

inline bool is_in_place(const sequence_blocks& b) { return b.rows() <= most_joined_rows; }

// Whether the shift of a block whose keys are split takes more than a look at a few anchors, which every item has for itself.
inline bool has_crest_stage(const plan_rules& h) {
  const bool many = h.coarse || h.first_keys > most_anchors_per_item || h.nearest_keys > most_anchors_per_item;
  return many && (h.method == softmax_kind::anchor_shift || h.method == softmax_kind::sampled_max);
}

// A block's rows are whole units, some strips each, but for the last: items may take some of them, and rows that fail the guard are corrected
// with those of their own unit. What looks at all of a block's rows at a time, a stage of crests or a coverage that drops tiles, has one
// unit.
inline index_type rows_per_unit(const plan_rules& h, const sequence_blocks& b) {
  if (is_in_place(b) || h.coverage != coverage_kind::everything || has_crest_stage(h) || h.diagnostics || h.row_max) return b.rows();
  index_type strips = std::max<index_type>(1, usual_unit_rows / h.tiles.strip);
  while (strips * h.tiles.strip % rows_merged_together != 0) ++strips;
  return strips * h.tiles.strip;
}

// Whether the blocks of a sequence, and their splits if these are known, are no more than a plan may count.
inline bool can_be_counted(const plan_rules& h, const sequence_blocks& b) {
  const double blocks = static_cast<double>(h.shape.kv_heads) * static_cast<double>(b.head_chunks) * static_cast<double>(b.query_blocks);
  return blocks * static_cast<double>(std::max<index_type>(1, b.splits)) <= static_cast<double>(largest_extent);
}

// Into how many pieces a block's keys are cut: of whole tiles, none of them empty. Rows that are read in place are few, and so are
// their partial states.
inline index_type decide_splits(const plan_rules& h, sequence_shape s, const sequence_blocks& b) {
  // The cheapest coverage reads too little to be worth a split.
  if (h.coverage == coverage_kind::plateaus || !can_be_counted(h, b)) return 1;
  if (h.forced_splits > 0) return h.forced_splits;
  const bool in_place = is_in_place(b);
  if (!in_place && h.coverage != coverage_kind::everything) return 1;
  const index_type least_keys = in_place ? least_keys_per_split : least_packed_keys(h.tiles, b.rows());
  if (s.kv_len < 2 * least_keys) return 1;
  index_type most = most_splits;
  if (!in_place) {
    const index_type blocks = std::max<index_type>(1, b.blocks(h.shape.kv_heads));
    // Tiles multiply rows so fast that cutting a block by its rows gains little.
    const index_type units = h.tiles.pairs == pair_product::tiles ? blocks : blocks * std::max<index_type>(1, b.rows() / rows_per_unit(h, b));
    most = std::clamp<index_type>(std::min(divide_up(enough_grains, units), most_packed_partial_rows / (blocks * b.rows())), 1, most);
  }
  return divide_up(s.kv_len, round_up(std::max(least_keys, divide_up(s.kv_len, most)), h.tiles.key_tile));
}

// The keys of a split: whole tiles, but for the last.
inline index_type keys_per_split(const plan_rules& h, index_type kv_len, index_type splits) {
  return round_up(divide_up(kv_len, splits), h.tiles.key_tile);
}

inline sequence_blocks decide_blocks(const plan_rules& h, sequence_shape s) {
  const index_type group = h.shape.group();
  const index_type rows = block_rows_of(h, s);
  // A device's kernel has its own blocks: one head each, keys unsplit.
  if (h.tiles.whole_call) return {rows, 1, divide_up(s.q_len, rows), group, 1};
  sequence_blocks b{};
  b.heads_per_block = std::clamp<index_type>(s.q_len > 0 ? rows / s.q_len : 1, 1, std::max<index_type>(1, group));
  // Chunks of about the same size.
  if (b.heads_per_block < group) b.heads_per_block = divide_up(group, divide_up(group, b.heads_per_block));
  b.queries_per_block = std::clamp<index_type>(rows / b.heads_per_block, 1, std::max<index_type>(1, s.q_len));
  b.query_blocks = divide_up(s.q_len, b.queries_per_block);
  // Blocks of about the same size: a last one of a few rows would pack as many keys for little work.
  if (b.query_blocks > 1 && b.heads_per_block == 1) {
    const index_type even = round_up(divide_up(s.q_len, b.query_blocks), h.tiles.row_group);
    b.queries_per_block = std::min(b.queries_per_block, even);
    b.query_blocks = divide_up(s.q_len, b.queries_per_block);
  }
  b.head_chunks = divide_up(group, b.heads_per_block);
  b.splits = decide_splits(h, s, b);
  return b;
}

// Whether blocks multiply pairs of bfloat16, which takes all of query, key and value, and weights of that type.
// Nobody else is given such weights unasked: where outputs are bfloat16 too, rounding them costs about as much.
inline bool decide_pairs(const plan_rules& h, weight_type asked) {
  const head_shape& p = h.shape;
  constexpr scalar_kind kind = scalar_kind::bfloat16;
  return h.tiles.pairs != pair_product::none && p.query_kind == kind && p.key_kind == kind && p.value_kind == kind &&
         (asked == weight_type::bfloat16 || (asked == weight_type::planner && p.output_kind == kind));
}

// What of the options a plan keeps.
inline void keep_options(plan_rules& h, const options& o) {
  h.method = o.softmax.kind;
  h.diagnostics = o.diagnostics;
  h.coverage = is_by_planes(o.coverage.kind) ? coverage_kind::everything : o.coverage.kind;
  h.tau = o.coverage.tau;
  h.pairs = decide_pairs(h, o.weights);
  const weight_type usual = h.tiles.weights == weight_type::planner ? weight_type::float32 : h.tiles.weights;
  h.weights_in_place = o.weights == weight_type::planner ? usual : o.weights;
  h.weights = h.pairs ? weight_type::bfloat16 : h.weights_in_place;
  h.products = o.products;
  h.scale = o.scale ? *o.scale : default_scale(h.shape.d_qk);
  h.threshold = o.softmax.threshold;
  h.margin_exponent = decide_margin(o.softmax, h.weights);
  h.stride = o.softmax.stride;
  h.radius = o.softmax.radius;
  h.windows = o.softmax.windows;
  h.first_keys = o.softmax.first_keys;
  h.nearest_keys = o.softmax.nearest_keys;
  h.guard_limit = o.guard_limit;
  h.lipschitz = o.lipschitz ? *o.lipschitz : -1.0;
  h.forced_splits = o.tiles.splits;
}

// Whether blocks of few rows may read planes until their error is small enough; all others of the call read all.
inline void decide_planes(plan_rules& h, const coverage_mode& asked) {
  const auto decide = [&](planes_reason reason) {
    h.planes = reason;
    const bool reads = reason == planes_reason::few_rows;
    h.by_planes = reads ? asked.kind : coverage_kind::everything;
    h.tolerance = reads ? asked.tolerance : 0;
  };
  if (!is_by_planes(asked.kind)) return decide(planes_reason::not_asked);
  if (h.compute == scalar_kind::float64) return decide(planes_reason::in_double);
  if (!h.tiles.reads_planes) return decide(planes_reason::no_kernels);
  if (h.weights_in_place != weight_type::float32) return decide(planes_reason::narrow_weights);
  if (h.row_max || h.diagnostics) return decide(planes_reason::every_score);
  decide(planes_reason::few_rows);
}

// Whether the blocks of a sequence do.
inline bool reads_planes(const plan_rules& h, sequence_shape s, const sequence_blocks& b) {
  return h.by_planes != coverage_kind::everything && is_in_place(b) && s.kv_len >= least_keys_of_planes;
}

// The keys of a split of such a block: whole blocks of keys, but for the last.
inline index_type keys_per_split_of_planes(index_type kv_len, index_type splits) {
  return round_up(divide_up(kv_len, splits), keys_in_block(scalar_kind::planes16));
}

// The kernels' sizes, but for those that the caller chooses.
inline tile_geometry decide_tiles(tile_geometry tiles, const options& o) {
  if (o.tiles.query_block > 0) {
    tiles.query_block = o.tiles.query_block;
    tiles.long_query_block = 0;
  }
  // Coverage above drops whole tiles: long ones would be kept for a single key.
  const bool drops_tiles = o.coverage.kind == coverage_kind::above;
  if (o.tiles.key_tile > 0) tiles.key_tile = round_up(o.tiles.key_tile, tiles.panel);
  else if (drops_tiles) tiles.key_tile = std::min(tiles.key_tile, usual_tile_keys);
  if (o.tiles.key_tile > 0 || drops_tiles) tiles.key_tile_in_place = tiles.key_tile;
  return tiles;
}

// Everything that is decided for all sequences alike.
inline plan_rules decide_rules(const head_shape& heads, const tile_geometry& geometry, scalar_kind compute, bool row_max,
                               const options& o) {
  plan_rules h{};
  h.shape = heads;
  h.compute = compute;
  h.row_max = row_max;
  h.tiles = decide_tiles(geometry, o);
  keep_options(h, o);
  decide_planes(h, o.coverage);
  decide_coarse(h, o.softmax);
  // Shorter sequences go without a sample that is there for weights alone; decided per sequence.
  h.least_keys_to_sample = h.reason == coarse_reason::narrow_weights ? 4 * std::min(h.tiles.key_tile, usual_tile_keys) : 0;
  h.estimate_lipschitz = h.coverage == coverage_kind::plateaus && !o.lipschitz;
  return h;
}

}  // namespace planner

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
