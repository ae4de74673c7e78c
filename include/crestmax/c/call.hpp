// What a call of the C interface asks for: tensors, options and modifiers, read and checked as far as C alone can be wrong.
#pragma once

#include "read.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace c {

// The sets in the order of their numbers in C, which stay when C++ gets others in between.
inline constexpr instruction_set sets[] = {instruction_set::widest, instruction_set::generic, instruction_set::neon,
                                           instruction_set::neon_bf16, instruction_set::avx2, instruction_set::avx512,
                                           instruction_set::avx512_bf16, instruction_set::amx};
inline constexpr std::int32_t last_set = CRESTMAX_SET_AMX;
static_assert(sets[last_set] == instruction_set::amx && std::size(sets) == last_set + 1);

constexpr std::int32_t number_of(instruction_set set) {
  std::int32_t number = CRESTMAX_SET_ANY;
  for (std::int32_t i = 1; i <= last_set; ++i) number = sets[i] == set ? i : number;
  return number;
}

inline crestmax_options default_options() {
  const options o{};
  const sampled_max method{};
  crestmax_options d{};
  d.size = sizeof d;
  d.method = CRESTMAX_SAMPLED_MAX;
  d.stride = method.stride;
  d.radius = method.radius;
  d.windows = method.windows;
  d.first_keys = method.first_keys;
  d.nearest_keys = method.nearest_keys;
  d.threshold = lazy_max{}.threshold;
  d.guard_limit = o.guard_limit;
  return d;
}

inline softmax_method method_of(const crestmax_options& o) {
  const std::optional<double> margin = o.has_margin != 0 ? std::optional<double>(o.margin) : std::nullopt;
  switch (o.method) {
    case CRESTMAX_RUNNING_MAX: return running_max{};
    case CRESTMAX_LAZY_MAX: return lazy_max{o.threshold};
    case CRESTMAX_ANCHOR_SHIFT: return anchor_shift{margin, o.first_keys, o.nearest_keys};
    default: return sampled_max{o.stride, o.radius, o.windows, margin, static_cast<choice>(o.coarse), o.first_keys, o.nearest_keys};
  }
}

inline status check_constants(const crestmax_options& o) {
  const struct { const char* argument; std::int32_t given; std::int32_t last; } constants[] = {
      {"options.most_instruction_set", o.most_instruction_set, last_set},
      {"options.least_instruction_set", o.least_instruction_set, last_set},
      {"options.coverage", o.coverage, CRESTMAX_PLATEAUS},
      {"options.method", o.method, CRESTMAX_SAMPLED_MAX},
      {"options.coarse", o.coarse, CRESTMAX_OFF},
      {"options.weights", o.weights, CRESTMAX_WEIGHTS_BFLOAT16}};
  for (const auto& c : constants) {
    if (status s = check_constant(c.argument, c.given, 0, c.last); !s.ok()) return s;
  }
  return success();
}

// Options and modifiers, and the backend that the options choose.
struct call_options {
  options common;
  modifier_list modifiers;
  backend::cpu backend;
  crestmax_report* report = nullptr;

  status read(const crestmax_options* given) {
    crestmax_options o = default_options();
    if (given != nullptr) {
      if (status s = read_struct("options", given, o); !s.ok()) return s;
    }
    if (status s = check_constants(o); !s.ok()) return s;
    if (status s = read_arrays(o); !s.ok()) return s;
    read_values(o);
    report = o.report;
    if (report != nullptr) {
      if (status s = check_struct("options.report", report); !s.ok()) return s;
    }
    return read_modifiers(o.modifiers, o.modifier_count, modifiers);
  }

