// Compiled against each of the two trees: only what both have, which is the one-call form.
#include "adapter.hpp"

#include <crestmax/crestmax.hpp>

namespace {

using crestmax_paired::call;
using crestmax_paired::coverage;
using crestmax_paired::element;
using crestmax_paired::modifiers;

template <class T>
crestmax::tensor<T> tensor_of(T* data, std::int64_t length, std::int64_t heads, std::int64_t head_dim, bool heads_apart) {
  if (!heads_apart) return {data, {1, length, heads, head_dim}};
  return {data, {1, length, heads, head_dim}, {heads * length * head_dim, head_dim, length * head_dim, 1}};
}

crestmax::options options_of(const call& c) {
  crestmax::options o;
  if (c.covers == coverage::above) o.coverage = crestmax::above(12.0);
  if (c.covers == coverage::plateaus) o.coverage = crestmax::plateaus;
  if (c.workspace != nullptr) o.workspace = {c.workspace, c.workspace_bytes};
  return o;
}

template <class T, class Modifiers>
crestmax::status run(const call& c, const Modifiers& modified_by) {
  const crestmax::options options = options_of(c);
  const auto query = tensor_of(static_cast<const T*>(c.query), c.q_len, c.q_heads, c.head_dim, c.heads_apart);
  const auto output = tensor_of(static_cast<T*>(c.output), c.q_len, c.q_heads, c.head_dim, c.heads_apart);
  const auto* key = static_cast<const T*>(c.key);
  const auto* value = static_cast<const T*>(c.value);
  if (c.page_size == 0) {
    return crestmax::attention(query, tensor_of(key, c.kv_len, c.kv_heads, c.head_dim, c.heads_apart),
                               tensor_of(value, c.kv_len, c.kv_heads, c.head_dim, c.heads_apart), output, options,
                               modified_by, crestmax::backend::cpu{}, crestmax::serial{});
  }
  const std::int64_t pages = (c.kv_len + c.page_size - 1) / c.page_size;
  const auto length = static_cast<std::int32_t>(c.kv_len);
  crestmax::paged_cache<T> cache;
  cache.key_pages = {key, {pages, c.page_size, c.kv_heads, c.head_dim}};
  cache.value_pages = {value, {pages, c.page_size, c.kv_heads, c.head_dim}};
  cache.block_table = {c.block_table, static_cast<std::size_t>(pages)};
  // Both revisions are served: one may be from before the lengths had this name.
  const auto give_lengths = [&](auto& to) {
    if constexpr (requires { to.key_lengths; }) to.key_lengths = {&length, 1};
    else to.kv_lengths = {&length, 1};
  };
  give_lengths(cache);
  cache.table_stride = pages;
  return crestmax::attention(query, cache, output, options, modified_by, crestmax::backend::cpu{}, crestmax::serial{});
}

template <class T>
crestmax::status run_plain(const call& c) {
  if (c.modified_by == modifiers::causal) return run<T>(c, crestmax::causal{});
  return run<T>(c, crestmax::no_modifiers{});
}

crestmax::status run_modified(const call& c) {
  using crestmax::causal;
  switch (c.modified_by) {
    case modifiers::soft_cap: return run<float>(c, crestmax::soft_cap{30.0f} | causal{});
    case modifiers::alibi:
      return run<float>(c, crestmax::alibi{{c.slopes, static_cast<std::size_t>(c.q_heads)}} | causal{});
    case modifiers::boolean_mask: {
      const crestmax::tensor<const std::uint8_t> table{c.mask, {1, 1, c.q_len, c.kv_len}};
      return run<float>(c, crestmax::boolean_mask<std::uint8_t>(table) | causal{});
    }
    case modifiers::none:
    case modifiers::causal: break;
  }
  return run_plain<float>(c);
}

crestmax::status run_of_type(const call& c) {
  switch (c.type) {
    case element::float16: return run_plain<crestmax::float16>(c);
    case element::bfloat16: return run_plain<crestmax::bfloat16>(c);
    case element::float32: break;
  }
  return run_modified(c);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const char* crestmax_paired_run(const call& c) {
  static thread_local crestmax::status last{};
  last = run_of_type(c);
  return last.ok() ? nullptr : last.message();
}
