// Whether the ggml that loads this library lays out what it hands over as the headers say that this was built with. The version
// of the backends' interface does not tell: tensors and the numbers of operations change without it.
#pragma once

#include <cstdio>
#include <cstring>
#include <memory>

#include <ggml.h>

#include "ggml_operator.hpp"

namespace adapter {

// ggml's version that this was built for, as text.
inline constexpr const char* built_for = CRESTMAX_GGML_VERSION;

inline bool names_are_the_same() {
  const auto same = [](const char* a, const char* b) { return a != nullptr && std::strcmp(a, b) == 0; };
  return same(ggml_op_name(GGML_OP_FLASH_ATTN_EXT), "FLASH_ATTN_EXT") && same(ggml_type_name(GGML_TYPE_F32), "f32") &&
         same(ggml_type_name(GGML_TYPE_F16), "f16") && same(ggml_type_name(GGML_TYPE_BF16), "bf16");
}

// Whether an operator that this ggml has built, in a graph of its own, reads here as it was meant.
inline bool operators_are_the_same() {
  constexpr std::size_t nodes = 16;
  const ggml_init_params memory{nodes * ggml_tensor_overhead() + ggml_graph_overhead_custom(nodes, false), nullptr, true};
  const std::unique_ptr<ggml_context, void (*)(ggml_context*)> context(ggml_init(memory), ggml_free);
  if (!context) return false;
  ggml_context* const c = context.get();
  ggml_tensor* const query = ggml_new_tensor_4d(c, GGML_TYPE_F32, 8, 3, 4, 1);
  ggml_tensor* const key = ggml_new_tensor_4d(c, GGML_TYPE_F16, 8, 5, 2, 1);
  ggml_tensor* const value = ggml_new_tensor_4d(c, GGML_TYPE_BF16, 6, 5, 2, 1);
  ggml_tensor* const mask = ggml_new_tensor_4d(c, GGML_TYPE_F16, 5, 3, 1, 1);
  ggml_tensor* const sinks = ggml_new_tensor_1d(c, GGML_TYPE_F32, 4);
  ggml_tensor* const node = ggml_flash_attn_ext(c, query, key, value, mask, 0.25f, 8.0f, 30.0f);
  ggml_flash_attn_ext_add_sinks(node, sinks);
  ggml_set_name(node, "attention");
  ggml_build_forward_expand(ggml_new_graph_custom(c, nodes, false), node);
  const bool same_node = node->op == GGML_OP_FLASH_ATTN_EXT && (node->flags & GGML_TENSOR_FLAG_COMPUTE) != 0 && node->src[0] == query &&
                         node->src[1] == key && node->src[2] == value && node->src[3] == mask && node->src[4] == sinks &&
                         std::strcmp(node->name, "attention") == 0;
  if (!same_node) return false;
  const attention_operator read = operator_of(*node);
  return refusal(read) == nullptr && read.d_qk() == 8 && read.d_v() == 6 && read.q_len() == 3 && read.kv_len() == 5 && read.q_heads() == 4 &&
         read.kv_heads() == 2 && crestmax::equals(read.scale, 0.25f) && crestmax::equals(read.max_bias, 8.0f) &&
         crestmax::equals(read.soft_cap, 30.0f);
}

inline bool suits_this_ggml() {
  if (names_are_the_same() && operators_are_the_same()) return true;
  std::fprintf(stderr, "crestmax: built for ggml %s; this one, ggml %s, has other tensors or operations: not loaded\n", built_for,
               ggml_version());
  return false;
}

}  // namespace adapter
