// What a call of the C interface asks for: tensors, options and modifiers, read and checked as far as C alone can be wrong.
#pragma once

#include <optional>

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

inline bool check_constants(const crestmax_options& o, status& why) {
  const struct { const char* argument; std::int32_t given; std::int32_t last; } constants[] = {
      {"options.most_instruction_set", o.most_instruction_set, last_set},
      {"options.least_instruction_set", o.least_instruction_set, last_set},
      {"options.coverage", o.coverage, CRESTMAX_WITHIN_BOUND_OF_OUTPUT},
      {"options.method", o.method, CRESTMAX_SAMPLED_MAX},
      {"options.coarse", o.coarse, CRESTMAX_OFF},
      {"options.weights", o.weights, CRESTMAX_WEIGHTS_BFLOAT16},
      {"options.products", o.products, CRESTMAX_PRODUCTS_INTEGER}};
  for (const auto& c : constants) {
    if (!check_constant(c.argument, c.given, 0, c.last, why)) return false;
  }
  return true;
}

// Options and modifiers, and the backend that the options choose.
struct call_options {
  options common;
  modifier_list modifiers;
  backend::cpu backend;
  crestmax_report* report = nullptr;

  bool read(const crestmax_options* given, status& why) {
    const auto set_defaults = [](crestmax_options& o) { o = default_options(); };
    crestmax_options larger;
    if (given == nullptr) set_defaults(larger);
    const crestmax_options* const read = given == nullptr ? &larger : read_struct("options", given, larger, set_defaults, why);
    if (read == nullptr) return false;
    const crestmax_options& o = *read;
    if (!check_constants(o, why) || !read_arrays(o, why)) return false;
    read_values(o);
    report = o.report;
    if (report != nullptr && !check_struct("options.report", report, why)) return false;
    return read_modifiers(o.modifiers, o.modifier_count, modifiers, why);
  }

 private:
  bool read_arrays(const crestmax_options& o, status& why) {
    return read_rows("lse", o.lse, common.lse, why) && read_rows("row_max", o.row_max, common.row_max, why) &&
           read_rows("dropped_mass", o.dropped_mass, common.dropped_mass, why) && read_rows("output_error", o.output_error, common.output_error, why) &&
           read_numbers("query_offsets", o.query_offsets, common.query_offsets, why) &&
           read_numbers("key_offsets", o.key_offsets, common.key_offsets, why) &&
           read_numbers("query_lengths", o.query_lengths, common.query_lengths, why) &&
           read_numbers("key_lengths", o.key_lengths, common.key_lengths, why) &&
           read_coding("key_coding", o.key_coding, common.key_coding, why) && read_coding("value_coding", o.value_coding, common.value_coding, why);
  }
  void read_values(const crestmax_options& o) {
    common.softmax = method_of(o);
    common.coverage = {static_cast<coverage_kind>(o.coverage), o.tau, o.tolerance};
    if (o.has_scale != 0) common.scale = o.scale;
    common.workspace = bytes_of(o.workspace);
    common.products = static_cast<products>(o.products);
    common.weights = static_cast<weight_type>(o.weights);
    common.tiles = {o.query_block, o.key_tile, o.splits};
    common.guard_limit = o.guard_limit;
    if (o.has_lipschitz != 0) common.lipschitz = o.lipschitz;
    common.diagnostics = o.diagnostics != 0;
    backend.most = sets[o.most_instruction_set];
    if (o.least_instruction_set != CRESTMAX_SET_ANY) backend.least = sets[o.least_instruction_set];
  }
};

inline bool read_cache(const crestmax_pages* given, cache_view& result, status& why) {
  crestmax_pages larger;
  const crestmax_pages* const read = read_struct("pages", given, larger, why);
  if (read == nullptr) return false;
  const crestmax_pages& p = *read;
  result.table_stride = p.table_stride;
  const crestmax_checked_pages& c = p.checked;
  result.checked = {c.table, c.lengths, c.offsets, c.entries, c.sequences, c.table_stride, c.page_size, c.pages};
  return read_rows_of_cache("key_pages", p.key_pages, result.key_pages, why) && read_rows_of_cache("value_pages", p.value_pages, result.value_pages, why) &&
         read_numbers("block_table", p.block_table, result.block_table, why) &&
         read_numbers("key_lengths", p.key_lengths, result.key_lengths, why) &&
         read_numbers("page_offsets", p.page_offsets, result.page_offsets, why);
}

// Tensors, or a query, pages and an output; with options.
struct call : call_options {
  tensor_view query, output, key, value;
  std::optional<cache_view> cache;  // of pages, in the place of key and value

  bool read(const crestmax_tensors* given, const crestmax_options* with, status& why) {
    crestmax_tensors larger;
    const crestmax_tensors* const t = read_struct("tensors", given, larger, why);
    return t != nullptr && read_tensor("query", t->query, query, why) && read_tensor("output", t->output, output, why) &&
           read_keys(*t, why) && call_options::read(with, why);
  }

  // Calls f with the call's views, of the type that it is computed in.
  template <class F>
  decltype(auto) visit(F&& f) const {
    const tensor_view& k = cache ? cache->key_pages : key;
    const tensor_view& v = cache ? cache->value_pages : value;
    if (compute_kind(query.kind, k.kind, v.kind) == scalar_kind::float64) return visit_source<double>(f);
    return visit_source<float>(f);
  }

 private:
  bool read_keys(const crestmax_tensors& t, status& why) {
    if (t.pages == nullptr) return read_rows_of_cache("key", t.key, key, why) && read_rows_of_cache("value", t.value, value, why);
    const char* const given = t.key.data != nullptr ? "key" : t.value.data != nullptr ? "value" : nullptr;
    if (given != nullptr) return refuse(why, error_text(status_code::bad_option, given, "none: pages are given", "some"));
    return read_cache(t.pages, cache.emplace(), why);
  }
  template <class T, class F>
  decltype(auto) visit_source(F&& f) const {
    if (cache) return f(call_views<T, paged_view>{query, paged_view(*cache), output});
    return f(call_views<T, contiguous_view>{query, contiguous_view(key, value, common.key_offsets), output});
  }
};

}  // namespace c

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
