// ggml's FLASH_ATTN_EXT as plain numbers, and which of them are served. Without ggml's headers, so that all but the glue can be
// built and tested without it.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "block_formats.hpp"

namespace adapter {

using crestmax::scalar_kind;

// A tensor as ggml describes it: extents in numbers, innermost first, strides in bytes, of quantised types from block to block of a row.
// Of an operator that is only asked about, data is null.
struct operand {
  void* data = nullptr;
  std::optional<scalar_kind> kind{};  // none: a type that attention is not computed from
  std::array<index_type, 4> extents{};
  std::array<std::size_t, 4> strides{};
  const block_format* format = nullptr;  // of kind `custom`

  index_type numbers_in_block() const { return format != nullptr ? format->numbers : crestmax::numbers_in_block(*kind); }
  index_type bytes_of_block() const { return format != nullptr ? format->bytes : crestmax::bytes_of_block(*kind); }
};

// softmax(soft_cap(scale * Q K^T) + slope * mask, with sinks) V
struct attention_operator {
  operand query;   // (d_qk, q_len, q_heads, sequences), float32
  operand key;     // (d_qk, kv_len, kv_heads, sequences)
  operand value;   // (d_v, kv_len, kv_heads, sequences)
  operand output;  // (d_v, q_heads, q_len, sequences), float32
  std::optional<operand> mask{};   // (kv_len or more, q_len or more, heads, sequences), float16; heads and sequences repeat
  std::optional<operand> sinks{};  // (q_heads), float32
  float scale = 1;
  float max_bias = 0;  // ALiBi's: above 0, the mask is multiplied by a slope of each head's own
  float soft_cap = 0;  // 0: none

  index_type d_qk() const { return query.extents[0]; }
  index_type d_v() const { return value.extents[0]; }
  index_type q_len() const { return query.extents[1]; }
  index_type kv_len() const { return key.extents[1]; }
  index_type q_heads() const { return query.extents[2]; }
  index_type kv_heads() const { return key.extents[2]; }
  index_type sequences() const { return query.extents[3]; }
};

// Whether rows are contiguous and of whole blocks, and all strides count whole elements.
inline bool has_plain_rows(const operand& t) {
  if (!t.kind || t.extents[0] % t.numbers_in_block() != 0) return false;
  const auto size = static_cast<std::size_t>(crestmax::size_of(*t.kind));
  for (const std::size_t stride : t.strides) {
    if (stride % size != 0) return false;
  }
  return t.extents[0] <= t.numbers_in_block() || t.strides[0] == static_cast<std::size_t>(t.bytes_of_block());
}

inline bool repeats(index_type of, index_type extent) { return extent > 0 && of % extent == 0; }

// What is wrong with the types and rows of an operator, or null.
inline const char* wrong_type(const attention_operator& o) {
  const auto is = [](const operand& t, scalar_kind kind) { return t.kind == kind && has_plain_rows(t); };
  const auto is_cache = [](const operand& t) { return has_plain_rows(t) && *t.kind != scalar_kind::float64; };
  if (!is(o.query, scalar_kind::float32)) return "the query is not float32 with contiguous rows";
  if (!is_cache(o.key)) return "the key is not of a type that is served, with contiguous rows of whole blocks";
  if (!is_cache(o.value)) return "the value is not of a type that is served, with contiguous rows of whole blocks";
  if (!is(o.output, scalar_kind::float32)) return "the output is not float32 with contiguous rows";
  if (o.mask && !is(*o.mask, scalar_kind::float16)) return "the mask is not float16 with contiguous rows";
  if (o.sinks && !is(*o.sinks, scalar_kind::float32)) return "the sinks are not contiguous float32";
  return nullptr;
}

// What is wrong with its extents, or null.
inline const char* wrong_extent(const attention_operator& o) {
  const auto& key = o.key.extents;
  const auto& value = o.value.extents;
  constexpr index_type longest = std::numeric_limits<std::int32_t>::max();  // lengths of sequences are int32
  if (o.d_qk() < 1 || o.d_qk() > 65536 || o.d_v() < 1 || o.d_v() > 65536) return "a head_dim is not 1 to 65536";
  if (key[0] != o.d_qk()) return "query and key have different head_dims";
  if (value[1] != key[1] || value[2] != key[2] || value[3] != key[3]) return "key and value have different extents";
  if (key[3] != o.sequences()) return "query and key have different numbers of sequences";
  if (o.q_len() > longest || o.kv_len() > longest) return "a sequence is longer than 2^31 - 1";
  if (!repeats(o.q_heads(), o.kv_heads())) return "query heads are no multiple of key-value heads";
  const std::array<index_type, 4> output{o.d_v(), o.q_heads(), o.q_len(), o.sequences()};
  if (o.output.extents != output) return "the output's extents are not (d_v, heads, q_len, sequences)";
  if (o.sinks && o.sinks->extents[0] != o.q_heads()) return "there is not one sink for each query head";
  if (!o.mask) return nullptr;
  const auto& mask = o.mask->extents;
  if (mask[0] < o.kv_len() || mask[1] < o.q_len()) return "the mask is smaller than the scores";
  if (!repeats(o.q_heads(), mask[2]) || !repeats(o.sequences(), mask[3])) return "the mask does not repeat over heads and sequences";
  return nullptr;
}

// Why an operator is left to ggml, or null: it is served. Nothing that is served fails when it runs.
inline const char* refusal(const attention_operator& o) {
  if (const char* why = wrong_type(o)) return why;
  if (const char* why = wrong_extent(o)) return why;
  for (const float x : {o.scale, o.max_bias, o.soft_cap}) {
    if (!std::isfinite(x)) return "scale, max_bias or logit_softcap is not finite";
  }
  if (o.max_bias > 0 && !o.mask) return "there is a max_bias and no mask";
  return nullptr;
}

// A view in the order of crestmax: (sequences, len, heads, head_dim) of (head_dim, len, heads, sequences).
inline crestmax::tensor_view view_of(const operand& t, std::array<std::size_t, 4> order = {3, 1, 2, 0}) {
  crestmax::tensor_view view(t.data, *t.kind, {}, {});
  for (std::size_t i = 0; i < 4; ++i) {
    view.extents[i] = t.extents[order[i]];
    view.strides[i] = static_cast<index_type>(t.strides[order[i]]) / crestmax::size_of(*t.kind);
  }
  view.strides[3] = 1;
  return view;
}

}  // namespace adapter
