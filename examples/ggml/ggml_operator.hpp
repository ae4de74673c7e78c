// ggml's tensors as the adapter's plain numbers.
#pragma once

#include <cstring>

#include <ggml.h>

#include "attention_operator.hpp"

namespace adapter {

// What crestmax reads a type of ggml's as, if it does.
inline std::optional<scalar_kind> kind_of(ggml_type type) {
  switch (static_cast<int>(type)) {
    case GGML_TYPE_F32: return scalar_kind::float32;
    case GGML_TYPE_F16: return scalar_kind::float16;
    case GGML_TYPE_BF16: return scalar_kind::bfloat16;
    case GGML_TYPE_Q8_0: return scalar_kind::q8_0;
    case GGML_TYPE_Q4_0: return scalar_kind::q4_0;
    case GGML_TYPE_Q4_1: return scalar_kind::q4_1;
    case GGML_TYPE_Q5_0: return scalar_kind::q5_0;
    case GGML_TYPE_Q5_1: return scalar_kind::q5_1;
    case GGML_TYPE_IQ4_NL: return scalar_kind::iq4_nl;
    default: return std::nullopt;
  }
}

// Types that not every ggml has, by their names.
inline const block_format* format_of(ggml_type type) {
  if (std::strcmp(ggml_type_name(type), "q1_0") == 0) return &q1_0;
  if (std::strcmp(ggml_type_name(type), "q2_0") == 0) return &q2_0;
  return nullptr;
}

// A type whose blocks are not what they are taken for is none that is served.
inline operand operand_of(const ggml_tensor& t) {
  operand result{t.data, kind_of(t.type), {}, {}};
  if (!result.kind) {
    result.format = format_of(t.type);
    if (result.format != nullptr) result.kind = scalar_kind::custom;
  }
  if (result.kind && (ggml_blck_size(t.type) != result.numbers_in_block() || ggml_type_size(t.type) != static_cast<std::size_t>(result.bytes_of_block()))) {
    result.kind.reset();
  }
  for (std::size_t i = 0; i < 4; ++i) {
    result.extents[i] = t.ne[i];
    result.strides[i] = t.nb[i];
  }
  return result;
}

inline std::optional<operand> optional_operand(const ggml_tensor* t) {
  return t == nullptr ? std::nullopt : std::optional(operand_of(*t));
}

// Of a node whose operation is GGML_OP_FLASH_ATTN_EXT.
inline attention_operator operator_of(const ggml_tensor& node) {
  attention_operator o{operand_of(*node.src[0]),          operand_of(*node.src[1]),          operand_of(*node.src[2]), operand_of(node),
                       optional_operand(node.src[3]), optional_operand(node.src[4])};
  const auto parameter = [&](std::size_t i) {
    float x;
    std::memcpy(&x, node.op_params + i, sizeof x);
    return x;
  };
  o.scale = parameter(0);
  o.max_bias = parameter(1);
  o.soft_cap = parameter(2);
  return o;
}

}  // namespace adapter
