// A good call with every argument within reach, to be broken one at a time.
#pragma once

#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "support/test_modifiers.hpp"

namespace crestmax_test {

using crestmax::status_code;
using index_type = std::int64_t;

class BadInput : public ::testing::Test {
 protected:
  static constexpr index_type batch = 2, q_len = 3, kv_len = 10, q_heads = 4, kv_heads = 2, d_qk = 8, d_v = 6;

  // All tensors live in one block of memory, so that overlaps can be made.
  std::vector<float> memory = std::vector<float>(8192, 0.5f);
  float* at(index_type place) { return memory.data() + place; }
  crestmax::tensor<float> query{at(0), {batch, q_len, q_heads, d_qk}};
  crestmax::tensor<float> key{at(1024), {batch, kv_len, kv_heads, d_qk}};
  crestmax::tensor<float> value{at(2048), {batch, kv_len, kv_heads, d_v}};
  crestmax::tensor<float> output{at(3072), {batch, q_len, q_heads, d_v}};
  crestmax::row_tensor<float> lse{at(4096), {batch, q_len, q_heads}};
  crestmax::options options;
  test_modifiers modifiers;

  // Pages of the same shapes: 8 pages of 4 keys.
  crestmax::tensor<float> key_pages{at(1024), {8, 4, kv_heads, d_qk}};
  crestmax::tensor<float> value_pages{at(2048), {8, 4, kv_heads, d_v}};
  std::vector<std::int32_t> table{0, 1, 2, 3, 4, 5};
  std::vector<std::int32_t> lengths{10, 9};
  std::vector<std::int32_t> page_offsets;
  index_type table_stride = 3;
  bool with_pages = false;

  crestmax::status call() {
    options.lse = lse;
    if (!with_pages) return crestmax::attention(query, key, value, output, options, modifiers.chain());
    const crestmax::paged_cache<float> cache{.key_pages = key_pages,
                                             .value_pages = value_pages,
                                             .block_table = table,
                                             .key_lengths = lengths,
                                             .table_stride = table_stride,
                                             .page_offsets = page_offsets};
    return crestmax::attention(query, cache, output, options, modifiers.chain());
  }

  // The call fails with this code, its message holds every one of these words, and nothing was written.
  void expect_error(status_code code, const std::vector<std::string>& words) {
    const std::vector<float> before = memory;
    const crestmax::status s = call();
    EXPECT_EQ(s.code, code) << s.message();
    for (const std::string& word : words) {
      EXPECT_NE(std::string(s.message()).find(word), std::string::npos)
          << "'" << word << "' is not in: " << s.message();
    }
    EXPECT_EQ(std::memcmp(before.data(), memory.data(), memory.size() * sizeof(float)), 0)
        << "memory was written";
  }
  void expect_success() {
    const crestmax::status s = call();
    EXPECT_TRUE(s.ok()) << s.message();
  }
};

}  // namespace crestmax_test
