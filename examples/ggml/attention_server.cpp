#include "attention_server.hpp"

#include <algorithm>

#include "modifiers.hpp"
#include "team.hpp"

namespace adapter {

namespace {

// Keys or values from the first visible one on.
template <class T>
crestmax::tensor<const T> rows_of(const operand& t, const visible_keys& keys) {
  crestmax::tensor<const T> view = view_of<const T>(t);
  if (view.data != nullptr) view.data += keys.first_key * view.strides[1];
  view.extents[1] = keys.kv_len;
  return view;
}

std::span<const float> numbers_of(const std::optional<operand>& t) {
  if (!t) return {};
  return {static_cast<const float*>(t->data), static_cast<std::size_t>(t->extents[0])};
}

// Whether an operator is done before a team has met: so many multiply-adds take some microseconds.
bool is_small(const attention_operator& o, const visible_keys& keys) {
  constexpr double most = 0x1p17;
  return static_cast<double>(o.sequences() * o.q_heads() * o.q_len()) * static_cast<double>(keys.kv_len * (o.d_qk() + o.d_v())) < most;
}

// Calls f with a null pointer of the element type of a cache.
template <class F>
crestmax::status with_type(scalar_kind kind, F&& f) {
  return crestmax::visit_input_kind<float>(kind, f);
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

template <class K, class V>
crestmax::status attention_server::serve_as(const attention_operator& o) {
  const kept_mask* const mask = o.mask ? &masks_.of(view_of_mask(o)) : nullptr;
  if (mask != nullptr && !mask->status().ok()) return mask->status();
  const visible_keys keys = mask != nullptr ? visible_keys_of(*mask, o.sequences()) : all_keys(o);

  // query (d_qk, q_len, heads, sequences) and output (d_v, heads, q_len, sequences), both as (sequences, q_len, heads, head_dim)
  const crestmax::tensor<const float> query = view_of<const float>(o.query);
  const crestmax::tensor<float> output = view_of<float>(o.output, {3, 2, 1, 0});
  const auto tensors = crestmax::tensors(query, rows_of<K>(o.key, keys), rows_of<V>(o.value, keys), output);

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

crestmax::status attention_server::serve(const attention_operator& o) {
  if (o.q_len() == 0 || o.q_heads() == 0 || o.sequences() == 0) return {};
  return with_type(*o.key.kind, [&]<class K>(K*) {
    return with_type(*o.value.kind, [&]<class V>(V*) { return serve_as<K, V>(o); });
  });
}

}  // namespace adapter
