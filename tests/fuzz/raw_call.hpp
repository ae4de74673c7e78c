// A call of attention() whose every argument can be set to anything: pointers, extents, strides, spans and options as they will
// reach the library.
#pragma once

#include <array>
#include <atomic>

#include "support/attention_case.hpp"

namespace crestmax_test {

struct raw_tensor {
  std::byte* data = nullptr;
  std::array<index_type, 4> extents{};
  std::array<index_type, 4> strides{};

  bool is_empty() const {
    for (const index_type extent : extents) {
      if (extent == 0) return true;
    }
    return false;
  }
};

// A modifier of a caller's own, which leaves scores as they are and looks at where it is called: either a pair is visible, or what
// it finds there is 0.
struct witness {
  struct state {
    std::vector<sequence_place> sequences;
    const test_modifiers* modifiers = nullptr;
    index_type q_heads = 0;
    std::atomic<index_type> strays{0};
  };
  state* seen = nullptr;

  bool active() const { return seen != nullptr; }
  bool knows(crestmax::score_position at) const {
    if (at.sequence < 0 || at.sequence >= static_cast<index_type>(seen->sequences.size())) return false;
    const sequence_place& s = seen->sequences[static_cast<std::size_t>(at.sequence)];
    return at.head >= 0 && at.head < seen->q_heads && at.query_index >= 0 && at.query_index < s.q_len && at.key >= 0 &&
           at.key < s.kv_len && at.query == at.query_index + s.kv_len - s.q_len && seen->modifiers->visible(at);
  }
  template <class T>
  T operator()(T score, crestmax::score_position at) const {
    if (!knows(at) && !(score == T(0))) ++seen->strays;
    return score;
  }
};

struct raw_call {
  scalar_kind query_kind, key_kind, value_kind, output_kind;
  raw_tensor query, key, value, output;
  bool is_paged = false;
  std::vector<std::int32_t> block_table, kv_lengths, page_offsets;
  std::span<const std::int32_t> block_table_given;  // may be shorter than what lies there
  index_type table_stride = 0;
  std::vector<std::int32_t> query_offsets, key_offsets, query_lengths, key_lengths;
  crestmax::options options;  // all but the four spans above
  test_modifiers modifiers;
  witness looks;
  surroundings around;
};

crestmax::status call(const raw_call& c);
crestmax::status call_cpu(const raw_call& c, const crestmax::options& o);
crestmax::status call_in_plain_cpp(const raw_call& c, const crestmax::options& o);

// Combinations of element types that are compiled: for backend::cpu all, for kernels in plain C++ the first few.
struct raw_types {
  scalar_kind query, key, value, output;
  bool operator==(const raw_types&) const = default;
};
inline constexpr std::array<raw_types, 8> every_types{{
    {scalar_kind::float32, scalar_kind::float32, scalar_kind::float32, scalar_kind::float32},
    {scalar_kind::bfloat16, scalar_kind::bfloat16, scalar_kind::bfloat16, scalar_kind::bfloat16},
    {scalar_kind::float64, scalar_kind::float64, scalar_kind::float64, scalar_kind::float64},
    {scalar_kind::float16, scalar_kind::float16, scalar_kind::float16, scalar_kind::float16},
    {scalar_kind::bfloat16, scalar_kind::bfloat16, scalar_kind::bfloat16, scalar_kind::float32},
    {scalar_kind::float32, scalar_kind::float16, scalar_kind::float16, scalar_kind::float32},
    {scalar_kind::float32, scalar_kind::float16, scalar_kind::bfloat16, scalar_kind::float16},
    {scalar_kind::float64, scalar_kind::float32, scalar_kind::float32, scalar_kind::float64}}};
inline constexpr index_type types_in_plain_cpp = 3;

}  // namespace crestmax_test
