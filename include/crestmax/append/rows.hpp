// Stores rows in a cache: one row of one token and head at a time, whatever the cache holds.
#pragma once

#include "../backend/cpu/encoders.hpp"
#include "options.hpp"
#include "rules.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace appending {

// A row's numbers as floats, a piece at a time: where they are such, in their place.
class row_numbers {
 public:
  static constexpr index_type most = 512;  // numbers of a piece: a multiple of 32
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
      if (kind_ == scalar_kind::float64) {
        for (index_type i = 0; i < count; ++i) numbers_[i] = static_cast<float>(pointer_to<double>(from)[i]);
      } else {
        encoder_.widen(kind_, from, count, numbers_);
      }
      held_ = first;
      held_count_ = count;
    }
    return numbers_;
  }

 private:
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

// Scales or offsets. Those that each key has, or each block of keys, are computed.
inline bool are_computed(const coding_numbers& numbers, index_type blocks) {
  return numbers.data != nullptr && numbers.strides[blocks > 1 ? 1 : 0] != 0;
}
inline std::byte* place_of(const coding_numbers& numbers, index_type page, index_type block, index_type head, index_type group) {
  const auto& s = numbers.strides;
  return written(numbers.data, numbers.kind, page * s[0] + block * s[1] + head * s[2] + group * s[3]);
}
// Blocks of keys that share scales, on a page.
inline index_type key_blocks(const tensor_view& cache, const row_coding& coding) { return (cache.extents[1] + coding.keys - 1) / coding.keys; }
inline index_type group_length(const tensor_view& cache, const row_coding& coding) { return coding.group == 0 ? cache.extents[3] : coding.group; }
inline stored_kinds kinds_beside(const row_coding& coding) { return {coding.scales.kind, coding.offsets.kind, coding.offset}; }

// Asks for memory that is needed soon.
inline void ask_for(const std::byte* memory, index_type bytes) {
  for (index_type i = 0; i < bytes; i += 64) CRESTMAX_PREFETCH(memory + i, 3);
}

// Where a row comes from, and where it goes.
struct row_places {
  const std::byte* from;
  index_type page, key, head;
};

// A cache's rows as they are written.
class row_writer {
 public:
  row_writer(const tensor_view& cache, const row_coding& coding, const cpu::number_encoder& encoder)
      : cache_(cache), coding_(coding), encoder_(encoder), numbers_(encoder),
        computed_(appending::are_computed(coding.scales, appending::key_blocks(cache, coding))) {
    const code_facts facts = facts_of(cache.kind);
    rule_.low = cache.kind == scalar_kind::int8 && !computed_ ? -128.0f : facts.low;
    rule_.high = facts.high;
    rule_.per_number = false;
  }

  // Numbers of a row that are coded apart from others of it, so that rows which lie side by side may be written as one.
  bool joins_heads() const { return !may_have_coding(cache_.kind); }

  // A row of so many numbers, while the memory of another one is asked for.
  void write(const row_places& row, scalar_kind kind, index_type length, const row_places& next) {
    std::byte* const to = place(row);
    if (!is_encoded(cache_.kind)) return write_numbers(row.from, kind, length, to);
    numbers_.begin(row.from, kind);
    const std::byte* const next_to = place(next);
    if (may_have_coding(cache_.kind)) {
      ask_for(next.from, length * size_of(kind));
      ask_for(next_to, row_bytes_of(cache_.kind, length));
      return write_coded(pointer_to<std::uint8_t>(to), row.page, row.key, row.head);
    }
    for_each_piece(0, length, [&](index_type first, index_type count) {
      ask_for(next.from + first * size_of(kind), count * size_of(kind));
      ask_for(next_to + row_bytes_of(cache_.kind, first), row_bytes_of(cache_.kind, count));
      encoder_.blocks(cache_.kind, numbers_.piece(first, count), count / 32, pointer_to<std::uint8_t>(to) + row_bytes_of(cache_.kind, first));
    });
  }

 private:
  std::byte* place(const row_places& row) const {
    const auto& s = cache_.strides;
    return written(cache_.data, cache_.kind, row.page * s[0] + row.key * s[1] + row.head * s[2]);
  }

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

  void write_coded(std::uint8_t* to, index_type page, index_type key, index_type head) {
    const index_type length = cache_.extents[3], group = appending::group_length(cache_, coding_);
    for (index_type begin = 0; begin < length; begin += group) {
      const index_type end = length - begin < group ? length : begin + group;
      const scale_and_offset s = computed_ ? computed(begin, end) : given(page, key, head, begin / group);
      if (computed_) {
        write_stored(coding_.scales.kind, place_of(coding_.scales, page, key, head, begin / group), s.scale);
        if (coding_.offsets) write_stored(coding_.offsets.kind, place_of(coding_.offsets, page, key, head, begin / group), s.offset);
      }
      set_rule(rule_, 0, s, coding_.offset);
      for_each_piece(begin, end, [&](index_type first, index_type count) {
        encoder_.by_rule(cache_.kind, numbers_.piece(first, count), count, rule_, to + row_bytes_of(cache_.kind, first));
      });
    }
  }

  // A group that holds a NaN or an infinity reads as NaN.
  scale_and_offset computed(index_type begin, index_type end) {
    const scale_and_offset poison{std::numeric_limits<float>::quiet_NaN(), 0.0f};
    if (!has_offsets(cache_.kind)) {
      std::int32_t most = 0;
      for_each_piece(begin, end, [&](index_type first, index_type count) {
        const std::int32_t bits = encoder_.magnitude(numbers_.piece(first, count), count);
        most = bits > most ? bits : most;
      });
      return most < cpu::infinite_bits ? of_largest(cache_.kind, std::bit_cast<float>(most), kinds_beside(coding_)) : poison;
    }
    cpu::key_range range = cpu::key_range::of_none();
    for_each_piece(begin, end, [&](index_type first, index_type count) {
      const cpu::key_range r = encoder_.range(numbers_.piece(first, count), count);
      if (r.least_key < range.least_key) range.least_key = r.least_key;
      if (r.most_key > range.most_key) range.most_key = r.most_key;
    });
    return range.is_finite() ? of_range(cache_.kind, range.least(), range.largest(), kinds_beside(coding_)) : poison;
  }
  scale_and_offset given(index_type page, index_type key, index_type head, index_type group) const {
    const auto number = [&](const coding_numbers& numbers, float absent) {
      return numbers ? read_stored(numbers.kind, place_of(numbers, page, key, head, group)) : absent;
    };
    return {number(coding_.scales, 1.0f), number(coding_.offsets, 0.0f)};
  }

  const tensor_view& cache_;
  const row_coding& coding_;
  const cpu::number_encoder& encoder_;
  row_numbers numbers_;
  cpu::code_rule rule_;
  bool computed_;
};

}  // namespace appending

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
