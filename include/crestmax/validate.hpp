// Checks a call's memory against its plan before anything is written.
#pragma once

#include "call.hpp"
#include "coding_checks.hpp"
#include "compiler.hpp"
#include "error.hpp"
#include "memory_checks.hpp"
#include "memory_size.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace validate {

inline any_view as_any(const char* name, const tensor_view& t, bool output) {
  return {name, t.data, size_of(t.kind), alignment_of(t.kind), t.extents.data(), t.strides.data(), 4, true, output};
}
inline any_view as_any(const char* name, const row_output& r) {
  return {name, r.data, size_of(r.kind), alignment_of(r.kind), r.extents.data(), r.strides.data(), 3, false, true};
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
  if (!suits(offsets)) return pointer_error(name, offsets);
  index_type before = offsets[0];
  if (before != 0) return error(status_code::bad_index, name, "a first offset of", 0, before);
  for (std::size_t i = 1; i < offsets.size(); ++i) {
    const index_type offset = offsets[i];
    if (offset < before || offset > rows) {
      const bool falls = offset < before;
      return error(status_code::bad_index, entry_name(name, "entry", static_cast<index_type>(i)).text,
                   falls ? "rising offsets, at least" : "offsets up to the tensor's rows:", falls ? before : rows, offset);
    }
    before = offset;
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
  if (!suits(lengths)) return pointer_error(name, lengths);
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const index_type length = lengths[i];
    if (length >= 0 && length <= rows) continue;
    const entry_name entry(name, "sequence", static_cast<index_type>(i));
    if (length < 0) return error(status_code::bad_index, entry.text, "lengths of 0 or more", length);
    return error(status_code::bad_index, entry.text, "lengths up to", rows, length);
  }
  return success();
}

// The shapes of a paged cache, and that its table has room for every sequence's pages. Time: O(sequences).
inline status check_page_shapes(const cache_view& cache, index_type sequences) {
  const paged_view source{cache};
  const index_type page_size = cache.key_pages.extents[1];
  const index_type pages = cache.key_pages.extents[0];
  constexpr index_type largest = index_type{1} << 40;
  if (page_size < 1) return error(status_code::bad_extent, "key_pages", "a page size of at least", 1, page_size);
  if (page_size > largest) return error(status_code::bad_extent, "key_pages", "a page size of at most", largest, page_size);
  if (static_cast<index_type>(cache.key_lengths.size()) != sequences) {
    return error(status_code::mismatch, "key_lengths", "entries, one per sequence:", sequences,
                 static_cast<index_type>(cache.key_lengths.size()));
  }
  if (status s = expect("value_pages", "page size (that of key_pages)", page_size,
                        cache.value_pages.extents[1]); !s.ok()) return s;
  if (status s = expect("value_pages", "pages (those of key_pages)", pages,
                        cache.value_pages.extents[0]); !s.ok()) return s;
  if (status s = check_lengths("key_lengths", cache.key_lengths, sequences,
                               std::numeric_limits<std::int32_t>::max()); !s.ok()) return s;
  if (!suits(cache.block_table)) return pointer_error("block_table", cache.block_table);
  const auto table_entries = static_cast<index_type>(cache.block_table.size());
  if (cache.page_offsets.empty()) {
    const index_type entries = cache.table_stride;
    if (entries < 0 || entries > largest) {
      return error(status_code::bad_option, "table_stride", "0 to 2^40 entries", entries);
    }
    index_type needed = 0;
    if (compiler::multiply_overflows(entries, sequences, needed)) needed = std::numeric_limits<index_type>::max();
    if (table_entries < needed) {
      return error(status_code::mismatch, "block_table", "entries, at least", needed, table_entries);
    }
  } else if (status s = check_offsets("page_offsets", cache.page_offsets, sequences, table_entries); !s.ok()) {
    return s;
  }
  for (index_type i = 0; i < sequences; ++i) {
    const index_type used = source.pages_of(i);
    const index_type room = source.table_end(i) - source.table_begin(i);
    if (used > room) {
      return error(status_code::bad_index, entry_name("key_lengths", "sequence", i).text,
                   "a length whose pages fit the block table's", room, used);
    }
  }
  return success();
}

