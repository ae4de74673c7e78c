// Runs of rows, as a source hands them out. A source may turn out to have none where a sequence has keys: another
// thread has written to its block table, or it breaks its promises. Then rows of zeros stand for them, so that every item comes
// to its end, and the rows of the item are poisoned; see item_failed().
#pragma once

#include "block.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Where row r of a block stands in the query tensor.
template <class Stored, class T>
inline const Stored* query_row(const block<T>& b, index_type r) {
  const tensor_view& q = b.call->query;
  const row_position at = b.rows_at[r];
  const index_type batch = b.sequence.query_batch;
  return static_cast<const Stored*>(q.data) + batch * q.strides[0] +
         (b.sequence.query_begin + at.query_index) * q.strides[1] + at.head * q.strides[2];
}

// A run that can be read, or one of no rows. A single row has no distance to the next.
inline kv_run as_promised(kv_run run, scalar_kind kind) {
  const auto within = static_cast<std::uintptr_t>(alignment_of(kind) - 1);  // alignments are powers of two
  const bool aligned = (reinterpret_cast<std::uintptr_t>(run.data) & within) == 0;
  if (run.rows < 1 || run.data == nullptr || !aligned) return {nullptr, 0, std::min<index_type>(run.rows, 0)};
  return {run.data, run.rows == 1 ? 0 : run.row_stride, std::min(run.rows, planner::largest_extent)};
}

// The keys or values of a block from a position on, or no rows, which nobody has to know of.
template <class T>
inline kv_run run_if_any(const block<T>& b, bool of_keys, index_type position) {
  const kv_view& kv = b.call->kv;
  return as_promised((of_keys ? kv.key_run : kv.value_run)(kv.context, b.sequence_number, b.kv_head, position),
                     of_keys ? kv.key_kind : kv.value_kind);
}

// Rows of zeros in place of a run that should be there.
template <class T>
[[gnu::noinline, gnu::cold]] kv_run rows_of_zeros(const block<T>& b, bool of_keys, index_type position, index_type given) {
  failed_runs& failed = b.counters->failed;
  if (failed.count++ == 0) failed.first = {b.sequence_number, position, given, of_keys};
  std::memset(static_cast<void*>(b.zeros), 0, sizeof(T) * static_cast<std::size_t>(longest_row(*b.plan)));
  return {b.zeros, 0, planner::largest_extent};
}

template <class T>
inline kv_run run_to_read(const block<T>& b, bool of_keys, index_type position) {
  const kv_run run = run_if_any(b, of_keys, position);
  return run.rows > 0 ? run : rows_of_zeros(b, of_keys, position, run.rows);
}

// Whether the item in hand has met such a run, in whatever was done so far.
template <class T>
inline bool item_failed(const block<T>& b) {
  return b.counters->failed.count != b.failed_before;
}

// Calls f(row, pointer) for keys or values first, first + step, ...; `count` of them.
template <class Stored, class T, class F>
inline void for_each_row(const block<T>& b, bool of_keys, index_type first, index_type step, index_type count, F&& f) {
  for (index_type j = 0; j < count;) {
    const kv_run run = run_to_read(b, of_keys, first + j * step);
    const Stored* row = static_cast<const Stored*>(run.data);
    const index_type in_run = std::min(count - j, (run.rows + step - 1) / step);
    for (index_type i = 0; i < in_run; ++i, ++j) f(j, row + i * step * run.row_stride);
  }
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
