// One call of attention() behind a C function, so that two builds of the headers can be called in one process.
#pragma once

#include <cstddef>
#include <cstdint>

namespace crestmax_paired {

enum class element : std::int32_t { float32, float16, bfloat16 };
enum class modifiers : std::int32_t { none, causal, soft_cap, boolean_mask, alibi };  // all but the first two over causal
enum class coverage : std::int32_t { everything, above, plateaus };

// All tensors are of one element type and dense: (batch 1, length, heads, head_dim), or with heads apart
// (heads, length, head_dim), or key and value in pages (pages, page_size, kv_heads, head_dim).
struct call {
  element type = element::float32;
  modifiers modified_by = modifiers::none;
  coverage covers = coverage::everything;
  bool heads_apart = false;
  std::int64_t q_len = 0, kv_len = 0, q_heads = 0, kv_heads = 0, head_dim = 0;
  std::int64_t page_size = 0;  // 0: key and value are tensors
  const void* query = nullptr;
  const void* key = nullptr;
  const void* value = nullptr;
  void* output = nullptr;
  const std::int32_t* block_table = nullptr;
  const std::uint8_t* mask = nullptr;  // (q_len, kv_len)
  const float* slopes = nullptr;       // of alibi, one per query head
  std::byte* workspace = nullptr;      // aligned to 64 bytes; null: the call owns its own
  std::size_t workspace_bytes = 0;
};

// Null, or what the call's status says (until the next call of the same thread).
using run_type = const char* (*)(const call&);
inline constexpr char run_name[] = "crestmax_paired_run";

}  // namespace crestmax_paired
