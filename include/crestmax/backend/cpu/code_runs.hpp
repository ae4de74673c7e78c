// Encoded rows as integer kernels read them: codes where they lie, 32 at a time, and what stands beside them as numbers in the first cache.
// A code is multiplied as a small signed integer: scale * integer + offset is the number that it stands for.
#pragma once

#include "rows_ahead.hpp"
#include "runs.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

inline constexpr index_type codes_in_chunk = 32;

// What bits of a code (planes16) that are not read may say lies so far from their middle, at most, in steps of a code.
constexpr float unread_span(int planes) { return planes == 1 ? 2047.5f : planes == 2 ? 127.5f : 0.0f; }
// The variance of uniform ones.
constexpr double variance_of_unread(int planes) { return planes == 1 ? (0x1p24 - 1) / 12 : planes == 2 ? (0x1p16 - 1) / 12 : 0; }
// Their middle stands for them.
constexpr float middle_of_unread(int planes) { return unread_span(planes); }

enum class code_layout {
  bytes,
  split_nibbles,     // 16 bytes: numbers 0 to 15 in the low nibbles, 16 to 31 in the high ones
  adjacent_nibbles,  // two neighbours a byte
};

// How rows of a kind come to integer kernels.
struct code_form {
  bool known;     // others are decoded to floats
  bool made;      // codes have to become bytes first
  bool by_chunk;  // a scale for each chunk, else one for a row
  code_layout layout;
  index_type first;        // bytes before the first chunk's codes
  index_type chunk_bytes;  // from a chunk's codes to the next one's
  int zero;                // integers are codes minus this
};
constexpr code_form form_of(scalar_kind kind) {
  const bool made = kind == scalar_kind::q5_0 || kind == scalar_kind::q5_1 || kind == scalar_kind::iq4_nl || kind == scalar_kind::uint8;
  const bool by_chunk = kind >= scalar_kind::q8_0 && kind <= scalar_kind::iq4_nl;
  if (kind == scalar_kind::q4_0 || kind == scalar_kind::q4_1) {
    return {true, false, true, code_layout::split_nibbles, layout_of_block(kind).codes, bytes_of_block(kind), 8};
  }
  if (kind == scalar_kind::q8_0) return {true, false, true, code_layout::bytes, layout_of_block(kind).codes, bytes_of_block(kind), 0};
  if (kind == scalar_kind::uint4) return {true, false, false, code_layout::adjacent_nibbles, 0, codes_in_chunk / 2, 8};
  const bool known = made || kind == scalar_kind::int8;
  return {known, made, by_chunk, code_layout::bytes, 0, codes_in_chunk, kind == scalar_kind::uint8 ? 128 : kind == scalar_kind::q5_0 ? 16 : 0};
}

// A run of at most direct_run rows of codes.
struct code_run {
  row_run rows;    // where codes begin
  kv_run source;   // of the last of them
  float* scales;   // [chunks, or 1][direct_run]
  float* offsets;  // the same
  bool has_offsets;
  bool by_channel;      // scales and offsets are those of `channels` instead, one for each number of a row, common to all rows
  run_coding channels;
  bool copied;        // rows come together in `copies`
  char* copies;
  index_type copy_distance;
};

// Bytes of a copied row: whole chunks.
inline index_type copied_code_bytes(const code_form& form, index_type length) {
  const index_type chunks = planner::divide_up(length, codes_in_chunk);
  return form.made ? chunks * codes_in_chunk : chunks * form.chunk_bytes + form.first;
}

// A run whose numbers and copies lie in memory for direct_run rows of floats, which is more.
inline code_run code_run_in(void* room, const code_form& form, index_type length) {
  const index_type numbers = direct_run * planner::divide_up(length, codes_in_chunk);
  float* const scales = static_cast<float*>(room);
  code_run run{};
  run.scales = scales;
  run.offsets = scales + numbers;
  run.copies = reinterpret_cast<char*>(scales + 2 * numbers);
  run.copy_distance = copied_code_bytes(form, length);
  return run;
}

// A query as integers, and what goes with it. `chunks` have codes_in_chunk places each, in the order of codes, zeros behind the last number.
struct integer_query {
  std::int16_t* integers;  // [chunks]
  std::int16_t* folded;    // of the numbers times the scales of channels
  float* chunk_totals;     // [chunks][widest_lanes]: the sum of a chunk's integers, then zeros
  float* ordered;          // [chunks]: the numbers themselves
  float* scaled;           // times the scales of channels
  float* unit;             // number = integer * unit
  float* total;            // of the row's integers, times unit
  float* folded_unit;
  float* folded_total;     // of the numbers times the offsets of channels
  const void** folded_with;  // which scales or offsets of channels; of a block's first row

  static index_type chunks(index_type length) { return planner::divide_up(length, codes_in_chunk); }
  // In floats, of which 16 are 64 bytes.
  static index_type row_size(index_type length) { return chunks(length) * 112 + 16; }
  static integer_query at(float* memory, index_type row, index_type length) {
    const index_type n = chunks(length);
    float* const begin = memory + row * row_size(length);
    auto* const integers = reinterpret_cast<std::int16_t*>(begin);
    float* const rest = begin + 112 * n;
    return {integers,      integers + codes_in_chunk * n, begin + 32 * n, begin + 48 * n, begin + 80 * n, rest, rest + 1,
            rest + 2, rest + 3, pointer_to<const void*>(static_cast<void*>(rest + 8))};
  }
};

// Room for a query as integers, where a plan may have these.
inline index_type integer_row_size(const plan_rules& h) {
  const bool may_be_integers = h.products == products::integer && form_of(h.shape.key_kind).known;
  return may_be_integers ? integer_query::row_size(h.shape.d_qk) : 0;
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
