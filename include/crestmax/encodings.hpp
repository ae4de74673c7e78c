// Encodings of keys and values: rows of bytes that stand for numbers. A tensor or a paged cache of encoded rows is one of the types below:
// its innermost extent counts numbers, its strides count bytes. What the numbers are is decided in float, each operation rounded once:
//
//   q8_0     blocks of 32 numbers, 34 bytes: a float16 scale, 32 int8 codes                  scale * code
//   q4_0     18 bytes: scale, 16 bytes of nibbles (low: number j, high: number j + 16)       scale * (nibble - 8)
//   q4_1     20 bytes: scale, float16 minimum, nibbles                                       scale * nibble + minimum
//   q5_0     22 bytes: scale, 32 fifth bits, nibbles                                         scale * (code - 16)
//   q5_1     24 bytes: scale, minimum, fifth bits, nibbles                                   scale * code + minimum
//   iq4_nl   18 bytes: as q4_0, nibbles into a table of 16 numbers                           scale * table[nibble]
//   int8, uint8                      a byte a number
//   uint4                            two numbers a byte, the first in the low nibble
//   float8_e4m3, float8_e5m2         a byte a number: without infinities (e4m3fn), with them
//   planes16                         codes of 16 bits, the rows of 64 keys plane by plane       minimum + step * code
//
// The first six are ggml's, little-endian. The others may have scales and offsets beside the rows: options.key_coding, options.value_coding.
//
// planes16. The rows of 64 neighbouring keys of a head are a block of 64 * head_dim * 2 bytes, head_dim even:
//   plane 0   bits 12 to 15 of the codes: 64 rows of head_dim / 2 bytes, two numbers a byte, the first in the low nibble
//   plane 1   bits 8 to 11, in the same way
//   plane 2   bits 0 to 7: 64 rows of head_dim bytes
// so that what reads the first bits of all keys reads them side by side. Extents count keys. The stride along keys is the distance of two blocks, in bytes,
// that along heads the distance of two heads' blocks; dense tensors are (batch, blocks, kv_heads, block). Row j lies in block j / 64 of its page, or
// of its sequence in the batch: pages hold whole blocks, a page size that is a multiple of 64; the last block of a contiguous sequence has the memory of a
// whole one, of which only rows that there are are read. Sequences that lie end to end (key_offsets) cannot be in blocks.
// Scales are the steps, offsets the minimums: both are there, coding.offset is offset_kind::minimum, and they are
//   by channel   coding.keys = 64, coding.group = 1: a step and a minimum for each number of a row, of a block's 64 keys; the unfinished block is open rows
//   by token     coding.keys = 1, coding.group = 0: of a whole row; the unfinished block is there as far as it has come
// append() codes keys and values so: the least and the largest number are a thirtieth of their distance inside of the codes, in the middle of what plane 0
// tells apart; steps and minimums are rounded outwards, so that no number lies beyond the codes, and a number is off by at most
// 0.52 steps, and the roundings of float: 2^-22 of the largest size in its block's channel, or row. That holds for sizes up to 2^126 which the kind of
// steps and minimums has: beyond them codes saturate. Numbers closer to each other than 65535 steps of 2^-126 have the step 0, and read as their minimum.
#pragma once

#include <array>
#include <utility>

#include "tensor.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_VERSION

// A byte of encoded rows.
template <scalar_kind Kind>
struct CRESTMAX_MAY_ALIAS encoded {
  std::uint8_t bits;
  friend constexpr bool operator==(encoded, encoded) = default;
};
template <scalar_kind Kind>
struct scalar_traits<encoded<Kind>> { static constexpr scalar_kind kind = Kind; };
template <>
struct scalar_traits<std::int8_t> { static constexpr scalar_kind kind = scalar_kind::int8; };
template <>
struct scalar_traits<std::uint8_t> { static constexpr scalar_kind kind = scalar_kind::uint8; };

using q8_0 = encoded<scalar_kind::q8_0>;
using q4_0 = encoded<scalar_kind::q4_0>;
using q4_1 = encoded<scalar_kind::q4_1>;
using q5_0 = encoded<scalar_kind::q5_0>;
using q5_1 = encoded<scalar_kind::q5_1>;
using iq4_nl = encoded<scalar_kind::iq4_nl>;
using uint4 = encoded<scalar_kind::uint4>;
using float8_e4m3 = encoded<scalar_kind::float8_e4m3>;
using float8_e5m2 = encoded<scalar_kind::float8_e5m2>;
using planes16 = encoded<scalar_kind::planes16>;

// Scales or offsets of encoded rows: one for each (batch or page, key, head, group of the row), by strides in elements; a stride of 0 has
// one for all. Without data there are none: scales are 1 then, offsets 0. Those that all keys share are looked at before a call: finite, and scales
// above 0. Others are not: what is no finite number poisons the rows of queries that see its key, and no other. Scales of float8_e4m3 are at most 2^119.
struct coding_numbers {
  const void* data = nullptr;
  scalar_kind kind = scalar_kind::float32;  // or float16, bfloat16
  std::array<index_type, 4> strides{};

