// Checks a call's memory against its plan before anything is written.
#pragma once

#include "call.hpp"
#include "error.hpp"

CRESTMAX_BEGIN_NAMESPACE

namespace validate {

// The bytes that a view can touch: [low, high) relative to nothing, as addresses.
struct byte_range {
  index_type low = 0;
  index_type high = 0;
  bool overlaps(const byte_range& o) const { return low < o.high && o.low < high; }
};

// A view of any rank, for the checks that do not care.
struct any_view {
  const char* name;
  const void* data;
  index_type element_size;
  const index_type* extents;
  const index_type* strides;
  int rank;
  bool output;
};

inline bool empty(const any_view& v) {
  for (int i = 0; i < v.rank; ++i) {
    if (v.extents[i] == 0) return true;
  }
  return false;
}

// Pointer, extents, strides, and that they stay inside the address space. `contiguous`: the last
// dimension must have stride 1.
inline status check_view(const any_view& v, bool contiguous, byte_range& range) {
  range = {};
  for (int i = 0; i < v.rank; ++i) {
    if (v.extents[i] < 0 || v.extents[i] > (index_type{1} << 40)) {
      return error(status_code::bad_extent, v.name, "extents from 0 to 2^40", v.extents[i]);
    }
  }
  if (empty(v)) return success();
  if (v.data == nullptr) return error_text(status_code::null_pointer, v.name, "a pointer", "null");
  if (contiguous && v.extents[v.rank - 1] > 1 && v.strides[v.rank - 1] != 1) {
    return error(status_code::bad_stride, v.name, "a contiguous innermost dimension (stride 1)",
                 v.strides[v.rank - 1]);
  }
  index_type low = 0;
  index_type high = v.element_size;
  for (int i = 0; i < v.rank; ++i) {
    index_type span = 0;
    index_type bytes = 0;
    const bool overflow = __builtin_mul_overflow(v.strides[i], v.extents[i] - 1, &span) ||
                          __builtin_mul_overflow(span, v.element_size, &bytes) ||
                          (bytes < 0 ? __builtin_add_overflow(low, bytes, &low)
                                     : __builtin_add_overflow(high, bytes, &high));
    if (overflow || high > (index_type{1} << 56) || low < -(index_type{1} << 56)) {
      return error(status_code::bad_stride, v.name, "strides whose reach fits the address space",
                   v.strides[i]);
    }
  }
  const auto base = static_cast<index_type>(reinterpret_cast<std::uintptr_t>(v.data));
  range = {base + low, base + high};
  if (!v.output) return success();
  // An output whose elements share memory would be written by two rows at once.
  for (int i = 0; i < v.rank; ++i) {
    if (v.extents[i] < 2) continue;
    index_type covered = 1;  // elements spanned by the dimensions with smaller strides
    for (int j = 0; j < v.rank; ++j) {
      if (j == i || v.extents[j] < 2) continue;
      const index_type a = v.strides[j] < 0 ? -v.strides[j] : v.strides[j];
      const index_type b = v.strides[i] < 0 ? -v.strides[i] : v.strides[i];
      if (a < b || (a == b && j > i)) covered += a * (v.extents[j] - 1);
    }
    const index_type step = v.strides[i] < 0 ? -v.strides[i] : v.strides[i];
    if (step < covered) {
      return error(status_code::bad_stride, v.name, "output strides of at least", covered, step);
    }
  }
  return success();
}

inline any_view as_any(const char* name, const tensor_view& t, bool output) {
  return {name, t.data, size_of(t.kind), t.extents.data(), t.strides.data(), 4, output};
}
inline any_view as_any(const char* name, const row_output& r) {
  return {name, r.data, size_of(r.kind), r.extents.data(), r.strides.data(), 3, true};
}

inline status expect(const char* argument, const char* what, index_type expected, index_type given) {
  if (expected == given) return success();
  return error(status_code::mismatch, argument, what, expected, given);
}

// Offsets rise from 0 and stay inside a tensor of `rows` rows.
inline status check_offsets(const char* name, std::span<const std::int32_t> offsets, index_type sequences,
                            index_type rows) {
  if (offsets.empty()) return success();
  if (static_cast<index_type>(offsets.size()) != sequences + 1) {
    return error(status_code::mismatch, name, "entries: sequences + 1 =", sequences + 1,
                 static_cast<index_type>(offsets.size()));
  }
  if (offsets[0] != 0) return error(status_code::bad_index, name, "a first offset of", 0, offsets[0]);
  for (std::size_t i = 1; i < offsets.size(); ++i) {
    if (offsets[i] < offsets[i - 1]) {
      return error(status_code::bad_index, name, "rising offsets, at least", offsets[i - 1], offsets[i]);
    }
  }
  if (offsets.back() > rows) {
    return error(status_code::bad_index, name, "offsets up to the tensor's rows:", rows, offsets.back());
  }
  return success();
}

inline status check_lengths(const char* name, std::span<const std::int32_t> lengths, index_type sequences,
                            index_type rows) {
  if (lengths.empty()) return success();
  if (static_cast<index_type>(lengths.size()) != sequences) {
    return error(status_code::mismatch, name, "entries, one per sequence:", sequences,
                 static_cast<index_type>(lengths.size()));
  }
  for (const std::int32_t length : lengths) {
    if (length < 0) return error(status_code::bad_index, name, "lengths of 0 or more", length);
    if (length > rows) return error(status_code::bad_index, name, "lengths up to", rows, length);
  }
  return success();
}

// Every page that a sequence's keys live on exists.
template <class K, class V>
status check_pages(const paged_cache<K, V>& cache, index_type sequences) {
  const index_type page_size = cache.key_pages.extents[1];
  const index_type pages = cache.key_pages.extents[0];
  constexpr index_type largest = index_type{1} << 40;
  if (page_size < 1) return error(status_code::bad_extent, "key_pages", "a page size of at least", 1, page_size);
  if (page_size > largest) return error(status_code::bad_extent, "key_pages", "a page size of at most", largest, page_size);
  if (static_cast<index_type>(cache.kv_lengths.size()) != sequences) {
    return error(status_code::mismatch, "kv_lengths", "entries, one per sequence:", sequences,
                 static_cast<index_type>(cache.kv_lengths.size()));
  }
  if (status s = expect("value_pages", "page size (that of key_pages)", page_size,
                        cache.value_pages.extents[1]); !s.ok()) return s;
  if (status s = expect("value_pages", "pages (those of key_pages)", pages,
                        cache.value_pages.extents[0]); !s.ok()) return s;
  if (status s = check_lengths("kv_lengths", cache.kv_lengths, sequences,
                               std::numeric_limits<std::int32_t>::max()); !s.ok()) return s;
  if (cache.page_offsets.empty()) {
    const index_type entries = cache.table_stride;
    if (entries < 0 || entries > largest) {
      return error(status_code::bad_option, "table_stride", "0 to 2^40 entries", entries);
    }
    index_type needed = 0;
    if (__builtin_mul_overflow(entries, sequences, &needed)) needed = std::numeric_limits<index_type>::max();
    if (static_cast<index_type>(cache.block_table.size()) < needed) {
      return error(status_code::mismatch, "block_table", "entries, at least", needed,
                   static_cast<index_type>(cache.block_table.size()));
    }
  } else if (status s = check_offsets("page_offsets", cache.page_offsets, sequences,
                                      static_cast<index_type>(cache.block_table.size())); !s.ok()) {
    return s;
  }
  for (index_type i = 0; i < sequences; ++i) {
    const index_type used = (cache.kv_lengths[static_cast<std::size_t>(i)] + page_size - 1) / page_size;
    const index_type first = paged_source<K, V>{cache}.table_begin(i);
    const index_type room = cache.page_offsets.empty()
                           ? cache.table_stride
                           : cache.page_offsets[static_cast<std::size_t>(i) + 1] - first;
    if (used > room) {
      return error(status_code::bad_index, "kv_lengths", "a length whose pages fit the block table's", room, used);
    }
    for (index_type j = 0; j < used; ++j) {
      const std::int32_t page = cache.block_table[static_cast<std::size_t>(first + j)];
      if (page < 0 || page >= pages) {
        return error(status_code::bad_index, "block_table", "pages from 0 to below", pages, page);
      }
    }
  }
  return success();
}

// What a call reads and writes. A source that is not made of tensors vouches for its own memory.
struct call_memory {
  tensor_view query;
  tensor_view output;
  tensor_view key;
  tensor_view value;
  bool source_has_tensors;
  row_output lse;
  row_output row_max;
  row_output dropped_mass;
  std::span<const std::byte> plan;       // read while the call runs: empty while there is none
  std::span<const std::byte> workspace;
};

// The memory of a call against its problem, and against each other. The workspace must have `needed` bytes.
inline status check_memory(const call_memory& call, const problem& p, bool packed_queries, std::size_t needed_bytes) {
  const tensor_view& key = call.key;
  const tensor_view& value = call.value;
  const index_type batch = packed_queries ? 1 : p.sequences;
  const index_type rows = call.query.extents[1];
  const struct { const char* argument; const char* what; index_type expected; index_type given; } extents[] = {
      {"query", "batch", batch, call.query.extents[0]},
      {"query", "q_heads", p.q_heads, call.query.extents[2]},
      {"query", "d_qk", p.d_qk, call.query.extents[3]},
      {"output", "batch (that of query)", batch, call.output.extents[0]},
      {"output", "q_len (that of query)", rows, call.output.extents[1]},
      {"output", "q_heads (those of query)", p.q_heads, call.output.extents[2]},
      {"output", "d_v (that of value)", p.d_v, call.output.extents[3]},
      {"key", "kv_heads", p.kv_heads, key.extents[2]},
      {"key", "head_dim (that of query)", p.d_qk, key.extents[3]},
      {"value", "kv_heads (those of key)", p.kv_heads, value.extents[2]},
      {"value", "d_v", p.d_v, value.extents[3]},
      {"value", "batch (that of key)", key.extents[0], value.extents[0]},
      {"value", "kv_len (that of key)", key.extents[1], value.extents[1]}};
  for (const auto& e : extents) {
    if (status s = expect(e.argument, e.what, e.expected, e.given); !s.ok()) return s;
  }

  any_view outputs[4] = {as_any("output", call.output, true)};
  int output_count = 1;
  const struct { const char* name; const row_output* rows; } row_outputs[] = {
      {"lse", &call.lse}, {"row_max", &call.row_max}, {"dropped_mass", &call.dropped_mass}};
  for (const auto& r : row_outputs) {
    if (!*r.rows) continue;
    for (std::size_t i = 0; i < 3; ++i) {
      if (status s = expect(r.name, "extents (batch, q_len, q_heads) of query:", call.query.extents[i],
                            r.rows->extents[i]); !s.ok()) return s;
    }
    outputs[output_count++] = as_any(r.name, *r.rows);
  }
  const any_view inputs[] = {as_any("query", call.query, false), as_any("key", key, false),
                             as_any("value", value, false)};
  const int input_count = call.source_has_tensors ? 3 : 1;
  byte_range in[3];
  byte_range out[6];  // the outputs, the workspace, the plan
  for (int i = 0; i < input_count; ++i) {
    if (status s = check_view(inputs[i], true, in[i]); !s.ok()) return s;
  }
  for (int i = 0; i < output_count; ++i) {
    if (status s = check_view(outputs[i], outputs[i].rank == 4, out[i]); !s.ok()) return s;
  }

  const index_type needed = static_cast<index_type>(needed_bytes);
  if (static_cast<index_type>(call.workspace.size()) < needed) {
    return error(status_code::workspace_too_small, "workspace", "bytes, at least", needed,
                 static_cast<index_type>(call.workspace.size()));
  }
  const auto address_of = [](std::span<const std::byte> s) { return static_cast<index_type>(reinterpret_cast<std::uintptr_t>(s.data())); };
  const index_type address = address_of(call.workspace);
  if (needed > 0 && address % static_cast<index_type>(workspace_size::alignment) != 0) {
    return error(status_code::misaligned, "workspace", "an address that is a multiple of",
                 static_cast<index_type>(workspace_size::alignment),
                 address % static_cast<index_type>(workspace_size::alignment));
  }
  out[output_count] = {address, address + needed};
  const index_type plan_address = address_of(call.plan);
  out[output_count + 1] = {plan_address, plan_address + static_cast<index_type>(call.plan.size())};

  const auto name_of = [&](int i) {
    return i < output_count ? outputs[i].name : i == output_count ? "workspace" : "plan memory";
  };
  for (int i = 0; i <= output_count + 1; ++i) {
    for (int j = 0; j < input_count && i <= output_count; ++j) {
      if (out[i].overlaps(in[j])) {
        return error_text(status_code::overlap, name_of(i), "memory of its own", inputs[j].name);
      }
    }
    for (int j = 0; j < i; ++j) {
      if (out[i].overlaps(out[j])) {
        return error_text(status_code::overlap, name_of(i), "memory of its own", name_of(j));
      }
    }
  }
  return success();
}

}  // namespace validate

CRESTMAX_END_NAMESPACE
