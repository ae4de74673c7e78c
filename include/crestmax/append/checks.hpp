// Checks what append() and its like are given, before anything is written.
#pragma once

#include <algorithm>
#include <utility>

#include "../coding_checks.hpp"
#include "key_blocks.hpp"
#include "options.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace validate {

inline constexpr coding_names names_of_cache{"coding", "coding.scales", "coding.offsets", "coding.open"};

// Memory as bytes, for what its parts share: extents and strides of (page, key, head, number), and the bytes of one number.
struct byte_tensor {
  const char* name;
  const void* data;
  index_type element;
  std::array<index_type, 4> extents;
  std::array<index_type, 4> strides;

  byte_range range() const {
    index_type low = 0, high = element;
    for (std::size_t i = 0; i < 4; ++i) {
      if (extents[i] == 0) return {};
      const index_type reach = extents[i] < 2 ? 0 : strides[i] * (extents[i] - 1);
      (reach < 0 ? low : high) += reach;
    }
    return {address_of(data) - static_cast<std::uintptr_t>(-low), address_of(data) + static_cast<std::uintptr_t>(high)};
  }
};

// Whether two tensors share no byte. They may lie between each other's rows: where they step alike, each step has room for a part of both.
inline bool are_apart(byte_tensor a, byte_tensor b) {
  for (;;) {
    const byte_range x = a.range(), y = b.range();
    if (!x.overlaps(y)) return true;
    std::size_t widest = 4;
    const auto distance = [&](std::size_t i) { return a.strides[i] < 0 ? -a.strides[i] : a.strides[i]; };
    for (std::size_t i = 0; i < 3; ++i) {
      const bool alike = a.extents[i] == b.extents[i] && a.extents[i] > 1 && a.strides[i] == b.strides[i];
      if (alike && (widest == 4 || distance(i) > distance(widest))) widest = i;
    }
    if (widest == 4) return false;
    a.extents[widest] = b.extents[widest] = 1;
    const byte_range u = a.range(), v = b.range();
    const std::uintptr_t span = (u.high > v.high ? u.high : v.high) - (u.low < v.low ? u.low : v.low);
    if (span > static_cast<std::uintptr_t>(distance(widest))) return false;
  }
}

// A view's pointer, strides and reach; `what` becomes its bytes.
inline status check_bytes(const char* name, const void* data, scalar_kind kind, const std::array<index_type, 4>& extents,
                          const std::array<index_type, 4>& strides, bool contiguous, bool output, byte_tensor& what) {
  const any_view view{name, data, size_of(kind), alignment_of(kind), extents.data(), strides.data(), 4, contiguous, output};
  byte_range range;
  if (status s = check_view(view, range); !s.ok()) return s;
  what = {name, data, size_of(kind), extents, {}};
  // Strides along no elements may be anything.
  for (std::size_t i = 0; i < 4 && !empty(view); ++i) what.strides[i] = extents[i] < 2 ? 0 : strides[i] * size_of(kind);
  return success();
}

// What a call on a cache touches: first what it writes.
struct touched_memory {
  byte_tensor parts[7];
  int count = 0;
  int written = 0;

  void add(const byte_tensor& part, bool is_written) {
    parts[count] = part;
    if (is_written && count != written) std::swap(parts[count], parts[written]);
    ++count;
    written += is_written;
  }
  status check_apart() const {
    for (int i = 0; i < written; ++i) {
      for (int j = i + 1; j < count; ++j) {
        if (!are_apart(parts[i], parts[j])) return error_text(status_code::overlap, parts[i].name, "memory of its own", parts[j].name);
      }
    }
    return success();
  }
};

inline status check_numbers_beside(const char* name, const tensor_view& cache, const row_coding& coding, const coding_numbers& numbers,
                                   touched_memory& memory) {
  if (!numbers) return success();
  if (!is_coding_number(numbers.kind)) {
    return error_text(status_code::bad_option, name, "numbers of float32, float16 or bfloat16", crestmax::name(numbers.kind));
  }
  const index_type group = appending::group_length(cache, coding);
  const index_type blocks = appending::key_blocks(cache, coding);
  const index_type groups = group == 0 ? 0 : (cache.extents[3] + group - 1) / group;
  const bool computed = appending::are_computed(numbers, blocks);
  byte_tensor part;
  if (status s = check_bytes(name, numbers.data, numbers.kind, {cache.extents[0], blocks, cache.extents[2], groups}, numbers.strides, false,
                             computed, part); !s.ok()) return s;
  memory.add(part, computed);
  return success();
}

