// What the tests of this folder compare: rows of one call with those of another, bit by bit.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>

#include "support/make_case.hpp"

namespace crestmax_test {

inline std::uint64_t bits_of(double x) { return std::bit_cast<std::uint64_t>(x); }

// Rows of `a` from `first_sequence` on against the rows of `b`, bit by bit.
inline testing::AssertionResult same_rows(const attention_case& a, const attention_result& ra, index_type first_sequence,
                                   const attention_case& b, const attention_result& rb) {
  if (!ra.status.ok()) return testing::AssertionFailure() << ra.status.message();
  if (!rb.status.ok()) return testing::AssertionFailure() << rb.status.message();
  const auto sequences = sequences_of(a);
  for (const row_place& row : rows_of(b)) {
    row_place in_a = row;
    in_a.sequence = sequences[static_cast<std::size_t>(first_sequence + row.sequence.number)];
    for (index_type k = 0; k < b.d_v(); ++k) {
      const double x = result_at(ra.output, in_a, k);
      const double y = result_at(rb.output, row, k);
      if (bits_of(x) != bits_of(y)) {
        return testing::AssertionFailure() << "query " << row.query << ", head " << row.head << ", column "
                                           << k << ": " << x << " and " << y;
      }
    }
    if (a.wants_lse && bits_of(result_at(ra.lse, in_a)) != bits_of(result_at(rb.lse, row))) {
      return testing::AssertionFailure() << "lse of query " << row.query << ", head " << row.head;
    }
    if (a.wants_dropped_mass && bits_of(result_at(ra.dropped_mass, in_a)) != bits_of(result_at(rb.dropped_mass, row))) {
      return testing::AssertionFailure() << "dropped_mass of query " << row.query << ", head " << row.head;
    }
  }
  return testing::AssertionSuccess();
}

// One sequence of a packed call as a call of its own.
inline attention_case alone(const attention_case& c, std::size_t number) {
  const sequence_place s = sequences_of(c)[number];
  attention_case one = empty_case({.q_len = s.q_len,
                                   .kv_len = s.kv_len,
                                   .q_heads = c.q_heads(),
                                   .kv_heads = c.kv_heads(),
                                   .d_qk = c.d_qk(),
                                   .d_v = c.d_v(),
                                   .query = c.query.kind(),
                                   .key = c.key.kind(),
                                   .value = c.value.kind(),
                                   .output = c.output.kind()});
  one.options = c.options;
  one.modifiers = c.modifiers;
  one.wants_dropped_mass = c.wants_dropped_mass;
  one.storage = c.storage;
  one.query.for_each([&](index_type, index_type i, index_type h, index_type d) {
    one.query.set(0, i, h, d, c.query.at(s.query_batch, s.query_begin + i, h, d));
  });
  one.key.for_each(
      [&](index_type, index_type j, index_type h, index_type d) { one.key.set(0, j, h, d, number_at(c, c.key, s, j, h, d)); });
  one.value.for_each([&](index_type, index_type j, index_type h, index_type d) {
    one.value.set(0, j, h, d, number_at(c, c.value, s, j, h, d));
  });
  return one;
}

}  // namespace crestmax_test
