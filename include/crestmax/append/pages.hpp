// What else happens to caches that append() writes: pages are copied, sequences cut.
#pragma once

#include "../execution.hpp"
#include "../float_state.hpp"
#include "checks.hpp"
#include "key_blocks.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// A call that has stages and items, to its end.
template <class Call, class Executor>
status run_stages(const Call& call, Executor& run_on) {
  for (index_type stage = 0; stage < call.stages(); ++stage) {
    run_on.run(call.items(stage), [&](index_type item, int worker) { call.run(stage, item, worker); });
  }
  return call.ready();
}

// A call of copy_pages() that has been checked, in items as append_call. Every item does its keys of all pages, in the order of the list.
class copy_call {
 public:
  copy_call(const tensor_view& cache, std::span<const page_copy> copies, const append_options& o)
      : cache_(cache), copies_(copies), coding_(o.coding), ready_(check()) {}

  const status& ready() const { return ready_; }
  index_type stages() const { return ready_.ok() ? 1 : 0; }
  index_type items(index_type stage) const { return stage == 0 && stages() > 0 ? (blocks() + blocks_of_item() - 1) / blocks_of_item() : 0; }
  void run(index_type stage, index_type item, int) const {
    if (item < 0 || item >= items(stage)) return;
    for (const page_copy& copy : copies_) {
      if (copy.from == copy.to) continue;
      for (index_type block = item * blocks_of_item(); block < blocks() && block < (item + 1) * blocks_of_item(); ++block) copy_block(copy, block);
    }
  }

 private:
  index_type blocks() const { return appending::has_numbers(cache_) ? appending::key_blocks(cache_, coding_) : 0; }
  index_type blocks_of_item() const { return blocks() / 64 + 1; }

  status check() const {
    validate::touched_memory memory;
    if (status s = validate::check_written_cache(cache_, coding_, 0, memory); !s.ok()) return s;
    constexpr auto alignment = static_cast<index_type>(alignof(page_copy));
    if (!copies_.empty() && !validate::suits(copies_.data(), alignment)) return validate::pointer_error("copies", copies_.data(), alignment);
    for (std::size_t i = 0; i < copies_.size(); ++i) {
      for (const index_type page : {copies_[i].from, copies_[i].to}) {
        if (page >= 0 && page < cache_.extents[0]) continue;
        return error(status_code::bad_index, validate::entry_name("copies", "entry", static_cast<index_type>(i)).text, "pages from 0 to below",
                     cache_.extents[0], page);
      }
    }
    return memory.check_apart();
  }

  void copy_block(const page_copy& copy, index_type block) const {
    const auto row = [&](index_type page, index_type key, index_type head) { return appending::places_of_codes(cache_, page, key, head); };
    for (index_type head = 0; head < cache_.extents[2]; ++head) {
      for (index_type key = block * coding_.keys; key < (block + 1) * coding_.keys; ++key) {
        cpu::copy_codes(cache_.kind, row(copy.from, key, head), cache_.extents[3], row(copy.to, key, head));
      }
      for (const coding_numbers* numbers : {&coding_.scales, &coding_.offsets}) {
        if (!appending::are_computed(*numbers, blocks())) continue;
        const index_type group = appending::group_length(cache_, coding_);
        for (index_type first = 0; first < cache_.extents[3]; first += group) {
          std::memcpy(appending::place_of(*numbers, copy.to, block, head, first / group),
                      appending::place_of(*numbers, copy.from, block, head, first / group), bound(size_of(numbers->kind)));
        }
      }
    }
  }

  tensor_view cache_;
  std::span<const page_copy> copies_;
  row_coding coding_;
  status ready_;
};

inline copy_call attach_copies(const tensor_view& cache, std::span<const page_copy> copies, const append_options& o = {}) {
  return {cache, copies, o};
}

// Copies pages of a cache, or sequences of a batch, with the scales and offsets that their keys have, one after the other as they are listed: a page
// that has been written may be read. Scales for all keys stay as they are. Open rows belong to sequences: copy_open_rows() has them. Time: O(bytes).
template <executor Executor = const serial>
status copy_pages(const tensor_view& cache, std::span<const page_copy> copies, const append_options& o = {}, Executor&& run_on = serial{}) {
  return crestmax::run_stages(crestmax::attach_copies(cache, copies, o), run_on);
}

namespace validate {

inline status check_sequence(const char* name, index_type sequence, index_type sequences) {
  if (sequence >= 0 && sequence < sequences) return success();
  return error(status_code::bad_index, name, "sequences from 0 to below", sequences, sequence);
}

}  // namespace validate

// Copies all open rows of a sequence to another's, where both go on from the same keys. Nothing without blocks of keys.
inline status copy_open_rows(const tensor_view& cache, index_type from, index_type to, const append_options& o) {
  validate::touched_memory memory;
  if (status s = validate::check_written_cache(cache, o.coding, o.sequences, memory); !s.ok()) return s;
  if (status s = memory.check_apart(); !s.ok() || o.coding.keys == 1) return s;
  if (status s = validate::check_sequence("from", from, o.sequences); !s.ok()) return s;
  if (status s = validate::check_sequence("to", to, o.sequences); !s.ok() || from == to) return s;
  for (index_type row = 0; row < o.coding.keys - 1 && appending::has_numbers(cache); ++row) {
    for (index_type head = 0; head < cache.extents[2]; ++head) {
      std::memcpy(appending::open_place(o.coding.open, to, row, head), appending::open_place(o.coding.open, from, row, head),
                  bound(cache.extents[3] * 2));
    }
  }
  return success();
}

// Takes a sequence back to fewer keys, so that append() can go on from there. Where that opens a block of keys again, the rows that stay of it are
// decoded into open rows: each number has the error of its code, up to half a step of its channel, and is encoded from that when the block is
// full again. Anything else needs nothing done: only its length changes. Time: O(keys of a block).
inline status truncate(const tensor_view& cache, const truncation& cut, const append_options& o) {
  validate::touched_memory memory;
  if (status s = validate::check_written_cache(cache, o.coding, o.sequences, memory); !s.ok()) return s;
  if (status s = memory.check_apart(); !s.ok()) return s;
  if (cut.to < 0) return error(status_code::bad_option, "truncation.to", "0 keys or more", cut.to);
  if (cut.from < cut.to) return error(status_code::bad_option, "truncation.from", "keys, at least", cut.to, cut.from);
  const index_type keys = o.coding.keys, place = cut.to % keys;
  if (place == 0 || cut.from / keys == cut.to / keys) return success();
  if (status s = validate::check_sequence("truncation.sequence", cut.sequence, o.sequences); !s.ok()) return s;
  if (cut.slot < 0) return error(status_code::bad_index, "truncation.slot", "0 or more", cut.slot);
  if (status s = validate::check_slots("truncation.slot", {&cut.slot, 1}, 1, cache); !s.ok()) return s;
  const index_type key = cut.slot % cache.extents[1];
  if (key % keys != place) return error(status_code::bad_index, "truncation.slot", "a slot whose place in its block of keys is", place, key % keys);
  if (key / keys >= appending::key_blocks(cache, o.coding)) {
    return error(status_code::bad_index, "truncation.slot", "a slot in a whole block of keys, below row", appending::key_blocks(cache, o.coding) * keys, key);
  }
  const default_float_state state;
  for (index_type row = key - place; row < key && appending::has_numbers(cache); ++row) {
    for (index_type head = 0; head < cache.extents[2]; ++head) {
      appending::reopen_row(cache, o.coding, cut.slot / cache.extents[1], row, head, cut.sequence);
    }
  }
  return success();
}

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
