// The one pipeline, for one query block: coarse and crest (phases 0 and 1), the sweep under the fixed
// shift (phase 2), guard, correction and finish (phase 3). Split sequences run the same pieces split by
// split.
#pragma once

#include "../backend/cpu/entries.hpp"
#include "planes_refine.hpp"
#include "split.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// One query block, or a part of its rows, from the first sample to the last write.
template <class T>
void run_whole(block<T>& b, index_type number, index_type part) {
  b.failed_before = b.counters->failed.count;
  start_block(b, number, part);
  if (b.view.rows == 0) return;
  count_block(b);
  sweep_whole(b);
  finish_block(b, number, guard_scope::whole, [&] {
    reset_rows(b);
    sweep_whole(b);
  });
}

// A block in a worker's memory, not yet pointed at any rows.
template <class T>
block<T> make_block(const kernel_table<T>& kernels, const call_data<T>& call, int worker) {
  block<T> b{};
  b.kernels = &kernels;
  arena memory(call.workspace.worker(worker));
  place(b, call.plan.header(), memory);
  b.call = &call;
  b.plan = &call.plan.header();
  const head_shape& shape = b.plan->shape;
  const auto rows_of = [&](auto run, scalar_kind kind, bool are_keys, index_type length) {
    const bool coded = is_encoded(kind);
    return source_rows{.run = run, .context = call.kv.context, .stored = kind, .kind = coded ? kind_of<T> : kind, .are_keys = are_keys,
                       .length = length, .failed = &b.counters->failed, .zeros = b.operands.zeros,
                       .decode = coded ? kernels.decode : nullptr, .decoded = b.operands.decoded, .decoded_rows = b.plan->tiles.panel};
  };
  b.operands.key_rows = rows_of(call.kv.key_run, call.kv.key_kind, true, shape.d_qk);
  b.operands.value_rows = rows_of(call.kv.value_run, call.kv.value_kind, false, shape.d_v);
  b.failed_before = b.counters->failed.count;
  b.following = no_block;
  const double scale = b.plan->scale;
  // Outside of this range (0 and negative scales among it) raw products do not order like scores.
  b.weighing.raw = !call.modifiers.changes_scores() && scale >= 1e-20 && scale <= 1e20;
  b.weighing.unit = b.weighing.raw ? static_cast<T>(scale) : T(1);
  b.loss.certified = certifies(*b.plan);
  const double flushed = b.plan->tiles.pairs == pair_product::none ? 0 : most_flushed;
  b.loss.errors = score_errors<T>::of(b.plan->shape.d_qk, scale, call.modifiers.score_modifiers, flushed);
  return b;
}

// Kernels have what state they need while this lives, and leave none behind.
template <class T>
class kernel_session {
 public:
  kernel_session(const kernel_table<T>& kernels, const plan_rules& h)
      : close_(h.pairs && h.tiles.pairs == pair_product::tiles ? kernels.close_tiles : nullptr) {
    if (close_ != nullptr) kernels.open_tiles();
  }
  ~kernel_session() {
    if (close_ != nullptr) close_();
  }
  kernel_session(const kernel_session&) = delete;
  kernel_session& operator=(const kernel_session&) = delete;

 private:
  void (*close_)();
};

template <class T>
void run_item(const kernel_table<T>& kernels, const call_data<T>& call, index_type stage, index_type item, int worker) {
  const plan_header& h = call.plan.header();
  const kernel_session<T> session(kernels, h);
  block<T> b = make_block(kernels, call, worker);
  const plan& p = call.plan;
  const auto sequence_at = [&](index_type i) { return p.sequences()[static_cast<std::size_t>(i)]; };
  if (h.stage[stage] == plan_stage::crest) {
    const plan_sequence s = sequence_at(p.sequence_of_block(item));
    if (s.splits > 1 && s.first_planes < 0) run_crest(b, item);
    return;
  }
  if (h.stage[stage] == plan_stage::finish) {
    const merge_range merged = p.merge_item(item);
    return run_finish(b, merged.block, {merged.first_row, merged.rows});
  }
  if (h.stage[stage] == plan_stage::choose) {
    const plan_sequence s = sequence_at(p.sequence_of_block(item));
    if constexpr (reads_planes<T>) {
      if (s.first_planes >= 0) run_choose(b, item, s);
    }
    return;
  }
  const item_range range = p.item(item);
  const plan_sequence s = sequence_at(range.sequence);
  if constexpr (reads_planes<T>) {
    if (s.first_planes >= 0) return h.stage[stage] == plan_stage::refine ? run_refine(b, s, range) : run_scan(b, s, range);
  }
  if (h.stage[stage] == plan_stage::refine) return;
  if (s.splits > 1) return run_splits(b, s, range);
  for (index_type number = range.first_block; number < range.first_block + range.blocks; ++number) {
    b.following = following_block(h, s, number);
    run_whole(b, number, range.part);
  }
}

// The method is compiled where kernels are; see text/table.inc.
#if defined(CRESTMAX_INSTANTIATE_KERNELS)
template std::size_t worker_bytes<float>(const plan_header&);
template std::size_t worker_bytes<double>(const plan_header&);
template std::size_t shared_bytes<float>(const plan_header&, index_type);
template std::size_t shared_bytes<double>(const plan_header&, index_type);
template void run_item<float>(const kernel_table<float>&, const call_data<float>&, index_type, index_type, int);
template void run_item<double>(const kernel_table<double>&, const call_data<double>&, index_type, index_type, int);
#elif defined(CRESTMAX_EXTERN_KERNELS)
extern template void run_item<float>(const kernel_table<float>&, const call_data<float>&, index_type, index_type, int);
extern template void run_item<double>(const kernel_table<double>&, const call_data<double>&, index_type, index_type, int);
#endif

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
