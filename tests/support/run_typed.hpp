// The calls behind run(): one compiled entry point per combination of element types, source and backend.
#pragma once

#include <crestmax/attention.hpp>
#include <cstdio>
#include <cstdlib>

#include "attention_case.hpp"
#include "call_memory.hpp"

namespace crestmax_test {

// Plan and workspace, each of exactly the size that was asked for, in memory of their own.
template <class Tensors, class Chain, class Backend>
crestmax::status run_in_two_steps(const Tensors& tensors, crestmax::options options, const Chain& chain, const Backend& backend,
                                  const test_executor& executor, call_memory& memory, crestmax::report& report) {
  const int workers = executor.workers();
  crestmax::plan plan;
  const crestmax::problem shape = crestmax::problem_of(tensors, options);
  const std::span<std::byte> plan_memory = memory.scratch(crestmax::plan::bytes(shape.sequences), alignof(std::int64_t));
  if constexpr (requires { tensors.source.cache; }) options.key_lengths = tensors.source.cache.key_lengths;
  if constexpr (requires { tensors.source.offsets; }) options.key_offsets = tensors.source.offsets;
  if (crestmax::status planned = crestmax::make_plan(shape, plan_memory, plan, options, chain, backend); !planned.ok()) return planned;
  memory.make_read_only(plan_memory);
  options.workspace = memory.scratch(plan.workspace().total(workers), crestmax::workspace_size::alignment);
  const auto call = crestmax::attach(plan, workers, tensors, options, chain, backend);
  if (crestmax::status begun = call.begin(); !begun.ok()) return begun;
  for (index_type stage = 0; stage < call.stages(); ++stage) {
    executor.run(call.items(stage), [&](index_type item, int worker) { call.run(stage, item, worker); });
  }
  return call.collect(report);
}

template <class Q, class Source, class O, class Backend>
crestmax::status run_source(const attention_case& c, attention_result& r, const Source& source,
                            crestmax::options options, const surroundings& s, Backend backend,
                            call_memory& placed) {
  test_tensor query_copy = c.query;
  const auto query = placed.input(query_copy.view<Q>(), query_copy);
  const auto output = placed.output(r.output.view<O>(), r.output);
  const auto chain = c.modifiers.chain();
  if (s.memory != placing::as_it_is) {
    return run_in_two_steps(crestmax::tensors(query, source, output), options, chain, backend, s.executor, placed, r.report);
  }
  std::vector<std::byte> memory;
  if (s.workspace != workspace_kind::owned) {
    std::size_t bytes = 0;
    const crestmax::status measured = crestmax::workspace_bytes(crestmax::tensors(query, source, output), s.executor.workers(),
                                                                bytes, options, chain, backend);
    if (!measured.ok()) return measured;
    const std::byte fill{s.workspace == workspace_kind::given_dirty ? std::uint8_t{0xff} : std::uint8_t{0}};
    memory.assign(bytes + 64, fill);
    const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
    options.workspace = {memory.data() + (64 - address % 64), bytes};
  }
  return crestmax::attention(query, source, output, options, chain, backend, s.executor);
}

template <class Q, class K, class V, class O, class Backend>
crestmax::status run_types(const attention_case& c, attention_result& r, crestmax::options options,
                           const surroundings& s, Backend backend) {
  call_memory placed(s.memory, r.outside_is_untouched);
  const auto key = placed.input(c.key.view<K>(), c.key);
  const auto value = placed.input(c.value.view<V>(), c.value);
  for (auto* lengths : {&options.query_offsets, &options.key_offsets, &options.query_lengths, &options.key_lengths}) {
    *lengths = placed.input(*lengths);
  }
  options.lse = placed.output(options.lse, r.lse);
  options.row_max = placed.output(options.row_max, r.row_max);
  options.dropped_mass = placed.output(options.dropped_mass, r.dropped_mass);
  if (!c.pages) {
    return run_source<Q, crestmax::contiguous_source<K, V>, O, Backend>(
        c, r, crestmax::make_source(key, value, options.key_offsets), options, s, backend, placed);
  }
  const crestmax::paged_cache<K, V> cache{.key_pages = key,
                                          .value_pages = value,
                                          .block_table = placed.input(std::span(c.pages->block_table)),
                                          .key_lengths = placed.input(std::span(c.pages->lengths)),
                                          .table_stride = c.pages->table_stride,
                                          .page_offsets = placed.input(std::span(c.pages->offsets))};
  return run_source<Q, crestmax::paged_source<K, V>, O, Backend>(c, r, crestmax::make_source(cache), options,
                                                                 s, backend, placed);
}

template <class Backend>
attention_result run_on(const attention_case& c, const surroundings& s, Backend backend) {
  using f16 = crestmax::float16;
  using bf16 = crestmax::bfloat16;
  attention_result r;
  r.output = c.output;
  r.report = {};
  crestmax::options options = c.options;
  options.query_offsets = c.query_offsets;
  options.key_offsets = c.key_offsets;
  options.query_lengths = c.query_lengths;
  options.key_lengths = c.key_lengths;
  options.report = &r.report;
  const struct {
    bool wanted;
    test_tensor* rows;
    crestmax::row_output* to;
  } row_outputs[] = {{c.wants_lse, &r.lse, &options.lse},
                     {c.wants_row_max, &r.row_max, &options.row_max},
                     {c.wants_dropped_mass, &r.dropped_mass, &options.dropped_mass}};
  for (const auto& o : row_outputs) {
    if (!o.wanted) continue;
    *o.rows = test_tensor(c.row_kind, {c.query.extent(0), c.query.extent(1), c.q_heads(), 1},
                          memory_layout::padded);
    const auto fill_in = [&](auto view) {
      *o.to = crestmax::row_tensor<std::remove_pointer_t<decltype(view.data)>>(
          view.data, {view.extents[0], view.extents[1], view.extents[2]},
          {view.strides[0], view.strides[1], view.strides[2]});
    };
    if (c.row_kind == scalar_kind::float64)
      fill_in(o.rows->template view<double>());
    else
      fill_in(o.rows->template view<float>());
  }
  const auto types = [&](scalar_kind q, scalar_kind k, scalar_kind v, scalar_kind o) {
    return c.query.kind() == q && c.key.kind() == k && c.value.kind() == v && c.output.kind() == o;
  };
  constexpr auto f32_kind = scalar_kind::float32;
  constexpr auto f64_kind = scalar_kind::float64;
  constexpr auto f16_kind = scalar_kind::float16;
  constexpr auto bf16_kind = scalar_kind::bfloat16;
  if (types(f32_kind, f32_kind, f32_kind, f32_kind)) {
    r.status = run_types<float, float, float, float, Backend>(c, r, options, s, backend);
  } else if (types(f64_kind, f64_kind, f64_kind, f64_kind)) {
    r.status = run_types<double, double, double, double, Backend>(c, r, options, s, backend);
  } else if (types(f16_kind, f16_kind, f16_kind, f16_kind)) {
    r.status = run_types<f16, f16, f16, f16, Backend>(c, r, options, s, backend);
  } else if (types(bf16_kind, bf16_kind, bf16_kind, bf16_kind)) {
    r.status = run_types<bf16, bf16, bf16, bf16, Backend>(c, r, options, s, backend);
  } else if (types(bf16_kind, bf16_kind, bf16_kind, f32_kind)) {
    r.status = run_types<bf16, bf16, bf16, float, Backend>(c, r, options, s, backend);
  } else if (types(f32_kind, f16_kind, f16_kind, f32_kind)) {
    r.status = run_types<float, f16, f16, float, Backend>(c, r, options, s, backend);
  } else if (types(f32_kind, bf16_kind, bf16_kind, f32_kind)) {
    r.status = run_types<float, bf16, bf16, float, Backend>(c, r, options, s, backend);
  } else if (types(f32_kind, f16_kind, bf16_kind, f16_kind)) {
    r.status = run_types<float, f16, bf16, f16, Backend>(c, r, options, s, backend);
  } else if (types(f16_kind, f16_kind, f16_kind, f32_kind)) {
    r.status = run_types<f16, f16, f16, float, Backend>(c, r, options, s, backend);
  } else if (types(f64_kind, f32_kind, f32_kind, f64_kind)) {
    r.status = run_types<double, float, float, double, Backend>(c, r, options, s, backend);
  } else {
    std::fprintf(stderr, "run(): this combination of element types is not compiled\n");
    std::abort();
  }
  return r;
}

attention_result run_on_cpu(const attention_case& c, const surroundings& s);
attention_result run_on_portable(const attention_case& c, const surroundings& s);
attention_result run_on_tiles(const attention_case& c, const surroundings& s);

}  // namespace crestmax_test
