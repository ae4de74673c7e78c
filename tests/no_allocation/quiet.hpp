// What the tests of this folder share: inputs with memory for a call, and the check that a call made of
// them left no trace.
#pragma once

#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>
#include <span>
#include <vector>

#include "counter.hpp"
#include "support/test_tensor.hpp"

namespace crestmax_test {

// Runs f between the marks: nothing is allocated and no thread starts.
template <class F>
void expect_no_trace(F&& f) {
  const long before = living_threads();
  const traces t = count(f);
  EXPECT_EQ(t.allocations, 0);
  EXPECT_EQ(t.threads, 0);
  EXPECT_EQ(living_threads(), before);
}

struct aligned_memory {
  std::vector<std::byte> bytes;
  std::span<std::byte> take(std::size_t size) {
    bytes.assign(size + 64, std::byte{0xff});
    return {bytes.data() + (64 - reinterpret_cast<std::uintptr_t>(bytes.data()) % 64), size};
  }
};

struct quiet_shape {
  index_type batch = 2, q_len = 5, kv_len = 300, q_heads = 4, kv_heads = 2, d_qk = 24, d_v = 16;
};

// Tensors of a shape with normal numbers; the same keys and values also as shuffled pages.
template <class Q, class K = Q, class O = Q>
struct quiet_call {
  static constexpr index_type page_size = 16;
  quiet_shape shape;
  test_tensor query, key, value, output, key_pages, value_pages;
  std::vector<std::int32_t> table, lengths;
  std::vector<float> lse_memory;
  aligned_memory workspace;
  crestmax::report report{};
  crestmax::options options{};
  crestmax::backend::cpu backend{};

  explicit quiet_call(const quiet_shape& s = {}) : shape(s) {
    random_source random(7);
    const index_type pages_each = (s.kv_len + page_size - 1) / page_size;
    const index_type pages = pages_each * s.batch;
    query = test_tensor(crestmax::kind_of<Q>, {s.batch, s.q_len, s.q_heads, s.d_qk});
    key = test_tensor(crestmax::kind_of<K>, {s.batch, s.kv_len, s.kv_heads, s.d_qk});
    value = test_tensor(crestmax::kind_of<K>, {s.batch, s.kv_len, s.kv_heads, s.d_v});
    output = test_tensor(crestmax::kind_of<O>, {s.batch, s.q_len, s.q_heads, s.d_v});
    key_pages = test_tensor(crestmax::kind_of<K>, {pages, page_size, s.kv_heads, s.d_qk});
    value_pages = test_tensor(crestmax::kind_of<K>, {pages, page_size, s.kv_heads, s.d_v});
    for (test_tensor* t : {&query, &key, &value, &key_pages, &value_pages}) t->fill_normal(random);
    for (index_type i = 0; i < pages; ++i) table.push_back(static_cast<std::int32_t>(pages - 1 - i));
    lengths.assign(static_cast<std::size_t>(s.batch), static_cast<std::int32_t>(s.kv_len));
    lse_memory.resize(static_cast<std::size_t>(s.batch * s.q_len * s.q_heads));
    options.lse = crestmax::row_tensor<float>(lse_memory.data(), {s.batch, s.q_len, s.q_heads});
    options.report = &report;
  }

  crestmax::paged_cache<K> cache() const {
    return {.key_pages = key_pages.view<K>(),
            .value_pages = value_pages.view<K>(),
            .block_table = table,
            .key_lengths = lengths,
            .table_stride = static_cast<index_type>(table.size()) / shape.batch};
  }
  auto contiguous() const { return crestmax::make_source(key.view<K>(), value.view<K>(), options.key_offsets); }

  // Gives the call its workspace; asking for its size leaves no trace either.
  template <class Source, class Modifiers, class Executor>
  void give_workspace(const Source& source, const Modifiers& modifiers, const Executor& run_on) {
    std::size_t bytes = 0;
    crestmax::status s{};
    expect_no_trace([&] {
      s = crestmax::workspace_bytes(crestmax::tensors(query.view<Q>(), source, output.view<O>()), run_on.workers(), bytes, options,
                                    modifiers, backend);
    });
    ASSERT_TRUE(s.ok()) << s.message();
    options.workspace = workspace.take(bytes);
  }

  template <class Source, class Modifiers, class Executor>
  void expect_quiet_over(const Source& source, const Modifiers& modifiers, const Executor& run_on) {
    give_workspace(source, modifiers, run_on);
    crestmax::status s{};
    expect_no_trace([&] {
      s = crestmax::attention(query.view<Q>(), source, output.view<O>(), options, modifiers, backend, run_on);
    });
    ASSERT_TRUE(s.ok()) << s.message();
    EXPECT_EQ(report.rows, shape.batch * shape.q_len * shape.q_heads);
  }
  template <class Modifiers = crestmax::no_modifiers, class Executor = crestmax::serial>
  void expect_quiet(const Modifiers& modifiers = {}, const Executor& run_on = {}) {
    expect_quiet_over(contiguous(), modifiers, run_on);
  }
  template <class Modifiers = crestmax::no_modifiers, class Executor = crestmax::serial>
  void expect_quiet_pages(const Modifiers& modifiers = {}, const Executor& run_on = {}) {
    expect_quiet_over(crestmax::make_source(cache()), modifiers, run_on);
  }
};

}  // namespace crestmax_test
