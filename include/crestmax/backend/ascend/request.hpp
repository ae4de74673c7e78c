// What a call asks of the device kernel: everything that the kernel does not serve is refused here, by name, before
// anything is written; the rest becomes the kernel's arguments.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "../../planner.hpp"
#include "../concept.hpp"
#include "source.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace npu {

inline bool is_narrow(scalar_kind kind) { return kind == scalar_kind::float16 || kind == scalar_kind::bfloat16; }

inline status unsupported(const char* argument, const char* expected, const char* given) {
  return error_text(status_code::unsupported, argument, expected, given);
}

// Types, modifiers and options. Dimensions and strides are the tiling's to judge.
inline status check_options(const problem& p, const options& o) {
  if (p.paged) return unsupported("key_pages", "key and value tensors", "pages");
  if (!is_narrow(p.query_kind)) return unsupported("query", "float16 or bfloat16", name(p.query_kind));
  const struct { const char* argument; scalar_kind kind; } others[] = {
      {"key", p.key_kind}, {"value", p.value_kind}, {"output", p.output_kind}};
  for (const auto& t : others) {
    if (t.kind != p.query_kind) {
      return unsupported(t.argument, p.query_kind == scalar_kind::float16 ? "float16 (that of query)" : "bfloat16 (that of query)",
                         name(t.kind));
    }
  }
  if (p.other_modifier != modifier_kind::none) return unsupported("modifiers", "causal or none", name(p.other_modifier));
  const struct { const char* argument; bool given; } lengths[] = {{"query_offsets", !o.query_offsets.empty()},
                                                                  {"key_offsets", !o.key_offsets.empty()},
                                                                  {"query_lengths", !o.query_lengths.empty()},
                                                                  {"key_lengths", !o.key_lengths.empty()}};
  for (const auto& l : lengths) {
    if (l.given) return unsupported(l.argument, "none: all sequences have one length", "some");
  }
  const softmax_method& m = o.softmax;
  if (m.kind != softmax_kind::sampled_max && m.kind != softmax_kind::anchor_shift) {
    return unsupported("softmax", "sampled_max or anchor_shift", name(m.kind));
  }
  if (o.coverage.kind != coverage_kind::everything) return unsupported("coverage", "everything", name(o.coverage.kind));
  const weight_type own = p.query_kind == scalar_kind::float16 ? weight_type::float16 : weight_type::bfloat16;
  if (o.weights != weight_type::planner && o.weights != own) {
    return unsupported("weights", own == weight_type::float16 ? "float16 (the type of query)" : "bfloat16 (the type of query)",
                       name(o.weights));
  }
  if (o.diagnostics) return unsupported("diagnostics", "off", "on");
  if (o.row_max) return unsupported("row_max", "none", "some");
  if (o.dropped_mass) return unsupported("dropped_mass", "none: nothing is dropped", "some");
  if (o.output_error) return unsupported("output_error", "none: all that is stored is read", "some");
  if (o.lse && o.lse.kind != scalar_kind::float32) return unsupported("lse", "float32", name(o.lse.kind));
  if (o.scale && !(*o.scale > 0)) return error_real(status_code::unsupported, "scale", "a positive number", *o.scale);
  const struct { const char* argument; index_type given; } sizes[] = {{"tiles.query_block", o.tiles.query_block},
                                                                 {"tiles.key_tile", o.tiles.key_tile},
                                                                 {"tiles.splits", o.tiles.splits}};
  for (const auto& s : sizes) {
    if (s.given != 0) return error(status_code::unsupported, s.argument, "0: the kernel's own", s.given);
  }
  return success();
}

// A refusal of the tiling as a status.
inline status as_status(const crestmax::ascend::refusal& r) {
  if (!r) return success();
  status s{};
  s.code = r.code;
  std::snprintf(s.text, sizeof s.text, "%s", r.text().c_str());
  return s;
}

// What the tiling is told of a problem: tensors without addresses, rows side by side.
inline crestmax::ascend::tiling_request request_of(const problem& p, const device_properties& device) {
  crestmax::ascend::tiling_request r;
  r.on = device.generation;
  r.element = p.query_kind;
  r.causal = p.causal;
  r.batch = p.sequences;
  r.q_len = p.q_len;
  r.kv_len = p.kv_len;
  r.q_heads = p.q_heads;
  r.kv_heads = p.kv_heads;
  r.d_qk = p.d_qk;
  r.d_v = p.d_v;
  r.cores = device.cube_cores;
  r.query = r.key = {0, 0, p.d_qk, 0};
  r.value = r.output = {0, 0, p.d_v, 0};
  return r;
}

