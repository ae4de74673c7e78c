// Trees of a speculative decoder: several continuations of one sequence in one call. Their tokens are the call's queries and the last keys of the
// sequence, in the same order; tokens that follow the same one share a position and may not see each other.
#pragma once

#include <algorithm>

#include "../memory_checks.hpp"
#include "concepts.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// Of a sequence's q_len queries and as many last keys, query i sees the key of query j if bit j of its row is set: its own and those of its ancestors,
// usually. Bit j is bit j % 64 of word j / 64; bits behind are not looked at. All earlier keys are visible.
struct tree_mask {
  static constexpr modifier_kind kind = modifier_kind::tree_mask;
  static constexpr bool by_position = false;
  static constexpr bool same_for_heads = true;
  static constexpr index_type bits_per_word = 64;
  tensor<const std::uint64_t, 3> bits{};  // (sequences, q_len, words); a first extent of 1 serves all sequences

  static constexpr index_type words_of(index_type q_len) { return (q_len + bits_per_word - 1) / bits_per_word; }

  bool active() const { return !crestmax::is_absent(bits); }
  bool visible(score_position at) const {
    const index_type token = at.key - (at.query - at.query_index);
    return token < 0 || (row_of(at.sequence, at.query_index)[token / bits_per_word * bits.strides[2]] >> (token % bits_per_word) & 1) != 0;
  }
  // Looks at every key asked about, 64 at a time.
  visibility classify(score_range r) const {
    const index_type first = std::max<index_type>(0, r.first_key - r.query_offset);
    const index_type last = r.last_key - r.query_offset;
    bool any = r.first_key < r.query_offset;
    bool all = true;
    for (index_type query = r.first_query - r.query_offset; query <= r.last_query - r.query_offset && last >= first; ++query) {
      const std::uint64_t* const row = row_of(r.sequence, query);
      for (index_type word = first / bits_per_word; word <= last / bits_per_word; ++word) {
        const std::uint64_t asked = bits_between(first - word * bits_per_word, last - word * bits_per_word);
        const std::uint64_t seen = row[word * bits.strides[2]] & asked;
        any |= seen != 0;
        all &= seen == asked;
      }
      if (any && !all) return visibility::partial;
    }
    return all ? visibility::all : any ? visibility::partial : visibility::none;
  }

  status check(modifier_shape shape) const {
    const index_type wanted[3] = {shape.sequences, shape.q_len, words_of(shape.q_len)};
    constexpr const char* what[3] = {"sequences: 1 or at least", "rows, one per query, at least", "words in a row, at least"};
    for (std::size_t i = 0; i < 3; ++i) {
      const bool serves_all = i == 0 && bits.extents[0] == 1;
      if (bits.extents[i] < wanted[i] && !serves_all) return error(status_code::mismatch, "tree_mask", what[i], wanted[i], bits.extents[i]);
    }
    validate::byte_range unused;
    return validate::check_view({"tree_mask", bits.data, sizeof(std::uint64_t), alignof(std::uint64_t), bits.extents.data(), bits.strides.data(), 3,
                                 false, false}, unused);
  }

 private:
  const std::uint64_t* row_of(index_type sequence, index_type query) const {
    return bits.data + (bits.extents[0] == 1 ? 0 : sequence * bits.strides[0]) + query * bits.strides[1];
  }
  // Bits first to last of a word, as far as it has them.
  static constexpr std::uint64_t bits_between(index_type first, index_type last) {
    const std::uint64_t from = first <= 0 ? ~std::uint64_t{0} : ~std::uint64_t{0} << first;
    const std::uint64_t to = last >= bits_per_word - 1 ? ~std::uint64_t{0} : ~(~std::uint64_t{0} << (last + 1));
    return from & to;
  }
};

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
