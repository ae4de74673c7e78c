// Where keys and values come from. A source hands out runs: consecutive keys at a constant stride.
// Contiguous tensors give one run per head, a paged cache one per page. A source of another layout or
// of quantised rows joins by satisfying the concept; kernels see runs only.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <span>

#include "config.hpp"
#include "encodings.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_VERSION

struct kv_run;

// How rows of kind `custom` become numbers: rows first, first + step, ... of a run, `count` of them, to rows of `length` floats that
// stand to_stride apart. Called by all workers at once.
using decode_function = void (*)(const kv_run& run, index_type first, index_type step, index_type count, index_type length, float* to,
                                 index_type to_stride);

// What stands beside the encoded rows of a run. A source of int8, uint8, uint4 or float8 may leave all of it out: then codes are numbers.
struct run_coding {
  const row_coding* coding = nullptr;
  const void* scales = nullptr;  // those of the first row's first group; the next row's are scale_stride elements away
  const void* offsets = nullptr;
  index_type scale_stride = 0;
  index_type offset_stride = 0;
  bool open = false;  // rows are numbers of coding->open.kind
  decode_function decode = nullptr;  // of kind `custom`
  // Of planes16: the first row's place in its block, whose end is the run's. Rows count as if they followed each other: with row_bytes the bytes
  // of one, data is the block's begin + place * row_bytes, and row_stride is row_bytes.
  index_type place = 0;
};

// `rows` consecutive rows, the first at `data`, each `row_stride` elements after the one before; bytes, of a source of encoded rows.
struct kv_run {
  const void* data;
  index_type row_stride;
  index_type rows;
  run_coding beside{};
};

// Which block table has been looked through, made by check_pages(): every page in it that is in use existed then. An
// engine has it made once a step and hands it to every layer's call. It is no more than a shortcut: a table that has
// changed since fails safely, as one that changes during a call does.
struct checked_pages {
  const std::int32_t* table = nullptr;
  const std::int32_t* lengths = nullptr;
  const std::int32_t* offsets = nullptr;
  std::size_t entries = 0;
  std::size_t sequences = 0;
  index_type table_stride = 0;
  index_type page_size = 0;
  index_type pages = 0;
  friend constexpr bool operator==(const checked_pages&, const checked_pages&) = default;
};

// A paged cache: kv_len keys of sequence b live in pages block_table[b][0], [1], ...
//   key_pages (pages, page_size, kv_heads, d_qk), value_pages (pages, page_size, kv_heads, d_v),
//   each with its own base and strides (innermost contiguous).
// The table is either rectangular (sequences x table_stride entries) or compressed (page_offsets with
// sequences + 1 entries). Entries past a sequence's last page are never read: they may be -1.
template <class K, class V = K>
struct paged_cache {
  tensor<const K> key_pages;
  tensor<const V> value_pages;
  std::span<const std::int32_t> block_table;
  std::span<const std::int32_t> key_lengths;      // one per sequence
  index_type table_stride = 0;                        // entries per sequence of a rectangular table
  std::span<const std::int32_t> page_offsets{};  // of a compressed table
  checked_pages checked{};                       // by default every call looks through the table
};

// What a source holds: kv_len is that of the longest sequence; options.key_lengths may shorten each.
struct source_shape {
  index_type sequences;
  index_type kv_len;
  index_type kv_heads;
  index_type d_qk;
  index_type d_v;
};

CRESTMAX_END_VERSION

CRESTMAX_BEGIN_NAMESPACE

