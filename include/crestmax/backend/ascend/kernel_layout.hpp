// Tile sizes, and what lives where in the memories of a cube core, its two vector cores and their share of global
// memory. All of it is known at compile time on the device; the host prints the same numbers (tiling.hpp). C++17.
#pragma once

#include "target.hpp"

CRESTMAX_BEGIN_VERSION

namespace ascend {

struct buffer {
  std::uint32_t address;  // bytes from the start of its memory
  std::uint32_t bytes;
  CRESTMAX_AICORE constexpr std::uint32_t end() const { return address + bytes; }
};

// Buffers of one size that take turns. Arithmetic, not an array: a core that looks a turn up reads no table.
struct buffers {
  std::uint32_t address;
  std::uint32_t bytes;  // of each
  std::uint32_t step;
  CRESTMAX_AICORE constexpr buffer operator[](std::int32_t turn) const {
    return {address + static_cast<std::uint32_t>(turn) * step, bytes};
  }
};

// Signals between the cores of a block (0..10 are free for kernels). Where two buffers take turns one number serves both:
// signals arrive in the order of tiles.
enum core_signal : std::uint16_t {
  score_ready = 0,    // cube to vector, after the scores of a tile have been written
  weights_ready = 1,  // vector to cube, after the weights of a tile have been written
  crest_read = 2,     // vector to cube: a tile that was scored for the crest only has been read
  windows_ready = 3,  // vector to cube: the record of plateau windows has been written
  guard_ready = 4,    // vector to cube: the record of the guard has been written
  output_ready = 5,   // cube to vector, after O has been written
  verdict_ready = 8,  // cube to vector: the guard's records of both vector cores are there
  vectors_ready = 7,  // vector to cube, once: the unified buffers may be written (targets whose cube core does that)
  redone_ready = 6,   // score_ready of the correction, which comes while the next step's scores lie ready
};

// Events between the pipes of one core. Numbers of one pair of pipes are its own.
enum event : std::uint8_t {
  // MTE2 <-> MTE1, L1: buffers of a kind take turns
  key_in_l1 = 0, value_in_l1 = 2, weights_in_l1 = 5,
  // MTE1 <-> M, L0A and L0B
  score_operands = 0, output_operands = 1,
  // M <-> FIX, L0C: two score tiles and O
  score_tile = 0, output_tile = 2,
  // MTE2 <-> V and V <-> MTE3, UB
  score_in_ub = 0, output_in_ub = 2, partial_in_ub = 3,
  weights_in_ub = 0, row_in_ub = 2,
  // to and from the scalar unit; of the cube core: guards of three query tiles, windows
  scalar = 0, guard_read = 0, windows_read = 3,
};

inline constexpr std::int32_t most_windows = 8;
inline constexpr std::int32_t record_bytes = 64;  // what a core tells another by way of global memory

struct device_layout {
  std::int32_t d_qk, d_v;
  std::int32_t query_tile;  // rows; each vector core takes half of them
  std::int32_t key_tile;    // keys; also what one plateau window has
  std::int32_t half_rows;

  // Keys are loaded one step ahead, values too, which stay until the weights have come; of three query tiles one is
  // swept, one gets its crest, and one may still be corrected.
  buffers l1_query, l1_key, l1_value;  // 3, 2, 3
  buffer l1_weights;
  buffer l0a_query, l0a_weights;
  buffer l0b_key, l0b_value;
  buffer l0c_output;
  buffers l0c_score;  // 2
  buffers ub_score;      // 2; float32 scores, then weights before and after rounding
  buffers ub_weights;    // 2; 16 bit
  buffer ub_ramp;        // column - row, for masks
  buffer ub_limit;       // the mask of a tile: huge where visible, -huge where not;
  buffer ub_partial;     //   and in the same place, in the correction: O of one key tile
  buffer ub_output;      // O of a half tile
  buffer ub_rounded;     // O in 16 bit
  buffer ub_lse;         // one row per 32-byte block
  buffers ub_spread;     // 2; a row's number in all lanes of a 32-byte block
  buffers ub_crest;      // 3
  buffer ub_reference, ub_shift, ub_sum, ub_exact_sum, ub_largest_sum;
  buffers ub_row;        // 4, for passing use
  buffers ub_best;       // 2
  buffer ub_record, ub_decisions;

  // Offsets into a block's share of scratch.
  buffers scratch_score, scratch_weights;  // 2 each
  buffer scratch_output, scratch_windows;
  buffers scratch_guard;  // 3

