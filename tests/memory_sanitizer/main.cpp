// Every kind of call on memory that holds nothing: workspace, outputs, what lies between rows, behind a sequence's end and in a
// page's unused rest. Nothing of it may decide anything, nor reach an output. Kernels in plain C++ and those of AVX2.
#include <crestmax/attention.hpp>
#include <crestmax/backend/cpu/portable.hpp>
#include <cstdio>

#include "memory.hpp"

namespace crestmax_test {
namespace {

using index_type = std::int64_t;

struct shape {
  const char* name;
  index_type q_len, kv_len, q_heads, kv_heads, d_qk, d_v;
  index_type splits;
};
constexpr index_type sequences = 2;
constexpr index_type gap = 3;  // unwritten numbers behind every row
constexpr index_type page_size = 5;

// Three workers, which take items in turn.
struct three_workers {
  int workers() const { return 3; }
  template <class Body>
  void run(index_type count, Body&& body) const {
    for (index_type item = 0; item < count; ++item) body(item, static_cast<int>(item % 3));
  }
};

// (batch, length, heads, dim) with gaps, of which the first `lengths[b]` rows of each sequence are written.
template <class T>
struct rows {
  index_type length, heads, dim;
  fresh<T> memory;
  rows(index_type l, index_type h, index_type d) : length(l), heads(h), dim(d), memory(sequences * l * h * (d + gap)) {}
  crestmax::tensor<T> view() const {
    const index_type head = dim + gap;
    return {memory.data(), {sequences, length, heads, dim}, {length * heads * head, heads * head, head, 1}};
  }
  T* row(index_type b, index_type at, index_type h) const {
    return memory.data() + ((b * length + at) * heads + h) * (dim + gap);
  }
  void write(const std::int32_t (&lengths)[sequences], numbers& from) const {
    for (index_type b = 0; b < sequences; ++b) {
      for (index_type i = 0; i < lengths[b]; ++i) {
        for (index_type h = 0; h < heads; ++h) from.fill(row(b, i, h), dim);
      }
    }
  }
  // Stops the program where one of the rows has a number that was not written, or comes from such.
  void check(const std::int32_t (&lengths)[sequences]) const {
    for (index_type b = 0; b < sequences; ++b) {
      for (index_type i = 0; i < lengths[b]; ++i) {
        for (index_type h = 0; h < heads; ++h) __msan_check_mem_is_initialized(row(b, i, h), static_cast<std::size_t>(dim) * sizeof(T));
      }
    }
  }
};

// The result of a call, and whether it has one.
int calls = 0;
int failures = 0;
void expect(const crestmax::status& s, const char* what, const char* where) {
  ++calls;
  if (s.ok()) return;
  ++failures;
  std::printf("%s, %s: %s\n", where, what, s.message());
}

// One shape's tensors in one element type: of tensors, and of pages that hold the same lengths.
template <class T>
struct inputs {
  shape is;
  std::int32_t query_lengths[sequences];
  std::int32_t key_lengths[sequences];
  rows<T> query, key, value, key_pages, value_pages;
  std::int32_t block_table[sequences * 512];
  index_type pages_each;

  explicit inputs(const shape& s)
      : is(s), query_lengths{static_cast<std::int32_t>(s.q_len), static_cast<std::int32_t>((s.q_len + 1) / 2)},
        key_lengths{static_cast<std::int32_t>(s.kv_len), static_cast<std::int32_t>(s.kv_len - s.kv_len / 3)},
        query(s.q_len, s.q_heads, s.d_qk), key(s.kv_len + 2, s.kv_heads, s.d_qk), value(s.kv_len + 2, s.kv_heads, s.d_v),
        // As many rows as the pages of each sequence have.
        key_pages(pages_of(s) * page_size, s.kv_heads, s.d_qk), value_pages(pages_of(s) * page_size, s.kv_heads, s.d_v),
        pages_each(pages_of(s)) {
    numbers from(static_cast<std::uint32_t>(s.kv_len));
    query.write(query_lengths, from);
    key.write(key_lengths, from);
    value.write(key_lengths, from);
    key_pages.write(key_lengths, from);
    value_pages.write(key_lengths, from);
    for (index_type i = 0; i < sequences * pages_each; ++i) block_table[i] = static_cast<std::int32_t>(i);
  }
  static index_type pages_of(const shape& s) { return (s.kv_len + page_size - 1) / page_size; }

