// What a call asks of the device kernel: everything that the kernel does not serve is refused here, by name, before
// anything is written; the rest becomes the kernel's arguments.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "../../planner.hpp"
#include "../concept.hpp"
#include "source.hpp"
#include "schedule.hpp"

CRESTMAX_BEGIN_NAMESPACE

namespace npu {

inline constexpr index alignment = 32;  // bytes, of addresses and strides

inline bool is_narrow(scalar_kind kind) { return kind == scalar_kind::float16 || kind == scalar_kind::bfloat16; }

inline status unsupported(const char* argument, const char* expected, const char* given) {
  return error_text(status_code::unsupported, argument, expected, given);
}

// Types, modifiers and options. Dimensions are the tiling's to judge.
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
  if (o.lse && o.lse.kind != scalar_kind::float32) return unsupported("lse", "float32", name(o.lse.kind));
  if (o.scale && !(*o.scale > 0)) return error_real(status_code::unsupported, "scale", "a positive number", *o.scale);
  const struct { const char* argument; index given; } sizes[] = {{"tiles.query_block", o.tiles.query_block},
                                                                 {"tiles.key_tile", o.tiles.key_tile},
                                                                 {"tiles.splits", o.tiles.splits}};
  for (const auto& s : sizes) {
    if (s.given != 0) return error(status_code::unsupported, s.argument, "0: the kernel's own", s.given);
  }
  return success();
}

// Which keys are sampled: every how manieth, or none.
inline index sample_stride(const plan_header& h) {
  return h.coarse && h.shape.kv_len >= h.least_keys_to_sample ? std::min(h.stride, index{1} << 30) : 0;
}

// The largest step, in elements, between rows that one copy into a core takes.
inline constexpr index largest_row_step = 65535;

// Address and strides of one tensor. `step`: only every `step`th row is copied, by one copy.
inline status check_tensor(const char* argument, const tensor_view& t, index step, index largest) {
  for (const index extent : t.extents) {
    if (extent == 0) return success();
  }
  if (t.data == nullptr) return unsupported(argument, "a tensor", "another source");
  const auto beyond = static_cast<index>(reinterpret_cast<std::uintptr_t>(t.data) % static_cast<std::uintptr_t>(alignment));
  if (beyond != 0) return error(status_code::misaligned, argument, "an address that is a multiple of", alignment, beyond);
  const index unit = alignment / size_of(t.kind);
  for (std::size_t i = 0; i < 3; ++i) {
    if (t.extents[i] > 1 && t.strides[i] % unit != 0) {
      return error(status_code::bad_stride, argument, "strides of whole 32 bytes, multiples of", unit, t.strides[i]);
    }
  }
  if (t.extents[1] < 2) return success();
  if (t.strides[1] < 1) return error(status_code::bad_stride, argument, "rows that rise, a stride of at least", unit, t.strides[1]);
  if (t.strides[1] > largest / step) {
    return error(status_code::bad_stride, argument,
                 step > 1 ? "rows whose stride times that of the sample is at most" : "rows whose stride is at most", largest,
                 t.strides[1] > largest ? t.strides[1] : t.strides[1] * step);
  }
  return success();
}

inline status check_memory(const device_call& call) {
  const index sampled = std::max<index>(1, sample_stride(call.plan.header()));
  const struct { const char* argument; const tensor_view* tensor; index step; index largest; } tensors[] = {
      {"query", &call.query, 1, largest_row_step},
      {"key", &call.key, sampled, largest_row_step},
      {"value", &call.value, 1, largest_row_step},
      {"output", &call.output, 1, index{1} << 30}};
  for (const auto& t : tensors) {
    if (status s = check_tensor(t.argument, *t.tensor, t.step, t.largest); !s.ok()) return s;
  }
  if (call.lse) {
    const auto beyond = static_cast<index>(reinterpret_cast<std::uintptr_t>(call.lse.data) % sizeof(float));
    if (beyond != 0) return error(status_code::misaligned, "lse", "an address that is a multiple of", sizeof(float), beyond);
  }
  return success();
}