// Keys from `position` on (0 is the sequence's first) as one run. The kinds are known when compiling: static constexpr
// functions. A source that is not made of tensors vouches for its memory: only its shape is checked.
//
// While a call runs, a source is asked by all workers at once, for keys and for values, in any order, ahead of need and
// again, and many of its runs are held before they are read. So it promises that
//   - the same question has the same answer, whoever asks, and asking changes nothing;
//   - a run has at least one row wherever a sequence has a key, and a pointer that suits its kind;
//   - its rows are readable and unchanged until the call has ended: no run may be scratch that is filled anew.
// A run of no rows, of a null or misaligned pointer, or of planes16 whose place, rows or row_stride are not within its block, breaks that in a way
// which is noticed: collect(), and the call in
// one step, return source_failed, every row of output whose item needed such a run is NaN in all of its outputs, and
// every other row is right. So it is with a block table or its offsets that another thread spoils after they were checked: a page
// id is checked where it is read, before an address is made of it.
template <class S>
concept kv_source = requires(const S& s, index_type sequence, index_type head, index_type position) {
  { s.key_run(sequence, head, position) } -> std::same_as<kv_run>;
  { s.value_run(sequence, head, position) } -> std::same_as<kv_run>;
  { s.shape() } -> std::same_as<source_shape>;
  { std::bool_constant<(S::key_kind(), true)>{} };
  { std::bool_constant<(S::value_kind(), true)>{} };
  { S::key_kind() } -> std::same_as<scalar_kind>;
  { S::value_kind() } -> std::same_as<scalar_kind>;
};

// A source whose kinds are asked of an object: known at run time, or when compiling.
template <class S>
concept source_or_view = requires(const S& s, index_type sequence, index_type head, index_type position) {
  { s.key_run(sequence, head, position) } -> std::same_as<kv_run>;
  { s.value_run(sequence, head, position) } -> std::same_as<kv_run>;
  { s.shape() } -> std::same_as<source_shape>;
  { s.key_kind() } -> std::same_as<scalar_kind>;
  { s.value_kind() } -> std::same_as<scalar_kind>;
};

// The same of a row that is `rows` behind.
inline run_coding with_rows_skipped(run_coding of, index_type rows) {
  const auto skip = [&](const void*& numbers, scalar_kind kind, index_type stride) {
    if (numbers != nullptr) numbers = static_cast<const std::byte*>(numbers) + rows * stride * size_of(kind);
  };
  of.place += rows;
  if (of.coding == nullptr) return of;
  skip(of.scales, of.coding->scales.kind, of.scale_stride);
  skip(of.offsets, of.coding->offsets.kind, of.offset_stride);
  return of;
}

// What a source hands out where it finds that it has no keys.
inline constexpr kv_run no_rows{nullptr, 0, 0, {}};

// One read of a number that another thread may be writing meanwhile: what has been checked is what is used.
inline index_type read_once(const std::int32_t& number) {
#if defined(__GNUC__)
  return __atomic_load_n(&number, __ATOMIC_RELAXED);
#else
  return static_cast<const volatile std::int32_t&>(number);
#endif
}

// The numbers of a coding that belong to a row, first group.
inline const void* numbers_at(const coding_numbers& n, index_type first, index_type block, index_type head) {
  if (!n) return nullptr;
  return static_cast<const std::byte*>(n.data) + size_of(n.kind) * (first * n.strides[0] + block * n.strides[1] + head * n.strides[2]);
}

// What stands beside a run of rows: of sequence or page `first`, of a head, from row `row` on. Where keys are coded in blocks the run ends with its block.
inline kv_run with_coding(kv_run run, const row_coding& c, index_type first, index_type head, index_type row) {
  const bool in_blocks = c.keys > 1;
  const index_type block = in_blocks ? row / c.keys : row;
  if (in_blocks) run.rows = std::min(run.rows, (block + 1) * c.keys - row);
  run_coding& beside = run.beside;
  beside.coding = &c;
  beside.scales = numbers_at(c.scales, first, block, head);
  beside.offsets = numbers_at(c.offsets, first, block, head);
  beside.scale_stride = in_blocks ? 0 : c.scales.strides[1];
  beside.offset_stride = in_blocks ? 0 : c.offsets.strides[1];
  return run;
}

