// A cache of rows of any kind that owns its memory, with what stands beside them, and rows to put into it.
#pragma once

#include <gtest/gtest.h>

#include <numeric>
#include <ostream>
#include <vector>

#include "support/encodings.hpp"
#include "support/random.hpp"
#include "support/run_append.hpp"
#include "support/test_tensor.hpp"

namespace crestmax_test {

using crestmax::offset_kind;

enum class beside { nothing, scales, minimums, zero_points };

// What a cache is made of. Rows of a page lie one behind the other, or heads do; `gap` bytes between them belong to nobody.
struct cache_facts {
  scalar_kind kind = scalar_kind::q8_0;
  beside what = beside::nothing;
  scalar_kind stored = scalar_kind::float32;  // scales and offsets
  index_type pages = 3, page_size = 8, heads = 2, dim = 64;
  index_type group = 0, keys = 1;
  bool heads_first = false;
  index_type gap = 0;
  scalar_kind open = scalar_kind::float16;
};

inline void PrintTo(const cache_facts& f, std::ostream* to) {
  *to << crestmax::name(f.kind) << " beside " << static_cast<int>(f.what) << " of " << crestmax::name(f.stored) << ", head_dim " << f.dim << ", groups of "
      << f.group << ", blocks of " << f.keys;
}

class test_cache {
 public:
  static constexpr auto untouched = std::byte{0xa5};
  static constexpr index_type sequences = 4;

  explicit test_cache(const cache_facts& f) : facts_(f) {
    const index_type size = f.kind > scalar_kind::bfloat16 ? 1 : bytes_of(f.kind);
    const index_type row = plain_block_bytes(f.kind, f.dim) / size + f.gap;
    const index_type rows = plain_blocks(f.kind, f.page_size);
    view_ = {nullptr, f.kind, {f.pages, f.page_size, f.heads, f.dim}, steps(rows, f.heads, row)};
    view_.strides[3] = 1;
    rows_.assign(static_cast<std::size_t>(f.pages * rows * f.heads * row * size), untouched);
    const index_type blocks = f.page_size / f.keys;
    const index_type groups = f.group == 0 ? 1 : (f.dim + f.group - 1) / f.group;
    const auto numbers = static_cast<std::size_t>(f.pages * blocks * f.heads * groups * bytes_of(f.stored));
    if (f.what != beside::nothing) {
      scales_.assign(numbers, untouched);
      if (f.what != beside::scales) offsets_.assign(numbers, untouched);
    }
    beside_steps_ = steps(blocks, f.heads, groups);
    open_.assign(static_cast<std::size_t>(sequences * (f.keys - 1) * f.heads * f.dim * 2), untouched);
  }

  const cache_facts& facts() const { return facts_; }
  crestmax::tensor_view view() {
    view_.data = rows_.data();
    return view_;
  }
  crestmax::row_coding coding() {
    crestmax::row_coding c;
    if (!scales_.empty()) c.scales = {scales_.data(), facts_.stored, beside_steps_};
    if (!offsets_.empty()) c.offsets = {offsets_.data(), facts_.stored, beside_steps_};
    c.offset = facts_.what == beside::minimums ? offset_kind::minimum : offset_kind::zero_point;
    c.group = facts_.group;
    c.keys = facts_.keys;
    if (facts_.keys > 1) c.open = {open_.data(), facts_.open, {(facts_.keys - 1) * facts_.heads * facts_.dim, facts_.heads * facts_.dim, facts_.dim}};
    return c;
  }

  std::vector<double> row(index_type slot, index_type head) {
    return cached_row(view(), coding(), slot / facts_.page_size, slot % facts_.page_size, head);
  }
  std::vector<double> open_row(index_type sequence, index_type key, index_type head) {
    return crestmax_test::open_row(coding(), sequence, key, head, facts_.dim);
  }
  double scale(index_type slot, index_type head, index_type group) {
    return coding_number(coding().scales, {slot / facts_.page_size, slot % facts_.page_size / facts_.keys, head, group}, 1);
  }

  // Everything that it owns.
  std::vector<std::byte> memory() const {
    std::vector<std::byte> all = rows_;
    for (const auto* more : {&scales_, &offsets_, &open_}) all.insert(all.end(), more->begin(), more->end());
    return all;
  }

 private:
  std::array<index_type, 4> steps(index_type keys, index_type heads, index_type row) const {
    if (facts_.heads_first) return {heads * keys * row, row, keys * row, 1};
    return {keys * heads * row, heads * row, row, 1};
  }

  cache_facts facts_;
  crestmax::tensor_view view_;
  std::array<index_type, 4> beside_steps_{};
  std::vector<std::byte> rows_, scales_, offsets_, open_;
};

// New rows, (tokens, heads, dim), of any kind of numbers and any layout.
class test_rows {
 public:
  test_rows(scalar_kind kind, index_type tokens, const cache_facts& f, memory_layout layout = memory_layout::dense)
      : tensor_(kind, {1, tokens, f.heads, f.dim}, layout) {
    random_source random(static_cast<std::uint64_t>(tokens));
    tensor_.fill_normal(random);
  }
  double at(index_type token, index_type head, index_type i) const { return tensor_.at(0, token, head, i); }
  void set(index_type token, index_type head, index_type i, double x) { tensor_.set(0, token, head, i, x); }
  crestmax::token_rows view() const {
    const auto bytes = static_cast<const void*>(tensor_.view<std::byte>().data);
    const auto& e = tensor_.extents();
    const auto& s = tensor_.strides();
    return {bytes, tensor_.kind(), {e[1], e[2], e[3]}, {s[1], s[2], 1}};
  }
  index_type tokens() const { return tensor_.extent(1); }

 private:
  test_tensor tensor_;
};

// The first slots of a cache, one after the other.
inline std::vector<std::int64_t> slots_from(std::int64_t first, index_type count) {
  std::vector<std::int64_t> slots(static_cast<std::size_t>(count));
  std::iota(slots.begin(), slots.end(), first);
  return slots;
}

inline void append_all(test_cache& cache, const test_rows& rows, const std::vector<std::int64_t>& slots, crestmax::append_options options = {},
                       const test_executor& run_on = {}) {
  options.coding = cache.coding();
  options.sequences = test_cache::sequences;
  const crestmax::status s = run_append(rows.view(), cache.view(), slots, options, run_on);
  ASSERT_TRUE(s.ok()) << s.message();
}

// Rows of one sequence, from a slot on, so many tokens at a time.
inline void append_in_steps(test_cache& cache, const test_rows& rows, const std::vector<index_type>& steps, std::int64_t from = 0,
                            crestmax::append_options options = {}) {
  index_type first = 0;
  for (const index_type step : steps) {
    const std::vector<std::int32_t> sequence(static_cast<std::size_t>(step), 2);
    options.sequence_of = sequence;
    options.coding = cache.coding();
    options.sequences = test_cache::sequences;
    crestmax::token_rows some = rows.view();
    some.data = static_cast<const std::byte*>(some.data) + first * some.strides[0] * bytes_of(some.kind);
    some.extents[0] = step;
    const crestmax::status s = run_append(some, cache.view(), slots_from(from + first, step), options);
    ASSERT_TRUE(s.ok()) << s.message();
    first += step;
  }
}

inline constexpr crestmax::instruction_set all_sets[] = {crestmax::instruction_set::generic, crestmax::instruction_set::avx2,
                                                         crestmax::instruction_set::widest};

}  // namespace crestmax_test
