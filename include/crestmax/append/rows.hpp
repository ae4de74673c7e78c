// Stores rows in a cache: one row of one token and head at a time, whatever the cache holds.
#pragma once

#include "../backend/cpu/encoders.hpp"
#include "../kv_source.hpp"
#include "options.hpp"
#include "rules.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace appending {

inline const std::byte* row_of(const token_rows& rows, index_type token, index_type head) {
  return static_cast<const std::byte*>(rows.data) + (token * rows.strides[0] + head * rows.strides[1]) * size_of(rows.kind);
}

// A row's numbers as floats, a piece at a time: where they are such, in their place.
class row_numbers {
 public:
  static constexpr index_type most = cpu::most_numbers;  // of a piece: a multiple of 32
  explicit row_numbers(const cpu::number_encoder& encoder) : encoder_(encoder) {}

  void begin(const void* row, scalar_kind kind) {
    row_ = static_cast<const std::byte*>(row);
    kind_ = kind;
    held_ = -1;
  }
  const float* piece(index_type first, index_type count) {
    const std::byte* const from = row_ + first * size_of(kind_);
    if (kind_ == scalar_kind::float32) return pointer_to<float>(from);
    if (held_ != first || held_count_ < count) {
      widen(from, count, numbers_);
      held_ = first;
      held_count_ = count;
    }
    return numbers_;
  }
  // The whole row, in memory for it where it is not floats.
  const float* all(index_type count, float* memory) const {
    if (kind_ == scalar_kind::float32) return pointer_to<float>(row_);
    widen(row_, count, memory);
    return memory;
  }

 private:
  void widen(const std::byte* from, index_type count, float* to) const {
    if (kind_ != scalar_kind::float64) return encoder_.widen(kind_, from, count, to);
    for (index_type i = 0; i < count; ++i) to[i] = static_cast<float>(pointer_to<double>(from)[i]);
  }

  const cpu::number_encoder& encoder_;
  const std::byte* row_ = nullptr;
  scalar_kind kind_ = scalar_kind::float32;
  index_type held_ = -1, held_count_ = 0;
  float numbers_[most];
};

// Calls f(first, count) for the pieces of [begin, end).
template <class F>
void for_each_piece(index_type begin, index_type end, F&& f) {
  for (index_type first = begin; first < end; first += row_numbers::most) f(first, end - first < row_numbers::most ? end - first : row_numbers::most);
}

// Where something lies in memory that is written: a view's, counted in its elements.
inline std::byte* written(const void* data, scalar_kind kind, index_type element) {
  return static_cast<std::byte*>(const_cast<void*>(data)) + element * size_of(kind);
}

// Where a row of a page, key and head lies that is no encoding's in planes; and where its codes do.
inline std::byte* row_place(const tensor_view& cache, index_type page, index_type key, index_type head) {
  const auto& s = cache.strides;
  return written(cache.data, cache.kind, page * s[0] + key * s[1] + head * s[2]);
}
inline cpu::code_places places_of_codes(const tensor_view& cache, index_type page, index_type key, index_type head) {
  if (keys_in_block(cache.kind) == 1) return cpu::code_places::of_bytes(pointer_to<std::uint8_t>(row_place(cache, page, key, head)));
  const kv_run run = crestmax::rows_from(cache, page, key, head, 1);
  auto* const block = static_cast<std::uint8_t*>(const_cast<void*>(key_block_of(run, cache.kind, cache.extents[3])));
  cpu::code_places places;
  for (int plane = 0; plane < planes_of_code; ++plane) {
    const code_plane p = plane_of_block(plane, cache.extents[3]);
    places.parts[plane] = block + p.first + run.beside.place * p.row_bytes;
  }
  return places;
}

// Scales or offsets. Those that each key has, or each block of keys, are computed.
inline bool are_computed(const coding_numbers& numbers, index_type blocks) {
  return numbers.data != nullptr && numbers.strides[blocks > 1 ? 1 : 0] != 0;
}
inline std::byte* place_of(const coding_numbers& numbers, index_type page, index_type block, index_type head, index_type group) {
  const auto& s = numbers.strides;
  return written(numbers.data, numbers.kind, page * s[0] + block * s[1] + head * s[2] + group * s[3]);
}
// Whole blocks of keys that share scales, on a page: rows behind them are never encoded.
inline index_type key_blocks(const tensor_view& cache, const row_coding& coding) { return cache.extents[1] / coding.keys; }
// Whether a cache's rows, and those that are open, are of any numbers: pointers and strides may be anything where they are not.
inline bool has_numbers(const tensor_view& cache) { return cache.extents[2] != 0 && cache.extents[3] != 0; }
inline index_type group_length(const tensor_view& cache, const row_coding& coding) { return coding.group == 0 ? cache.extents[3] : coding.group; }

