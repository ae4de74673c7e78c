// A case whose keys and values are encoded, and the same case of the numbers that they stand for: random codes and scales, decoded by plain
// reading (encodings.hpp) into the float32 tensors of `plain`.
#pragma once

#include <crestmax/attention.hpp>
#include <set>

#include "attention_case.hpp"
#include "call_memory.hpp"
#include "encodings.hpp"
#include "random_case.hpp"

namespace crestmax_test {

// Keys, or values, of a case as they are stored.
struct encoded_rows {
  crestmax::tensor_view view;
  crestmax::row_coding coding;
  std::vector<std::byte> bytes, scales, offsets, open;
};

struct encoded_case {
  attention_case plain;
  encoded_rows key, value;
};

// How rows are stored: an encoding, or floats of 16 bits; `coding` has group, keys, kinds, and which strides are 0.
struct stored_as {
  scalar_kind kind = scalar_kind::q8_0;
  scalar_kind scale_kind = scalar_kind::float32;
  bool has_scales = true;
  bool has_offsets = false;
  bool per_tensor = false;
  crestmax::offset_kind offset = crestmax::offset_kind::zero_point;
  index_type group = 0;
  index_type keys = 1;
  memory_layout layout = memory_layout::dense;
};

class row_encoder {
 public:
  row_encoder(attention_case& c, test_tensor& numbers, const stored_as& as, random_source& random, double size)
      : case_(c), numbers_(numbers), as_(as), random_(random), size_(size) {}

  // Strides in bytes, between rows as many as a layout leaves; random bytes in all of it.
  void store(encoded_rows& rows) {
    const auto [pages, length, heads, d] = numbers_.extents();
    const index_type unit = crestmax::size_of(as_.kind);
    const index_type pad = as_.layout == memory_layout::dense ? 0 : 3;
    const index_type row = plain_block_bytes(as_.kind, d) / unit + pad;
    const index_type token = heads * row + 2 * pad;
    const index_type blocks = plain_blocks(as_.kind, length);
    std::array<index_type, 4> strides{blocks * token + 5 * pad, token, row, 1};
    if (as_.layout == memory_layout::heads_first) strides = {heads * blocks * row, row, blocks * row, 1};
    rows.bytes.resize(static_cast<std::size_t>((pages * strides[0] + 16) * unit));
    for (std::byte& b : rows.bytes) b = static_cast<std::byte>(random_.bits() & 0xff);
    rows.view = {rows.bytes.data(), as_.kind, numbers_.extents(), strides};
    write_coding(rows);
    for (index_type p = 0; p < pages; ++p) {
      for (index_type j = 0; j < length; ++j) {
        for (index_type h = 0; h < heads; ++h) make_sound(rows, p, j, h);
      }
    }
    if (as_.keys > 1) write_open_rows(rows);
  }

 private:
  std::byte* row_of(encoded_rows& rows, index_type p, index_type j, index_type h) {
    return rows.bytes.data() + (row_at(rows.view.data, as_.kind, rows.view.strides, p, j, h) - rows.bytes.data());
  }
  // Scales that make numbers of some size, no NaN among codes; and the numbers, to the plain case.
  void make_sound(encoded_rows& rows, index_type p, index_type j, index_type h) {
    std::byte* const row = row_of(rows, p, j, h);
    const index_type d = numbers_.extent(3);
    if (is_block_of_32(as_.kind)) {
      const plain_block b = plain_block_of(as_.kind);
      for (index_type i = 0; i < d / 32; ++i) write_scales_of_block(row + i * b.bytes, b);
    }
    for (index_type i = 0; i < d; ++i) {
      if (!crestmax::is_encoded(as_.kind)) write_number(as_.kind, row + i * crestmax::size_of(as_.kind), size_ * random_.normal());
      const bool float8 = as_.kind == scalar_kind::float8_e4m3 || as_.kind == scalar_kind::float8_e5m2;
      if (float8) row[i] = static_cast<std::byte>(std::to_integer<unsigned>(row[i]) & (as_.kind == scalar_kind::float8_e4m3 ? 0xb8u | 7u : 0xbfu));
      // Behind the last whole block of keys there are no scales: such rows are open, or nobody's.
      const bool coded = j < numbers_.extent(1) / as_.keys * as_.keys;
      numbers_.set(p, j, h, i, coded ? cached_number(rows.view, rows.coding, p, j, h, i) : 0);
    }
  }
  void write_scales_of_block(std::byte* block, const plain_block& b) {
    const double codes = as_.kind == scalar_kind::q8_0 || as_.kind == scalar_kind::iq4_nl ? 127 : b.high_at >= 0 ? 32 : 16;
    const double scale = random_.chance(0.1) ? 0 : size_ * random_.uniform(0.5, 2) * (random_.chance(0.5) ? 1 : -1) * 2 / codes;
    write_number(scalar_kind::float16, block, scale);
    if (b.minimum_at >= 0) write_number(scalar_kind::float16, block + b.minimum_at, -scale * codes / 2);
  }

