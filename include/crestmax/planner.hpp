// Turns shapes and options into a plan. Every decision is a function of one sequence's shape, the
// heads, types, modifiers, options and the backend's tile geometry; never of batch or threads.
#pragma once

#include <algorithm>
#include <cmath>
#include <new>

#include "float_rules.hpp"
#include "error.hpp"
#include "plan.hpp"

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
// A split has this many keys, times heads that are swept together; and never fewer than the least.
inline constexpr index_type keys_per_split = 4096;
inline constexpr index_type least_keys_per_split = 512;
// A sequence is split over its keys when its queries are this few: decode and speculative decoding.
inline constexpr index_type most_split_queries = 16;

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
  if (p.q_heads > 0 && p.kv_heads == 0) {
    return error(status_code::mismatch, "kv_heads", "at least 1 for q_heads", p.q_heads, p.kv_heads);
  }
  if (p.kv_heads > 0 && p.q_heads % p.kv_heads != 0) {
    return error(status_code::mismatch, "q_heads", "a multiple of kv_heads", p.kv_heads, p.q_heads);
  }
  return success();
}

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
      {"coverage.kind", static_cast<std::int32_t>(o.coverage.kind), static_cast<std::int32_t>(coverage_kind::plateaus)},
      {"weights", static_cast<std::int32_t>(o.weights), static_cast<std::int32_t>(weight_type::bfloat16)}};
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
  if (!(o.guard_limit >= 0)) return bad_real("guard_limit", "0 or more", o.guard_limit);
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

// The strided sample costs 1 / (2 stride) of the work; it has to buy something.
inline void decide_coarse(plan_header& h, const softmax_method& m) {
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

inline int decide_margin(const softmax_method& m, weight_type weights) {
  if (m.kind == softmax_kind::running_max || m.kind == softmax_kind::lazy_max) return 0;
  // float16 weights lose small ones to subnormals: use the upper half of their range as well.
  if (weights == weight_type::float16) return -8;
  return m.margin ? static_cast<int>(std::lround(*m.margin / ln2)) : 2;
}

inline void decide_blocks(plan_sequence& s, const plan_header& h, index_type forced_splits) {
  const index_type group = h.shape.group();
  const index_type rows = h.tiles.query_block;
  if (h.tiles.whole_call) {  // the kernel's own blocks: one head each, keys unsplit
    s.heads_per_block = s.blocks_per_item = s.splits = 1;
    s.queries_per_block = rows;
    s.query_blocks = divide_up(s.q_len, rows);
    s.head_chunks = group;
    return;
  }
  s.heads_per_block = std::clamp<index_type>(s.q_len > 0 ? rows / s.q_len : 1, 1, std::max<index_type>(1, group));
  s.queries_per_block = std::clamp<index_type>(rows / s.heads_per_block, 1, std::max<index_type>(1, s.q_len));
  s.query_blocks = divide_up(s.q_len, s.queries_per_block);
  // Blocks of about the same size: a last one of a few rows would pack as many keys for little work.
  if (s.query_blocks > 1 && s.heads_per_block == 1) {
    const index_type even = round_up(divide_up(s.q_len, s.query_blocks), h.tiles.row_group);
    s.queries_per_block = std::min(s.queries_per_block, even);
    s.query_blocks = divide_up(s.q_len, s.queries_per_block);
  }
  s.head_chunks = divide_up(group, s.heads_per_block);
  const bool few_queries = s.query_blocks == 1 && s.q_len <= most_split_queries;
  const index_type block_rows = s.heads_per_block * s.queries_per_block;
  s.blocks_per_item = 1;
  if (few_queries && s.head_chunks == 1 && block_rows <= most_joined_rows) {
    s.blocks_per_item = std::clamp<index_type>(std::min(h.shape.kv_heads, rows / std::max<index_type>(1, block_rows)), 1,
                                          most_joined_blocks);
  }
  const index_type by_length =
      few_queries ? s.kv_len / std::max(least_keys_per_split, keys_per_split / s.blocks_per_item) : 1;
  // The cheapest coverage reads too little to be worth a split.
  s.splits = h.coverage == coverage_kind::plateaus ? 1
             : forced_splits > 0                   ? forced_splits
                                                   : std::clamp<index_type>(by_length, 1, most_splits);
}

// Whether blocks multiply pairs of bfloat16, which takes all of query, key and value, and weights of that type.
// Nobody else is given such weights unasked: where outputs are bfloat16 too, rounding them costs about as much.
inline bool decide_pairs(const plan_header& h, weight_type asked) {
  const problem& p = h.shape;
  constexpr scalar_kind kind = scalar_kind::bfloat16;
  return h.tiles.pairs != pair_product::none && p.query_kind == kind && p.key_kind == kind && p.value_kind == kind &&
         (asked == weight_type::bfloat16 || (asked == weight_type::planner && p.output_kind == kind));
}

// What of the options a plan keeps.
inline void keep_options(plan_header& h, const options& o) {
  h.method = o.softmax.kind;
  h.diagnostics = o.diagnostics;
  h.row_max = static_cast<bool>(o.row_max);
  h.coverage = o.coverage.kind;
  h.tau = o.coverage.tau;
  h.pairs = decide_pairs(h, o.weights);
  const weight_type usual = h.tiles.weights == weight_type::planner ? weight_type::float32 : h.tiles.weights;
  h.weights_in_place = o.weights == weight_type::planner ? usual : o.weights;
  h.weights = h.pairs ? weight_type::bfloat16 : h.weights_in_place;
  h.scale = o.scale ? *o.scale : 1.0 / std::sqrt(static_cast<double>(h.shape.d_qk));
  h.threshold = o.softmax.threshold;
  h.margin_exponent = decide_margin(o.softmax, h.weights);
  h.stride = o.softmax.stride;
  h.radius = o.softmax.radius;
  h.windows = o.softmax.windows;
  h.first_keys = o.softmax.first_keys;
  h.nearest_keys = o.softmax.nearest_keys;
  h.guard_limit = o.guard_limit;
  h.lipschitz = o.lipschitz ? *o.lipschitz : -1.0;
}

}  // namespace planner