// Scales of the caller's, where one holds for all keys, are magnitudes; offsets are finite.
inline status check_given(const char* name, const tensor_view& cache, const row_coding& coding, const coding_numbers& numbers, bool magnitudes) {
  if (!numbers || numbers.strides[0] != 0 || numbers.strides[1] != 0 || cache.extents[0] == 0 || cache.extents[1] == 0) return success();
  const index_type group = appending::group_length(cache, coding);
  for (index_type head = 0; head < cache.extents[2]; ++head) {
    for (index_type first = 0; first < cache.extents[3]; first += group) {
      const float x = read_coding_number(numbers.kind, appending::place_of(numbers, 0, 0, head, first / group));
      if (std::fabs(x) <= std::numeric_limits<float>::max() && (!magnitudes || x > 0)) continue;
      return error_real(status_code::bad_option, entry_name(name, "head", head, "group", first / group).text,
                        magnitudes ? "a finite number above 0" : "a finite number", static_cast<double>(x));
    }
  }
  return success();
}

inline status check_open(const tensor_view& cache, const row_coding& coding, index_type sequences, touched_memory& memory) {
  const open_rows& open = coding.open;
  if (open.kind != scalar_kind::float16 && open.kind != scalar_kind::bfloat16) {
    return error_text(status_code::bad_option, "coding.open", "rows of float16 or bfloat16", crestmax::name(open.kind));
  }
  if (sequences < 0 || sequences > (index_type{1} << 40)) return error(status_code::bad_option, "sequences", "0 to 2^40", sequences);
  byte_tensor part;
  if (status s = check_bytes("coding.open", open.data, open.kind, {sequences, coding.keys - 1, cache.extents[2], cache.extents[3]},
                             {open.strides[0], open.strides[1], open.strides[2], 1}, true, true, part); !s.ok()) return s;
  memory.add(part, true);
  return success();
}

// Whether what stands beside a cache goes together with it.
inline status check_coding_options(const tensor_view& cache, const row_coding& coding) {
  const bool any = coding.scales || coding.offsets || coding.keys != 1 || coding.group != 0;
  if (any && !may_have_coding(cache.kind)) {
    return error_text(status_code::bad_option, "coding", "nothing beside rows of this kind", crestmax::name(cache.kind));
  }
  if (coding.keys < 1 || coding.keys > appending::most_keys) {
    return error(status_code::bad_option, "coding.keys", "1 to 256 keys", coding.keys);
  }
  if (coding.group < 0 || coding.group > (index_type{1} << 40)) return error(status_code::bad_option, "coding.group", "0 to 2^40 numbers", coding.group);
  if (coding.keys == 1 && coding.group % numbers_in_block(cache.kind) != 0) {
    return error(status_code::bad_option, "coding.group", "a multiple of", numbers_in_block(cache.kind), coding.group);
  }
  const index_type blocks = appending::key_blocks(cache, coding);
  const bool scales = appending::are_computed(coding.scales, blocks), offsets = appending::are_computed(coding.offsets, blocks);
  if (scales != offsets && (offsets || appending::has_offsets(cache.kind))) {
    return error_text(status_code::bad_option, "coding.offsets", "numbers for the keys that scales have numbers for",
                      coding.offsets ? offsets ? "some for each" : "some for all" : "none");
  }
  if (offsets && !appending::has_offsets(cache.kind)) {
    return error_text(status_code::bad_option, "coding.offsets", "none for each key beside rows of this kind", crestmax::name(cache.kind));
  }
  if (coding.keys == 1) return success();
  if (!scales) return error_text(status_code::bad_option, "coding.scales", "numbers for each block of keys", coding.scales ? "some for all" : "none");
  if (coding.group != 1) return error(status_code::unsupported, "coding.group", "numbers that share a scale with no other, beside blocks of keys:", 1, coding.group);
  return success();
}

