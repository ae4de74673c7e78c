// What can be wrong with what stands beside encoded rows: options.key_coding and options.value_coding.
#pragma once

#include <cmath>

#include "encodings.hpp"
#include "error.hpp"
#include "memory_checks.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace validate {

// How messages name what stands beside keys, and beside values.
struct coding_names {
  const char* coding;
  const char* scales;
  const char* offsets;
  const char* open;
};
inline constexpr coding_names names_of_keys{"key_coding", "key_coding.scales", "key_coding.offsets", "key_coding.open"};
inline constexpr coding_names names_of_values{"value_coding", "value_coding.scales", "value_coding.offsets", "value_coding.open"};

// A call's keys or values as far as their coding goes.
struct coded_rows {
  const char* name;
  const coding_names& names;
  const tensor_view& rows;
  const row_coding& coding;
  index_type sequences;  // whose open rows there are
  bool paged;
  bool packed;  // sequences lie end to end
};

// Rows as the elements that they are: of encodings, bytes; where rows lie in blocks of keys, the blocks. Extents that check_view() refuses stay what
// they are: their bytes might be a number that it takes.
inline tensor_view in_elements(tensor_view rows) {
  rows.extents[1] = key_blocks_for(rows.kind, rows.extents[1]);
  index_type& length = rows.extents[3];
  if (is_encoded(rows.kind) && length >= 0 && length <= largest_extent) length = bytes_of_key_block(rows.kind, length);
  return rows;
}

// Numbers that all keys share, which are few enough to be looked at: finite, and positive where they are scales.
inline status check_shared_numbers(const char* name, const coding_numbers& n, const std::array<index_type, 4>& extents, bool positive) {
  const auto count = [&](std::size_t i) { return n.strides[i] == 0 ? std::min<index_type>(extents[i], 1) : extents[i]; };
  if (n.strides[1] != 0) return success();
  for (index_type i = 0; i < count(0); ++i) {
    for (index_type j = 0; j < count(2); ++j) {
      for (index_type k = 0; k < count(3); ++k) {
        const index_type at = i * n.strides[0] + j * n.strides[2] + k * n.strides[3];
        const float x = read_coding_number(n.kind, static_cast<const std::byte*>(n.data) + at * size_of(n.kind));
        if (std::isfinite(x) && (x > 0 || !positive)) continue;
        return error_text(status_code::bad_option, name, positive ? "finite scales above 0" : "finite offsets",
                          crestmax::equals(x, 0.0f) ? "0" : x < 0 ? "a negative number" : "NaN or infinity");
      }
    }
  }
  return success();
}

// Scales or offsets: kind, pointer, strides.
inline status check_numbers(const char* name, const coding_numbers& n, const std::array<index_type, 4>& extents, bool positive, byte_range& range) {
  if (!n) return success();
  if (!is_coding_number(n.kind)) return error_text(status_code::mismatch, name, "numbers of float32, float16 or bfloat16", crestmax::name(n.kind));
  const any_view view{name, n.data, size_of(n.kind), alignment_of(n.kind), extents.data(), n.strides.data(), 4, false, false};
  if (status s = check_view(view, range); !s.ok()) return s;
  return empty(view) ? success() : check_shared_numbers(name, n, extents, positive);
}

// Rows behind the last whole block of keys.
inline status check_open_rows(const coded_rows& c, byte_range& range) {
  const row_coding& coding = c.coding;
  if (coding.keys == 1) return success();
  if (c.packed) return error_text(status_code::bad_option, c.names.coding, "keys of 1 with key_offsets", "blocks of keys");
  if (c.paged && c.rows.extents[1] % coding.keys != 0) {
    return error(status_code::bad_extent, c.name, "pages of whole blocks, a page size that is a multiple of", coding.keys, c.rows.extents[1]);
  }
  const open_rows& open = coding.open;
  if (open.kind != scalar_kind::float16 && open.kind != scalar_kind::bfloat16) {
    return error_text(status_code::mismatch, c.names.open, "rows of float16 or bfloat16", crestmax::name(open.kind));
  }
  const std::array<index_type, 4> extents{c.sequences, coding.keys - 1, c.rows.extents[2], c.rows.extents[3]};
  const std::array<index_type, 4> strides{open.strides[0], open.strides[1], open.strides[2], 1};
  return check_view({c.names.open, open.data, size_of(open.kind), alignment_of(open.kind), extents.data(), strides.data(), 4, true, false}, range);
}

// What stands beside planes16: steps and minimums, by channel of a block or by token.
inline status check_coding_of_planes(const coding_names& names, const row_coding& coding) {
  const index_type in_block = keys_in_block(scalar_kind::planes16);
  if (coding.keys != 1 && coding.keys != in_block) {
    return error(status_code::bad_option, names.coding, "keys of 1 beside planes16, or of", in_block, coding.keys);
  }
  const index_type group = coding.keys == 1 ? 0 : 1;
  if (coding.group != group) {
    return error(status_code::bad_option, names.coding, coding.keys == 1 ? "a group of whole rows beside planes16 by token:" : "a group of one number beside planes16 by channel:",
                 group, coding.group);
  }
  if (coding.offset != offset_kind::minimum) return error_text(status_code::bad_option, names.coding, "offsets that are minimums beside planes16", "zero points");
  if (!coding.scales) return error_text(status_code::bad_option, names.scales, "steps beside planes16", "none");
  if (!coding.offsets) return error_text(status_code::bad_option, names.offsets, "minimums beside planes16", "none");
  return success();
}

// Rows that lie in blocks of keys: pages hold whole ones, and each sequence begins with one.
inline status check_key_blocks(const coded_rows& c) {
  const index_type keys = keys_in_block(c.rows.kind);
  if (keys == 1) return success();
  if (c.packed) return error_text(status_code::unsupported, c.name, "rows of other kinds with key_offsets", crestmax::name(c.rows.kind));
  if (c.paged && c.rows.extents[1] % keys != 0) {
    return error(status_code::bad_extent, c.name, "pages of whole blocks, a page size that is a multiple of", keys, c.rows.extents[1]);
  }
  return check_coding_of_planes(c.names, c.coding);
}

// Everything about the coding of a call's keys, or of its values; ranges: the memory of scales, offsets and open rows.
inline status check_coding(const coded_rows& c, byte_range (&ranges)[3]) {
  const row_coding& coding = c.coding;
  if (coding.keys < 1) return error(status_code::bad_option, c.names.coding, "keys that share a scale, at least", 1, coding.keys);
  if (!may_have_coding(c.rows.kind)) {
    if (!coding.scales && !coding.offsets && coding.keys == 1) return success();
    return error_text(status_code::bad_option, c.names.coding, "none for rows without codes of int8, uint8, uint4, float8 or planes16", crestmax::name(c.rows.kind));
  }
  if (status s = check_key_blocks(c); !s.ok()) return s;
  const index_type d = c.rows.extents[3];
  if (coding.group < 0 || coding.group > d) return error(status_code::bad_option, c.names.coding, "a group from 0 to head_dim", coding.group);
  const index_type groups = coding.group == 0 ? std::min<index_type>(d, 1) : (d + coding.group - 1) / coding.group;
  const std::array<index_type, 4> extents{c.rows.extents[0], c.rows.extents[1] / coding.keys, c.rows.extents[2], groups};
  if (status s = check_numbers(c.names.scales, coding.scales, extents, true, ranges[0]); !s.ok()) return s;
  if (status s = check_numbers(c.names.offsets, coding.offsets, extents, false, ranges[1]); !s.ok()) return s;
  return check_open_rows(c, ranges[2]);
}

}  // namespace validate

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
