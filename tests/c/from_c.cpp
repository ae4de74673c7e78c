#include "from_c.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace crestmax_test {
namespace {

template <class Tensor>
void take_shape(Tensor& to, scalar_kind kind, const std::array<index_type, 4>& extents, const std::array<index_type, 4>& strides) {
  to.type = type_of(kind);
  std::copy(extents.begin(), extents.end(), to.extents);
  std::copy(strides.begin(), strides.end(), to.strides);
}

crestmax_tensor input(const test_tensor& t) {
  crestmax_tensor to{};
  take_shape(to, t.kind(), t.extents(), t.strides());
  to.data = t.view<std::byte>().data;
  return to;
}

crestmax_output output(test_tensor& t) {
  crestmax_output to{};
  take_shape(to, t.kind(), t.extents(), t.strides());
  to.data = t.view<std::byte>().data;
  return to;
}

crestmax_rows rows(test_tensor& t) {
  crestmax_rows to{};
  to.data = t.view<std::byte>().data;
  to.type = type_of(t.kind());
  std::copy_n(t.extents().begin(), 3, to.extents);
  std::copy_n(t.strides().begin(), 3, to.strides);
  return to;
}

crestmax_numbers numbers(const std::vector<std::int32_t>& v) { return {v.data(), v.size()}; }

template <class T>
crestmax_tensor table(const crestmax::score_table<T>& t, crestmax_type type) {
  crestmax_tensor to{};
  to.data = t.table.data;
  to.type = type;
  std::copy(t.table.extents.begin(), t.table.extents.end(), to.extents);
  std::copy(t.table.strides.begin(), t.table.strides.end(), to.strides);
  return to;
}

}  // namespace

double c_call::ripple_score(void* user, double score, const crestmax_position* at) {
  const auto* r = static_cast<const ripple_of*>(user);
  const crestmax::score_position place{at->sequence, at->head, at->query, at->query_index, at->key};
  const ripple of{r->height};
  return r->in_double ? of(score, place) : static_cast<double>(of(static_cast<float>(score), place));
}

void c_call::take_modifiers(const attention_case& c) {
  const test_modifiers& m = c.modifiers;
  for (const score_modifiers::any& part : m.scores.parts) {
    if (const auto* r = std::get_if<ripple>(&part)) {
      if (!r->active()) continue;
      ripples_.push_back({r->height, c.computes_in_double()});
      modifiers_.push_back(crestmax_custom_score(ripple_score, &ripples_.back()));
    } else if (const auto* a = std::get_if<crestmax::alibi>(&part)) {
      modifiers_.push_back(crestmax_alibi(a->slopes.data(), a->slopes.size()));
    } else if (const auto* s = std::get_if<crestmax::soft_cap>(&part)) {
      modifiers_.push_back(crestmax_soft_cap(s->cap));
    } else if (const auto* b = std::get_if<crestmax::additive_bias<float>>(&part)) {
      modifiers_.push_back(crestmax_additive_bias(table(*b, CRESTMAX_FLOAT32)));
    } else if (const auto* h = std::get_if<crestmax::additive_bias<crestmax::float16>>(&part)) {
      modifiers_.push_back(crestmax_additive_bias(table(*h, CRESTMAX_FLOAT16)));
    }
  }
  if (m.tensor.active()) take_mask(m.tensor.mask());
  if (m.causal.active()) {
    modifiers_.push_back(crestmax_causal());
    modifiers_.back().align = static_cast<int32_t>(m.causal.align);
  }
  if (m.window.active()) modifiers_.push_back(crestmax_sliding_window(m.window.left, m.window.right));
  if (m.mask.active()) modifiers_.push_back(crestmax_boolean_mask(table(m.mask, CRESTMAX_BYTE)));
  if (m.sinks.active()) modifiers_.push_back(crestmax_attention_sinks(m.sinks.logits.data(), m.sinks.logits.size()));
  take_placed(m.placed);
  options.modifiers = modifiers_.data();
  options.modifier_count = modifiers_.size();
}

