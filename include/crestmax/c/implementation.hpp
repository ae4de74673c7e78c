// The functions of crestmax.h. One C++20 file of a program includes this header, and needs nothing else in it. Compiled with
// -fno-exceptions it needs no C++ library when it is linked: crestmax/c/README.md.
#pragma once

#define CRESTMAX_C_IMPLEMENTATION
#include "append.hpp"
#include "attached.hpp"
#include "crestmax.h"
#include "names.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace c {

// A caller's parallel-for as an executor; without one the calling thread runs all.
struct lent_executor {
  const crestmax_parallel_for* lent;
  int workers() const { return lent == nullptr ? 1 : lent->workers; }
  template <class Body>
  void run(index_type count, Body&& body) const {
    if (lent == nullptr) return serial{}.run(count, body);
    using type = std::remove_reference_t<Body>;
    lent->run(lent->user, count, [](void* context, int64_t item, int32_t worker) { (*static_cast<type*>(context))(item, worker); },
              std::addressof(body));
  }
};

// Fills the status that a function was given, and returns its code.
inline crestmax_code finish(const status& s, crestmax_status* to) {
  write_status(s, to);
  return static_cast<crestmax_code>(s.code);
}

inline void write_report(const report& r, crestmax_report* to) {
  crestmax_report c{};
  c.backend = r.backend;
  c.instruction_set = r.instruction_set;
  c.weights = r.weights;
  c.rows = r.rows;
  c.pairs_visible = r.pairs_visible;
  c.pairs_sampled = r.pairs_sampled;
  c.pairs_crest = r.pairs_crest;
  c.pairs_plateau = r.pairs_plateau;
  c.pairs_accumulated = r.pairs_accumulated;
  c.pairs_skipped = r.pairs_skipped;
  c.pairs_masked = r.pairs_masked;
  c.bytes_read = r.bytes_read;
  c.rescales = r.rescales;
  c.rows_corrected = r.rows_corrected;
  c.max_dropped_mass = r.max_dropped_mass;
  c.max_dropped_estimate = r.max_dropped_estimate;
  c.max_undershoot_bound = r.max_undershoot_bound;
  c.lipschitz = r.lipschitz;
  c.max_undershoot = r.max_undershoot;
  c.max_sampling_bound = r.max_sampling_bound;
  c.rows_above_bound = r.rows_above_bound;
  c.dropped_mass_kind = static_cast<std::int32_t>(r.dropped_mass_kind);
  c.lipschitz_from = static_cast<std::int32_t>(r.lipschitz_from);
  c.max_output_error = r.max_output_error;
  c.keys_refined = r.keys_refined;
  c.rows_read_on = r.rows_read_on;
  c.output_error_kind = static_cast<std::int32_t>(r.output_error_kind);
  write_struct(c, to);
}

inline status workspace_bytes(const crestmax_tensors* tensors, const crestmax_options* with, int workers, std::size_t* bytes) {
  call of;
  status why;
  if (!check_pointer("bytes", bytes, why) || !of.read(tensors, with, why)) return why;
  return of.visit([&](const auto& t) { return crestmax::workspace_bytes(t, workers, *bytes, of.common, of.modifiers, of.backend); });
}

inline status attention(const crestmax_tensors* tensors, const crestmax_options* with, const crestmax_parallel_for* parallel) {
  call of;
  status why;
  if (!of.read(tensors, with, why)) return why;
  if (parallel != nullptr && parallel->run == nullptr) return error_text(status_code::null_pointer, "parallel.run", "a function", "null");
  std::optional<report> r;
  if (of.report != nullptr) of.common.report = &r.emplace();
  const lent_executor run_on{parallel};
  why = of.visit([&](const auto& t) { return crestmax::run_call<no_memory>(t, of.common, of.modifiers, of.backend, run_on); });
  if (r && r->backend[0] != 0) write_report(*r, of.report);  // of a call that was begun
  return why;
}

inline status problem_of(const crestmax_tensors* tensors, const crestmax_options* with, crestmax_problem* result) {
  call of;
  status why;
  if (!check_struct("problem", result, why) || !of.read(tensors, with, why)) return why;
  return of.visit([&](const auto& t) {
    const bound_call bound(t, of.common, of.modifiers, of.backend);
    if (status s = bound.check_lengths(); !s.ok()) return s;
    const problem p = bound.shape();
    write_struct({0, p.sequences, p.q_len, p.kv_len, p.q_heads, p.kv_heads, p.d_qk, p.d_v, type_of_kind(p.query_kind),
                  type_of_kind(p.key_kind), type_of_kind(p.value_kind), type_of_kind(p.output_kind), p.row_max, p.paged, 0},
                 result);
    return success();
  });
}

