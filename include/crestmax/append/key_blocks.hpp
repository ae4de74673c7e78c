// Blocks of keys that share scales by channel: encoded when their last token has come, decoded when a sequence is cut inside.
#pragma once

#include "../backend/cpu/plain_codes.hpp"
#include "rows.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace appending {

inline constexpr index_type most_keys = 256;  // of a block

inline std::byte* open_place(const open_rows& open, index_type sequence, index_type row, index_type head) {
  return written(open.data, open.kind, sequence * open.strides[0] + row * open.strides[1] + head * open.strides[2]);
}

// One row as the open rows of a cache hold it.
inline void write_open(const row_coding& coding, const cpu::number_encoder& encoder, row_numbers& numbers, const void* row, scalar_kind kind,
                       index_type length, std::byte* to) {
  if (kind == coding.open.kind) {
    std::memcpy(to, row, bound(length * 2));
    return;
  }
  numbers.begin(row, kind);
  for_each_piece(0, length, [&](index_type first, index_type count) {
    encoder.narrow(coding.open.kind, numbers.piece(first, count), count, to + first * 2);
  });
}

// Encodes a block of a head, as many channels at a time as there is room for.
class block_encoder {
 public:
  block_encoder(const tensor_view& cache, const row_coding& coding, const cpu::number_encoder& encoder)
      : cache_(cache), coding_(coding), encoder_(encoder), numbers_(encoder), facts_(scale_facts_of(cache.kind, coding)),
        encode_(encoder.by_rule(cache.kind, cpu::rule_kind::per_number)) {}

  // row_of(key, kind) tells where a key's row lies, and of which kind it is.
  template <class F>
  void encode(index_type page, index_type block, index_type head, F&& row_of) {
    const code_facts codes = facts_of(cache_.kind);
    const index_type channels = room / coding_.keys / 32 * 32 < cpu::most_numbers ? room / coding_.keys / 32 * 32 : cpu::most_numbers;
    for (index_type first = 0; first < cache_.extents[3]; first += channels) {
      const index_type count = cache_.extents[3] - first < channels ? cache_.extents[3] - first : channels;
      width_ = (count + 31) / 32 * 32;
      take_rows(first, count, row_of);
      encoder_.scales(facts_, ranges_, width_, found_);
      write_beside(page, block, head, first, count);
      const auto row = [&](index_type key) {
        return places_of_codes(cache_, page, block * coding_.keys + key, head).behind(cache_.kind, first);
      };
      for (index_type key = 0; key < coding_.keys; ++key) {
        if (key + ahead < coding_.keys) ask_for(cache_.kind, row(key + ahead), count);
        encode_(rows_ + key * width_, count, {found_, 0, codes.low, codes.high}, row(key));
      }
    }
  }

 private:
  static constexpr index_type ahead = 8;  // keys whose memory is asked for
  static constexpr index_type room = 8192;  // numbers: at least 32 of each of the most keys
  static_assert(room / most_keys >= 32);

  // As open rows would hold them, whether they have been there or not.
  template <class F>
  void take_rows(index_type first, index_type count, F&& row_of) {
    for (index_type i = 0; i < width_; ++i) ranges_.set(i, cpu::key_range::of_none());
    for (index_type key = 0; key < coding_.keys; ++key) {
      scalar_kind kind = coding_.open.kind;
      if (key + ahead < coding_.keys) {
        const std::byte* const later = row_of(key + ahead, kind);
        ask_for(later + first * size_of(kind), count * size_of(kind));
        kind = coding_.open.kind;
      }
      const std::byte* const row = row_of(key, kind) + first * size_of(kind);
      float* const to = rows_ + key * width_;
      for (index_type i = count; i < width_; ++i) to[i] = 0.0f;
      if (kind == coding_.open.kind) {
        encoder_.widen(kind, row, count, to);
      } else {
        numbers_.begin(row, kind);
        encoder_.round(coding_.open.kind, numbers_.piece(0, count), count, to);
      }
      encoder_.widen_ranges(to, width_, ranges_);
    }
  }

