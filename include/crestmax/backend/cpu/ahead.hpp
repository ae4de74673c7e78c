// Looks ahead: while one tile is multiplied, the rows of the next are fetched into the second cache, a few
// lines after every register tile, so that packing does not wait for memory.
#pragma once

#include "../../compiler.hpp"
#include "arena.hpp"
#include "runs.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// What the tile after the one in hand will read.
class fetch_list {
 public:
  // Room for tiles of at most so many keys.
  void place(index_type keys, arena& memory) { runs_ = memory.take<memory_run>(2 * keys); }

  // Prepares to fetch `keys`, at most one tile, over so many register tiles.
  void look_ahead(const source_rows& keys_of, const source_rows& values_of, key_interval keys, index_type register_tiles) {
    count_ = at_ = offset_ = lines_ = 0;
    if (keys.begin >= keys.end) return;
    const index_type lines = list(keys_of, keys) + list(values_of, keys);
    lines_ = planner::divide_up(lines, std::max<index_type>(1, register_tiles));
  }

  // After each register tile.
  void fetch() {
    for (index_type i = 0; i < lines_; ++i) {
      if (at_ == count_) return;
      const memory_run& run = runs_[at_];
      CRESTMAX_PREFETCH(run.data + offset_, 2);
      offset_ += 64;
      if (offset_ < run.bytes) continue;
      offset_ = 0;
      ++at_;
    }
  }

 private:
  // A piece of memory that will be read soon.
  struct memory_run {
    const std::byte* data;
    index_type bytes;
  };

  // Adds the rows of `keys`; those that follow each other are one run.
  index_type list(const source_rows& of, key_interval keys) {
    const index_type row_bytes = of.row_bytes();
    for (index_type key = keys.begin; key < keys.end;) {
      const kv_run run = run_if_any(of, key);
      if (run.rows < 1) break;
      const index_type rows = std::min(keys.end - key, run.rows);
      const auto* data = static_cast<const std::byte*>(run.data);
      const index_type stride = run.row_stride * size_of(of.stored);
      if (stride == row_bytes) {
        runs_[count_++] = {data, rows * row_bytes};
      } else {
        for (index_type i = 0; i < rows; ++i) runs_[count_++] = {data + i * stride, row_bytes};
      }
      key += rows;
    }
    return (keys.end - keys.begin) * planner::divide_up(row_bytes, 64);
  }

  memory_run* runs_;
  index_type count_;
  index_type at_;      // run in hand, and how much of it has been asked for
  index_type offset_;
  index_type lines_;   // to ask for after each register tile
};

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