// Asks for memory that is needed soon.
inline void ask_for(const std::byte* memory, index_type bytes) {
  for (index_type i = 0; i < bytes; i += 64) CRESTMAX_PREFETCH(memory + i, 3);
}

// Of so many codes.
inline void ask_for(scalar_kind kind, const cpu::code_places& places, index_type count) {
  if (kind != scalar_kind::planes16) return ask_for(reinterpret_cast<const std::byte*>(places.parts[0]), row_bytes_of(kind, count));
  for (int plane = 0; plane < planes_of_code; ++plane) {
    ask_for(reinterpret_cast<const std::byte*>(places.parts[plane]), plane_of_block(plane, count).row_bytes);
  }
}

// Where a row comes from, and where it goes.
struct row_places {
  const std::byte* from;
  index_type page, key, head;
  row_places at_head(index_type other) const { return {from, page, key, other}; }
};

// A cache's rows as they are written.
class row_writer {
 public:
  row_writer(const tensor_view& cache, const row_coding& coding, const cpu::number_encoder& encoder)
      : cache_(cache), coding_(coding), encoder_(encoder), numbers_(encoder), facts_(scale_facts_of(cache.kind, coding)),
        computed_(appending::are_computed(coding.scales, appending::key_blocks(cache, coding))) {
    const code_facts facts = facts_of(cache.kind);
    low_ = cache.kind == scalar_kind::int8 && !computed_ ? -128.0f : facts.low;
    high_ = facts.high;
    encode_ = encoder.by_rule(cache.kind, coding.offsets ? cpu::rule_kind::group : cpu::rule_kind::scale);
  }

  // Numbers of a row that are coded apart from others of it, so that rows which lie side by side may be written as one.
  bool joins_heads() const { return !may_have_coding(cache_.kind); }
  // Rows whose scales are computed, one for each: several rows of a token together, so that none waits for another's scale.
  bool takes_tokens() const { return computed_ && cache_.extents[3] <= many && appending::group_length(cache_, coding_) >= cache_.extents[3]; }

  // A row of so many numbers, while the memory of another one is asked for.
  void write(const row_places& row, scalar_kind kind, index_type length, const row_places& next) {
    if (!is_encoded(cache_.kind)) return write_numbers(row.from, kind, length, place(row));
    numbers_.begin(row.from, kind);
    if (may_have_coding(cache_.kind)) {
      ask_for(next.from, length * size_of(kind));
      ask_for(cache_.kind, places(next), length);
      return write_coded(places(row), row.page, row.key, row.head);
    }
    std::byte* const to = place(row);
    const std::byte* const next_to = place(next);
    for_each_piece(0, length, [&](index_type first, index_type count) {
      ask_for(next.from + first * size_of(kind), count * size_of(kind));
      ask_for(next_to + row_bytes_of(cache_.kind, first), row_bytes_of(cache_.kind, count));
      encoder_.blocks(cache_.kind, numbers_.piece(first, count), count / 32, pointer_to<std::uint8_t>(to) + row_bytes_of(cache_.kind, first));
    });
  }

  // The rows of all heads of a token.
  void write_token(const row_places& token, scalar_kind kind, index_type head_bytes, const row_places& next) {
    const index_type length = cache_.extents[3], heads = cache_.extents[2], room = many / (length > 0 ? length : 1);
    const index_type together = room < cpu::most_numbers ? room : cpu::most_numbers;
    for (index_type first = 0; first < heads; first += together) {
      const index_type count = heads - first < together ? heads - first : together;
      for (index_type i = 0; i < count; ++i) {
        ask_for(next.from + (first + i) * head_bytes, length * size_of(kind));
        ask_for(cache_.kind, places(next.at_head(first + i)), length);
        numbers_.begin(token.from + (first + i) * head_bytes, kind);
        rows_[i] = numbers_.all(length, held_ + i * length);
        ranges_.set(i, facts_.has_offsets ? encoder_.range(rows_[i], length) : encoder_.magnitude(rows_[i], length));
      }
      encoder_.scales(facts_, ranges_, count, found_);
      for (index_type i = 0; i < count; ++i) {
        write_beside(i, token.page, token.key, first + i, 0);
        encode_(rows_[i], length, {found_, i, low_, high_}, places(token.at_head(first + i)));
      }
    }
  }

