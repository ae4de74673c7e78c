// Attention operators that tests make, in memory of their own: random numbers in the layouts that ggml uses.
#pragma once

#include <random>
#include <vector>

#include "attention_operator.hpp"
#include "made_mask.hpp"
#include "support/encodings.hpp"

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
  const adapter::block_format* key_format = nullptr;  // of kind `custom`
  const adapter::block_format* value_format = nullptr;
};

// Extents innermost first, strides that follow from an order of the axes in memory.
inline operand operand_of(void* data, scalar_kind kind, std::array<index_type, 4> extents, std::array<std::size_t, 4> order,
                          const adapter::block_format* format = nullptr) {
  operand t{data, kind, extents, {}, format};
  auto step = static_cast<std::size_t>(t.bytes_of_block());
  for (const std::size_t axis : order) {
    t.strides[axis] = step;
    step *= static_cast<std::size_t>(axis == 0 ? extents[0] / t.numbers_in_block() : extents[axis]);
  }
  return t;
}

// A number of a quantised row, as the description of its format has it.
inline double quantised_number(const operand& of, const std::byte* row, index_type number) {
  if (of.format == nullptr) return crestmax_test::decode_number(*of.kind, row, number);
  const std::byte* const block = row + number / of.format->numbers * of.format->bytes;
  const index_type in_block = number % of.format->numbers;
  const double scale = crestmax_test::half_at(block);
  if (of.format == &adapter::q1_0) return (crestmax_test::byte_at(block, 2 + in_block / 8) >> in_block % 8 & 1u) != 0 ? scale : -scale;
  return scale * (static_cast<int>(crestmax_test::byte_at(block, 2 + in_block / 4) >> 2 * (in_block % 4) & 3u) - 1);
}

class made_operator {
 public:
  explicit made_operator(const shape& s, unsigned seed = 1) : random_(seed) {
    constexpr std::array<std::size_t, 4> tokens_first{0, 2, 1, 3};  // heads of a token side by side, as in llama.cpp's caches
    constexpr std::array<std::size_t, 4> as_they_are{0, 1, 2, 3};
    o.query = fill(query_, scalar_kind::float32, {s.d_qk, s.q_len, s.q_heads, s.sequences}, tokens_first);
    o.key = fill(key_, s.key_kind, {s.d_qk, s.kv_len, s.kv_heads, s.sequences}, tokens_first, s.key_format);
    o.value = fill(value_, s.value_kind, {s.d_v, s.kv_len, s.kv_heads, s.sequences}, tokens_first, s.value_format);
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
  operand fill(std::vector<std::byte>& memory, scalar_kind kind, std::array<index_type, 4> extents, std::array<std::size_t, 4> order,
               const adapter::block_format* format = nullptr) {
    operand t = operand_of(nullptr, kind, extents, order, format);
    const auto count = static_cast<std::size_t>(extents[0] * extents[1] * extents[2] * extents[3]);
    memory.resize(count / static_cast<std::size_t>(t.numbers_in_block()) * static_cast<std::size_t>(t.bytes_of_block()));
    t.data = memory.data();
    if (crestmax::is_encoded(kind)) fill_blocks(memory, t);
    else fill_numbers(memory, kind, count);
    return t;
  }
  void fill_numbers(std::vector<std::byte>& memory, scalar_kind kind, std::size_t count) {
    std::normal_distribution<float> number;
    crestmax::visit_input_kind<float>(kind, [&]<class T>(T*) {
      for (std::size_t i = 0; i < count; ++i) crestmax::pointer_to<T>(static_cast<void*>(memory.data()))[i] = crestmax::convert<T>(number(random_));
    });
  }
  // Any codes, and scales of either sign for numbers of about one; 0 now and then.
  void fill_blocks(std::vector<std::byte>& memory, const operand& t) {
    const auto step = static_cast<std::size_t>(t.bytes_of_block());
    for (std::byte& b : memory) b = static_cast<std::byte>(random_() & 0xff);
    for (std::size_t at = 0; at < memory.size(); at += step) {
      const float size = random_() % 8 == 0 ? 0.0f : std::uniform_real_distribution<float>(0.5f, 1.5f)(random_);
      const float middle = random_() % 2 == 0 ? size : -size;
      crestmax_test::write_number(scalar_kind::float16, memory.data() + at, static_cast<double>(middle / middle_code(t)));
      if (has_minimum(*t.kind)) crestmax_test::write_number(scalar_kind::float16, memory.data() + at + 2, static_cast<double>(-middle));
    }
  }
  static bool has_minimum(scalar_kind kind) { return kind == scalar_kind::q4_1 || kind == scalar_kind::q5_1; }
  // Half of the codes' range.
  static float middle_code(const operand& t) {
    if (t.format != nullptr) return 1;
    if (*t.kind == scalar_kind::q8_0 || *t.kind == scalar_kind::iq4_nl) return 128;
    return *t.kind == scalar_kind::q5_0 || *t.kind == scalar_kind::q5_1 ? 16 : 8;
  }

  std::mt19937 random_;
  std::vector<std::byte> query_, key_, value_, output_;
};

}  // namespace ggml_tests