  double codes_size() const {
    if (as_.kind == scalar_kind::float8_e4m3) return 2;
    if (as_.kind == scalar_kind::float8_e5m2) return 2;
    return as_.kind == scalar_kind::uint4 ? 8 : as_.kind == scalar_kind::planes16 ? 32768 : 64;
  }
  void write_coding(encoded_rows& rows) {
    if (!has_coding(as_.kind)) return;
    const auto [pages, length, heads, d] = numbers_.extents();
    const index_type groups = as_.group == 0 ? 1 : (d + as_.group - 1) / as_.group;
    const index_type blocks = length / as_.keys;
    rows.coding.group = as_.group;
    rows.coding.keys = as_.keys;
    rows.coding.offset = as_.offset;
    const std::array<index_type, 4> strides = as_.per_tensor ? std::array<index_type, 4>{0, 0, groups, 1} : std::array<index_type, 4>{blocks * heads * groups, heads * groups, groups, 1};
    const auto count = static_cast<std::size_t>(std::max<index_type>(pages, 1) * std::max<index_type>(blocks, 1) * heads * groups);
    const auto write = [&](std::vector<std::byte>& memory, crestmax::coding_numbers& numbers, auto number) {
      const auto bytes = static_cast<std::size_t>(bytes_of(as_.scale_kind));
      memory.resize(count * bytes);
      for (std::size_t i = 0; i < count; ++i) write_number(as_.scale_kind, memory.data() + i * bytes, number());
      numbers = {memory.data(), as_.scale_kind, strides};
    };
    if (as_.has_scales) write(rows.scales, rows.coding.scales, [&] { return size_ * random_.uniform(0.5, 2) / codes_size(); });
    const double middle = as_.offset == crestmax::offset_kind::minimum ? -size_ : as_.kind == scalar_kind::uint4 ? 8 : as_.kind == scalar_kind::uint8 ? 128 : 0;
    if (as_.has_offsets) write(rows.offsets, rows.coding.offsets, [&] { return middle * random_.uniform(0.8, 1.2); });
  }
  // Behind the last whole block of each sequence.
  void write_open_rows(encoded_rows& rows) {
    const auto sequences = sequences_of(case_);
    const auto [pages, length, heads, d] = numbers_.extents();
    const std::array<index_type, 3> strides{(as_.keys - 1) * heads * d, heads * d, d};
    rows.open.assign(static_cast<std::size_t>(static_cast<index_type>(sequences.size()) * strides[0] * 2 + 2), std::byte{});
    rows.coding.open = {rows.open.data(), scalar_kind::float16, strides};
    for (const sequence_place& s : sequences) {
      for (index_type j = s.kv_len - s.kv_len % as_.keys; j < s.kv_len; ++j) {
        for (index_type h = 0; h < heads; ++h) {
          for (index_type i = 0; i < d; ++i) {
            std::byte* const to = rows.open.data() + 2 * (s.number * strides[0] + j % as_.keys * strides[1] + h * strides[2] + i);
            write_number(scalar_kind::float16, to, size_ * random_.normal());
            set_number_at(s, j, h, i, read_number(scalar_kind::float16, to));
          }
        }
      }
    }
  }
  void set_number_at(const sequence_place& s, index_type position, index_type head, index_type i, double x) {
    if (!case_.pages) return numbers_.set(s.key_batch, s.key_begin + position, head, i, x);
    const index_type page_size = numbers_.extent(1);
    const index_type first = case_.pages->offsets.empty() ? s.number * case_.pages->table_stride : case_.pages->offsets[static_cast<std::size_t>(s.number)];
    numbers_.set(case_.pages->block_table[static_cast<std::size_t>(first + position / page_size)], position % page_size, head, i, x);
  }