inline bool read_problem(const crestmax_problem* given, problem& result, status& why) {
  crestmax_problem larger;
  const crestmax_problem* const read = read_struct("problem", given, larger, why);
  if (read == nullptr) return false;
  const crestmax_problem& p = *read;
  const struct { const char* argument; crestmax_type type; scalar_kind* kind; } types[] = {
      {"problem.query_type", p.query_type, &result.query_kind}, {"problem.key_type", p.key_type, &result.key_kind},
      {"problem.value_type", p.value_type, &result.value_kind}, {"problem.output_type", p.output_type, &result.output_kind}};
  for (const auto& t : types) {
    const bool encoded = is_encoding(t.type) && (t.kind == &result.key_kind || t.kind == &result.value_kind);
    if (!encoded && !check_constant(t.argument, t.type, CRESTMAX_FLOAT32, CRESTMAX_BFLOAT16, why)) return false;
    *t.kind = kind_of_type(t.type);
  }
  result.sequences = p.sequences;
  result.q_len = p.q_len;
  result.kv_len = p.kv_len;
  result.q_heads = p.q_heads;
  result.kv_heads = p.kv_heads;
  result.d_qk = p.d_qk;
  result.d_v = p.d_v;
  result.row_max = p.row_max != 0;
  result.paged = p.paged != 0;
  result.workers = p.workers;
  return true;
}

inline status make_plan(const crestmax_problem* given, const crestmax_options* with, const crestmax_memory& memory) {
  problem p;
  call_options o;
  plan result;
  status why;
  if (!read_problem(given, p, why) || !o.read(with, why)) return why;
  return crestmax::make_plan(p, bytes_of(memory), result, o.common, o.modifiers, o.backend);
}

inline status read_plan(const crestmax_memory& memory, int workers, crestmax_plan_facts* result) {
  status why;
  if (!check_struct("facts", result, why)) return why;
  if (status s = crestmax::check_workers(workers); !s.ok()) return s;
  const plan p(bytes_of(memory));
  if (!p) return error_text(status_code::null_pointer, "plan", "a plan made by this version and build of the library", "none");
  const plan_header& h = p.header();
  write_struct({0, h.sequences, h.stages, {h.items[0], h.items[1], h.items[2]},
                number_of(static_cast<instruction_set>(h.tiles.kernels)), p.workspace().total(workers)},
               result);
  return success();
}

// Memory for a runnable, as workspaces are checked.
inline bool check_runnable(const crestmax_memory& memory, status& why) {
  constexpr std::size_t needed = sizeof(crestmax_runnable);
  constexpr auto alignment = static_cast<index_type>(alignof(crestmax_runnable));
  if (memory.bytes < needed) {
    return refuse(why, error(status_code::workspace_too_small, "runnable", "bytes, at least", static_cast<index_type>(needed),
                             static_cast<index_type>(memory.bytes)));
  }
  return validate::suits(memory.data, alignment) || refuse(why, validate::pointer_error("runnable", memory.data, alignment));
}

inline status attach(const crestmax_memory& planned, int workers, const crestmax_tensors* tensors, const crestmax_options* with,
                     const crestmax_memory& memory, crestmax_runnable** result) {
  status why;
  if (!check_pointer("result", static_cast<const void*>(result), why)) return why;
  *result = nullptr;
  call of;
  if (!of.read(tensors, with, why) || !check_runnable(memory, why)) return why;
  const plan p(bytes_of(planned));
  return of.visit([&](const auto& t) {
    const auto attached_to = crestmax::attach(p, workers, t, of.common, of.modifiers, of.backend);
    if (attached_to.ready().ok()) *result = new (memory.data) crestmax_runnable{attached(attached_to)};
    return attached_to.ready();
  });
}

// Calls f with the builder of a mask's map.
template <class F>
status with_mask_map(const crestmax_tensor* mask, const crestmax_memory& map, F&& f) {
  mask_view view;
  status why;
  if (!check_pointer("mask", mask, why) || !read_mask_view("mask", *mask, view, why)) return why;
  return f(mask_map_builder(view, bytes_of(map)));
}

inline status mask_map_bytes(const crestmax_tensor* mask, std::size_t* bytes) {
  mask_view view;
  status why;
  if (!check_pointer("bytes", bytes, why) || !check_pointer("mask", mask, why) || !read_mask_view("mask", *mask, view, why)) return why;
  return crestmax::mask_map_bytes(view, *bytes);
}