 private:
  static constexpr index_type many = 2048;  // numbers of rows that are written together

  std::byte* place(const row_places& row) const { return row_place(cache_, row.page, row.key, row.head); }
  cpu::code_places places(const row_places& row) const { return places_of_codes(cache_, row.page, row.key, row.head); }

  void write_numbers(const void* row, scalar_kind kind, index_type length, std::byte* to) {
    if (kind == cache_.kind) {
      std::memcpy(to, row, bound(length * size_of(kind)));
    } else if (kind == scalar_kind::float64 || cache_.kind == scalar_kind::float64) {
      visit_kind(kind, [&](auto* from) {
        visit_kind(cache_.kind, [&](auto* into) {
          using From = std::remove_pointer_t<decltype(from)>;
          using To = std::remove_pointer_t<decltype(into)>;
          if constexpr (std::is_same_v<From, double> || std::is_same_v<To, double>) {
            for (index_type i = 0; i < length; ++i) pointer_to<To>(to)[i] = convert<To>(pointer_to<From>(row)[i]);
          }
        });
      });
    } else if (cache_.kind == scalar_kind::float32) {
      encoder_.widen(kind, row, length, pointer_to<float>(to));
    } else {
      numbers_.begin(row, kind);
      for_each_piece(0, length, [&](index_type first, index_type count) {
        encoder_.narrow(cache_.kind, numbers_.piece(first, count), count, to + first * size_of(cache_.kind));
      });
    }
  }

  // The scale, and the offset, that were found at a place.
  void write_beside(index_type found, index_type page, index_type key, index_type head, index_type group) const {
    write_stored(coding_.scales.kind, place_of(coding_.scales, page, key, head, group), found_.scale[found]);
    if (coding_.offsets) write_stored(coding_.offsets.kind, place_of(coding_.offsets, page, key, head, group), found_.offset[found]);
  }

  void write_coded(const cpu::code_places& to, index_type page, index_type key, index_type head) {
    const index_type length = cache_.extents[3], group = appending::group_length(cache_, coding_);
    for (index_type begin = 0; begin < length; begin += group) {
      const index_type end = length - begin < group ? length : begin + group;
      if (computed_) {
        ranges_.set(0, range_of(begin, end));
        encoder_.scales(facts_, ranges_, 1, found_);
        write_beside(0, page, key, head, begin / group);
      } else {
        take_given(found_, given(coding_.scales, 1.0f, page, key, head, begin / group), given(coding_.offsets, 0.0f, page, key, head, begin / group),
                   coding_.offset);
      }
      for_each_piece(begin, end, [&](index_type first, index_type count) {
        encode_(numbers_.piece(first, count), count, {found_, 0, low_, high_}, to.behind(cache_.kind, first));
      });
    }
  }
  cpu::key_range range_of(index_type begin, index_type end) {
    cpu::key_range range = cpu::key_range::of_none();
    for_each_piece(begin, end, [&](index_type first, index_type count) {
      const float* const numbers = numbers_.piece(first, count);
      const cpu::key_range r = facts_.has_offsets ? encoder_.range(numbers, count) : encoder_.magnitude(numbers, count);
      if (r.least_key < range.least_key) range.least_key = r.least_key;
      if (r.most_key > range.most_key) range.most_key = r.most_key;
    });
    return range;
  }
  float given(const coding_numbers& numbers, float absent, index_type page, index_type key, index_type head, index_type group) const {
    return numbers ? read_coding_number(numbers.kind, place_of(numbers, page, key, head, group)) : absent;
  }

  const tensor_view& cache_;
  const row_coding& coding_;
  const cpu::number_encoder& encoder_;
  row_numbers numbers_;
  cpu::scale_facts facts_;
  bool computed_;
  float low_, high_;
  cpu::encode_function encode_;
  cpu::key_ranges ranges_;
  cpu::scales_found found_;
  const float* rows_[cpu::most_numbers];
  float held_[many];
};

}  // namespace appending

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