// C takes strides that are all 0 for dense ones: there a mask of one number for all pairs has extents of 1.
void c_call::take_mask(const crestmax::mask_view& m) {
  constexpr crestmax_type types[] = {CRESTMAX_BYTE, CRESTMAX_FLOAT32, CRESTMAX_FLOAT64, CRESTMAX_FLOAT16, CRESTMAX_BFLOAT16};
  crestmax_tensor mask{};
  mask.data = m.data;
  mask.type = types[static_cast<int>(m.type)];
  std::copy(m.strides.begin(), m.strides.end(), mask.strides);
  const bool one_number = std::all_of(m.strides.begin(), m.strides.end(), [](index_type step) { return step == 0; });
  for (std::size_t i = 0; i < 4; ++i) mask.extents[i] = one_number ? std::min<index_type>(m.extents[i], 1) : m.extents[i];
  crestmax_status status{};
  std::size_t bytes = 0;
  EXPECT_EQ(crestmax_mask_map_bytes(&mask, &bytes, &status), CRESTMAX_OK) << status.message;
  map_ = aligned_bytes(bytes);
  EXPECT_EQ(crestmax_build_mask_map(&mask, map_.memory(), nullptr, &status), CRESTMAX_OK) << status.message;
  modifiers_.push_back(crestmax_mask_tensor(mask, map_.memory()));
}

void c_call::take_placed(const placed_modifiers& m) {
  const auto& [key, query] = m.positions;
  positions_ = {sizeof positions_,  key.data,          key.extents[0], key.extents[1], key.strides[0],
                query.data,         query.extents[0],  query.extents[1], query.strides[0]};
  if (m.tree.active()) {
    const auto& bits = m.tree.bits;
    modifiers_.push_back(crestmax_tree_mask(bits.data, bits.extents[0], bits.extents[1], bits.extents[2]));
  }
  const auto add = [&](crestmax_modifier by_place) { modifiers_.push_back(crestmax_at_positions(&positions_, by_place)); };
  if (m.alibi.active()) add(crestmax_alibi(m.alibi.slopes.data(), m.alibi.slopes.size()));
  if (m.causal.active()) add(crestmax_causal());
  if (m.window.active()) add(crestmax_sliding_window(m.window.left, m.window.right));
}

void c_call::take_options(const attention_case& c) {
  const crestmax::options& o = c.options;
  const auto take_optional = [](const std::optional<double>& from, int32_t& has, double& to) {
    has = from ? 1 : 0;
    if (from) to = *from;
  };
  take_optional(o.scale, options.has_scale, options.scale);
  take_optional(o.softmax.margin, options.has_margin, options.margin);
  take_optional(o.lipschitz, options.has_lipschitz, options.lipschitz);
  options.method = static_cast<int32_t>(o.softmax.kind);
  options.coarse = static_cast<int32_t>(o.softmax.coarse);
  options.stride = o.softmax.stride;
  options.radius = o.softmax.radius;
  options.windows = o.softmax.windows;
  options.first_keys = o.softmax.first_keys;
  options.nearest_keys = o.softmax.nearest_keys;
  options.threshold = o.softmax.threshold;
  options.coverage = static_cast<int32_t>(o.coverage.kind);
  options.tau = o.coverage.tau;
  options.tolerance = o.coverage.tolerance;
  options.weights = static_cast<int32_t>(o.weights);
  options.query_block = o.tiles.query_block;
  options.key_tile = o.tiles.key_tile;
  options.splits = o.tiles.splits;
  options.guard_limit = o.guard_limit;
  options.diagnostics = o.diagnostics ? 1 : 0;
  options.query_offsets = numbers(c.query_offsets);
  options.key_offsets = numbers(c.key_offsets);
  options.query_lengths = numbers(c.query_lengths);
  options.key_lengths = numbers(c.key_lengths);
}

c_call::c_call(const attention_case& c, attention_result& r)
    : tensors(crestmax_contiguous(input(c.query), input(c.key), input(c.value), output(r.output))), options(crestmax_default_options()) {
  take_options(c);
  take_modifiers(c);
  if (c.pages) {
    pages_.size = sizeof pages_;
    pages_.key_pages = input(c.key);
    pages_.value_pages = input(c.value);
    pages_.block_table = numbers(c.pages->block_table);
    pages_.key_lengths = numbers(c.pages->lengths);
    pages_.table_stride = c.pages->table_stride;
    pages_.page_offsets = numbers(c.pages->offsets);
    tensors = crestmax_paged(input(c.query), &pages_, output(r.output));
    options.key_lengths = {};
  }
  const struct { bool wanted; test_tensor* rows; crestmax_rows* to; } outputs[] = {
      {c.wants_lse, &r.lse, &options.lse},
      {c.wants_row_max, &r.row_max, &options.row_max},
      {c.wants_dropped_mass, &r.dropped_mass, &options.dropped_mass}};
  for (const auto& o : outputs) {
    if (!o.wanted) continue;
    *o.rows = test_tensor(c.row_kind, {c.query.extent(0), c.query.extent(1), c.q_heads(), 1}, memory_layout::padded);
    *o.to = rows(*o.rows);
  }
  report.size = sizeof report;
  options.report = &report;
}

std::string name_of(way w) {
  switch (w) {
    case way::one_call: return "OneCall";
    case way::parallel_for: return "ParallelFor";
    case way::items: return "Items";
    case way::team: return "Team";
  }
  return "";
}