inline bool is_empty(const problem& p) { return p.sequences == 0 || p.q_len == 0 || p.q_heads == 0; }

// Dimensions and counts that the kernel's buffers and arguments hold.
inline status check_sizes(const problem& p, const options& o, const device_properties& device) {
  const softmax_method& m = o.softmax;
  crestmax::ascend::tiling_request r = request_of(p, device);
  if (is_empty(p)) r.batch = r.q_len = r.q_heads = r.kv_heads = 1;
  if (m.kind == softmax_kind::sampled_max) {
    r.sample_stride = m.stride;
    r.windows = m.windows;
  }
  if (o.scale) r.scale = *o.scale;
  crestmax::ascend::tiling unused;
  if (status s = as_status(crestmax::ascend::make_tiling(r, unused)); !s.ok()) return s;
  // Anchors and windows are whole tiles of keys: never fewer keys than asked for.
  constexpr index_type tile = crestmax::ascend::target_2201::most_keys;
  const struct { const char* argument; index_type given; index_type most; } keys[] = {
      {"radius", m.radius, tile / 2},
      {"first_keys", m.first_keys, tile},
      {"nearest_keys", m.nearest_keys, crestmax::ascend::nearest_keys}};
  for (const auto& k : keys) {
    if (k.given > k.most) {
      return error(status_code::unsupported, k.argument, "what the kernel's tiles hold, at most", k.most, k.given);
    }
  }
  return success();
}

// Of dimensions that check_sizes() has seen.
inline tile_geometry geometry(const head_shape& p, generation on) {
  const crestmax::ascend::device_layout l =
      crestmax::ascend::layout_for(on, static_cast<std::int32_t>(p.d_qk), static_cast<std::int32_t>(p.d_v));
  tile_geometry g{l.query_tile, l.key_tile, l.query_tile, l.half_rows, 16, static_cast<std::int32_t>(on)};
  g.whole_call = true;
  g.weights = p.query_kind == scalar_kind::float16 ? weight_type::float16 : weight_type::bfloat16;
  return g;
}

// What a plan was made for. Whether a call is causal changes nothing of what is asked of a plan.
inline problem problem_of(const plan_header& h) {
  problem p;
  p.sequences = h.sequences;
  p.q_len = h.q_len;
  p.kv_len = h.kv_len;
  p.q_heads = h.shape.q_heads;
  p.kv_heads = h.shape.kv_heads;
  p.d_qk = h.shape.d_qk;
  p.d_v = h.shape.d_v;
  p.query_kind = p.key_kind = p.value_kind = p.output_kind = h.shape.query_kind;
  return p;
}

// Where the workspace holds what: the counters of all vector cores, then the blocks' scratch.
struct workspace_places {
  std::int32_t blocks = 0;
  std::size_t counters = 0;  // bytes
  std::size_t total = 0;
  static constexpr std::size_t scratch_alignment = 512;
};

inline workspace_places workspace(const problem& p, const device_properties& device) {
  crestmax::ascend::tiling made{};
  if (is_empty(p) || crestmax::ascend::make_tiling(request_of(p, device), made)) return {};
  const memory_size counters(made.counters_bytes);
  const memory_size total = counters + memory_size(workspace_places::scratch_alignment) + memory_size(made.scratch_bytes);
  return {made.blocks, counters.value(), total.value()};
}

inline constexpr std::size_t argument_words = sizeof(crestmax::ascend::kernel_arguments) / sizeof(std::uint64_t);

inline kernel_key key_of(const problem& p, const device_properties& device) {
  return {device.generation, p.query_kind, p.d_qk, p.d_v, p.causal};
}

inline std::uint64_t address_of(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }

// A stride along a single element means nothing.
inline crestmax::ascend::tensor_arguments arguments_of(const tensor_view& t) {
  const auto stride = [&](std::size_t i, index_type alone) { return t.extents[i] > 1 ? t.strides[i] : alone; };
  return {address_of(t.data), stride(0, 0), stride(1, t.extents[3]), stride(2, 0)};
}