inline status append_rows(const crestmax_new_rows* given, const crestmax_written_cache* to, const crestmax_parallel_for* parallel) {
  new_rows rows;
  written_cache cache;
  status why;
  if (!rows.read(given, why) || !cache.read(to, why)) return why;
  if (parallel != nullptr && parallel->run == nullptr) return error_text(status_code::null_pointer, "parallel.run", "a function", "null");
  cache.options.sequence_of = rows.sequence_of;
  const lent_executor run_on{parallel};
  return crestmax::append(rows.rows, cache.rows, rows.slots, cache.options, run_on);
}

inline status build_mask_map(const crestmax_tensor* mask, const crestmax_memory& map, const crestmax_parallel_for* parallel) {
  if (parallel != nullptr && parallel->run == nullptr) return error_text(status_code::null_pointer, "parallel.run", "a function", "null");
  return with_mask_map(mask, map, [&](mask_map_builder builder) {
    if (status s = builder.begin(); !s.ok()) return s;
    lent_executor{parallel}.run(builder.items(), [&](index_type item, int) { builder.run(item); });
    return builder.finish();
  });
}

inline status collect(const crestmax_runnable* runnable, crestmax_report* to) {
  status why;
  if (!check_pointer("runnable", runnable, why)) return why;
  if (to != nullptr && !check_struct("report", to, why)) return why;
  report r;
  const status s = runnable->call.visit([&](const auto& call) { return call.collect(r); });
  if (to != nullptr) write_report(r, to);
  return s;
}

}  // namespace c

CRESTMAX_END_NAMESPACE