// Lengths of each sequence, as spans that may be empty (see options).
struct sequence_lengths {
  std::span<const std::int32_t> query_offsets;
  std::span<const std::int32_t> query_lengths;
  std::span<const std::int32_t> key_offsets;
  std::span<const std::int32_t> key_lengths;

  plan_sequence at(index_type sequence, const problem& p) const {
    const auto i = static_cast<std::size_t>(sequence);
    plan_sequence s{};
    s.query_begin = query_offsets.empty() ? 0 : query_offsets[i];
    s.q_len = !query_lengths.empty()   ? query_lengths[i]
              : !query_offsets.empty() ? query_offsets[i + 1] - query_offsets[i]
                                       : p.q_len;
    s.kv_len = !key_lengths.empty()   ? key_lengths[i]
               : !key_offsets.empty() ? key_offsets[i + 1] - key_offsets[i]
                                      : p.kv_len;
    return s;
  }
};

// Fills `memory` (plan::bytes(p.sequences), aligned to 8) with a plan; an empty `memory` only measures
// the workspace. WorkerBytes and SharedBytes tell what the backend's kernels need for a header.
// Time: O(sequences).
template <class WorkerBytes, class SharedBytes>
status make_plan(const problem& p, const options& o, const sequence_lengths& lengths,
                 const tile_geometry& geometry, scalar_kind compute, WorkerBytes worker_bytes,
                 SharedBytes shared_bytes, std::span<std::byte> memory, plan& result, workspace_size& workspace) {
  if (status s = planner::check_problem(p); !s.ok()) return s;
  if (status s = planner::check_options(o, compute); !s.ok()) return s;
  const bool measure_only = memory.empty();
  if (!measure_only && memory.data() == nullptr) {
    return error_text(status_code::null_pointer, "plan memory", "a pointer", "null");
  }
  if (reinterpret_cast<std::uintptr_t>(memory.data()) % alignof(plan_header) != 0) {
    return error(status_code::misaligned, "plan memory", "an alignment of",
                 static_cast<index_type>(alignof(plan_header)),
                 static_cast<index_type>(reinterpret_cast<std::uintptr_t>(memory.data()) % alignof(plan_header)));
  }
  if (!measure_only && memory.size() < plan::bytes(p.sequences)) {
    return error(status_code::workspace_too_small, "plan memory", "bytes, at least",
                 static_cast<index_type>(plan::bytes(p.sequences)), static_cast<index_type>(memory.size()));
  }
  plan_header h{};
  h.shape = p;
  h.compute = compute;
  h.tiles = geometry;
  if (o.tiles.query_block > 0) h.tiles.query_block = o.tiles.query_block;
  // Coverage above drops whole tiles: long ones would be kept for a single key.
  const bool drops_tiles = o.coverage.kind == coverage_kind::above;
  if (o.tiles.key_tile > 0) h.tiles.key_tile = planner::round_up(o.tiles.key_tile, geometry.panel);
  else if (drops_tiles) h.tiles.key_tile = std::min(h.tiles.key_tile, planner::usual_tile_keys);
  if (o.tiles.key_tile > 0 || drops_tiles) h.tiles.key_tile_in_place = h.tiles.key_tile;
  h.packed_queries = !lengths.query_offsets.empty();
  planner::keep_options(h, o);
  planner::decide_coarse(h, o.softmax);
  // Shorter sequences go without a sample that is there for weights alone; decided per sequence.
  h.least_keys_to_sample = h.reason == coarse_reason::narrow_weights ? 4 * std::min(h.tiles.key_tile, planner::usual_tile_keys) : 0;
  h.estimate_lipschitz = h.coverage == coverage_kind::plateaus && !o.lipschitz;

  auto* sequences = measure_only ? nullptr : reinterpret_cast<plan_sequence*>(memory.data() + sizeof(plan_header));
  h.max_splits = 1;
  index_type items = 0;
  index_type partials = 0;
  for (index_type i = 0; i < p.sequences; ++i) {
    plan_sequence s = lengths.at(i, p);
    planner::decide_blocks(s, h, o.tiles.splits);
    const double all = static_cast<double>(p.kv_heads) * static_cast<double>(s.head_chunks) *
                       static_cast<double>(s.query_blocks) * static_cast<double>(s.splits);
    if (static_cast<double>(h.blocks) + static_cast<double>(partials) + all > static_cast<double>(planner::largest_extent)) {
      return error(status_code::bad_extent, "query", "rows of at most 2^40 query blocks and splits; q_len", s.q_len);
    }
    s.first_block = h.blocks;
    s.first_item = items;
    s.first_partial = partials;
    h.blocks += s.blocks(p.kv_heads);
    items += s.sweep_items(p.kv_heads);
    if (s.splits > 1) partials += s.blocks(p.kv_heads) * s.splits;
    h.max_splits = std::max(h.max_splits, s.splits);
    if (s.splits > 1) h.split_rows = std::max(h.split_rows, s.heads_per_block * s.queries_per_block);
    if (!measure_only) new (sequences + i) plan_sequence(s);
  }
  if (h.tiles.whole_call) {
    h.stages = 0;
  } else if (h.max_splits == 1) {
    h.stages = 1;
    h.stage[0] = plan_stage::whole;
    h.items[0] = h.blocks;
  } else {
    h.stages = 3;
    h.stage[0] = plan_stage::crest;
    h.stage[1] = plan_stage::sweep;
    h.stage[2] = plan_stage::finish;
    h.items[0] = h.items[2] = h.blocks;
    h.items[1] = items;
  }
  h.workspace.shared = h.stages == 1 ? 0 : shared_bytes(h, partials);
  h.workspace.per_worker = worker_bytes(h);
  workspace = h.workspace;
  if (memory_size(h.workspace.total(1)).is_too_large()) return too_large();
  if (measure_only) return success();
  new (memory.data()) plan_header(h);
  result = plan(memory.data());
  return success();
}

