#include "crest.hpp"

#include <crestmax/crestmax.hpp>
#include <crestmax/stages/pipeline.hpp>
#include <cstdlib>
#include <memory>

namespace example {

namespace {

namespace stages = crestmax::cpu;

struct release {
  void operator()(std::byte* memory) const { std::free(memory); }
};

// Calls f(block, number) for every query block of a head, opened and ready for its first stage.
template <class F>
void for_each_block(const captured_model& m, index_type head, const crestmax::softmax_method& method, F&& f) {
  std::vector<float> out(static_cast<std::size_t>(m.queries() * m.d_v));
  const crestmax::tensor<const float> query{m.query_row(head, m.first_query), {1, m.queries(), 1, m.d_qk}};
  const crestmax::tensor<const float> key{m.key_row(head, 0), {1, m.tokens, 1, m.d_qk}};
  const crestmax::tensor<const float> value{m.value_row(head, 0), {1, m.tokens, 1, m.d_v}};
  const auto tensors = crestmax::tensors(query, key, value, crestmax::tensor<float>(out.data(), {1, m.queries(), 1, m.d_v}));
  crestmax::options options{.softmax = method};
  std::vector<std::uint64_t> plan_memory(crestmax::plan::bytes(1) / 8);
  crestmax::plan plan;
  const crestmax::backend::generic backend;
  crestmax::problem problem = crestmax::problem_of(tensors);
  problem.workers = 1;  // blocks are whole, one after the other
  const auto planned = crestmax::make_plan(problem, std::as_writable_bytes(std::span(plan_memory)), plan, options, backend);
  if (!planned) std::abort();  // measure() ran it
  const std::size_t bytes = plan.workspace().total(1);
  const std::unique_ptr<std::byte, release> workspace(static_cast<std::byte*>(std::aligned_alloc(64, bytes)));
  options.workspace = {workspace.get(), bytes};
  const auto call = crestmax::attach(plan, 1, tensors, options, crestmax::causal{m.causal}, backend);
  if (!call.begin()) std::abort();
  const auto data = call.data();
  backend.begin(data, 0);
  auto block = stages::make_block(stages::generic::kernels::table<float>(), data, 0);
  for (index_type number = 0; number < plan.sequences()[0].blocks(1); ++number) {
    stages::start_block(block, number);
    f(block);
  }
}

double nats(const crestmax::cpu::block<float>& block, float score) {
  return static_cast<double>(score) * static_cast<double>(block.weighing.unit);
}

}  // namespace

std::vector<double> find_crests(const captured_model& m, index_type head, const crestmax::softmax_method& method) {
  std::vector<double> crests(static_cast<std::size_t>(m.queries()));
  for_each_block(m, head, method, [&](auto& block) {
    stages::find_crest(block, false);
    for (index_type r = 0; r < block.view.rows; ++r) {
      crests[static_cast<std::size_t>(block.view.rows_at[r].query_index)] = nats(block, block.state.crest[r]);
    }
  });
  return crests;
}

crest_trace trace_crest(const captured_model& m, index_type head, index_type query, const crestmax::softmax_method& method) {
  crest_trace trace;
  for_each_block(m, head, method, [&](auto& block) {
    if (query < block.view.hull.first_query || query > block.view.hull.last_query) return;
    stages::take_anchors(block, false);
    for (int i = 0; i < block.search.taken.size(); ++i) trace.anchors.push_back(block.search.taken[i]);
    stages::coarse_max(block);
    const index_type last = block.view.keys.end - 1;
    for (index_type key = stages::first_sample(block); key < last; key += method.stride) trace.samples.push_back(key);
    trace.samples.push_back(last);
    auto seen = block.search.taken;
    stages::take_plateaus(block, false);
    for (index_type i = 0; i < block.search.window_count; ++i) {
      const index_type peak = block.search.windows[i].key;
      trace.peaks.push_back(peak);
      const crestmax::key_interval window = stages::widen(block, peak - method.radius, peak + method.radius + 1);
      seen.for_each_gap(window, [&](crestmax::key_interval gap) { trace.plateaus.push_back(gap); });
      seen.insert(window);
    }
    stages::fix_shift(block);
    for (index_type r = 0; r < block.view.rows; ++r) {
      if (block.view.rows_at[r].query != query) continue;
      trace.crest = nats(block, block.state.crest[r]);
      trace.shift = trace.crest + block.weighing.margin * crestmax::ln2;
    }
  });
  return trace;
}

}  // namespace example
