#include "attention_server.hpp"

#include <algorithm>

#include "cache_rows.hpp"
#include "modifiers.hpp"
#include "team.hpp"

namespace adapter {

namespace {

std::span<const float> numbers_of(const std::optional<operand>& t) {
  if (!t) return {};
  return {static_cast<const float*>(t->data), static_cast<std::size_t>(t->extents[0])};
}

// Whether an operator is done before a team has met: so many multiply-adds take some microseconds.
bool is_small(const attention_operator& o, const visible_keys& keys) {
  constexpr double most = 0x1p17;
  return static_cast<double>(o.sequences() * o.q_heads() * o.q_len()) * static_cast<double>(keys.kv_len * (o.d_qk() + o.d_v())) < most;
}

}  // namespace

std::span<std::byte> attention_server::workspace(std::size_t bytes) {
  const std::size_t lines = (bytes + sizeof(aligned_line) - 1) / sizeof(aligned_line);
  if (workspace_.size() < lines) workspace_.resize(lines);
  return std::as_writable_bytes(std::span(workspace_)).first(bytes);
}

// One token's keys are cut into an even number of pieces, which two threads share evenly; whatever the threads, so that bits do not
// depend on them.
kept_plans::found attention_server::plan_for(const crestmax::problem& problem, const visible_keys& keys, float scale) {
  key_.problem = problem;
  key_.key_lengths = keys.lengths;
  key_.scale = static_cast<double>(scale);
  key_.splits = 0;
  const kept_plans::found found = plans_.of(key_);
  if (!found.status.ok() || problem.sequences != 1) return found;
  const index_type splits = found.plan.sequences()[0].splits;
  if (splits < 2 || splits % 2 == 0) return found;
  key_.splits = splits + 1;
  return plans_.of(key_);
}

std::span<const float> attention_server::slopes(const attention_operator& o) {
  const head_slopes slope(o.max_bias, o.q_heads());
  slopes_.resize(static_cast<std::size_t>(o.q_heads()));
  for (index_type h = 0; h < o.q_heads(); ++h) slopes_[static_cast<std::size_t>(h)] = slope(h);
  return slopes_;
}

crestmax::status attention_server::serve(const attention_operator& o) {
  if (o.q_len() == 0 || o.q_heads() == 0 || o.sequences() == 0) return {};
  const kept_mask* const mask = o.mask ? &masks_.of(view_of_mask(o)) : nullptr;
  if (mask != nullptr && !mask->status().ok()) return mask->status();
  const visible_keys keys = mask != nullptr ? visible_keys_of(*mask, o.sequences()) : all_keys(o);

  // query (d_qk, q_len, heads, sequences) and output (d_v, heads, q_len, sequences), both as (sequences, q_len, heads, head_dim)
  const crestmax::call_views<float, cache_rows> tensors{view_of(o.query), cache_rows(o, keys), view_of(o.output, {3, 2, 1, 0})};

  crestmax::mask_tensor masked;
  if (mask != nullptr && (keys.hides || mask->tensor().changes_scores())) {
    masked = mask->tensor();
    masked.first_key = keys.first_key;
    if (o.max_bias > 0) masked.factors = slopes(o);
  }
  const auto modifiers = crestmax::soft_cap{std::fabs(o.soft_cap)} | crestmax::chain(masked, head_sinks{numbers_of(o.sinks)});

  const int threads = is_small(o, keys) ? 1 : threads_;
  crestmax::problem problem = crestmax::problem_of(tensors);
  problem.workers = threads;
  const kept_plans::found found = plan_for(problem, keys, o.scale);
  if (!found.status.ok()) return found.status;
  crestmax::options options = found.key->options();
  options.workspace = workspace(found.plan.workspace().total(threads));
  const auto call = crestmax::attach(found.plan, threads, tensors, options, modifiers);
  if (const crestmax::status s = call.begin(); !s.ok()) return s;
  run_in_team(threads, work_of(call));
  crestmax::report report;
  return call.collect(report);
}

}  // namespace adapter