 private:
  status read_arrays(const crestmax_options& o) {
    if (status s = read_rows("lse", o.lse, common.lse); !s.ok()) return s;
    if (status s = read_rows("row_max", o.row_max, common.row_max); !s.ok()) return s;
    if (status s = read_rows("dropped_mass", o.dropped_mass, common.dropped_mass); !s.ok()) return s;
    if (status s = read_numbers("query_offsets", o.query_offsets, common.query_offsets); !s.ok()) return s;
    if (status s = read_numbers("key_offsets", o.key_offsets, common.key_offsets); !s.ok()) return s;
    if (status s = read_numbers("query_lengths", o.query_lengths, common.query_lengths); !s.ok()) return s;
    return read_numbers("key_lengths", o.key_lengths, common.key_lengths);
  }
  void read_values(const crestmax_options& o) {
    common.softmax = method_of(o);
    common.coverage = {static_cast<coverage_kind>(o.coverage), o.tau};
    if (o.has_scale != 0) common.scale = o.scale;
    common.workspace = bytes_of(o.workspace);
    common.weights = static_cast<weight_type>(o.weights);
    common.tiles = {o.query_block, o.key_tile, o.splits};
    common.guard_limit = o.guard_limit;
    if (o.has_lipschitz != 0) common.lipschitz = o.lipschitz;
    common.diagnostics = o.diagnostics != 0;
    backend.most = sets[o.most_instruction_set];
    if (o.least_instruction_set != CRESTMAX_SET_ANY) backend.least = sets[o.least_instruction_set];
  }
};

inline status read_cache(const crestmax_pages* given, cache_view& result) {
  crestmax_pages p{};
  if (status s = read_struct("pages", given, p); !s.ok()) return s;
  if (status s = read_tensor("key_pages", p.key_pages, result.key_pages); !s.ok()) return s;
  if (status s = read_tensor("value_pages", p.value_pages, result.value_pages); !s.ok()) return s;
  if (status s = read_numbers("block_table", p.block_table, result.block_table); !s.ok()) return s;
  if (status s = read_numbers("key_lengths", p.key_lengths, result.key_lengths); !s.ok()) return s;
  if (status s = read_numbers("page_offsets", p.page_offsets, result.page_offsets); !s.ok()) return s;
  result.table_stride = p.table_stride;
  const crestmax_checked_pages& c = p.checked;
  result.checked = {c.table, c.lengths, c.offsets, c.entries, c.sequences, c.table_stride, c.page_size, c.pages};
  return success();
}

// Tensors, or a query, pages and an output; with options.
struct call : call_options {
  tensor_view query, output, key, value;
  cache_view cache;
  bool is_paged = false;

  status read(const crestmax_tensors* given, const crestmax_options* with) {
    crestmax_tensors t{};
    if (status s = read_struct("tensors", given, t); !s.ok()) return s;
    if (status s = read_tensor("query", t.query, query); !s.ok()) return s;
    if (status s = read_tensor("output", t.output, output); !s.ok()) return s;
    if (status s = read_keys(t); !s.ok()) return s;
    return call_options::read(with);
  }

  // Calls f with the call's views, of the type that it is computed in.
  template <class F>
  decltype(auto) visit(F&& f) const {
    const tensor_view& k = is_paged ? cache.key_pages : key;
    const tensor_view& v = is_paged ? cache.value_pages : value;
    if (compute_kind(query.kind, k.kind, v.kind) == scalar_kind::float64) return visit_source<double>(f);
    return visit_source<float>(f);
  }

 private:
  status read_keys(const crestmax_tensors& t) {
    is_paged = t.pages != nullptr;
    if (is_paged) {
      if (t.key.data != nullptr) return error_text(status_code::bad_option, "key", "none: pages are given", "some");
      if (t.value.data != nullptr) return error_text(status_code::bad_option, "value", "none: pages are given", "some");
      return read_cache(t.pages, cache);
    }
    if (status s = read_tensor("key", t.key, key); !s.ok()) return s;
    return read_tensor("value", t.value, value);
  }
  template <class T, class F>
  decltype(auto) visit_source(F&& f) const {
    if (is_paged) return f(call_views<T, paged_view>{query, paged_view(cache), output});
    return f(call_views<T, contiguous_view>{query, contiguous_view(key, value, common.key_offsets), output});
  }
};

}  // namespace c

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