  attention_case& case_;
  test_tensor& numbers_;
  const stored_as& as_;
  random_source& random_;
  double size_;
};

// Keys and values of a case of float32 become what they stand for.
inline void encode(encoded_case& e, const stored_as& key, const stored_as& value, random_source& random, double size = 1) {
  row_encoder(e.plain, e.plain.key, key, random, size).store(e.key);
  row_encoder(e.plain, e.plain.value, value, random, size).store(e.value);
}

inline constexpr scalar_kind blocks[] = {scalar_kind::q8_0, scalar_kind::q4_0, scalar_kind::q4_1, scalar_kind::q5_0, scalar_kind::q5_1, scalar_kind::iq4_nl};
inline constexpr scalar_kind codes[] = {scalar_kind::int8, scalar_kind::uint8, scalar_kind::uint4, scalar_kind::float8_e4m3, scalar_kind::float8_e5m2, scalar_kind::planes16};

// Pages that two sequences share hold one set of open rows at most: there keys are not coded in blocks.
inline bool may_have_open_rows(const attention_case& c) {
  if (!c.key_offsets.empty()) return false;
  if (!c.pages) return true;
  std::set<std::int32_t> seen;
  for (const sequence_place& s : sequences_of(c)) {
    const index_type size = c.key.extent(1);
    const index_type first = c.pages->offsets.empty() ? s.number * c.pages->table_stride : c.pages->offsets[static_cast<std::size_t>(s.number)];
    for (index_type i = 0; i < (s.kv_len + size - 1) / size; ++i) {
      if (!seen.insert(c.pages->block_table[static_cast<std::size_t>(first + i)]).second) return false;
    }
  }
  return true;
}

// Whether rows of d numbers can be of a kind.
inline bool may_be_of(scalar_kind kind, const attention_case& c, index_type d) {
  if (kind == scalar_kind::planes16 && (!c.key_offsets.empty() || (c.pages && c.key.extent(1) % 64 != 0))) return false;
  return plain_row_bytes(kind, d) >= 0;
}

// Some way to store rows as planes16, by channel of a block or by token.
inline stored_as some_planes(const attention_case& c, random_source& random) {
  stored_as as;
  as.kind = scalar_kind::planes16;
  as.layout = random.pick({memory_layout::dense, memory_layout::padded, memory_layout::heads_first});
  as.scale_kind = random.pick({scalar_kind::float32, scalar_kind::float16, scalar_kind::bfloat16});
  as.has_offsets = true;
  as.offset = crestmax::offset_kind::minimum;
  if (random.chance(0.5) && may_have_open_rows(c)) {
    as.keys = 64;
    as.group = 1;
  }
  return as;
}

// Some way to store rows of d numbers.
inline stored_as some_way(const attention_case& c, index_type d, random_source& random) {
  stored_as as;
  as.layout = random.pick({memory_layout::dense, memory_layout::padded, memory_layout::heads_first});
  if (random.chance(0.15)) {
    as.kind = random.pick({scalar_kind::float16, scalar_kind::bfloat16});
    as.layout = memory_layout::dense;
    return as;
  }
  if (d % 32 == 0 && random.chance(0.6)) {
    as.kind = blocks[random.integer(0, 5)];
    return as;
  }
  do as.kind = codes[random.integer(0, 5)]; while (!may_be_of(as.kind, c, d));
  if (as.kind == scalar_kind::planes16) return some_planes(c, random);
  as.scale_kind = random.pick({scalar_kind::float32, scalar_kind::float16, scalar_kind::bfloat16});
  as.has_offsets = random.chance(0.5);
  as.offset = random.pick({crestmax::offset_kind::zero_point, crestmax::offset_kind::minimum});
  as.group = random.pick<index_type>({0, 0, 0, 1, 5, 16, 32});
  if (as.group > d) as.group = 0;
  as.per_tensor = random.chance(0.3);
  if (random.chance(0.3) && may_have_open_rows(c) && !as.per_tensor) {
    as.keys = c.pages ? c.key.extent(1) : random.pick<index_type>({2, 16, 64});
    as.group = random.pick<index_type>({1, 0});
  }
  return as;
}

// A case of float32 with head dims that are multiples of `block`, and random queries.
inline encoded_case case_to_encode(const attention_case& c, index_type block, random_source& random) {
  encoded_case e;
  e.plain = c;
  for (test_tensor* t : {&e.plain.query, &e.plain.key, &e.plain.value, &e.plain.output}) {
    std::array<index_type, 4> extents = t->extents();
    extents[3] = (extents[3] + block - 1) / block * block;
    *t = test_tensor(scalar_kind::float32, extents);
  }
  e.plain.query.fill_normal(random);
  e.plain.row_kind = scalar_kind::float64;
  e.plain.wants_row_max = e.plain.wants_dropped_mass = false;
  return e;
}

// Keys and values are planes16, in pages of whole blocks or in tensors.
inline encoded_case some_planes_case(std::uint64_t seed, random_limits limits = {}) {
  random_source random(seed);
  limits.allow_packed = false;
  attention_case c = random_case(seed, limits);
  for (std::uint64_t another = seed; c.pages; c = random_case(another, limits)) another += 1000000;
  if (random.chance(0.4)) c = paged(c, random.pick<index_type>({64, 128, 320}), random.chance(0.5), seed);
  encoded_case e = case_to_encode(c, 2, random);
  const stored_as key = some_planes(e.plain, random), value = some_planes(e.plain, random);
  encode(e, key, value, random);
  return e;
}

inline encoded_case some_encoded_case(std::uint64_t seed, random_limits limits = {}) {
  random_source random(seed);
  encoded_case e = case_to_encode(random_case(seed, limits), random.chance(0.6) ? 32 : 1, random);  // head dims that suit blocks
  const stored_as key = some_way(e.plain, e.plain.d_qk(), random);
  const stored_as value = some_way(e.plain, e.plain.d_v(), random);
  encode(e, key, value, random);
  return e;
}

// Memory of a call's keys or values where it is to lie.
class placed_rows {
 public:
  placed_rows(const encoded_rows& rows, call_memory& memory) : view(rows.view), coding(rows.coding) {
    const auto& e = rows.view.extents;
    const auto& s = rows.view.strides;
    const bool empty = e[0] == 0 || e[1] == 0 || e[2] == 0;
    const index_type row = plain_block_bytes(rows.view.kind, e[3]) / crestmax::size_of(rows.view.kind);
    const index_type elements = empty ? 0 : (e[0] - 1) * s[0] + (plain_blocks(rows.view.kind, e[1]) - 1) * s[1] + (e[2] - 1) * s[2] + row;
    view.data = placed(rows.view.data, elements, rows.view.kind, memory);
    for (crestmax::coding_numbers* n : {&coding.scales, &coding.offsets}) {
      if (!*n) continue;
      const index_type groups = coding.group == 0 ? 1 : (e[3] + coding.group - 1) / coding.group;
      const index_type last = (e[0] - 1) * n->strides[0] + std::max<index_type>(0, e[1] / coding.keys - 1) * n->strides[1] + (e[2] - 1) * n->strides[2] + (groups - 1) * n->strides[3];
      n->data = placed(n->data, last + 1, n->kind, memory);
    }
    if (coding.keys > 1) coding.open.data = placed(coding.open.data, static_cast<index_type>(rows.open.size()) / 2 - 1, coding.open.kind, memory);
  }
  crestmax::tensor_view view;
  crestmax::row_coding coding;