// Whether a plan was made for this problem, these lengths, options and kernels. Time: O(sequences).
inline status check_plan(const plan& p, const problem& asked, const sequence_lengths& lengths,
                         const tile_geometry& geometry, scalar_kind compute, const options& o) {
  if (!p) return error_text(status_code::null_pointer, "plan", "a plan made by prepare()", "none");
  const plan_header& h = p.header();
  const problem& made = h.shape;
  const auto kind = [](scalar_kind k) { return static_cast<index_type>(k); };
  const struct { const char* what; index_type made; index_type asked; } same[] = {
      {"sequences planned for:", made.sequences, asked.sequences},
      {"q_len planned for:", made.q_len, asked.q_len},
      {"kv_len planned for:", made.kv_len, asked.kv_len},
      {"q_heads planned for:", made.q_heads, asked.q_heads},
      {"kv_heads planned for:", made.kv_heads, asked.kv_heads},
      {"d_qk planned for:", made.d_qk, asked.d_qk},
      {"d_v planned for:", made.d_v, asked.d_v},
      {"compute type planned for, scalar_kind", kind(h.compute), kind(compute)},
      {"kernels (rows of a register tile) planned for:", h.tiles.row_group, geometry.row_group},
      {"kernels (keys of a register tile) planned for:", h.tiles.panel, geometry.panel},
      {"instruction_set planned for:", h.tiles.kernels, geometry.kernels},
      {"query offsets (1) or none (0) planned for:", h.packed_queries, !lengths.query_offsets.empty()},
      {"row_max (1) or none (0) planned for:", h.row_max, static_cast<bool>(o.row_max)}};
  for (const auto& s : same) {
    if (s.made != s.asked) return error(status_code::mismatch, "plan", s.what, s.made, s.asked);
  }
  plan_header wanted{};
  wanted.shape = asked;
  wanted.tiles = geometry;
  planner::keep_options(wanted, o);
  const struct { const char* what; bool same; } kept[] = {
      {"its scale", h.scale == wanted.scale},
      {"its method", h.method == wanted.method && h.threshold == wanted.threshold},
      {"its coverage", h.coverage == wanted.coverage && h.tau == wanted.tau && h.lipschitz == wanted.lipschitz},
      {"its weights", h.weights == wanted.weights && h.weights_in_place == wanted.weights_in_place && h.pairs == wanted.pairs},
      {"its margin", h.margin_exponent == wanted.margin_exponent},
      {"its sample", h.stride == wanted.stride && h.radius == wanted.radius && h.windows == wanted.windows},
      {"its anchors", h.first_keys == wanted.first_keys && h.nearest_keys == wanted.nearest_keys},
      {"its guard_limit", h.guard_limit == wanted.guard_limit},
      {"its diagnostics", h.diagnostics == wanted.diagnostics}};
  for (const auto& k : kept) {
    if (!k.same) return error_text(status_code::mismatch, "plan", k.what, "options with another");
  }
  for (index_type i = 0; i < made.sequences; ++i) {
    const plan_sequence& planned = p.sequences()[static_cast<std::size_t>(i)];
    const plan_sequence now = lengths.at(i, asked);
    const struct { const char* what; index_type made; index_type asked; } each[] = {
        {"first query of a sequence planned for:", planned.query_begin, now.query_begin},
        {"q_len of a sequence planned for:", planned.q_len, now.q_len},
        {"kv_len of a sequence planned for:", planned.kv_len, now.kv_len}};
    for (const auto& s : each) {
      if (s.made != s.asked) return error(status_code::mismatch, "plan", s.what, s.made, s.asked);
    }
  }
  return success();
}

CRESTMAX_END_NAMESPACE
