// Rows of keys or values, as a source hands them out. A source may turn out to have none where a sequence has keys: another
// thread has written to its block table, or it breaks its promises. Then rows of zeros stand for them, so that every item comes
// to its end, and the rows of the item are poisoned; see item_failed().
#pragma once

#include <cstring>

#include "../../kv_source.hpp"
#include "../../memory_checks.hpp"
#include "../../planner.hpp"
#include "counters.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

struct source_rows;
struct code_run;

// Writes rows first, first + step, ... of a run, `count` of them, as numbers of the compute type, decoded_stride() apart. Time: O(count * length).
using decode_rows = void (*)(const source_rows& of, const kv_run& run, index_type first, index_type step, index_type count, void* to);

// Adds rows first, first + step, ... of a run, `count` of them, to what integer kernels read, from its row `at` on. False if they cannot be
// read so.
using take_codes = bool (*)(const source_rows& of, const kv_run& run, index_type step, index_type at, index_type count, code_run& to);

// The keys, or the values, of one sequence and key-value head.
struct source_rows {
  run_function run;
  const void* context;
  scalar_kind stored;  // what they are in memory
  scalar_kind kind;    // what kernels read: numbers that lie there, or that rows are decoded to
  bool are_keys;
  index_type length;  // numbers of a row
  index_type sequence = 0;
  index_type kv_head = 0;
  index_type kv_len = 0;
  failed_runs* failed;
  void* zeros;  // room for a row, for runs that fail
  decode_rows decode = nullptr;  // of encoded rows
  take_codes codes = nullptr;    // of encoded rows that are multiplied as integers where they are read in place
  void* decoded = nullptr;       // room for decoded_rows of these
  index_type decoded_rows = 0;   // a multiple of a panel
  int planes = planes_of_code;   // of planes16, how many of them are read: the middle of what they leave open stands for the others

  index_type row_bytes() const { return row_bytes_of(stored, length); }
  // Numbers from a decoded row to the next: each begins at a multiple of 64 bytes.
  index_type decoded_stride() const { return planner::round_up(length, index_type{16}); }
  // Of a row that is copied.
  index_type copied_bytes() const { return size_of(kind) * (decode != nullptr ? decoded_stride() : length); }
};

// Whether rows that are all in one block of keys say so: what lies behind its end is no row, and others find their codes by their place.
inline bool are_in_block(const source_rows& of, const plain_run& run, index_type place) {
  const index_type keys = keys_in_block(of.stored);
  return place >= 0 && place < keys && run.rows <= keys - place && (run.rows == 1 || run.row_stride == of.row_bytes());
}
// Whether rows, or rows that are not coded yet, can be read: their address, and what has to be known of them.
inline bool can_be_read(const source_rows& of, const plain_run& run, const run_coding& c) {
  const scalar_kind kind = of.stored;
  if (!is_encoded(kind)) return validate::suits(run.data, alignment_of(kind));
  if (c.open) return c.coding != nullptr && validate::suits(run.data, alignment_of(c.coding->open.kind));
  if (keys_in_block(kind) > 1 && !are_in_block(of, run, c.place)) return false;
  return validate::suits(run.data, alignment_of(kind)) && (kind != scalar_kind::custom || c.decode != nullptr);
}

// The rows from a position on that can be read, and what stands beside encoded ones; or none, which nobody has to know of. A single row has no
// distance to the next.
inline plain_run run_if_any(const source_rows& of, index_type position, run_coding& beside) {
  const plain_run run = of.run(of.context, of.sequence, of.kv_head, position, beside);
  if (run.rows < 1 || !can_be_read(of, run, beside)) return {nullptr, 0, std::min<index_type>(run.rows, 0)};
  return {run.data, run.rows == 1 ? 0 : run.row_stride, std::min(run.rows, planner::largest_extent)};
}

// The rows alone.
inline plain_run run_if_any(const source_rows& of, index_type position) {
  run_coding unused;
  return run_if_any(of, position, unused);
}

// Zeros that can be read as a row of any place: of numbers, or as a block of keys.
constexpr index_type bytes_of_zeros(scalar_kind stored, index_type length, index_type number_size) {
  return keys_in_block(stored) > 1 ? bytes_of_key_block(stored, length) : length * number_size;
}

// Rows of zeros in place of a run that should be there.
[[gnu::noinline, gnu::cold]] inline plain_run rows_of_zeros(const source_rows& of, index_type position, index_type given, run_coding& beside) {
  if (of.failed->count++ == 0) of.failed->first = {of.sequence, position, given, of.are_keys};
  std::memset(of.zeros, 0, static_cast<std::size_t>(bytes_of_zeros(of.stored, of.length, size_of(of.kind))));
  beside = {};
  const index_type keys = keys_in_block(of.stored);
  return {static_cast<const char*>(of.zeros), 0, keys > 1 ? keys : planner::largest_extent};
}

inline plain_run run_to_read(const source_rows& of, index_type position, run_coding& beside) {
  const plain_run run = run_if_any(of, position, beside);
  return run.rows > 0 ? run : rows_of_zeros(of, position, run.rows, beside);
}

// The same of encoded rows, with what stands beside them.
inline kv_run coded_run_to_read(const source_rows& of, index_type position) {
  run_coding beside;
  const plain_run run = run_to_read(of, position, beside);
  return {run.data, run.row_stride, run.rows, beside};
}
inline kv_run coded_run_if_any(const source_rows& of, index_type position) {
  run_coding beside;
  const plain_run run = run_if_any(of, position, beside);
  return {run.data, run.row_stride, run.rows, beside};
}

// Calls f(row, pointer) for rows first, first + step, ...; `count` of them. Decoded ones are there until the next panel's begin.
template <class Stored, class F>
inline void for_each_row(const source_rows& of, index_type first, index_type step, index_type count, F&& f) {
  for (index_type j = 0; j < count;) {
    run_coding beside;
    const plain_run run = run_to_read(of, first + j * step, beside);
    const Stored* row = pointer_to<Stored>(run.data);
    index_type in_run = std::min(count - j, (run.rows + step - 1) / step);
    index_type distance = step * run.row_stride;
    if (of.decode != nullptr) {
      const index_type slot = j % of.decoded_rows;
      in_run = std::min(in_run, of.decoded_rows - slot);
      distance = of.decoded_stride();
      Stored* const decoded = static_cast<Stored*>(of.decoded) + slot * distance;
      of.decode(of, {run.data, run.row_stride, run.rows, beside}, 0, step, in_run, decoded);
      row = decoded;
    }
    for (index_type i = 0; i < in_run; ++i, ++j) f(j, row + i * distance);
  }
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