 private:
  static const void* placed(const void* data, index_type elements, scalar_kind kind, call_memory& memory) {
    if (crestmax::is_encoded(kind)) return memory.input(std::span(static_cast<const std::byte*>(data), static_cast<std::size_t>(elements))).data();
    if (kind == scalar_kind::float32) return memory.input(std::span(static_cast<const float*>(data), static_cast<std::size_t>(elements))).data();
    return memory.input(std::span(static_cast<const std::uint16_t*>(data), static_cast<std::size_t>(elements))).data();
  }
};

// How an encoded call is made.
struct encoded_run {
  test_executor executor{};
  placing memory = placing::as_it_is;
  bool in_double = false;  // the query too
};

template <class Views, class Backend>
crestmax::status run_views(const Views& views, crestmax::options options, const attention_case& c, const Backend& backend, const test_executor& executor,
                           call_memory& memory, crestmax::report& report) {
  const auto chain = c.modifiers.chain();
  const int workers = executor.workers();
  const std::span<std::byte> plan_memory = memory.scratch(crestmax::plan::bytes(static_cast<index_type>(sequences_of(c).size())), crestmax::plan::alignment);
  crestmax::plan plan;
  crestmax::options for_plan = options;
  if constexpr (requires { views.source.cache; }) for_plan.key_lengths = views.source.cache.key_lengths;
  const crestmax::no_modifiers none{};
  const crestmax::problem shape = crestmax::bound_call(views, options, none, backend).shape();
  if (const auto s = crestmax::make_plan(shape, plan_memory, plan, for_plan, chain, backend); !s.ok()) return s;
  options.workspace = memory.scratch(plan.workspace().total(workers), crestmax::workspace_size::alignment);
  const auto call = crestmax::attach(plan, workers, views, options, chain, backend);
  if (const auto s = call.begin(); !s.ok()) return s;
  for (index_type stage = 0; stage < call.stages(); ++stage) {
    executor.run(call.items(stage), [&](index_type item, int worker) { call.run(stage, item, worker); });
  }
  return call.collect(report);
}

// T is the type of query and output.
template <class T, class Backend>
attention_result run_typed_rows(const attention_case& c, const crestmax::tensor_view& key, const crestmax::tensor_view& value, crestmax::options options,
                                const Backend& backend, const encoded_run& how, call_memory& memory, attention_result r) {
  options.query_offsets = c.query_offsets;
  options.key_offsets = c.key_offsets;
  options.query_lengths = c.query_lengths;
  options.key_lengths = c.key_lengths;
  r.lse = test_tensor(scalar_kind::float64, {c.query.extent(0), c.query.extent(1), c.q_heads(), 1});
  const auto lse = r.lse.view<double>();
  options.lse = crestmax::row_tensor<double>(lse.data, {lse.extents[0], lse.extents[1], lse.extents[2]}, {lse.strides[0], lse.strides[1], lse.strides[2]});
  constexpr scalar_kind kind = crestmax::kind_of<T>;
  test_tensor queries = c.query.copy(kind, memory_layout::dense);
  r.output = c.output.copy(kind, memory_layout::dense);
  const crestmax::tensor_view query = memory.input(queries.view<T>(), queries);
  const crestmax::tensor_view output = memory.output(r.output.view<T>(), r.output);
  if (!c.pages) {
    const crestmax::call_views<T, crestmax::contiguous_view> views{query, crestmax::contiguous_view(key, value, options.key_offsets), output};
    r.status = run_views(views, options, c, backend, how.executor, memory, r.report);
  } else {
    crestmax::cache_view cache;
    cache.key_pages = key;
    cache.value_pages = value;
    cache.block_table = c.pages->block_table;
    cache.key_lengths = c.pages->lengths;
    cache.table_stride = c.pages->table_stride;
    cache.page_offsets = c.pages->offsets;
    const crestmax::call_views<T, crestmax::paged_view> views{query, crestmax::paged_view(cache), output};
    r.status = run_views(views, options, c, backend, how.executor, memory, r.report);
  }
  return r;
}
template <class Backend>
attention_result run_rows(const attention_case& c, const crestmax::tensor_view& key, const crestmax::tensor_view& value, const crestmax::options& options,
                          const Backend& backend, const encoded_run& how, call_memory& memory) {
  if (how.in_double) return run_typed_rows<double>(c, key, value, options, backend, how, memory, {});
  return run_typed_rows<float>(c, key, value, options, backend, how, memory, {});
}

// The case of numbers. Those that are not encoded stay as they are: of other types sums may run in another order.
template <class Backend>
attention_result run_plain(const encoded_case& e, const Backend& backend, const encoded_run& how = {}) {
  const auto numbers = [](const encoded_rows& rows, const test_tensor& decoded) -> crestmax::tensor_view {
    return crestmax::is_encoded(rows.view.kind) ? crestmax::tensor_view(decoded.view<float>()) : rows.view;
  };
  bool untouched = true;
  attention_result r;
  {
    call_memory memory(placing::as_it_is, untouched);
    r = run_rows(e.plain, numbers(e.key, e.plain.key), numbers(e.value, e.plain.value), e.plain.options, backend, how, memory);
  }
  return r;
}
template <class Backend>
attention_result run_encoded(const encoded_case& e, const Backend& backend, const encoded_run& how = {}) {
  attention_result r;
  bool untouched = true;
  {
    call_memory memory(how.memory, untouched);
    const placed_rows key(e.key, memory), value(e.value, memory);
    crestmax::options options = e.plain.options;
    options.key_coding = key.coding;
    options.value_coding = value.coding;
    // Outputs go back into r when `memory` ends.
    r = run_rows(e.plain, key.view, value.view, options, backend, how, memory);
  }
  r.outside_is_untouched = untouched;
  return r;
}

}  // namespace crestmax_test
