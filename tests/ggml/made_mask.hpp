// Masks that tests write: float16 numbers in memory of their own.
#pragma once

#include <limits>
#include <vector>

#include "kept_masks.hpp"

namespace ggml_tests {

using adapter::index_type;

inline constexpr float hidden = -std::numeric_limits<float>::infinity();

struct made_mask {
  index_type keys, queries, heads = 1, sequences = 1;
  std::vector<std::uint16_t> numbers = std::vector<std::uint16_t>(static_cast<std::size_t>(keys * queries * heads * sequences), 0);

  void set(index_type sequence, index_type head, index_type query, index_type key, float number) {
    numbers[static_cast<std::size_t>(((sequence * heads + head) * queries + query) * keys + key)] = crestmax::to_float16(number).bits;
  }
  // Sets a number for all keys of [begin, end) of a row.
  void set_keys(index_type query, index_type begin, index_type end, float number, index_type sequence = 0, index_type head = 0) {
    for (index_type key = begin; key < end; ++key) set(sequence, head, query, key, number);
  }
  // Query i sees keys up to first + i, as in a prompt behind `first` others.
  made_mask& be_causal(index_type first) {
    for (index_type s = 0; s < sequences; ++s) {
      for (index_type h = 0; h < heads; ++h) {
        for (index_type q = 0; q < queries; ++q) set_keys(q, std::min(keys, first + q + 1), keys, hidden, s, h);
      }
    }
    return *this;
  }

  crestmax::mask_view view() const {
    return {numbers.data(), crestmax::mask_type::float16, {sequences, heads, queries, keys}, {keys * queries * heads, keys * queries, keys, 1}};
  }
};

}  // namespace ggml_tests
