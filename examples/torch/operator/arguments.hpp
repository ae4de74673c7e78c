// What the operators are given, as plain data without torch's types, and everything that can be wrong with it.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

namespace crestmax_torch {

using index_type = std::int64_t;

enum class element : int { float32, float64, float16, bfloat16, boolean, int32, int8, float8_e4m3, float8_e5m2, other };

constexpr const char* name(element type) {
  constexpr const char* names[] = {"float32", "float64", "float16", "bfloat16", "bool", "int32", "int8", "float8_e4m3fn", "float8_e5m2", "another"};
  return names[static_cast<int>(type)];
}
constexpr bool is_floating(element type) { return type <= element::bfloat16; }
// Whether keys or values of it are codes, which scales make numbers of.
constexpr bool is_code(element type) { return type >= element::int8 && type <= element::float8_e5m2; }

// One tensor argument: a view of what torch holds. Strides count elements.
struct array {
  const char* name = "";  // of the argument, for messages
  const void* data = nullptr;
  element type = element::other;
  bool on_cpu = true;
  bool given = false;  // an optional argument may not be
  std::span<const index_type> extents;
  std::span<const index_type> strides;

  std::size_t rank() const { return extents.size(); }
  index_type extent(std::size_t axis) const { return extents[axis]; }
  index_type stride(std::size_t axis) const { return strides[axis]; }
  // All numbers of an array of one axis, of int32.
  std::span<const std::int32_t> numbers() const {
    return {static_cast<const std::int32_t*>(data), static_cast<std::size_t>(extents[0])};
  }
  // Whether the numbers of a row follow each other in memory.
  bool has_dense_rows() const { return extents.empty() || extents.back() < 2 || strides.back() == 1; }
};

// Where the queries stand among the keys: the first at the first key, or the last at the last. Numbered as torch's CausalVariant.
enum class causality : std::int64_t { none, upper_left, lower_right };

// What all operators take beside their tensors.
struct settings {
  std::int64_t causal = 0;        // a causality
  std::int64_t window_left = -1;  // keys before a query's own that it sees; -1: all
  std::int64_t window_right = -1;
  double softcap = 0;  // 0: none
  array sinks;         // (q_heads)
  std::optional<double> scale;
  array key_scales;    // of keys that are codes: see check::scales
  array value_scales;
};

// What a caller did wrong: "key: expected d (that of query) 64, given 32". torch makes a RuntimeError of it, in every version.
struct bad_argument : std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace check {

[[noreturn]] inline void fail(const char* argument, const std::string& expected, const std::string& given) {
  throw bad_argument(std::string(argument) + ": expected " + expected + ", given " + given);
}

inline void equal(const char* argument, const char* what, index_type expected, index_type given) {
  if (expected != given) check::fail(argument, what + (" " + std::to_string(expected)), std::to_string(given));
}

// axes: such as "(batch, heads, len, d)".
inline void rank(const array& a, std::size_t expected, const char* axes) {
  if (a.rank() != expected) check::fail(a.name, "rank " + std::to_string(expected) + ", " + axes, "rank " + std::to_string(a.rank()));
}

inline void on_cpu(const array& a) {
  if (!a.on_cpu) check::fail(a.name, "a tensor on the CPU", "one on another device");
}

inline void floating(const array& a) {
  if (!is_floating(a.type)) check::fail(a.name, "dtype float32, float64, float16 or bfloat16", std::string(name(a.type)) + " dtype");
}

inline void dense_rows(const array& a) {
  if (!a.has_dense_rows()) check::fail(a.name, "strides that end with 1", std::to_string(a.strides.back()));
}

// The rows of query.
inline void query_rows(const array& query, std::size_t rank, const char* axes) {
  check::on_cpu(query);
  check::floating(query);
  check::rank(query, rank, axes);
}

// Rows of keys or of values: numbers of the query's dtype, or codes.
inline void cached_rows(const array& a, const array& query, std::size_t rank, const char* axes) {
  check::on_cpu(a);
  if (a.type != query.type && !is_code(a.type)) {
    check::fail(a.name, std::string("dtype ") + name(query.type) + " (that of query), int8, float8_e4m3fn or float8_e5m2", name(a.type));
  }
  check::rank(a, rank, axes);
}

// Scales of keys or of values that are codes: one, one for each head (heads,), or one for each row: of the extents of `rows` without d, each of
// which may be 1. axes: such as "(batch, heads, len)"; heads: which of these they are.
inline void scales(const array& a, const array& rows, std::size_t heads, const char* axes) {
  if (!a.given) return;
  check::on_cpu(a);
  if (!is_code(rows.type)) check::fail(a.name, std::string("none for ") + rows.name + " without codes of int8, float8_e4m3fn or float8_e5m2", name(rows.type));
  if (!is_floating(a.type) || a.type == element::float64) check::fail(a.name, "dtype float32, float16 or bfloat16", name(a.type));
  const std::size_t most = rows.rank() - 1;
  if (a.rank() > 1 && a.rank() != most) {
    check::fail(a.name, std::string("one scale, (heads,) or ") + axes, "rank " + std::to_string(a.rank()));
  }
  for (std::size_t i = 0; i < a.rank(); ++i) {
    const index_type expected = rows.extent(a.rank() == 1 ? heads : i);
    if (a.extent(i) == 1 || a.extent(i) == expected) continue;
    const std::string what = a.rank() == 1 ? "one scale or those of heads, " : std::string(axes) + ", each extent 1 or that of " + rows.name + ", here ";
    check::fail(a.name, what + std::to_string(expected), std::to_string(a.extent(i)));
  }
}

// As many query heads for each head of keys.
inline void groups(index_type q_heads, const array& key, index_type kv_heads) {
  if (kv_heads > 0 && q_heads % kv_heads == 0) return;
  check::fail(key.name, "heads that divide those of query, " + std::to_string(q_heads), std::to_string(kv_heads));
}

inline void options(const settings& s, index_type q_heads) {
  if (s.causal < 0 || s.causal > static_cast<std::int64_t>(causality::lower_right)) {
    check::fail("causal", "0 (none), 1 (upper left) or 2 (lower right)", std::to_string(s.causal));
  }
  if (s.window_left < -1) check::fail("window_left", "-1 (all keys) or more", std::to_string(s.window_left));
  if (s.window_right < -1) check::fail("window_right", "-1 (all keys) or more", std::to_string(s.window_right));
  if (!(s.softcap >= 0 && s.softcap <= static_cast<double>(std::numeric_limits<float>::max()))) {
    check::fail("softcap", "a positive number, or 0 for none", std::to_string(s.softcap));
  }
  if (s.scale && !std::isfinite(*s.scale)) check::fail("scale", "a finite number", std::to_string(*s.scale));
  if (!s.sinks.given) return;
  check::on_cpu(s.sinks);
  check::floating(s.sinks);
  check::rank(s.sinks, 1, "(q_heads,)");
  check::equal("sinks", "one number per query head,", q_heads, s.sinks.extent(0));
}

// query (batch, q_heads, q_len, d_qk), key (batch, kv_heads, kv_len, d_qk), value (batch, kv_heads, kv_len, d_v).
inline void batched(const array& query, const array& key, const array& value) {
  constexpr const char* axes = "(batch, heads, len, d)";
  check::query_rows(query, 4, axes);
  for (const array* a : {&key, &value}) check::cached_rows(*a, query, 4, axes);
  check::equal(key.name, "batch (that of query)", query.extent(0), key.extent(0));
  check::equal(value.name, "batch (that of query)", query.extent(0), value.extent(0));
  check::groups(query.extent(1), key, key.extent(1));
  check::equal(value.name, "heads (those of key)", key.extent(1), value.extent(1));
  check::equal(value.name, "len (that of key)", key.extent(2), value.extent(2));
  check::equal(key.name, "d (that of query)", query.extent(3), key.extent(3));
}

// At most four axes, each as long as (batch, q_heads, q_len, kv_len) counted from the right, or 1.
inline void mask(const array& mask, const array& query, index_type kv_len) {
  if (!mask.given) return;
  check::on_cpu(mask);
  if (mask.type != element::boolean && mask.type != element::float32 && mask.type != query.type) {
    check::fail(mask.name, "dtype bool, float32 or that of query", name(mask.type));
  }
  if (mask.rank() > 4) check::fail(mask.name, "rank 4 or less", std::to_string(mask.rank()));
  const index_type expected[4] = {query.extent(0), query.extent(1), query.extent(2), kv_len};
  constexpr const char* what[4] = {"a batch of 1 or", "heads of 1 or", "a q_len of 1 or", "a kv_len of 1 or"};
  for (std::size_t axis = 4 - mask.rank(), i = 0; i < mask.rank(); ++axis, ++i) {
    if (mask.extent(i) != 1) check::equal(mask.name, what[axis], expected[axis], mask.extent(i));
  }
}

// Sequences packed end to end: query (total, q_heads, d_qk), key (total, kv_heads, d_qk), value (total, kv_heads, d_v).
inline void packed(const array& query, const array& key, const array& value) {
  check::query_rows(query, 3, "(total, heads, d)");
  for (const array* a : {&key, &value}) check::cached_rows(*a, query, 3, "(total, heads, d)");
  check::groups(query.extent(1), key, key.extent(1));
  check::equal(value.name, "total (that of key)", key.extent(0), value.extent(0));
  check::equal(value.name, "heads (those of key)", key.extent(1), value.extent(1));
  check::equal(key.name, "d (that of query)", query.extent(2), key.extent(2));
}

// query (total, q_heads, d_qk), key (pages, page_size, kv_heads, d_qk), value (pages, page_size, kv_heads, d_v).
inline void paged(const array& query, const array& key, const array& value) {
  check::query_rows(query, 3, "(total, heads, d)");
  for (const array* a : {&key, &value}) {
    check::cached_rows(*a, query, 4, "(pages, page_size, heads, d)");
    check::dense_rows(*a);  // a cache is not copied
  }
  check::groups(query.extent(1), key, key.extent(2));
  check::equal(value.name, "pages (those of key_cache)", key.extent(0), value.extent(0));
  check::equal(value.name, "page_size (that of key_cache)", key.extent(1), value.extent(1));
  check::equal(value.name, "heads (those of key_cache)", key.extent(2), value.extent(2));
  check::equal(key.name, "d (that of query)", query.extent(2), key.extent(3));
}

// Whole numbers that follow each other.
inline void whole_numbers(const array& a, std::size_t rank, const char* axes) {
  check::on_cpu(a);
  if (a.type != element::int32) check::fail(a.name, "dtype int32", name(a.type));
  check::rank(a, rank, axes);
  check::dense_rows(a);
}

inline std::string entry_of(const char* argument, std::size_t index) { return argument + (", entry " + std::to_string(index)); }

// Where sequences begin and end among `rows` rows: rising from 0 to all of them.
inline void offsets(const array& a, index_type rows, const char* what) {
  check::whole_numbers(a, 1, "(sequences + 1,)");
  if (a.extent(0) < 1) check::fail(a.name, "sequences + 1 entries", "none");
  const auto entries = a.numbers();
  check::equal(check::entry_of(a.name, 0).c_str(), "the first sequence's begin,", 0, entries.front());
  for (std::size_t i = 1; i < entries.size(); ++i) {
    if (entries[i] >= entries[i - 1]) continue;
    check::fail(check::entry_of(a.name, i).c_str(), "rising offsets, at least " + std::to_string(entries[i - 1]), std::to_string(entries[i]));
  }
  check::equal(check::entry_of(a.name, entries.size() - 1).c_str(), what, rows, entries.back());
}

// Keys of each sequence, that its row of a block table has pages for.
inline void lengths(const array& a, index_type sequences, index_type most) {
  check::whole_numbers(a, 1, "(sequences,)");
  check::equal(a.name, "one length per row of block_table,", sequences, a.extent(0));
  const auto entries = a.numbers();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i] >= 0 && entries[i] <= most) continue;
    check::fail(check::entry_of(a.name, i).c_str(), "0 to " + std::to_string(most) + " keys", std::to_string(entries[i]));
  }
}

}  // namespace check

}  // namespace crestmax_torch
