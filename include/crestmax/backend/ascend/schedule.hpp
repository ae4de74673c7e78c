// The order of the work of one block, the same text on the cube core, on both vector cores and on the host (which counts
// bytes by it): the cores never tell each other what comes next. C++17.
//
//   crest of tile 0 | sweep of tile 0, and between its steps the crest of tile 1 | sweep of tile 1, crest of tile 2 | ...
//
// So sampling and refinement of query tile t+1 run beside the sweep of tile t: the vector cores reduce one
// while the cube core multiplies for the other.
#pragma once

#include "arguments.hpp"
#include "kernel_layout.hpp"

CRESTMAX_BEGIN_VERSION

namespace ascend {

inline constexpr std::int32_t first_keys = 4;     // anchors: these lie in the first tile,
inline constexpr std::int32_t nearest_keys = 32;  // and these around a query's own position

// One query tile: rows of one head of one sequence, and the keys that they see.
struct query_place {
  std::int32_t slot;  // 0, 1, 2: the block's tiles in turns
  std::int32_t batch, head, kv_head;
  std::int32_t first_row, rows;
  std::int32_t offset;     // row i stands at key i + offset
  std::int32_t keys_end;   // no row sees a key from here on
  std::int32_t clear_end;  // every row sees every key before this one
  std::int32_t tiles;      // of keys, of the sweep
  std::int32_t near_first, near_end;  // the tiles of the nearest keys
  bool first_apart;                   // the first tile is none of them
  std::int32_t anchors;               // tiles: the first and the nearest
  std::int32_t samples;               // sampled keys
  std::int32_t sample_tiles;
  std::int32_t windows;

  CRESTMAX_AICORE std::int32_t crest_steps() const { return anchors + sample_tiles + windows; }
};

enum class step_kind : std::int32_t { anchor, sample, plateau, sweep };

// One tile of scores.
struct schedule_step {
  query_place place;
  step_kind kind;
  std::int32_t number;      // among the steps of its kind of this query tile
  std::int32_t key_begin;   // plateau: not known, the vector cores decide
  std::int32_t keys;        // at most a tile
  std::int32_t key_stride;  // 1, or that of the sample
  bool first, last;         // of the sweep; of the crest
};

CRESTMAX_AICORE inline std::int32_t at_least(std::int32_t a, std::int32_t b) { return a > b ? a : b; }
CRESTMAX_AICORE inline std::int32_t at_most(std::int32_t a, std::int32_t b) { return a < b ? a : b; }
CRESTMAX_AICORE inline std::int32_t clamped(std::int32_t x, std::int32_t low, std::int32_t high) {
  return at_least(low, at_most(x, high));
}
CRESTMAX_AICORE inline std::int32_t parts(std::int32_t n, std::int32_t size) { return (n + size - 1) / size; }

// How a query tile of `tile` rows is cut: 16 rows are the cube core's unit, and each vector core takes half.
CRESTMAX_AICORE inline std::int32_t padded_rows(const query_place& p) { return parts(p.rows, 16) * 16; }
CRESTMAX_AICORE inline std::int32_t padded_keys(std::int32_t keys) { return parts(keys, 16) * 16; }

class schedule {
 public:
  CRESTMAX_AICORE schedule(const kernel_arguments& arguments, std::int32_t query_tile, std::int32_t key_tile, bool causal,
                           std::int32_t block)
      : a_(arguments), query_tile_(query_tile), key_tile_(key_tile), causal_(causal), block_(block) {
    tiles_per_head_ = parts(a_.q_len, query_tile);
    has_upcoming_ = advance();
  }

  // Number of query tiles of the whole call.
  CRESTMAX_AICORE std::int32_t items() const { return a_.batch * a_.q_heads * tiles_per_head_; }
  // The block's tile of a round, or -1. Rounds run to and fro: a causal call's late tiles are longer.
  CRESTMAX_AICORE std::int32_t item_of(std::int32_t round) const {
    const std::int32_t within = round % 2 == 0 ? block_ : a_.blocks - 1 - block_;
    const std::int32_t item = round * a_.blocks + within;
    return item < items() ? item : -1;
  }
  CRESTMAX_AICORE std::int32_t rounds() const { return parts(items(), a_.blocks); }