extern "C" {

crestmax_code crestmax_workspace_bytes(const crestmax_tensors* tensors, const crestmax_options* options, int32_t workers, size_t* bytes,
                                       crestmax_status* status) {
  return crestmax::c::finish(crestmax::c::workspace_bytes(tensors, options, workers, bytes), status);
}

crestmax_code crestmax_attention(const crestmax_tensors* tensors, const crestmax_options* options, const crestmax_parallel_for* parallel,
                                 crestmax_status* status) {
  return crestmax::c::finish(crestmax::c::attention(tensors, options, parallel), status);
}

crestmax_code crestmax_check_pages(const crestmax_pages* pages, crestmax_checked_pages* checked, crestmax_status* status) {
  crestmax::cache_view cache;
  crestmax::checked_pages c;
  crestmax::status s;
  if (crestmax::c::check_pointer("checked", checked, s) && crestmax::c::read_cache(pages, cache, s)) s = crestmax::check_pages(cache, c);
  if (s.ok()) *checked = {c.table, c.lengths, c.offsets, c.entries, c.sequences, c.table_stride, c.page_size, c.pages};
  return crestmax::c::finish(s, status);
}

crestmax_code crestmax_problem_of(const crestmax_tensors* tensors, const crestmax_options* options, crestmax_problem* problem,
                                  crestmax_status* status) {
  return crestmax::c::finish(crestmax::c::problem_of(tensors, options, problem), status);
}

size_t crestmax_plan_bytes(int64_t sequences) { return crestmax::plan::bytes(sequences < 0 ? 0 : sequences); }

crestmax_code crestmax_make_plan(const crestmax_problem* problem, const crestmax_options* options, crestmax_memory plan,
                                 crestmax_status* status) {
  return crestmax::c::finish(crestmax::c::make_plan(problem, options, plan), status);
}

crestmax_code crestmax_read_plan(crestmax_memory plan, int32_t workers, crestmax_plan_facts* facts, crestmax_status* status) {
  return crestmax::c::finish(crestmax::c::read_plan(plan, workers, facts), status);
}

size_t crestmax_describe_plan(crestmax_memory plan, char* text, size_t bytes) {
  return crestmax::plan(crestmax::c::bytes_of(plan)).describe({text, text == nullptr ? 0 : bytes});
}

size_t crestmax_runnable_bytes(void) { return sizeof(crestmax_runnable); }

crestmax_code crestmax_attach(crestmax_memory plan, int32_t workers, const crestmax_tensors* tensors, const crestmax_options* options,
                              crestmax_memory runnable, crestmax_runnable** result, crestmax_status* status) {
  return crestmax::c::finish(crestmax::c::attach(plan, workers, tensors, options, runnable, result), status);
}

crestmax_code crestmax_begin(crestmax_runnable* runnable, crestmax_status* status) {
  crestmax::status s;
  if (crestmax::c::check_pointer("runnable", runnable, s)) s = runnable->call.begin();
  return crestmax::c::finish(s, status);
}

int64_t crestmax_stages(const crestmax_runnable* runnable) {
  return runnable == nullptr ? 0 : runnable->call.visit([](const auto& r) { return r.stages(); });
}

int64_t crestmax_items(const crestmax_runnable* runnable, int64_t stage) {
  return runnable == nullptr ? 0 : runnable->call.visit([&](const auto& r) { return r.items(stage); });
}

void crestmax_run(crestmax_runnable* runnable, int64_t stage, int64_t item, int32_t worker) {
  if (runnable != nullptr) runnable->call.visit([&](const auto& r) { r.run(stage, item, worker); });
}

crestmax_code crestmax_run_in_team(crestmax_runnable* runnable, int32_t ith, int32_t nth, void (*barrier)(void* user), void* user,
                                   crestmax_status* status) {
  crestmax::status s;
  if (crestmax::c::check_pointer("runnable", runnable, s)) s = runnable->call.run_in_team(ith, nth, barrier, user);
  return crestmax::c::finish(s, status);
}

crestmax_code crestmax_collect(const crestmax_runnable* runnable, crestmax_report* report, crestmax_status* status) {
  return crestmax::c::finish(crestmax::c::collect(runnable, report), status);
}

crestmax_code crestmax_mask_map_bytes(const crestmax_tensor* mask, size_t* bytes, crestmax_status* status) {
  return crestmax::c::finish(crestmax::c::mask_map_bytes(mask, bytes), status);
}

crestmax_code crestmax_append(const crestmax_new_rows* rows, const crestmax_written_cache* cache, const crestmax_parallel_for* parallel,
                              crestmax_status* status) {
  return crestmax::c::finish(crestmax::c::append_rows(rows, cache, parallel), status);
}

crestmax_code crestmax_truncate(const crestmax_written_cache* cache, int64_t sequence, int64_t from, int64_t to, int64_t slot, crestmax_status* status) {
  crestmax::c::written_cache of;
  crestmax::status why;
  if (!of.read(cache, why)) return crestmax::c::finish(why, status);
  return crestmax::c::finish(crestmax::truncate(of.rows, {sequence, from, to, slot}, of.options), status);
}

crestmax_code crestmax_build_mask_map(const crestmax_tensor* mask, crestmax_memory map, const crestmax_parallel_for* parallel, crestmax_status* status) {
  return crestmax::c::finish(crestmax::c::build_mask_map(mask, map, parallel), status);
}

crestmax_code crestmax_begin_mask_map(const crestmax_tensor* mask, crestmax_memory map, int64_t* items, crestmax_status* status) {
  crestmax::status s;
  if (crestmax::c::check_pointer("items", items, s)) {
    s = crestmax::c::with_mask_map(mask, map, [&](crestmax::mask_map_builder builder) {
      const crestmax::status begun = builder.begin();
      if (begun.ok()) *items = builder.items();
      return begun;
    });
  }
  return crestmax::c::finish(s, status);
}

crestmax_code crestmax_run_mask_map(const crestmax_tensor* mask, crestmax_memory map, int64_t item, crestmax_status* status) {
  return crestmax::c::finish(crestmax::c::with_mask_map(mask, map, [&](crestmax::mask_map_builder builder) {
    const crestmax::status joined = builder.join();
    builder.run(item);
    return joined;
  }), status);
}

crestmax_code crestmax_finish_mask_map(const crestmax_tensor* mask, crestmax_memory map, crestmax_status* status) {
  return crestmax::c::finish(crestmax::c::with_mask_map(mask, map, [&](crestmax::mask_map_builder builder) {
    const crestmax::status joined = builder.join();
    return joined.ok() ? builder.finish() : joined;
  }), status);
}

const char* crestmax_version(void) { return crestmax::c::version_text; }
int32_t crestmax_version_number(void) {
  return 10000 * CRESTMAX_VERSION_MAJOR + 100 * CRESTMAX_VERSION_MINOR + CRESTMAX_VERSION_PATCH;
}
const char* crestmax_name_of_status(crestmax_code code) { return crestmax::c::name_of_status(code); }
const char* crestmax_name_of_type(crestmax_type type) { return crestmax::c::name_of_type(type); }
const char* crestmax_name_of_instruction_set(int32_t set) { return crestmax::c::name_of_set(set); }
int32_t crestmax_widest_instruction_set(void) { return crestmax::c::number_of(crestmax::cpu::machine_set()); }
int32_t crestmax_has_instruction_set(int32_t set) {
  return set == CRESTMAX_SET_ANY ||
                 (set > 0 && set <= crestmax::c::last_set && crestmax::cpu::machine_has(crestmax::c::sets[set]))
             ? 1
             : 0;
}

void crestmax_options_init(crestmax_options* options, size_t size) {
  if (options == nullptr || size < sizeof options->size || size > crestmax::c::most_size) return;
  std::memcpy(static_cast<void*>(options), &size, sizeof size);
  crestmax::c::write_struct(crestmax::c::default_options(), options);
}

}  // extern "C"

#include "../names_back.inc"