  static crestmax::tensor<const T> as_pages(const rows<T>& r, index_type pages) {
    crestmax::tensor<const T> view = r.view();
    view.extents = {sequences * pages, page_size, r.heads, r.dim};
    view.strides[0] = page_size * view.strides[1];
    return view;
  }
  crestmax::paged_cache<T> cache() const {
    crestmax::paged_cache<T> c;
    c.key_pages = as_pages(key_pages, pages_each);
    c.value_pages = as_pages(value_pages, pages_each);
    c.block_table = {block_table, static_cast<std::size_t>(sequences * pages_each)};
    c.key_lengths = key_lengths;
    c.table_stride = pages_each;
    return c;
  }
};

void check(const crestmax::report& r) {
  for (const std::int64_t* count : {&r.rows, &r.pairs_visible, &r.pairs_sampled, &r.pairs_crest, &r.pairs_plateau, &r.pairs_accumulated,
                                    &r.pairs_skipped, &r.pairs_masked, &r.bytes_read, &r.rescales, &r.rows_corrected}) {
    __msan_check_mem_is_initialized(count, sizeof *count);
  }
  for (const double* number : {&r.max_dropped_mass, &r.max_dropped_estimate, &r.max_undershoot_bound, &r.lipschitz}) {
    __msan_check_mem_is_initialized(number, sizeof *number);
  }
}

template <class T, class Backend>
struct trial {
  const inputs<T>& in;
  Backend backend;
  const char* where;