// Dimensions that the kernel's buffers are made for, and counts that fit its arguments.
inline status check_sizes(const problem& p, const options& o, const device_properties& device) {
  if (!crestmax::ascend::head_dims_served(static_cast<std::int32_t>(std::min<index>(p.d_qk, 65536)),
                                          static_cast<std::int32_t>(std::min<index>(p.d_v, 65536)))) {
    if (p.d_qk != 64 && p.d_qk != 128 && p.d_qk != 192 && p.d_qk != 256) {
      return error(status_code::unsupported, "d_qk", "64, 128, 192 or 256", p.d_qk);
    }
    return error(status_code::unsupported, "d_v", "for this d_qk", p.d_qk == 192 ? 128 : p.d_qk, p.d_v);
  }
  const struct { const char* argument; index given; } extents[] = {
      {"batch", p.sequences}, {"q_len", p.q_len}, {"kv_len", p.kv_len}, {"q_heads", p.q_heads}, {"kv_heads", p.kv_heads}};
  constexpr index largest = index{1} << 30;
  for (const auto& e : extents) {
    if (e.given > largest) return error(status_code::unsupported, e.argument, "at most", largest, e.given);
  }
  if (device.cube_cores < 1) return error(status_code::unavailable, "device", "cube cores, at least", 1, device.cube_cores);
  const softmax_method& m = o.softmax;
  if (m.kind == softmax_kind::sampled_max && (m.windows > crestmax::ascend::most_windows || m.windows % 2 != 0)) {
    return error(status_code::unsupported, "windows", "an even number, at most", crestmax::ascend::most_windows, m.windows);
  }
  // Anchors and windows are whole tiles of keys: never fewer keys than asked for.
  constexpr index tile = crestmax::ascend::target_2201::most_keys;
  const struct { const char* argument; index given; index most; } keys[] = {
      {"radius", m.radius, tile / 2},
      {"first_keys", m.first_keys, tile},
      {"nearest_keys", m.nearest_keys, crestmax::ascend::nearest_keys}};
  for (const auto& k : keys) {
    if (k.given > k.most) return error(status_code::unsupported, k.argument, "what the kernel's tiles hold, at most", k.most, k.given);
  }
  return success();
}

inline bool is_empty(const problem& p) { return p.sequences == 0 || p.q_len == 0 || p.q_heads == 0; }

// Dimensions that check_sizes() has seen.
inline crestmax::ascend::device_layout layout_of(const problem& p, architecture generation) {
  const auto d_qk = static_cast<std::int32_t>(p.d_qk), d_v = static_cast<std::int32_t>(p.d_v);
  return generation == architecture::dav_2201 ? crestmax::ascend::layout_for<crestmax::ascend::target_2201>(d_qk, d_v)
                                              : crestmax::ascend::layout_for<crestmax::ascend::target_3510>(d_qk, d_v);
}

inline tile_geometry geometry(const problem& p, architecture generation) {
  const crestmax::ascend::device_layout l = layout_of(p, generation);
  tile_geometry g{l.query_tile, l.key_tile, l.query_tile, l.half_rows, 16, static_cast<std::int32_t>(generation)};
  g.whole_call = true;
  g.weights = p.query_kind == scalar_kind::float16 ? weight_type::float16 : weight_type::bfloat16;
  return g;
}

// Query tiles go round the blocks (a cube core and its two vector cores each).
inline index query_tiles(const problem& p) {
  return p.sequences * p.q_heads * planner::divide_up(p.q_len, crestmax::ascend::query_tile_of(static_cast<std::int32_t>(p.d_v)));
}

// Where the workspace holds what: the counters of all cores, then each block's scratch.
struct workspace_places {
  std::int32_t blocks;
  std::size_t counter_bytes;
  std::size_t total;
};

inline workspace_places workspace(const problem& p, const device_properties& device) {
  constexpr std::size_t scratch_alignment = 512;
  workspace_places w{};
  w.blocks = static_cast<std::int32_t>(std::min<index>(device.cube_cores, query_tiles(p)));
  const auto blocks = static_cast<std::size_t>(w.blocks);
  w.counter_bytes = 2 * blocks * sizeof(crestmax::ascend::core_counters);
  w.total = w.counter_bytes + scratch_alignment + blocks * layout_of(p, device.generation).scratch_bytes;
  return w;
}