  void write_beside(index_type page, index_type block, index_type head, index_type first, index_type count) const {
    for (index_type i = 0; i < count; ++i) {
      write_stored(coding_.scales.kind, place_of(coding_.scales, page, block, head, first + i), found_.scale[i]);
      if (coding_.offsets) write_stored(coding_.offsets.kind, place_of(coding_.offsets, page, block, head, first + i), found_.offset[i]);
    }
  }

  const tensor_view& cache_;
  const row_coding& coding_;
  const cpu::number_encoder& encoder_;
  row_numbers numbers_;
  cpu::scale_facts facts_;
  cpu::encode_function encode_;
  cpu::key_ranges ranges_;
  cpu::scales_found found_;
  index_type width_ = 0;  // numbers of a row that are held, some of them behind its end
  float rows_[room];
};

// Numbers one at a time, for plain_codes.
struct single_numbers {
  using vec = float;
  static constexpr int lanes = 1;
  static float load(const float* from) { return *from; }
};

// What 16 codes from a place in a row on stand for, without scales; of fewer at its end, as many.
inline void decode_codes(scalar_kind kind, const cpu::code_places& row, index_type first, index_type count, float (&to)[cpu::codes_at_a_time]) {
  using kit = cpu::plain_codes<single_numbers>;
  constexpr int half = cpu::codes_at_a_time / 2;
  std::uint8_t bytes[2 * cpu::codes_at_a_time] = {};
  cpu::copy_codes(kind, row.behind(kind, first), count, {{bytes, bytes + half, bytes + 2 * half}});
  if (kind == scalar_kind::planes16) {
    return kit::numbers_of_planes(kit::load_joined_nibbles(bytes, bytes + half), kit::load(bytes + 2 * half), to);
  }
  if (kind == scalar_kind::int8) return kit::signed_numbers(kit::load(bytes), to);
  if (kind == scalar_kind::uint8) return kit::unsigned_numbers(kit::load(bytes), to);
  if (kind == scalar_kind::uint4) return kit::unsigned_numbers(kit::load_nibbles(bytes), to);
  if (kind == scalar_kind::float8_e5m2) return kit::numbers_of_e5m2(kit::load(bytes), to);
  kit::numbers_of_e4m3(kit::load(bytes), to);
  for (float& x : to) x *= cpu::e4m3_unit;
}

// Decodes a key's row of a block as open rows hold it: numbers that a code's error has taken beyond their largest are that.
inline void reopen_row(const tensor_view& cache, const row_coding& coding, index_type page, index_type key, index_type head, index_type sequence) {
  const cpu::code_places row = places_of_codes(cache, page, key, head);
  std::byte* const to = open_place(coding.open, sequence, key % coding.keys, head);
  const float most = cpu::largest_stored(coding.open.kind);
  const index_type block = key / coding.keys, length = cache.extents[3];
  for (index_type first = 0; first < length; first += cpu::codes_at_a_time) {
    const index_type count = length - first < cpu::codes_at_a_time ? length - first : cpu::codes_at_a_time;
    float codes[cpu::codes_at_a_time];
    decode_codes(cache.kind, row, first, count, codes);
    for (index_type i = 0; i < count; ++i) {
      const float scale = read_coding_number(coding.scales.kind, place_of(coding.scales, page, block, head, first + i));
      const float offset = coding.offsets ? read_coding_number(coding.offsets.kind, place_of(coding.offsets, page, block, head, first + i)) : 0.0f;
      // Products of two floats are exact in double: each operation is rounded once, whatever compilers fuse.
      const auto product = [&](float code) { return static_cast<float>(static_cast<double>(scale) * static_cast<double>(code)); };
      const float number = coding.offset == offset_kind::minimum ? product(codes[i]) + offset : product(codes[i] - offset);
      const bool is_beyond = std::fabs(number) > most && std::fabs(number) <= std::numeric_limits<float>::max();
      write_stored(coding.open.kind, to + (first + i) * size_of(coding.open.kind), is_beyond ? std::copysign(most, number) : number);
    }
  }
}

}  // namespace appending

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
