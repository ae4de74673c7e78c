// What a block of rows that reads planes in part keeps between its stages, and where: weights of all keys, what may be missing of each, which are read
// further, and the states of its splits.
#pragma once

#include "memory_size.hpp"
#include "planner.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// The state of a row over the keys of one split. Errors are sums over what was not read to its end, under the split's own shift.
struct planes_state {
  double shift;   // score units; -inf: no visible key
  double sum;     // of the weights
  double by_value;  // of the errors of keys times the sizes of their values
  double by_key;    // of the errors of keys
  double of_value;  // of the errors of values
  double lacking;   // what the sum of the weights may be too high by, of a bound
  double rounding;  // nats, that computed scores may lie beside what the planes read say; of a bound
};

// What is known of 64 keys of a row: sums over them, each weight in the power that errors have.
struct planes_summary {
  float weights;
  float sizes;    // times the sizes of values
  float errors;   // times the errors of values
};

// Where these stand, in bytes from a block's begin.
struct planes_memory {
  index_type stride;      // keys, in whole blocks of keys
  index_type key_blocks;
  index_type rows;
  index_type splits;
  index_type output_stride;
  index_type weights;       // float [rows][stride]: scores, then weights above the split's shift
  index_type value_sizes;   // float [stride]: norms of values, squared for a sigma
  index_type value_errors;  // float [stride]: of values as they were first read
  index_type key_errors;    // float [key_blocks][rows]: of scores as they were first read
  index_type summaries;     // planes_summary [key_blocks][rows]
  index_type read;          // std::uint8_t [stride]: what was read to its end, and what is to be
  index_type levels;        // std::uint8_t [2][stride]: of the errors of keys, and of values
  index_type states;        // planes_state [splits][rows]
  index_type outputs;       // float [splits][rows][output_stride]
  index_type size;          // of it all

  CRESTMAX_OUT_OF_LINE static planes_memory of(const head_shape& shape, sequence_shape s, const sequence_blocks& b) {
    constexpr index_type keys = keys_in_block(scalar_kind::planes16);
    constexpr auto number = static_cast<index_type>(sizeof(float));
    planes_memory m{};
    m.key_blocks = planner::divide_up(s.kv_len, keys);
    m.stride = m.key_blocks * keys;
    m.rows = b.rows();
    m.splits = b.splits;
    m.output_stride = planner::round_up(shape.d_v, widest_row);
    const struct { index_type planes_memory::* begin; index_type factors[3]; } parts[] = {
        {&planes_memory::weights, {m.rows, m.stride, number}},
        {&planes_memory::value_sizes, {1, m.stride, number}},
        {&planes_memory::value_errors, {1, m.stride, number}},
        {&planes_memory::key_errors, {m.key_blocks, m.rows, number}},
        {&planes_memory::summaries, {m.key_blocks, m.rows, static_cast<index_type>(sizeof(planes_summary))}},
        {&planes_memory::read, {1, m.stride, 1}},
        {&planes_memory::levels, {2, m.stride, 1}},
        {&planes_memory::states, {m.splits, m.rows, static_cast<index_type>(sizeof(planes_state))}},
        {&planes_memory::outputs, {m.splits * m.rows, m.output_stride, number}}};
    memory_size end(0);
    for (const auto& part : parts) {
      m.*part.begin = static_cast<index_type>(end.value());
      memory_size bytes(1);
      for (const index_type factor : part.factors) bytes = bytes * memory_size(static_cast<std::uint64_t>(factor));
      end = (end + bytes).rounded_up(workspace_size::alignment);
    }
    m.size = static_cast<index_type>(end.value());
    return m;
  }
  memory_size bytes() const { return memory_size(static_cast<std::uint64_t>(size)); }

 private:
  // Outputs are summed in whole vectors, of any set.
  static constexpr index_type widest_row = 64;
};

// What was read to its end of a key, and what was chosen to be.
inline constexpr std::uint8_t key_is_read = 1;
inline constexpr std::uint8_t value_is_read = 2;
inline constexpr std::uint8_t key_is_chosen = 4;
inline constexpr std::uint8_t value_is_chosen = 8;

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