// Rows that are not coded yet: of a sequence, from the key at `position` on, of which there are `rows`.
inline kv_run open_run(const row_coding& c, index_type sequence, index_type head, index_type position, index_type rows) {
  const open_rows& open = c.open;
  const index_type step = c.keys > 2 ? open.strides[1] : 0;  // that of a single row may be anything
  const index_type at = sequence * open.strides[0] + position % c.keys * step + head * open.strides[2];
  kv_run run{static_cast<const std::byte*>(open.data) + at * size_of(open.kind), step * size_of(open.kind), rows};
  run.beside.coding = &c;
  run.beside.open = true;
  return run;
}

// Whether rows of such a tensor may have a coding.
template <class T>
constexpr bool has_coding(const tensor<const T>&) { return may_have_coding(kind_of<T>); }
inline bool has_coding(const tensor_view& t) { return may_have_coding(t.kind); }
template <class T>
constexpr scalar_kind kind_of_rows(const tensor<const T>&) { return kind_of<T>; }
inline scalar_kind kind_of_rows(const tensor_view& t) { return t.kind; }

// Whether a key is among those that are not coded yet.
inline bool is_open(const row_coding& c, index_type position, index_type kv_len) { return c.keys > 1 && position >= kv_len - kv_len % c.keys; }

// Rows of a tensor from row `row` of batch or page `first` on, `left` at most; where they lie in blocks of keys, those of their block.
template <class Tensor>
kv_run rows_from(const Tensor& t, index_type first, index_type row, index_type head, index_type left) {
  const scalar_kind kind = crestmax::kind_of_rows(t);
  const index_type keys = keys_in_block(kind);
  const index_type begin = first * t.strides[0] + head * t.strides[2];
  if (keys == 1) return {crestmax::element_of(t, begin + row * t.strides[1]), t.strides[1], left};
  const index_type place = row % keys, row_bytes = row_elements(kind, t.extents[3]);
  kv_run run{crestmax::element_of(t, begin + row / keys * t.strides[1] + place * row_bytes), row_bytes, std::min(left, keys - place)};
  run.beside.place = place;
  return run;
}
// Where a run's block begins, of rows of so many numbers.
inline const void* key_block_of(const kv_run& run, scalar_kind kind, index_type length) {
  return static_cast<const std::byte*>(run.data) - run.beside.place * row_bytes_of(kind, length);
}

// (batch, kv_len, kv_heads, d); sequences are either rows of the batch or pieces of a packed one. Tensor is tensor<const T>, or
// tensor_view where kinds are known at run time.
template <class Tensor>
kv_run run_of_rows(const Tensor& t, std::span<const std::int32_t> offsets, index_type sequence, index_type head, index_type position) {
  const bool packed = !offsets.empty();
  const index_type row = packed ? read_once(offsets[static_cast<std::size_t>(sequence)]) + position : position;
  const index_type batch = packed ? 0 : sequence;
  if (row < 0 || row >= t.extents[1]) return no_rows;
  return crestmax::rows_from(t, batch, row, head, t.extents[1] - row);
}

template <class KeyTensor, class ValueTensor>
struct rows_of_tensors {
  KeyTensor key;
  ValueTensor value;
  std::span<const std::int32_t> offsets;

  kv_run key_run(index_type sequence, index_type head, index_type position) const {
    return crestmax::run_of_rows(key, offsets, sequence, head, position);
  }
  kv_run value_run(index_type sequence, index_type head, index_type position) const {
    return crestmax::run_of_rows(value, offsets, sequence, head, position);
  }
  source_shape shape() const {
    return {key.extents[0], key.extents[1], key.extents[2], key.extents[3], value.extents[3]};
  }
};

template <class K, class V>
struct contiguous_source : rows_of_tensors<tensor<const K>, tensor<const V>> {
  static_assert(kind_of<K> != scalar_kind::custom && kind_of<V> != scalar_kind::custom, "rows of an encoding of your own come from a source of your own");
  constexpr contiguous_source() = default;
  constexpr contiguous_source(tensor<const K> keys, tensor<const V> values, std::span<const std::int32_t> packed)
      : rows_of_tensors<tensor<const K>, tensor<const V>>{keys, values, packed} {}
  static constexpr scalar_kind key_kind() { return kind_of<K>; }
  static constexpr scalar_kind value_kind() { return kind_of<V>; }
};

