// What append() is told: new rows of keys or of values, and what stands beside the cache that they go to.
#pragma once

#include <span>

#include "../backend/cpu/features.hpp"
#include "../encodings.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_VERSION

// New rows, (tokens, kv_heads, d), whose kind is known at run time: numbers, not encoded.
struct token_rows {
  const void* data = nullptr;
  scalar_kind kind = scalar_kind::float32;
  std::array<index_type, 3> extents{};
  std::array<index_type, 3> strides{};

  constexpr token_rows() = default;
  constexpr token_rows(const void* rows, scalar_kind of, const std::array<index_type, 3>& shape, const std::array<index_type, 3>& steps)
      : data(rows), kind(of), extents(shape), strides(steps) {}
  template <number_scalar T>
  constexpr token_rows(const tensor<T, 3>& rows) : token_rows(rows.data, kind_of<T>, rows.extents, rows.strides) {}
};

struct append_options {
  // As attention() has it to read them. Scales and offsets that each key has, or each block of keys, are computed, and written through these
  // pointers; where their stride along keys is 0 they are the caller's, and used as they are. Open rows are written through theirs.
  row_coding coding{};
  // With coding.keys > 1: the sequence of each token, whose row of coding.open is meant, and how many sequences that has room for.
  std::span<const std::int32_t> sequence_of{};
  index_type sequences = 0;
  instruction_set most = instruction_set::widest;
};

// A page's rows, or those of a batch, to be written over another's.
struct page_copy {
  index_type from;
  index_type to;
};

// A sequence of `from` keys is to have `to` of them; key `to` has this slot.
struct truncation {
  index_type sequence = 0;
  index_type from = 0;
  index_type to = 0;
  index_type slot = 0;
};

CRESTMAX_END_VERSION

#include "../names_back.inc"