  constexpr coding_numbers() = default;
  constexpr coding_numbers(const void* numbers, scalar_kind of, const std::array<index_type, 4>& steps) : data(numbers), kind(of), strides(steps) {}
  template <number_scalar T>
  constexpr coding_numbers(const T* numbers, const std::array<index_type, 4>& steps) : coding_numbers(numbers, kind_of<T>, steps) {}
  constexpr explicit operator bool() const { return data != nullptr; }
};

enum class offset_kind : std::int32_t {
  zero_point,  // numbers are scale * (code - offset)
  minimum,     // scale * code + offset
};

// Keys or values behind the last whole block, where rows are coded in blocks of keys: float16 or bfloat16. Key j of a sequence is row j % keys; of
// the keys - 1 rows that each sequence and head has room for, the first kv_len % keys are read. Strides count elements; the innermost dimension is contiguous.
struct open_rows {
  const void* data = nullptr;
  scalar_kind kind = scalar_kind::float16;
  std::array<index_type, 3> strides{};  // sequence, key, head
};

// What stands beside encoded rows of keys, or of values.
struct row_coding {
  coding_numbers scales{};
  coding_numbers offsets{};
  offset_kind offset = offset_kind::zero_point;
  index_type group = 0;  // neighbouring numbers of a row that share a scale and an offset; 0: the whole row does. The last group may be shorter
  // Neighbouring keys that share them. With more than one, their strides along keys count such blocks, the last kv_len % keys keys of a
  // sequence are in `open`, and pages hold whole blocks.
  index_type keys = 1;
  open_rows open{};
};

CRESTMAX_END_VERSION

CRESTMAX_BEGIN_NAMESPACE

// Whether rows may have scales and offsets beside them.
constexpr bool may_have_coding(scalar_kind kind) { return kind >= scalar_kind::int8 && kind <= scalar_kind::planes16; }

// Whether scales and offsets may be of a kind; and one of them.
constexpr bool is_coding_number(scalar_kind kind) {
  return kind == scalar_kind::float32 || kind == scalar_kind::float16 || kind == scalar_kind::bfloat16;
}
inline float read_coding_number(scalar_kind kind, const void* from) {
  if (kind == scalar_kind::float32) return *pointer_to<float>(from);
  return kind == scalar_kind::float16 ? to_float(*pointer_to<float16>(from)) : to_float(*pointer_to<bfloat16>(from));
}

// Where a block of ggml's has what: bytes from its begin, 0 where it has none (scales come first); and what codes of 0 stand for.
struct block_layout {
  index_type minimum;
  index_type fifth_bits;
  index_type codes;
  int zero;
};
constexpr block_layout layout_of_block(scalar_kind kind) {
  if (kind == scalar_kind::q4_1) return {2, 0, 4, 0};
  if (kind == scalar_kind::q5_0) return {0, 2, 6, 16};
  if (kind == scalar_kind::q5_1) return {2, 4, 8, 0};
  return {0, 0, 2, kind == scalar_kind::q4_0 ? 8 : 0};
}

// A plane of a block of planes16.
struct code_plane {
  index_type first;      // bytes from the block's begin
  index_type row_bytes;  // from a row's part to the next row's
  int bits;              // of a code
  int shift;             // where in the code they are
};
inline constexpr int planes_of_code = 3;
// Plane 0, 1 or 2 of rows of so many numbers.
constexpr code_plane plane_of_block(int plane, index_type length) {
  constexpr index_type keys = keys_in_block(scalar_kind::planes16);
  if (plane < 2) return {plane * keys * (length / 2), length / 2, 4, plane == 0 ? 12 : 8};
  return {keys * length, length, 8, 0};
}
// Bytes of a block of rows of so many elements.
constexpr index_type bytes_of_key_block(scalar_kind kind, index_type length) {
  return static_cast<index_type>(static_cast<std::uint64_t>(row_bytes_of(kind, length)) * static_cast<std::uint64_t>(keys_in_block(kind)));
}

// Where iq4_nl's nibbles lead.
inline constexpr std::array<std::int8_t, 16> iq4_nl_numbers{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

// Calls f with std::integral_constant of the encoding, one of Kinds.
template <kind_set Kinds, class F>
inline void visit_encoding(scalar_kind kind, F&& f) {
  const auto try_one = [&]<scalar_kind Kind>(std::integral_constant<scalar_kind, Kind> one) {
    if constexpr (Kinds.contains(Kind)) {
      if (kind == Kind) f(one);
    }
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (try_one(std::integral_constant<scalar_kind, static_cast<scalar_kind>(I + static_cast<std::size_t>(scalar_kind::q8_0))>{}), ...);
  }(std::make_index_sequence<static_cast<std::size_t>(scalar_kind::custom) - static_cast<std::size_t>(scalar_kind::q8_0)>{});
}

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