// The same, of kinds that are known at run time. Coded: they may be encodings.
template <bool Coded>
struct view_of_tensors : rows_of_tensors<tensor_view, tensor_view> {
  static constexpr bool coded = Coded;
  view_of_tensors(const tensor_view& keys, const tensor_view& values, std::span<const std::int32_t> packed)
      : rows_of_tensors<tensor_view, tensor_view>{keys, values, packed} {}
  template <class K, class V>
  explicit view_of_tensors(const contiguous_source<K, V>& s) : view_of_tensors(s.key, s.value, s.offsets) {}
  scalar_kind key_kind() const { return key.kind; }
  scalar_kind value_kind() const { return value.kind; }
};
using contiguous_view = view_of_tensors<true>;

// A paged_cache whose kinds are known at run time.
struct cache_view {
  tensor_view key_pages;
  tensor_view value_pages;
  std::span<const std::int32_t> block_table;
  std::span<const std::int32_t> key_lengths;
  index_type table_stride = 0;
  std::span<const std::int32_t> page_offsets{};
  checked_pages checked{};

  cache_view() = default;
  template <class K, class V>
  explicit cache_view(const paged_cache<K, V>& c)
      : key_pages(c.key_pages), value_pages(c.value_pages), block_table(c.block_table), key_lengths(c.key_lengths),
        table_stride(c.table_stride), page_offsets(c.page_offsets), checked(c.checked) {}
};

inline checked_pages stamp_of(const cache_view& cache) {
  return {cache.block_table.data(), cache.key_lengths.data(), cache.page_offsets.data(), cache.block_table.size(),
          cache.key_lengths.size(), cache.table_stride, cache.key_pages.extents[1], cache.key_pages.extents[0]};
}

// What stands beside keys and values, where anything may.
template <bool Coded>
struct codings {
  row_coding key{};
  row_coding value{};
};
template <>
struct codings<false> {};

// Cache is paged_cache, or cache_view where kinds are known at run time.
template <class Cache, bool Coded>
struct rows_of_pages {
  Cache cache;
  [[no_unique_address]] codings<Coded> beside{};

  kv_run key_run(index_type sequence, index_type head, index_type position) const {
    if constexpr (Coded) return coded_run(cache.key_pages, beside.key, sequence, head, position);
    else return run(cache.key_pages, sequence, head, position);
  }
  kv_run value_run(index_type sequence, index_type head, index_type position) const {
    if constexpr (Coded) return coded_run(cache.value_pages, beside.value, sequence, head, position);
    else return run(cache.value_pages, sequence, head, position);
  }
  source_shape shape() const {
    index_type longest = 0;
    for (const std::int32_t n : cache.key_lengths) longest = n > longest ? n : longest;
    return {static_cast<index_type>(cache.key_lengths.size()), longest, cache.key_pages.extents[2], cache.key_pages.extents[3],
            cache.value_pages.extents[3]};
  }

  // Entries of the table that are a sequence's, [begin, end), and how many of them are in use.
  index_type table_begin(index_type sequence) const {
    return cache.page_offsets.empty() ? sequence * cache.table_stride
                                      : read_once(cache.page_offsets[static_cast<std::size_t>(sequence)]);
  }
  index_type table_end(index_type sequence) const { return table_begin(sequence + 1); }
  index_type pages_of(index_type sequence) const {
    const index_type page_size = cache.key_pages.extents[1];
    return (read_once(cache.key_lengths[static_cast<std::size_t>(sequence)]) + page_size - 1) / page_size;
  }
  // The page that an entry names, whether or not there is such a page; -1 where there is no such entry.
  index_type page_at(index_type entry) const {
    if (entry < 0 || entry >= static_cast<index_type>(cache.block_table.size())) return -1;
    return read_once(cache.block_table[static_cast<std::size_t>(entry)]);
  }