inline constexpr std::size_t argument_words = sizeof(crestmax::ascend::kernel_arguments) / sizeof(std::uint64_t);

inline kernel_key key_of(const problem& p, const device_properties& device) {
  return {device.generation, p.query_kind, p.d_qk, p.d_v, p.causal};
}

inline std::uint64_t address_of(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }

inline crestmax::ascend::tensor_arguments arguments_of(const tensor_view& t) {
  return {address_of(t.data), t.strides[0], t.extents[1] > 1 ? t.strides[1] : t.extents[3], t.strides[2]};
}

inline crestmax::ascend::kernel_arguments arguments_of(const device_call& call, const device_properties& device) {
  const problem& p = call.shape;
  const plan_header& h = call.plan.header();
  const workspace_places places = workspace(p, device);
  crestmax::ascend::kernel_arguments a{};
  a.query = arguments_of(call.query);
  a.key = arguments_of(call.key);
  a.value = arguments_of(call.value);
  a.output = arguments_of(call.output);
  a.lse = {address_of(call.lse.data), call.lse.strides[0], call.lse.strides[1], call.lse.strides[2]};
  a.counters = address_of(call.workspace.memory);
  a.scratch = (a.counters + places.counter_bytes + 511) / 512 * 512;
  a.batch = static_cast<std::int32_t>(p.sequences);
  a.q_len = static_cast<std::int32_t>(p.q_len);
  a.kv_len = static_cast<std::int32_t>(p.kv_len);
  a.q_heads = static_cast<std::int32_t>(p.q_heads);
  a.kv_heads = static_cast<std::int32_t>(p.kv_heads);
  a.blocks = places.blocks;
  a.sample_stride = static_cast<std::int32_t>(sample_stride(h));
  a.windows = a.sample_stride > 0 ? static_cast<std::int32_t>(h.windows) : 0;
  a.scale = static_cast<float>(h.scale);
  const double margin = h.margin_exponent * ln2;
  a.margin = static_cast<float>(margin);
  // Below the largest number of float16 no weight can have been cut to it: a sum has rounded weights, none above it.
  const double limit = p.query_kind == scalar_kind::float16 ? 65504.0 : 0x1p40;
  a.guard_tile_limit = static_cast<float>(std::min(h.guard_limit, limit));
  a.guard_least_sum = static_cast<float>(std::exp(-margin) / 2);
  return a;
}

// Pairs (query row, key) that masks leave over.
inline index visible_pairs(const problem& p) {
  const index heads = p.sequences * p.q_heads;
  if (!p.causal) return heads * p.q_len * p.kv_len;
  // Row i sees kv_len - q_len + i + 1 keys, if that is more than none.
  const index last = p.kv_len;
  const index first = std::max<index>(1, p.kv_len - p.q_len + 1);
  return last < first ? 0 : heads * ((last - first + 1) * (first + last) / 2);
}

// What one core counted. Keys are counted once per query tile by both vector cores alike, failing rows by each of them.
struct call_counters {
  index tiles = 0, sampled = 0, crest = 0, swept = 0, redone = 0, failing_rows = 0;

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
  const auto pairs = [&](index keys) {
    return c.tiles == 0 ? 0 : static_cast<index>(std::llround(static_cast<double>(keys) * static_cast<double>(r.rows) / static_cast<double>(c.tiles)));
  };
  r.pairs_visible = visible_pairs(p);
  r.pairs_masked = r.rows * p.kv_len - r.pairs_visible;
  r.pairs_sampled = pairs(c.sampled);
  r.pairs_crest = pairs(c.crest);
  r.pairs_accumulated = r.pairs_visible;
  r.bytes_read = size_of(p.key_kind) * ((c.sampled + c.crest) * p.d_qk + (c.swept + c.redone) * (p.d_qk + p.d_v));
  r.rows_corrected = c.failing_rows;
  // A weight below the guard's limit: its score is at most log(limit) above the shift.
  const double limit = p.query_kind == scalar_kind::float16 ? std::min(h.guard_limit, 65504.0) : h.guard_limit;
  r.max_undershoot_bound = limit > 0 ? std::max(0.0, std::log(limit) + h.margin_exponent * ln2) : 0;
}

}  // namespace npu

CRESTMAX_END_NAMESPACE