// Every page that a sequence's keys live on exists, of a cache whose shapes are right. Time: O(pages in use), or O(1) where
// this very table has been checked before.
inline status check_page_table(const cache_view& cache) {
  if (cache.checked == crestmax::stamp_of(cache)) return success();
  const paged_view source{cache};
  const index_type pages = cache.key_pages.extents[0];
  for (index_type i = 0; i < static_cast<index_type>(cache.key_lengths.size()); ++i) {
    const index_type begin = source.table_begin(i);
    const index_type used = std::min(source.pages_of(i), source.table_end(i) - begin);
    for (index_type j = 0; j < used; ++j) {
      const index_type page = source.page_at(begin + j);
      if (page < 0 || page >= pages) {
        return error(status_code::bad_index, entry_name("block_table", "sequence", i, "entry", j).text, "pages from 0 to below", pages, page);
      }
    }
  }
  return success();
}

// The queries of a plan lie in a tensor of so many rows: kernels go by the plan, whatever has become of the arrays that it
// was made from.
inline status check_rows(const plan& p, index_type rows) {
  for (const plan_sequence& s : p.sequences()) {
    if (s.query_begin >= 0 && s.q_len >= 0 && s.kv_len >= 0 && s.q_len <= rows - s.query_begin) continue;
    return error(status_code::mismatch, "plan", "queries up to the tensor's rows:", rows, s.query_begin + s.q_len);
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
  bool paged;
  bool packed_keys;
  const row_coding* key_coding;
  const row_coding* value_coding;
  row_output lse;
  row_output row_max;
  row_output dropped_mass;
  row_output output_error;
  std::span<const std::byte> plan;       // read while the call runs: empty while there is none
  std::span<const std::byte> workspace;
};

// The caller's memory for a call that needs so many bytes.
inline status check_workspace(std::span<const std::byte> workspace, std::size_t needed) {
  if (memory_size(needed).is_too_large()) return too_large();
  if (workspace.size() < needed) {
    return error(status_code::workspace_too_small, "workspace", "bytes, at least", static_cast<index_type>(needed),
                 static_cast<index_type>(workspace.size()));
  }
  constexpr auto alignment = static_cast<index_type>(workspace_size::alignment);
  if (needed > 0 && !suits(workspace.data(), alignment)) return pointer_error("workspace", workspace.data(), alignment);
  return success();
}

// What a call reads: tensors, and what stands beside encoded ones.
template <bool Coded>
struct read_memory {
  const char* names[9];
  byte_range ranges[9];
  int count = 0;

  status check(const call_memory& call, const char* key_name, const char* value_name, index_type sequences) {
    if (status s = check_tensor("query", call.query); !s.ok() || !call.source_has_tensors) return s;
    if (status s = check_tensor(key_name, call.key); !s.ok()) return s;
    if (status s = check_tensor(value_name, call.value); !s.ok()) return s;
    if constexpr (Coded) {
      const auto rows = [&](const char* name, const coding_names& names_of, const tensor_view& view, const row_coding* coding) {
        return check_beside({name, names_of, view, *coding, sequences, call.paged, call.packed_keys});
      };
      if (status s = rows(key_name, names_of_keys, call.key, call.key_coding); !s.ok()) return s;
      return rows(value_name, names_of_values, call.value, call.value_coding);
    } else {
      return success();
    }
  }

 private:
  status check_tensor(const char* name, const tensor_view& t) {
    names[count] = name;
    if constexpr (Coded) return check_view(as_any(name, in_elements(t), false), ranges[count++]);
    else return check_view(as_any(name, t, false), ranges[count++]);
  }
  status check_beside(const coded_rows& c) {
    byte_range beside[3];
    if (status s = check_coding(c, beside); !s.ok()) return s;
    for (int i = 0; i < 3; ++i) {
      names[count] = i == 0 ? c.names.scales : i == 1 ? c.names.offsets : c.names.open;
      ranges[count++] = beside[i];
    }
    return success();
  }
};

// The memory of a call against its problem, and against each other. The workspace must have `needed` bytes.
template <bool Coded>
status check_memory(const call_memory& call, const problem& p, bool packed_queries, std::size_t needed_bytes) {
  const tensor_view& key = call.key;
  const tensor_view& value = call.value;
  const char* const key_name = call.paged ? "key_pages" : "key";
  const char* const value_name = call.paged ? "value_pages" : "value";
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
      {key_name, "kv_heads", p.kv_heads, key.extents[2]},
      {key_name, "head_dim (that of query)", p.d_qk, key.extents[3]},
      {value_name, "kv_heads (those of key)", p.kv_heads, value.extents[2]},
      {value_name, "d_v", p.d_v, value.extents[3]},
      {value_name, "batch (that of key)", key.extents[0], value.extents[0]},
      {value_name, "kv_len (that of key)", key.extents[1], value.extents[1]}};
  for (const auto& e : extents) {
    if (e.expected != e.given) return error(status_code::mismatch, e.argument, e.what, e.expected, e.given);
  }

  any_view outputs[5] = {as_any("output", call.output, true)};
  int output_count = 1;
  const struct { const char* name; const row_output* rows; } row_outputs[] = {
      {"lse", &call.lse}, {"row_max", &call.row_max}, {"dropped_mass", &call.dropped_mass},
      {"output_error", &call.output_error}};
  for (const auto& r : row_outputs) {
    if (crestmax::is_absent(*r.rows)) continue;
    if (r.rows->kind != scalar_kind::float32 && r.rows->kind != scalar_kind::float64) {
      return error_text(status_code::mismatch, r.name, "numbers of float32 or float64", crestmax::name(r.rows->kind));
    }
    for (std::size_t i = 0; i < 3; ++i) {
      if (status s = expect(r.name, "extents (batch, q_len, q_heads) of query:", call.query.extents[i],
                            r.rows->extents[i]); !s.ok()) return s;
    }
    outputs[output_count++] = as_any(r.name, *r.rows);
  }
  read_memory<Coded> in;
  byte_range out[7];  // the outputs, the workspace, the plan
  if (status s = in.check(call, key_name, value_name, p.sequences); !s.ok()) return s;
  for (int i = 0; i < output_count; ++i) {
    if (status s = check_view(outputs[i], out[i]); !s.ok()) return s;
  }

  if (status s = check_workspace(call.workspace, needed_bytes); !s.ok()) return s;
  const auto range_of = [](std::span<const std::byte> bytes, std::size_t size) {
    return byte_range{address_of(bytes.data()), address_of(bytes.data()) + size};
  };
  out[output_count] = range_of(call.workspace, needed_bytes);
  out[output_count + 1] = range_of(call.plan, call.plan.size());

  const auto name_of = [&](int i) {
    return i < output_count ? outputs[i].name : i == output_count ? "workspace" : "plan memory";
  };
  for (int i = 0; i <= output_count + 1; ++i) {
    for (int j = 0; j < in.count && i <= output_count; ++j) {
      if (out[i].overlaps(in.ranges[j])) {
        return error_text(status_code::overlap, name_of(i), "memory of its own", in.names[j]);
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

// Looks through the block table of a paged cache once, for all calls on a cache of the same table, lengths, page size and
// number of pages: what is found goes into their paged_cache::checked. Time: O(pages in use).
inline status check_pages(const cache_view& cache, checked_pages& result) {
  if (status s = validate::check_page_shapes(cache, static_cast<index_type>(cache.key_lengths.size())); !s.ok()) return s;
  if (status s = validate::check_page_table(cache); !s.ok()) return s;
  result = crestmax::stamp_of(cache);
  return success();
}
template <class K, class V>
status check_pages(const paged_cache<K, V>& cache, checked_pages& result) {
  return crestmax::check_pages(cache_view(cache), result);
}

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