  CRESTMAX_AICORE query_place place_of(std::int32_t item) const {
    query_place p{};
    p.first_row = item % tiles_per_head_ * query_tile_;
    p.head = item / tiles_per_head_ % a_.q_heads;
    p.batch = item / tiles_per_head_ / a_.q_heads;
    p.kv_head = p.head / (a_.q_heads / a_.kv_heads);  // GQA: heads side by side share keys and values
    p.rows = at_most(query_tile_, a_.q_len - p.first_row);
    p.offset = a_.kv_len - a_.q_len;
    const std::int32_t own_first = p.first_row + p.offset, own_last = own_first + p.rows - 1;
    p.keys_end = causal_ ? clamped(own_last + 1, 0, a_.kv_len) : a_.kv_len;
    p.clear_end = causal_ ? clamped(own_first + 1, 0, a_.kv_len) : a_.kv_len;
    p.tiles = parts(p.keys_end, key_tile_);
    const std::int32_t near_begin = clamped(own_first - nearest_keys + 1, 0, p.keys_end);
    const std::int32_t near_end = clamped(own_last + (causal_ ? 1 : nearest_keys), near_begin, p.keys_end);
    p.near_first = near_begin / key_tile_;
    p.near_end = near_end == near_begin ? p.near_first : parts(near_end, key_tile_);
    p.first_apart = p.near_first > 0 || p.near_end == 0;
    p.anchors = p.near_end - p.near_first + (p.first_apart ? 1 : 0);
    if (a_.sample_stride == 0) return p;
    // The middle key of every stride. Only what all rows see: no mask in a sample. What causal rows see beyond are anchors.
    p.samples = parts(p.clear_end - a_.sample_stride / 2, a_.sample_stride);
    p.sample_tiles = parts(p.samples, key_tile_);
    p.windows = at_most(a_.windows, p.tiles / 16 * 2);  // at most an eighth of the keys
    if (p.anchors + p.sample_tiles + p.windows >= p.tiles) {  // nothing is cheaper than all tiles
      p.near_first = 0;
      p.near_end = p.anchors = p.tiles;
      p.first_apart = false;
      p.samples = p.sample_tiles = p.windows = 0;
    }
    return p;
  }

  // The next step of this block; false at the end. Query tiles that see no key have none.
  CRESTMAX_AICORE bool next(schedule_step& step) {
    while (true) {
      if (swept_ < current_.tiles) {
        // Evenly, and all of the crest before the last step of the sweep.
        const std::int64_t whole = upcoming_.crest_steps(), gaps = current_.tiles - 1;
        const std::int64_t due = gaps == 0 ? whole : (swept_ * whole + gaps - 1) / gaps;
        if (has_upcoming_ && crest_done_ < due) {
          crest_step(step);
        } else {
          sweep_step(current_, swept_++, step);
        }
        return true;
      }
      if (!has_upcoming_) return false;
      if (crest_done_ < upcoming_.crest_steps()) {
        crest_step(step);
        return true;
      }
      current_ = upcoming_;
      swept_ = 0;
      has_upcoming_ = advance();
    }
  }

  CRESTMAX_AICORE void sweep_step(const query_place& place, std::int32_t number, schedule_step& step) const {
    step = tile_step(place, step_kind::sweep, number, number);
    step.first = number == 0;
    step.last = number == place.tiles - 1;
  }

 private:
  CRESTMAX_AICORE schedule_step tile_step(const query_place& place, step_kind kind, std::int32_t number,
                                          std::int32_t tile) const {
    const std::int32_t begin = tile * key_tile_;
    return {place, kind, number, begin, at_most(key_tile_, place.keys_end - begin), 1, false, false};
  }

  CRESTMAX_AICORE void crest_step(schedule_step& step) {
    const query_place& p = upcoming_;
    std::int32_t number = crest_done_++;
    if (number < p.anchors) {
      const std::int32_t before = p.first_apart ? 1 : 0;
      step = tile_step(p, step_kind::anchor, number, number < before ? 0 : p.near_first + number - before);
    } else if (number < p.anchors + p.sample_tiles) {
      number -= p.anchors;
      const std::int32_t taken = number * key_tile_;
      step = {p, step_kind::sample, number, a_.sample_stride / 2 + taken * a_.sample_stride,
              at_most(key_tile_, p.samples - taken), a_.sample_stride, false, false};
    } else {
      step = {p, step_kind::plateau, number - p.anchors - p.sample_tiles, 0, key_tile_, 1, false, false};
    }
    step.first = crest_done_ == 1;
    step.last = crest_done_ == p.crest_steps();
  }

  // To the block's next query tile that sees a key.
  CRESTMAX_AICORE bool advance() {
    crest_done_ = 0;
    for (; round_ < rounds(); ++round_) {
      const std::int32_t item = item_of(round_);
      if (item < 0) continue;
      upcoming_ = place_of(item);
      if (upcoming_.tiles == 0) continue;
      upcoming_.slot = taken_++ % 3;
      ++round_;
      return true;
    }
    return false;
  }

  const kernel_arguments& a_;
  std::int32_t query_tile_, key_tile_;
  bool causal_;
  std::int32_t block_;
  std::int32_t tiles_per_head_ = 0;
  query_place current_{}, upcoming_{};
  bool has_upcoming_ = false;
  std::int32_t swept_ = 0, crest_done_ = 0, round_ = 0, taken_ = 0;
};

}  // namespace ascend

CRESTMAX_END_VERSION