  // The call with tensors of ragged lengths, then with pages.
  template <class Modifiers>
  void operator()(crestmax::options o, const Modifiers& modifiers, const char* what) const {
    for (const bool paged : {false, true}) {
      const rows<T> output(in.is.q_len, in.is.q_heads, in.is.d_v);
      const rows<double> lse(in.is.q_len, in.is.q_heads, 1), row_max(in.is.q_len, in.is.q_heads, 1),
          dropped(in.is.q_len, in.is.q_heads, 1);
      const auto rows_of = [](const rows<double>& r) {
        const crestmax::tensor<double> v = r.view();
        return crestmax::row_tensor<double>(v.data, {v.extents[0], v.extents[1], v.extents[2]},
                                            {v.strides[0], v.strides[1], v.strides[2]});
      };
      crestmax::report report;
      o.query_lengths = in.query_lengths;
      o.lse = rows_of(lse);
      o.dropped_mass = rows_of(dropped);
      const bool wants_maxima = o.diagnostics;
      if (wants_maxima) o.row_max = rows_of(row_max);
      o.report = &report;
      o.tiles.splits = in.is.splits;
      if (paged) {
        o.key_lengths = {};
        expect(crestmax::attention(in.query.view(), in.cache(), output.view(), o, modifiers, backend, three_workers{}), what, where);
      } else {
        o.key_lengths = in.key_lengths;
        expect(crestmax::attention(in.query.view(), in.key.view(), in.value.view(), output.view(), o, modifiers, backend,
                                   three_workers{}), what, where);
      }
      output.check(in.query_lengths);
      lse.check(in.query_lengths);
      dropped.check(in.query_lengths);
      if (wants_maxima) row_max.check(in.query_lengths);
      check(report);
    }
  }
};

template <class T, class Backend>
void try_methods(const trial<T, Backend>& run) {
  const crestmax::sampled_max sample{.stride = 7, .radius = 5, .windows = 3, .coarse = crestmax::choice::on};
  run({}, crestmax::no_modifiers{}, "the defaults");
  run({.softmax = sample}, crestmax::causal{}, "a forced sample");
  run({.softmax = crestmax::running_max{}}, crestmax::causal{}, "a running maximum");
  run({.softmax = crestmax::lazy_max{}}, crestmax::no_modifiers{}, "a lazy maximum");
  run({.softmax = crestmax::anchor_shift{}}, crestmax::causal{}, "anchors alone");
  run({.guard_limit = 0}, crestmax::causal{}, "the correction");
  run({.softmax = sample, .guard_limit = 0, .diagnostics = true}, crestmax::no_modifiers{}, "diagnostics");
  run({.softmax = sample, .coverage = crestmax::above(2)}, crestmax::causal{}, "above");
  run({.softmax = sample, .coverage = crestmax::plateaus}, crestmax::no_modifiers{}, "plateaus");
  run({.weights = crestmax::weight_type::bfloat16}, crestmax::no_modifiers{}, "bfloat16 weights");
  run({.weights = crestmax::weight_type::float16}, crestmax::causal{}, "float16 weights");
}

template <class T, class Backend>
void try_modifiers(const trial<T, Backend>& run) {
  const shape& s = run.in.is;
  const index_type table = s.q_len * (s.kv_len + 2);
  const fresh<float> slopes(s.q_heads), logits(s.q_heads), bias(table);
  const fresh<std::uint8_t> mask(table);
  numbers from(7);
  from.fill(slopes.data(), s.q_heads);
  from.fill(logits.data(), s.q_heads);
  from.fill(bias.data(), table);
  for (index_type i = 0; i < table; ++i) mask.data()[i] = from.next() > -0.5f;
  const auto per_head = [&](const fresh<float>& f) { return std::span<const float>(f.data(), static_cast<std::size_t>(s.q_heads)); };
  const std::array<index_type, 4> extents{1, 1, s.q_len, s.kv_len + 2};
  const crestmax::additive_bias<float> added(crestmax::tensor<const float>(bias.data(), extents));
  const crestmax::boolean_mask<std::uint8_t> masked(crestmax::tensor<const std::uint8_t>(mask.data(), extents));
  run({}, crestmax::sliding_window{.left = 20, .right = 3}, "a window");
  run({}, crestmax::soft_cap{5.0f} | crestmax::causal{}, "a soft cap");
  run({}, crestmax::alibi{per_head(slopes)} | crestmax::causal{}, "alibi");
  run({}, crestmax::chain(added), "a bias");
  run({}, crestmax::chain(masked, crestmax::attention_sinks{per_head(logits)}), "a mask and sinks");
  run({.guard_limit = 0}, crestmax::chain(added, masked, crestmax::causal{}), "the correction under modifiers");
}

template <class T, class Backend>
void try_shapes(Backend backend, const char* where) {
  constexpr shape shapes[] = {{"decode", 1, 211, 4, 2, 20, 13, 0},
                              {"decode in splits", 3, 1301, 2, 1, 17, 9, 3},
                              {"prefill", 53, 301, 2, 1, 21, 18, 0}};
  for (const shape& s : shapes) {
    const inputs<T> in(s);
    const trial<T, Backend> run{in, backend, where};
    try_methods(run);
    if constexpr (std::is_same_v<T, float>) try_modifiers(run);
  }
}

template <class Backend>
void try_types(Backend backend, const char* where) {
  try_shapes<float>(backend, where);
  try_shapes<crestmax::bfloat16>(backend, where);
  try_shapes<crestmax::float16>(backend, where);
}

int run_all() {
  try_types(crestmax::backend::portable{}, "portable");
  try_shapes<double>(crestmax::backend::portable{}, "portable");
#if CRESTMAX_X86_SETS
  if (crestmax::cpu::machine_has(crestmax::instruction_set::avx2)) {
    try_types(crestmax::cpu::policy<crestmax::cpu::avx2::kernels>{}, "avx2");
  } else {
    std::printf("[note] not executed: this machine has no AVX2\n");
  }
#endif
  std::printf("%d calls, %d refused\n", calls, failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace crestmax_test

int main() { return crestmax_test::run_all(); }
