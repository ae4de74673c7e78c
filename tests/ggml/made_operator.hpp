// Attention operators that tests make, in memory of their own: random numbers in the layouts that ggml uses.
#pragma once

#include <random>
#include <vector>

#include "attention_operator.hpp"
#include "made_mask.hpp"

namespace ggml_tests {

using adapter::attention_operator;
using adapter::operand;
using crestmax::scalar_kind;

struct shape {
  index_type q_len = 1;
  index_type kv_len = 64;
  index_type q_heads = 4;
  index_type kv_heads = 2;
  index_type d_qk = 64;
  index_type d_v = 64;
  index_type sequences = 1;
  scalar_kind key_kind = scalar_kind::float16;
  scalar_kind value_kind = scalar_kind::float16;
};

// Extents innermost first, strides that follow from an order of the axes in memory.
inline operand operand_of(void* data, scalar_kind kind, std::array<index_type, 4> extents, std::array<std::size_t, 4> order) {
  operand t{data, kind, extents, {}};
  auto step = static_cast<std::size_t>(crestmax::size_of(kind));
  for (const std::size_t axis : order) {
    t.strides[axis] = step;
    step *= static_cast<std::size_t>(extents[axis]);
  }
  return t;
}

class made_operator {
 public:
  explicit made_operator(const shape& s, unsigned seed = 1) : random_(seed) {
    constexpr std::array<std::size_t, 4> tokens_first{0, 2, 1, 3};  // heads of a token side by side, as in llama.cpp's caches
    constexpr std::array<std::size_t, 4> as_they_are{0, 1, 2, 3};
    o.query = fill(query_, scalar_kind::float32, {s.d_qk, s.q_len, s.q_heads, s.sequences}, tokens_first);
    o.key = fill(key_, s.key_kind, {s.d_qk, s.kv_len, s.kv_heads, s.sequences}, tokens_first);
    o.value = fill(value_, s.value_kind, {s.d_v, s.kv_len, s.kv_heads, s.sequences}, tokens_first);
    o.output = fill(output_, scalar_kind::float32, {s.d_v, s.q_heads, s.q_len, s.sequences}, as_they_are);
    o.scale = 1 / std::sqrt(static_cast<float>(s.d_qk));
  }
  made_operator(const made_operator&) = delete;
  made_operator& operator=(const made_operator&) = delete;

  // The mask's memory must outlive this.
  void set_mask(made_mask& m) {
    o.mask = operand_of(m.numbers.data(), scalar_kind::float16, {m.keys, m.queries, m.heads, m.sequences}, {0, 1, 2, 3});
  }
  void set_sinks(std::vector<float>& sinks) {
    o.sinks = operand_of(sinks.data(), scalar_kind::float32, {static_cast<index_type>(sinks.size()), 1, 1, 1}, {0, 1, 2, 3});
  }

  attention_operator o;

 private:
  operand fill(std::vector<std::byte>& memory, scalar_kind kind, std::array<index_type, 4> extents, std::array<std::size_t, 4> order) {
    const auto count = static_cast<std::size_t>(extents[0] * extents[1] * extents[2] * extents[3]);
    memory.resize(count * static_cast<std::size_t>(crestmax::size_of(kind)));
    std::normal_distribution<float> number;
    crestmax::visit_input_kind<float>(kind, [&]<class T>(T*) {
      for (std::size_t i = 0; i < count; ++i) crestmax::pointer_to<T>(static_cast<void*>(memory.data()))[i] = crestmax::convert<T>(number(random_));
    });
    return operand_of(memory.data(), kind, extents, order);
  }

  std::mt19937 random_;
  std::vector<std::byte> query_, key_, value_, output_;
};

}  // namespace ggml_tests
