// Looks ahead: while one tile is multiplied, the rows of the next, or of the block behind it, are fetched into the second cache, a few
// lines after every register tile, so that packing does not wait for memory.
#pragma once

#include "../../compiler.hpp"
#include "arena.hpp"
#include "runs.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Lines that a register tile asks for, one with each of its steps: so they cost it next to nothing, where those of a burst would wait for
// each other. Asking for what lies behind the last one is harmless.
class line_asker {
 public:
  explicit line_asker(const std::byte* first) : at_(first) {}
  void ask() {
    CRESTMAX_PREFETCH(at_, 2);
    compiler::keep_pointer(at_ += 64);
  }

 private:
  const std::byte* at_;
};

// What comes after the tile in hand.
class fetch_list {
 public:
  // Room for keys and values of a tile of at most so many keys, and for so many rows of queries and of outputs.
  void place(index_type keys, index_type rows, arena& memory) { runs_ = memory.take<memory_run>(2 * (keys + rows)); }

  void clear() { count_ = at_ = offset_ = all_lines_ = lines_ = 0; }

  // The rows of `keys`, at most one tile.
  void add(const source_rows& of, key_interval keys) {
    for (index_type key = keys.begin; key < keys.end;) {
      const plain_run run = run_if_any(of, key);
      if (run.rows < 1) break;
      const index_type rows = std::min(keys.end - key, run.rows);
      add(pointer_to<std::byte>(run.data), rows, run.row_stride * size_of(of.stored), of.row_bytes());
      key += rows;
    }
  }
  // Rows of so many bytes at equal distances; those that follow each other are one run.
  void add(const std::byte* first, index_type rows, index_type distance, index_type bytes) {
    all_lines_ += rows * planner::divide_up(bytes, 64);
    if (distance == bytes) {
      runs_[count_++] = {first, rows * bytes};
      return;
    }
    for (index_type i = 0; i < rows; ++i) runs_[count_++] = {first + i * distance, bytes};
  }

  // Prepares to fetch all of it over so many register tiles.
  void spread(index_type register_tiles) { lines_ = planner::divide_up(all_lines_, std::max<index_type>(1, register_tiles)); }

  // After each register tile.
  void fetch() {
    for (index_type i = 0; i < lines_; ++i) {
      if (at_ == count_) return;
      CRESTMAX_PREFETCH(runs_[at_].data + offset_, 2);
      move(64);
    }
  }
  // As many as a register tile has steps; of what is in hand, if there is nothing to ask for.
  line_asker during(index_type steps, const void* in_hand) {
    if (at_ == count_) return line_asker(static_cast<const std::byte*>(in_hand));
    const line_asker asker(runs_[at_].data + offset_);
    move(64 * steps);
    return asker;
  }

 private:
  // A piece of memory that will be read soon.
  struct memory_run {
    const std::byte* data;
    index_type bytes;
  };

  void move(index_type bytes) {
    offset_ += bytes;
    if (offset_ < runs_[at_].bytes) return;
    offset_ = 0;
    ++at_;
  }

  memory_run* runs_;
  index_type count_;
  index_type at_;      // run in hand, and how much of it has been asked for
  index_type offset_;
  index_type all_lines_;
  index_type lines_;  // to ask for after each register tile
};

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