// A cache that is written, and what stands beside it.
inline status check_written_cache(const tensor_view& cache, const row_coding& coding, index_type sequences, touched_memory& memory) {
  if (cache.kind < scalar_kind::float32 || cache.kind >= scalar_kind::custom) {
    return error_text(status_code::unsupported, "cache", "rows of a kind of the library's", crestmax::name(cache.kind));
  }
  const index_type block = numbers_in_block(cache.kind);
  if (cache.extents[3] % block != 0) {
    return error(status_code::bad_extent, "cache", "a head_dim that is a multiple of", block, cache.extents[3]);
  }
  byte_tensor part;
  if (status s = check_bytes("cache", cache.data, cache.kind, in_elements(cache).extents, cache.strides, true, true, part); !s.ok()) return s;
  memory.add(part, true);
  if (status s = check_coding_options(cache, coding); !s.ok()) return s;
  if (keys_in_block(cache.kind) > 1) {
    if (status s = check_coding_of_planes(names_of_cache, coding); !s.ok()) return s;
  }
  if (status s = check_numbers_beside("coding.scales", cache, coding, coding.scales, memory); !s.ok()) return s;
  if (status s = check_numbers_beside("coding.offsets", cache, coding, coding.offsets, memory); !s.ok()) return s;
  if (status s = check_given("coding.scales", cache, coding, coding.scales, true); !s.ok()) return s;
  if (status s = check_given("coding.offsets", cache, coding, coding.offsets, false); !s.ok()) return s;
  return coding.keys > 1 ? check_open(cache, coding, sequences, memory) : success();
}

// Rows that are put into blocks which have nothing but numbers of a size. Time: O(numbers).
inline status check_finite_rows(const token_rows& rows, std::span<const std::int64_t> slots, float most, const cpu::number_encoder& encoder) {
  appending::row_numbers numbers(encoder);
  for (index_type t = 0; t < rows.extents[0]; ++t) {
    for (index_type head = 0; head < rows.extents[1] && slots[bound(t)] >= 0; ++head) {
      numbers.begin(appending::row_of(rows, t, head), rows.kind);
      for (index_type first = 0; first < rows.extents[2]; first += appending::row_numbers::most) {
        const index_type count = std::min(appending::row_numbers::most, rows.extents[2] - first);
        const float* const piece = numbers.piece(first, count);
        if (encoder.magnitude(piece, count).most_key <= std::bit_cast<std::int32_t>(most)) continue;
        const float* const wrong = std::find_if(piece, piece + count, [&](float x) { return !(std::fabs(x) <= most); });
        return error_real(status_code::bad_option, entry_name("rows", "token", t, "head", head).text, "finite numbers that open rows hold", static_cast<double>(*wrong));
      }
    }
  }
  return success();
}

// Slots lie in the cache, or are negative. Time: O(tokens).
inline status check_slots(const char* name, std::span<const std::int64_t> slots, index_type tokens, const tensor_view& cache) {
  if (static_cast<index_type>(slots.size()) != tokens) {
    return error(status_code::mismatch, name, "entries, one per token:", tokens, static_cast<index_type>(slots.size()));
  }
  if (!suits(slots)) return pointer_error(name, slots);
  index_type count = 0;
  if (compiler::multiply_overflows(cache.extents[0], cache.extents[1], count)) count = std::numeric_limits<index_type>::max();
  for (index_type t = 0; t < tokens; ++t) {
    if (slots[bound(t)] >= count) return error(status_code::bad_index, entry_name(name, "token", t).text, "slots below", count, slots[bound(t)]);
  }
  return success();
}

// Where blocks of keys are encoded: sequences rise, and tokens of one follow each other. Time: O(tokens).
inline status check_order(std::span<const std::int64_t> slots, std::span<const std::int32_t> sequence_of, index_type sequences,
                          index_type page_size, index_type keys) {
  if (sequence_of.size() != slots.size()) {
    return error(status_code::mismatch, "sequence_of", "entries, one per token:", static_cast<index_type>(slots.size()),
                 static_cast<index_type>(sequence_of.size()));
  }
  if (!suits(sequence_of)) return pointer_error("sequence_of", sequence_of);
  index_type last = -1;
  for (std::size_t t = 0; t < slots.size(); ++t) {
    if (slots[t] < 0) continue;
    const index_type sequence = sequence_of[t];
    const auto token = static_cast<index_type>(t);
    if (sequence < 0 || sequence >= sequences) {
      return error(status_code::bad_index, entry_name("sequence_of", "token", token).text, "sequences from 0 to below", sequences, sequence);
    }
    const bool goes_on = t > 0 && slots[t - 1] >= 0 && sequence_of[t - 1] == sequence;
    if (!goes_on && sequence <= last) {
      return error(status_code::bad_index, entry_name("sequence_of", "token", token).text, "rising sequences, at least", last + 1, sequence);
    }
    last = sequence;
    const index_type place = slots[t] % page_size % keys;
    const bool follows = !goes_on || (place > 0 ? slots[t] == slots[t - 1] + 1 : slots[t - 1] % page_size % keys == keys - 1);
    if (!follows) return error(status_code::bad_index, entry_name("slots", "token", token).text, "the key behind the token before, slot", slots[t - 1] + 1, slots[t]);
  }
  return success();
}

}  // namespace validate

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
