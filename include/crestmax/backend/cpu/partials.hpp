// What splits of a sequence leave for its last stage: where that lies, in the memory that all workers share.
#pragma once

#include "../../call.hpp"
#include "../../mass_bound.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Partial state of one row of one split: d_v outputs, the sum of weights and the shift, which is the
// common one in score units until the split is swept, then the centre of the split's own weights. What a
// plan does not ask for has no slot: the sum before rounding is the sum where weights are not rounded.
struct partial_layout {
  index_type sum;
  index_type shift;
  index_type exact_sum;  // = sum unless weights are rounded
  index_type mass;       // coverage above: a mass_bound, byte by byte; else -1
  index_type crest;      // diagnostics: the common shift; else -1
  index_type size;
};

template <class T>
partial_layout partial_layout_of(const plan_rules& h) {
  partial_layout p{};
  p.sum = h.shape.d_v;
  p.shift = p.sum + 1;
  p.size = p.shift + 1;
  p.exact_sum = h.weights == weight_type::float32 && h.weights_in_place == weight_type::float32 ? p.sum : p.size++;
  p.mass = h.coverage == coverage_kind::above ? p.size : -1;
  if (p.mass >= 0) p.size += static_cast<index_type>(sizeof(mass_bound) / sizeof(T));
  p.crest = h.diagnostics || h.row_max ? p.size++ : -1;
  return p;
}

// The partial state of a row (by its number in the block) in one split of a block.
template <class T>
T* partial_of(const call_data<T>& call, const plan_sequence& s, index_type number, index_type split, index_type row) {
  const plan_header& h = call.plan.header();
  const index_type block = s.first_partial + (number - s.first_block) * s.splits + split;
  return pointer_to<T>(call.workspace.shared()) +
         (block * h.split_rows + row) * partial_layout_of<T>(h).size;
}

// How many splits of each block, or of each part of its rows, are done.
template <class T>
merge_counts merges_of(const call_data<T>& call) {
  return {call.workspace.shared() + call.plan->merges_at, call.plan->merges};
}

template <class T>
std::size_t shared_bytes(const plan_header& h, index_type partials) {
  const auto size = [](index_type n) { return memory_size(static_cast<std::uint64_t>(n)); };
  const memory_size numbers = size(partials) * size(h.split_rows) * size(partial_layout_of<T>(h).size);
  return (numbers * memory_size(sizeof(T))).rounded_up(64).value();
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
