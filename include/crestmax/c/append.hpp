// Caches that C writes to.
#pragma once

#include "../append.hpp"
#include "call.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace c {

struct written_cache {
  tensor_view rows;
  append_options options;

  bool read(const crestmax_written_cache* given, status& why) {
    crestmax_written_cache larger;
    const crestmax_written_cache* const c = read_struct("cache", given, larger, why);
    if (c == nullptr || !read_rows_of_cache("cache", c->rows, rows, why) || !read_coding("coding", c->coding, options.coding, why)) return false;
    if (!check_constant("cache.most_instruction_set", c->most_instruction_set, CRESTMAX_SET_ANY, last_set, why)) return false;
    options.sequences = c->sequences;
    options.most = sets[c->most_instruction_set];
    return true;
  }
};

// New rows as append() has them.
struct new_rows {
  token_rows rows;
  std::span<const std::int64_t> slots;
  std::span<const std::int32_t> sequence_of;

  bool read(const crestmax_new_rows* given, status& why) {
    crestmax_new_rows larger;
    const crestmax_new_rows* const r = read_struct("rows", given, larger, why);
    tensor_view view;
    if (r == nullptr || !read_tensor("rows", r->rows, view, why) || !read_numbers("sequence_of", r->sequence_of, sequence_of, why)) return false;
    if (view.extents[0] != 1) return refuse(why, error(status_code::mismatch, "rows", "a first extent of", 1, view.extents[0]));
    rows = {view.data, view.kind, {view.extents[1], view.extents[2], view.extents[3]}, {view.strides[1], view.strides[2], view.strides[3]}};
    constexpr std::size_t most = std::size_t{1} << 40;
    if (r->slot_count > most) return refuse(why, error(status_code::bad_extent, "rows.slot_count", "at most 2^40", static_cast<index_type>(r->slot_count)));
    slots = {r->slots, r->slot_count};
    return true;
  }
};

}  // namespace c

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
