// A good call with every argument within reach, to be broken one at a time.
#pragma once

#include <crestmax/c/crestmax.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "from_c.hpp"

namespace crestmax_test {

class BadInputFromC : public ::testing::Test {
 protected:
  static constexpr int64_t batch = 2, q_len = 3, kv_len = 10, q_heads = 4, kv_heads = 2, d_qk = 8, d_v = 6;

  // All tensors live in one block of memory, so that writes to it show.
  std::vector<float> memory = std::vector<float>(8192, 0.5f);
  float* at(std::size_t place) { return memory.data() + place; }

  crestmax_tensors tensors = crestmax_contiguous(
      crestmax_dense(at(0), CRESTMAX_FLOAT32, batch, q_len, q_heads, d_qk), crestmax_dense(at(1024), CRESTMAX_FLOAT32, batch, kv_len, kv_heads, d_qk),
      crestmax_dense(at(2048), CRESTMAX_FLOAT32, batch, kv_len, kv_heads, d_v), crestmax_dense_output(at(3072), CRESTMAX_FLOAT32, batch, q_len, q_heads, d_v));
  std::vector<int32_t> block_table{0, 1, 2, 3, 4, 5}, lengths{10, 9};
  crestmax_pages pages = [this] {
    crestmax_pages p = crestmax_empty_pages();
    p.key_pages = crestmax_dense(at(1024), CRESTMAX_FLOAT32, 8, 4, kv_heads, d_qk);
    p.value_pages = crestmax_dense(at(2048), CRESTMAX_FLOAT32, 8, 4, kv_heads, d_v);
    p.block_table = {block_table.data(), block_table.size()};
    p.key_lengths = {lengths.data(), lengths.size()};
    p.table_stride = 3;
    return p;
  }();
  crestmax_modifier modifier = crestmax_causal();
  aligned_bytes workspace{1 << 22};
  crestmax_options options = [this] {
    crestmax_options o = crestmax_default_options();
    o.lse = crestmax_dense_rows(at(4096), CRESTMAX_FLOAT32, batch, q_len, q_heads);
    o.modifiers = &modifier;
    o.modifier_count = 1;
    o.workspace = workspace.memory();
    return o;
  }();
  crestmax_status status{};

  crestmax_code call() { return crestmax_attention(&tensors, &options, nullptr, &status); }
  void take_pages() { tensors = crestmax_paged(tensors.query, &pages, tensors.output); }

  // The message holds every one of these words.
  void expect_message(crestmax_code given, crestmax_code wanted, const std::vector<std::string>& words) {
    EXPECT_EQ(given, wanted) << status.message;
    EXPECT_EQ(status.code, wanted);
    for (const std::string& word : words) {
      EXPECT_NE(std::string(status.message).find(word), std::string::npos) << "'" << word << "' is not in: " << status.message;
    }
  }
  // The call fails with this code, and nothing is written.
  void expect_refusal(crestmax_code code, const std::vector<std::string>& words) {
    const std::vector<float> before = memory;
    expect_message(call(), code, words);
    EXPECT_EQ(std::memcmp(before.data(), memory.data(), memory.size() * sizeof(float)), 0) << "memory was written";
  }
};

}  // namespace crestmax_test
