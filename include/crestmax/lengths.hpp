// Lengths and offsets of sequences: what can be wrong with them, with tensors and without.
#pragma once

#include "plan_maker.hpp"
#include "validate.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace validate {

// Rows that tensors have for all sequences together (with offsets), or for each.
struct sequence_rows {
  index_type query = std::numeric_limits<std::int32_t>::max();
  index_type key = std::numeric_limits<std::int32_t>::max();
};

// With offsets, a length may not exceed what its offsets leave.
inline status check_lengths_and_offsets(const char* lengths_name, const char* offsets_name, std::span<const std::int32_t> lengths,
                                        std::span<const std::int32_t> offsets, index_type sequences, index_type rows) {
  if (status s = check_offsets(offsets_name, offsets, sequences, rows); !s.ok()) return s;
  if (status s = check_lengths(lengths_name, lengths, sequences, rows); !s.ok()) return s;
  if (lengths.empty() || offsets.empty()) return success();
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const index_type room = index_type{offsets[i + 1]} - offsets[i];
    if (lengths[i] > room) return error(status_code::bad_index, lengths_name, "lengths within the offsets:", room, lengths[i]);
  }
  return success();
}

inline status check_sequences(const sequence_lengths& l, index_type sequences, const sequence_rows& rows = {}) {
  if (status s = check_lengths_and_offsets("query_lengths", "query_offsets", l.query_lengths, l.query_offsets, sequences, rows.query);
      !s.ok()) {
    return s;
  }
  return check_lengths_and_offsets("key_lengths", "key_offsets", l.key_lengths, l.key_offsets, sequences, rows.key);
}

// Numbers that may be given in two places are the same in both; either may be left out.
inline status check_agreement(const char* argument, const char* other, std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
  for (const std::span<const std::int32_t> numbers : {a, b}) {
    if (!validate::suits(numbers)) return validate::pointer_error(argument, numbers);
  }
  if (a.empty() || b.empty() || (a.data() == b.data() && a.size() == b.size())) return success();
  if (a.size() != b.size() || !std::equal(a.begin(), a.end(), b.begin())) {
    return error_text(status_code::mismatch, argument, other, "others");
  }
  return success();
}

}  // namespace validate

// The lengths that options have.
inline sequence_lengths lengths_of(const options& o) {
  return {{o.query_offsets, o.query_lengths, o.key_offsets, o.key_lengths}};
}

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