 private:
  template <class Tensor>
  kv_run run(const Tensor& pages, index_type sequence, index_type head, index_type position) const {
    const index_type page_size = pages.extents[1];
    const index_type within = position % page_size;
    const index_type page = page_of(pages, sequence, position);
    if (page < 0) return no_rows;
    return crestmax::rows_from(pages, page, within, head, page_size - within);
  }
  // The page that holds a key; negative where there is none.
  template <class Tensor>
  index_type page_of(const Tensor& pages, index_type sequence, index_type position) const {
    const index_type page = page_at(table_begin(sequence) + position / pages.extents[1]);
    return page < pages.extents[0] ? page : -1;
  }
  template <class Tensor>
  kv_run coded_run(const Tensor& pages, const row_coding& coding, index_type sequence, index_type head, index_type position) const {
    if (coding.keys > 1) {
      const index_type kv_len = read_once(cache.key_lengths[static_cast<std::size_t>(sequence)]);
      if (is_open(coding, position, kv_len)) return open_run(coding, sequence, head, position, kv_len - position);
    }
    const kv_run rows = run(pages, sequence, head, position);
    if (rows.rows < 1 || !has_coding(pages)) return rows;
    // Asked for once more: it may have changed, and is checked where it is read.
    const index_type page = page_of(pages, sequence, position);
    return page < 0 ? no_rows : with_coding(rows, coding, page, head, position % pages.extents[1]);
  }
};

template <class K, class V>
struct paged_source : rows_of_pages<paged_cache<K, V>, false> {
  constexpr explicit paged_source(const paged_cache<K, V>& c) : rows_of_pages<paged_cache<K, V>, false>{c, {}} {}
  static constexpr scalar_kind key_kind() { return kind_of<K>; }
  static constexpr scalar_kind value_kind() { return kind_of<V>; }
};

// The same, of kinds that are known at run time. Coded: they may be encodings.
template <bool Coded>
struct view_of_pages : rows_of_pages<cache_view, Coded> {
  static constexpr bool coded = Coded;
  explicit view_of_pages(const cache_view& c) : rows_of_pages<cache_view, Coded>{c, {}} {}
  template <class K, class V>
  explicit view_of_pages(const paged_source<K, V>& s) : view_of_pages(cache_view(s.cache)) {}
  scalar_kind key_kind() const { return this->cache.key_pages.kind; }
  scalar_kind value_kind() const { return this->cache.value_pages.kind; }
};
using paged_view = view_of_pages<true>;

// A run of a source without what stands beside encoded rows: there is one for every 16 keys of small pages.
struct plain_run {
  const char* data;
  index_type row_stride;
  index_type rows;
};

// A run, and of encoded rows what stands beside them; of others that is left as it is.
using run_function = plain_run (*)(const void* context, index_type sequence, index_type head, index_type position, run_coding& beside);

inline plain_run without_coding(const kv_run& run, bool is_encoded, run_coding& beside) {
  if (is_encoded) beside = run.beside;
  return {static_cast<const char*>(run.data), run.row_stride, run.rows};
}

// A source behind two function pointers, so that kernels are compiled once for all sources.
struct kv_view {
  const void* context;
  run_function key_run;
  run_function value_run;
  scalar_kind key_kind;
  scalar_kind value_kind;
};

template <source_or_view S>
kv_view view_of(const S& source) {
  return {&source,
          [](const void* context, index_type sequence, index_type head, index_type position, run_coding& beside) {
            const S& s = *static_cast<const S*>(context);
            return crestmax::without_coding(s.key_run(sequence, head, position), is_encoded(s.key_kind()), beside);
          },
          [](const void* context, index_type sequence, index_type head, index_type position, run_coding& beside) {
            const S& s = *static_cast<const S*>(context);
            return crestmax::without_coding(s.value_run(sequence, head, position), is_encoded(s.value_kind()), beside);
          },
          source.key_kind(), source.value_kind()};
}

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