  std::uint32_t ub_bytes, l1_bytes, l0a_bytes, l0b_bytes, l0c_bytes, scratch_bytes;
};

namespace detail {

// Takes buffers one after the other.
struct memory_line {
  std::uint32_t alignment;
  std::uint32_t at = 0;
  constexpr buffer take(std::int64_t bytes) {
    const buffer taken{at, static_cast<std::uint32_t>(bytes)};
    at = (taken.end() + alignment - 1) / alignment * alignment;
    return taken;
  }
  constexpr buffers take(std::int32_t count, std::int64_t bytes) {
    const buffer first = take(bytes);
    const std::uint32_t step = at - first.address;
    at = first.address + static_cast<std::uint32_t>(count) * step;
    return {first.address, first.bytes, step};
  }
};

}  // namespace detail

// 64/64, 128/128, 192/128 and 256/256: multiples of 64 that a cube core's memories hold.
constexpr bool head_dims_served(std::int32_t d_qk, std::int32_t d_v) {
  return (d_qk == d_v && (d_qk == 64 || d_qk == 128 || d_qk == 256)) || (d_qk == 192 && d_v == 128);
}

// O of d_v 256 leaves room in L0C for 64 rows only.
constexpr std::int32_t query_tile_of(std::int32_t d_v) { return d_v > 128 ? 64 : 128; }

// `reaches_ub`: see target.hpp; scratch then has no scores and no O.
constexpr device_layout layout_of(std::int32_t d_qk, std::int32_t d_v, std::int32_t key_tile, bool reaches_ub) {
  device_layout l{};
  l.d_qk = d_qk;
  l.d_v = d_v;
  l.query_tile = query_tile_of(d_v);
  l.key_tile = key_tile;
  l.half_rows = l.query_tile / 2;
  const std::int64_t rows = l.query_tile, half = l.half_rows;

  detail::memory_line l1{512};
  l.l1_query = l1.take(3, rows * d_qk * 2);
  l.l1_key = l1.take(2, key_tile * d_qk * 2);
  l.l1_value = l1.take(3, key_tile * d_v * 2);
  l.l1_weights = l1.take(rows * key_tile * 2);
  l.l1_bytes = l1.at;

  // Q and weights, K and V have places of their own: while the cube core multiplies one pair, the other is loaded.
  detail::memory_line l0a{512};
  l.l0a_query = l0a.take(rows * d_qk * 2);
  l.l0a_weights = l0a.take(rows * key_tile * 2);
  l.l0a_bytes = l0a.at;
  detail::memory_line l0b{512};
  l.l0b_key = l0b.take(key_tile * d_qk * 2);
  l.l0b_value = l0b.take(key_tile * d_v * 2);
  l.l0b_bytes = l0b.at;

  detail::memory_line l0c{1024};
  l.l0c_output = l0c.take(rows * d_v * 4);
  l.l0c_score = l0c.take(2, rows * key_tile * 4);
  l.l0c_bytes = l0c.at;

  detail::memory_line ub{32};
  l.ub_score = ub.take(2, half * key_tile * 4);
  l.ub_weights = ub.take(2, half * key_tile * 2);
  l.ub_ramp = ub.take(half * key_tile * 4);
  l.ub_partial = ub.take(half * (key_tile > d_v ? key_tile : d_v) * 4);
  l.ub_limit = buffer{l.ub_partial.address, static_cast<std::uint32_t>(half * key_tile * 4)};
  l.ub_output = ub.take(half * d_v * 4);
  l.ub_rounded = ub.take(half * d_v * 2);
  l.ub_lse = ub.take(half * 32);
  l.ub_spread = ub.take(2, half * 32);
  l.ub_crest = ub.take(3, half * 4);
  l.ub_reference = ub.take(half * 4);
  l.ub_shift = ub.take(half * 4);
  l.ub_sum = ub.take(half * 4);
  l.ub_exact_sum = ub.take(half * 4);
  l.ub_largest_sum = ub.take(half * 4);
  l.ub_row = ub.take(4, half * 4);
  l.ub_best = ub.take(2, 32);
  l.ub_record = ub.take(record_bytes);
  l.ub_decisions = ub.take(2 * record_bytes);
  l.ub_bytes = ub.at;

  detail::memory_line scratch{512};
  l.scratch_score = scratch.take(2, reaches_ub ? 0 : rows * key_tile * 4);
  l.scratch_weights = scratch.take(2, rows * key_tile * 2);
  l.scratch_output = scratch.take(reaches_ub ? 0 : rows * d_v * 4);
  l.scratch_windows = scratch.take(2 * record_bytes);  // a record of each vector core
  l.scratch_guard = scratch.take(3, 2 * record_bytes);  // query tiles take turns
  l.scratch_bytes = scratch.at;
  return l;
}

constexpr bool fits(const device_layout& l, const target_sizes& sizes) {
  return l.ub_bytes <= sizes.unified_buffer && l.l1_bytes <= sizes.l1 && l.l0a_bytes <= sizes.l0a &&
         l.l0b_bytes <= sizes.l0b && l.l0c_bytes <= sizes.l0c;
}

// As many keys as the target takes, if the layout fits then; else 64.
template <class Target>
constexpr device_layout layout_for(std::int32_t d_qk, std::int32_t d_v) {
  const device_layout large = layout_of(d_qk, d_v, Target::most_keys, Target::reaches_ub);
  return fits(large, Target::sizes) ? large : layout_of(d_qk, d_v, 64, Target::reaches_ub);
}

}  // namespace ascend

CRESTMAX_END_VERSION