void on_threads(int n, const std::function<void(int)>& body) {
  std::vector<std::thread> others;
  for (int i = 1; i < n; ++i) others.emplace_back(body, i);
  body(0);
  for (std::thread& t : others) t.join();
}

void team_barrier::wait() {
  const int round = rounds_.load();
  if (waiting_.fetch_add(1) + 1 == threads_) {
    waiting_.store(0);
    rounds_.fetch_add(1);
    rounds_.notify_all();
  } else {
    rounds_.wait(round);
  }
}

namespace {

void run_for_each(void* user, int64_t count, crestmax_item body, void* context) {
  const test_executor& threads = *static_cast<const test_executor*>(user);
  threads.run(count, [&](index_type item, int worker) { body(context, item, worker); });
}

crestmax_code in_one_call(c_call& call, way w, int workers, crestmax_status& status) {
  test_executor threads{executor_kind::shuffled_threads, workers, 1};
  const crestmax_parallel_for parallel{workers, run_for_each, &threads};
  size_t bytes = 0;
  const crestmax_code measured = crestmax_workspace_bytes(&call.tensors, &call.options, workers, &bytes, &status);
  if (measured != CRESTMAX_OK) return measured;
  aligned_bytes workspace(bytes);
  call.options.workspace = workspace.memory();
  return crestmax_attention(&call.tensors, &call.options, w == way::parallel_for ? &parallel : nullptr, &status);
}

void run_items(crestmax_runnable* call, int workers) {
  const test_executor threads{executor_kind::shuffled_threads, workers, 2};
  for (int64_t stage = 0; stage < crestmax_stages(call); ++stage) {
    threads.run(crestmax_items(call, stage), [&](index_type item, int worker) { crestmax_run(call, stage, item, worker); });
  }
}

crestmax_code in_team(crestmax_runnable* call, int workers, crestmax_status& status) {
  team_barrier barrier(workers);
  std::vector<crestmax_code> codes(static_cast<std::size_t>(workers), CRESTMAX_OK);
  on_threads(workers, [&](int i) {
    crestmax_status* const to = i == 0 ? &status : nullptr;
    codes[static_cast<std::size_t>(i)] = crestmax_run_in_team(call, i, workers, team_barrier::wait, &barrier, to);
  });
  for (const crestmax_code code : codes) {
    if (code != CRESTMAX_OK) return code;
  }
  return CRESTMAX_OK;
}

crestmax_code in_steps(c_call& call, way w, int workers, crestmax_status& status) {
  crestmax_problem problem = crestmax_empty_problem();
  crestmax_code code = crestmax_problem_of(&call.tensors, &call.options, &problem, &status);
  if (code != CRESTMAX_OK) return code;
  problem.workers = workers;
  // A plan is made before there are tensors: a paged cache's lengths are an option then.
  crestmax_options planned = call.options;
  if (call.tensors.pages != nullptr) planned.key_lengths = call.tensors.pages->key_lengths;
  aligned_bytes plan(crestmax_plan_bytes(problem.sequences));
  code = crestmax_make_plan(&problem, &planned, plan.memory(), &status);
  if (code != CRESTMAX_OK) return code;
  crestmax_plan_facts facts = crestmax_empty_facts();
  code = crestmax_read_plan(plan.memory(), workers, &facts, &status);
  if (code != CRESTMAX_OK) return code;
  aligned_bytes workspace(facts.workspace_bytes), runnable(crestmax_runnable_bytes());
  call.options.workspace = workspace.memory();
  crestmax_runnable* attached = nullptr;
  code = crestmax_attach(plan.memory(), workers, &call.tensors, &call.options, runnable.memory(), &attached, &status);
  if (code != CRESTMAX_OK) return code;
  if (w == way::team) {
    code = in_team(attached, workers, status);
  } else {
    code = crestmax_begin(attached, &status);
    run_items(attached, workers);
  }
  return code != CRESTMAX_OK ? code : crestmax_collect(attached, &call.report, &status);
}

}  // namespace

attention_result run_in_c(const attention_case& c, way w, int workers, crestmax_report* report) {
  attention_result r;
  r.output = c.output;
  c_call call(c, r);
  crestmax_status status{};
  const bool in_one = w == way::one_call || w == way::parallel_for;
  r.status.code = static_cast<crestmax::status_code>(in_one ? in_one_call(call, w, workers, status) : in_steps(call, w, workers, status));
  std::snprintf(r.status.text, sizeof r.status.text, "%s", status.message);
  if (report != nullptr) *report = call.report;
  return r;
}

}  // namespace crestmax_test
