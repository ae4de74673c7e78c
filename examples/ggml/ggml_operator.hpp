// ggml's tensors as the adapter's plain numbers.
#pragma once

#include <cstring>

#include <ggml.h>

#include "attention_operator.hpp"

namespace adapter {

inline std::optional<scalar_kind> kind_of(const ggml_tensor& t) {
  if (t.type == GGML_TYPE_F32) return scalar_kind::float32;
  if (t.type == GGML_TYPE_F16) return scalar_kind::float16;
  if (t.type == GGML_TYPE_BF16) return scalar_kind::bfloat16;
  return std::nullopt;
}

inline operand operand_of(const ggml_tensor& t) {
  operand result{t.data, kind_of(t), {}, {}};
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
