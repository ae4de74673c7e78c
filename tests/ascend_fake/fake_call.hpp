// A good call on the fake device with every argument within reach, to be broken one at a time.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <crestmax/crestmax.hpp>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "fake.hpp"
#include "support/test_modifiers.hpp"

namespace crestmax_test {

using crestmax::float16;
using crestmax::status_code;
using index_type = std::int64_t;

class FakeDevice : public ::testing::Test {
 protected:
  static constexpr index_type batch = 2, q_len = 3, kv_len = 300, q_heads = 4, kv_heads = 2, head_dim = 64;

  FakeDevice() { ascend_fake::now() = {}; }
  ~FakeDevice() override {
    cache.reset();
    EXPECT_EQ(ascend_fake::now().programs, 0) << "a program was not destroyed";
    EXPECT_EQ(ascend_fake::now().binaries, 0) << "a binary was not unloaded";
    EXPECT_EQ(ascend_fake::now().misuses, std::vector<std::string>{});
  }

  // All of the device's memory is one block, aligned to 512 bytes.
  std::vector<std::byte> memory = std::vector<std::byte>(std::size_t{6} << 20, std::byte{0x3c});
  std::byte* at(index_type byte) {
    return memory.data() + (512 - reinterpret_cast<std::uintptr_t>(memory.data()) % 512) + byte;
  }
  template <class T = float16>
  T* place(index_type byte) {
    return reinterpret_cast<T*>(at(byte));
  }
  crestmax::tensor<float16> query{place(0), {batch, q_len, q_heads, head_dim}};
  crestmax::tensor<float16> key{place(1 << 18), {batch, kv_len, kv_heads, head_dim}};
  crestmax::tensor<float16> value{place(2 << 18), {batch, kv_len, kv_heads, head_dim}};
  crestmax::tensor<float16> output{place(3 << 18), {batch, q_len, q_heads, head_dim}};
  crestmax::row_tensor<float> lse{place<float>(4 << 18), {batch, q_len, q_heads}};
  std::span<std::byte> workspace{at(5 << 18), std::size_t{4} << 20};
  crestmax::options options;
  test_modifiers modifiers;
  crestmax::report report;

  int stream_itself = 0;
  std::optional<crestmax::cann::kernel_cache> cache{std::in_place};
  crestmax::backend::ascend backend{{.stream = &stream_itself, .cache = &*cache}};

  auto tensors() { return crestmax::tensors(query, key, value, output); }
  crestmax::status call() {
    options.lse = lse;
    options.workspace = workspace;
    return crestmax::attention(query, key, value, output, options, modifiers.chain(), backend);
  }

  void expect_success() {
    const crestmax::status s = call();
    EXPECT_TRUE(s.ok()) << s.message();
  }
  // The call fails with this code, its message holds every one of these words; nothing was written, and nothing
  // launched.
  void expect_error(status_code code, const std::vector<std::string>& words, std::size_t launches = 0) {
    const std::vector<std::byte> before = memory;
    const crestmax::status s = call();
    EXPECT_EQ(s.code, code) << s.message();
    for (const std::string& word : words) {
      EXPECT_NE(std::string(s.message()).find(word), std::string::npos) << "'" << word << "' is not in: " << s.message();
    }
    EXPECT_TRUE(before == memory) << "memory was written";
    EXPECT_EQ(ascend_fake::now().launches.size(), launches);
    EXPECT_EQ(ascend_fake::now().programs, 0) << "a program was not destroyed";
    EXPECT_EQ(ascend_fake::now().binaries, cache ? cache->size() : 0) << "a binary is loaded that the cache does not know";
  }
  crestmax::ascend::kernel_arguments launched(std::size_t number = 0) {
    const auto& words = ascend_fake::now().launches.at(number).words;
    crestmax::ascend::kernel_arguments arguments{};
    EXPECT_EQ(words.size() * sizeof words[0], sizeof arguments);
    std::memcpy(&arguments, words.data(), std::min(sizeof arguments, words.size() * sizeof words[0]));
    return arguments;
  }
};

inline std::uint64_t address(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }

}  // namespace crestmax_test