// A call's memory and a plan as the kernel's arguments; what of it does not suit the device.
inline status arguments_of(const device_call& call, const device_properties& device,
                           crestmax::ascend::kernel_arguments& arguments) {
  const problem& p = call.shape;
  const plan_header& h = call.plan.header();
  const struct { const char* argument; const tensor_view* tensor; } tensors[] = {{"key", &call.key}, {"value", &call.value}};
  for (const auto& t : tensors) {
    if (t.tensor->data == nullptr && p.kv_len > 0) return unsupported(t.argument, "a tensor", "another source");
  }
  crestmax::ascend::tiling_request r = request_of(p, device);
  r.query = arguments_of(call.query);
  r.key = arguments_of(call.key);
  r.value = arguments_of(call.value);
  r.output = arguments_of(call.output);
  r.lse = {address_of(call.lse.data), call.lse.strides[0], p.q_len > 1 ? call.lse.strides[1] : 1, call.lse.strides[2]};
  r.scale = h.scale;
  r.sample_stride = h.coarse && p.kv_len >= h.least_keys_to_sample ? h.stride : 0;
  r.windows = r.sample_stride > 0 ? h.windows : 0;
  r.has_margin = true;
  r.margin = h.margin_exponent * ln2;
  crestmax::ascend::tiling made{};
  if (status s = as_status(crestmax::ascend::make_tiling(r, made)); !s.ok()) return s;
  arguments = made.arguments;
  arguments.guard_tile_limit = std::min(arguments.guard_tile_limit, static_cast<float>(std::ldexp(h.guard_limit, -h.margin_exponent)));
  arguments.counters = address_of(call.workspace.memory);
  constexpr std::uint64_t alignment = workspace_places::scratch_alignment;
  arguments.scratch = (arguments.counters + made.counters_bytes + alignment - 1) / alignment * alignment;
  return success();
}

// Pairs (query row, key) that masks leave over.
inline index_type visible_pairs(const problem& p) {
  const index_type heads = p.sequences * p.q_heads;
  if (!p.causal) return heads * p.q_len * p.kv_len;
  // Row i sees kv_len - q_len + i + 1 keys, if that is more than none.
  const index_type last = p.kv_len;
  const index_type first = std::max<index_type>(1, p.kv_len - p.q_len + 1);
  return last < first ? 0 : heads * ((last - first + 1) * (first + last) / 2);
}

// What one core counted. Keys are counted once per query tile by both vector cores alike, failing rows by each of them.
struct call_counters {
  index_type tiles = 0, sampled = 0, crest = 0, swept = 0, redone = 0, failing_rows = 0;

  void add(const crestmax::ascend::core_counters& c, bool first_of_its_block) {
    failing_rows += c.failing_rows;
    if (!first_of_its_block) return;
    tiles += c.query_tiles;
    sampled += c.keys_sampled;
    crest += c.keys_crest;
    swept += c.keys_swept;
    redone += c.keys_redone;
  }
};

// Counts of pairs are keys times the mean of rows per query tile.
inline void fill_report(const device_call& call, const call_counters& c, report& r) {
  const problem& p = call.shape;
  const plan_header& h = call.plan.header();
  r.rows = p.sequences * p.q_len * p.q_heads;
  const auto pairs = [&](index_type keys) {
    const double rows = static_cast<double>(r.rows) / static_cast<double>(std::max<index_type>(1, c.tiles));
    return static_cast<index_type>(std::llround(static_cast<double>(keys) * rows));
  };
  r.pairs_visible = visible_pairs(p);
  r.pairs_masked = r.rows * p.kv_len - r.pairs_visible;
  r.pairs_sampled = pairs(c.sampled);
  r.pairs_crest = pairs(c.crest);
  r.pairs_accumulated = r.pairs_visible;
  r.bytes_read = size_of(p.key_kind) * ((c.sampled + c.crest) * p.d_qk + (c.swept + c.redone) * (p.d_qk + p.d_v));
  r.rows_corrected = c.failing_rows;
  // A weight below the guard's limit: its score is at most log(limit) above the shift. How far above it those of corrected rows were the
  // device does not say.
  const double asked = std::ldexp(h.guard_limit, -h.margin_exponent);
  const double limit = p.query_kind == scalar_kind::float16 ? std::min(asked, 65504.0) : asked;
  r.max_undershoot_bound = c.failing_rows > 0 ? std::numeric_limits<double>::infinity()
                           : limit > 0        ? std::max(0.0, std::log(limit) + h.margin_exponent * ln2)
                                              : 0;
}

}  // namespace npu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
