// Encoded rows read one number at a time, as the description of each format has it: nothing is shared with the library but its names.
// Numbers are decided in float, each operation rounded once; what is worked out in double and rounded to float is the same.
#pragma once

#include <crestmax/encodings.hpp>
#include <vector>

#include "scalars.hpp"

namespace crestmax_test {

inline double to_single(double x) { return static_cast<double>(static_cast<float>(x)); }

inline unsigned byte_at(const std::byte* from, index_type place) { return std::to_integer<unsigned>(from[place]); }
inline double half_at(const std::byte* from) { return decode(half_format, static_cast<std::uint16_t>(byte_at(from, 0) | byte_at(from, 1) << 8)); }
inline int signed_byte(unsigned byte) { return byte < 128 ? static_cast<int>(byte) : static_cast<int>(byte) - 256; }

// 1 sign bit, the exponent, the mantissa. e4m3fn gives up its infinities for numbers: only all ones are NaN.
inline double decode_float8(unsigned byte, int exponent_bits, bool has_infinities) {
  const int mantissa_bits = 7 - exponent_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int top = (1 << exponent_bits) - 1;
  const double sign = byte >= 128 ? -1.0 : 1.0;
  const int exponent = static_cast<int>(byte) >> mantissa_bits & top;
  const int mantissa = static_cast<int>(byte) & ((1 << mantissa_bits) - 1);
  const bool all_ones = mantissa == (1 << mantissa_bits) - 1;
  if (exponent == top && has_infinities) return mantissa == 0 ? sign * infinity : not_a_number;
  if (exponent == top && all_ones) return not_a_number;
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign * std::ldexp((1 << mantissa_bits) + mantissa, exponent - bias - mantissa_bits);
}

// A block of 32 of ggml's: where its parts begin, and what a code stands for.
struct plain_block {
  int bytes;
  int minimum_at;  // -1: none
  int high_at;     // the fifth bits; -1: none
  int codes_at;
  int middle;      // that codes have subtracted
};
inline plain_block plain_block_of(scalar_kind kind) {
  switch (kind) {
    case scalar_kind::q8_0: return {34, -1, -1, 2, 0};
    case scalar_kind::q4_0: return {18, -1, -1, 2, 8};
    case scalar_kind::q4_1: return {20, 2, -1, 4, 0};
    case scalar_kind::q5_0: return {22, -1, 2, 6, 16};
    case scalar_kind::q5_1: return {24, 2, 4, 8, 0};
    case scalar_kind::iq4_nl: return {18, -1, -1, 2, 0};
    default: return {0, -1, -1, 0, 0};
  }
}
inline bool is_block_of_32(scalar_kind kind) { return plain_block_of(kind).bytes != 0; }

inline double decode_in_block(scalar_kind kind, const std::byte* block, int number) {
  constexpr int table[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  const plain_block b = plain_block_of(kind);
  const double scale = half_at(block);
  if (kind == scalar_kind::q8_0) return to_single(scale * signed_byte(byte_at(block, b.codes_at + number)));
  const unsigned pair = byte_at(block, b.codes_at + number % 16);
  int code = static_cast<int>(number < 16 ? pair & 15u : pair >> 4);
  if (b.high_at >= 0 && (byte_at(block, b.high_at + number / 8) >> (number % 8) & 1u) != 0) code += 16;
  if (kind == scalar_kind::iq4_nl) code = table[code];
  const double product = to_single(scale * (code - b.middle));
  return b.minimum_at < 0 ? product : to_single(product + half_at(block + b.minimum_at));
}

// Bytes of a row; of the wrong length for blocks: -1.
inline index_type plain_row_bytes(scalar_kind kind, index_type length) {
  if (is_block_of_32(kind)) return length % 32 == 0 ? length / 32 * plain_block_of(kind).bytes : -1;
  if (kind == scalar_kind::uint4) return length % 2 == 0 ? length / 2 : -1;
  if (kind == scalar_kind::planes16) return length % 2 == 0 ? 2 * length : -1;
  if (kind >= scalar_kind::int8) return length;
  return length * bytes_of(kind);
}

// One number of a row of any kind, without what stands beside the row.
inline double decode_number(scalar_kind kind, const std::byte* row, index_type number) {
  if (is_block_of_32(kind)) return decode_in_block(kind, row + number / 32 * plain_block_of(kind).bytes, static_cast<int>(number % 32));
  switch (kind) {
    case scalar_kind::int8: return signed_byte(byte_at(row, number));
    case scalar_kind::uint8: return byte_at(row, number);
    case scalar_kind::uint4: return number % 2 == 0 ? byte_at(row, number / 2) & 15u : byte_at(row, number / 2) >> 4;
    case scalar_kind::float8_e4m3: return decode_float8(byte_at(row, number), 4, false);
    case scalar_kind::float8_e5m2: return decode_float8(byte_at(row, number), 5, true);
    default: return read_number(kind, row + number * bytes_of(kind));
  }
}

// Keys whose rows share a piece of memory, 64 of planes16; pieces for so many keys, and bytes of one.
inline index_type plain_block_keys(scalar_kind kind) { return kind == scalar_kind::planes16 ? 64 : 1; }
inline index_type plain_blocks(scalar_kind kind, index_type keys) { return (keys + plain_block_keys(kind) - 1) / plain_block_keys(kind); }
inline index_type plain_block_bytes(scalar_kind kind, index_type length) { return plain_block_keys(kind) * plain_row_bytes(kind, length); }

// The code of a number in such a block of planes16: bits 12 to 15 of all rows, then bits 8 to 11, two numbers a byte, then bits 0 to 7.
inline unsigned code_in_planes(const std::byte* block, index_type length, index_type row, index_type number) {
  const index_type pairs = length / 2, pair = row * pairs + number / 2;
  const auto nibble = [&](unsigned byte) { return number % 2 == 0 ? byte & 15u : byte >> 4; };
  const unsigned top = nibble(byte_at(block, pair)), next = nibble(byte_at(block, 64 * pairs + pair));
  return top << 12 | next << 8 | byte_at(block, 2 * 64 * pairs + row * length + number);
}

// A scale or an offset by its place; `absent` where there are none.
inline double coding_number(const crestmax::coding_numbers& numbers, const std::array<index_type, 4>& place, double absent) {
  if (numbers.data == nullptr) return absent;
  index_type element = 0;
  for (std::size_t i = 0; i < 4; ++i) element += place[i] * numbers.strides[i];
  return read_number(numbers.kind, static_cast<const std::byte*>(numbers.data) + element * bytes_of(numbers.kind));
}

// What a code of a row stands for with what stands beside it: `page` is the batch of a contiguous tensor, `key` counts inside it.
inline double with_coding(double code, const crestmax::row_coding& coding, index_type page, index_type key, index_type head, index_type number) {
  const index_type group = coding.group == 0 ? 0 : number / coding.group;
  const std::array<index_type, 4> place{page, key / (coding.keys > 1 ? coding.keys : 1), head, group};
  const double scale = coding_number(coding.scales, place, 1);
  const double offset = coding_number(coding.offsets, place, 0);
  if (coding.offset == crestmax::offset_kind::minimum) return to_single(to_single(scale * code) + offset);
  return to_single(scale * to_single(code - offset));
}

inline bool has_coding(scalar_kind kind) { return kind >= scalar_kind::int8 && kind <= scalar_kind::planes16; }

// The row of a token and head in (pages or batch, page_size or kv_len, kv_heads, d): strides in elements, of encodings in bytes. Where rows lie
// in blocks of keys, the block.
inline const std::byte* row_at(const void* data, scalar_kind kind, const std::array<index_type, 4>& strides, index_type page, index_type key,
                               index_type head) {
  const index_type size = kind > scalar_kind::bfloat16 ? 1 : bytes_of(kind);
  return static_cast<const std::byte*>(data) + (page * strides[0] + key / plain_block_keys(kind) * strides[1] + head * strides[2]) * size;
}

// One number of such a tensor.
inline double cached_number(const crestmax::tensor_view& cache, const crestmax::row_coding& coding, index_type page, index_type key,
                            index_type head, index_type number) {
  const std::byte* const row = row_at(cache.data, cache.kind, cache.strides, page, key, head);
  const double code = cache.kind == scalar_kind::planes16 ? code_in_planes(row, cache.extents[3], key % 64, number) : decode_number(cache.kind, row, number);
  return has_coding(cache.kind) ? with_coding(code, coding, page, key, head, number) : code;
}
inline std::vector<double> cached_row(const crestmax::tensor_view& cache, const crestmax::row_coding& coding, index_type page, index_type key,
                                      index_type head) {
  std::vector<double> row;
  for (index_type i = 0; i < cache.extents[3]; ++i) row.push_back(cached_number(cache, coding, page, key, head, i));
  return row;
}

// A row behind the last whole block of a sequence.
inline std::vector<double> open_row(const crestmax::row_coding& coding, index_type sequence, index_type key, index_type head, index_type length) {
  const crestmax::open_rows& open = coding.open;
  const index_type first = sequence * open.strides[0] + key % coding.keys * open.strides[1] + head * open.strides[2];
  std::vector<double> row;
  for (index_type i = 0; i < length; ++i) row.push_back(read_number(open.kind, static_cast<const std::byte*>(open.data) + (first + i) * 2));
  return row;
}

}  // namespace crestmax_test
