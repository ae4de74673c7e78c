// Sizes that pass what 32 bits address, of shapes and options that are admitted one by one.
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>
#include <string>
#include <vector>

namespace crestmax_test {
namespace {

using crestmax::status_code;
using index_type = std::int64_t;
static_assert(sizeof(void*) == 4, "this program is for 32-bit targets");

class SizesOf32Bits : public ::testing::Test {
 protected:
  std::vector<float> memory = std::vector<float>(1 << 20, 0.5f);
  crestmax::tensor<float> rows(index_type len, index_type d) { return {memory.data(), {1, len, 1, d}}; }
  crestmax::tensor<float> output(index_type len, index_type d) { return {memory.data() + memory.size() / 2, {1, len, 1, d}}; }
};

// Blocks of queries and of outputs, 2 GB each: what is left of the sum is a size that memory has.
TEST_F(SizesOf32Bits, OfAWorkspaceThatWrapsAreRefused) {
  constexpr index_type wide = 65536;
  std::vector<double> numbers(5 * wide, 0.5);
  const crestmax::tensor<double> query(numbers.data(), {1, 1, 1, wide}), keys(numbers.data() + wide, {1, 2, 1, wide}),
      result(numbers.data() + 4 * wide, {1, 1, 1, wide});
  const crestmax::status s = crestmax::attention(query, keys, keys, result, {.tiles = {.query_block = 4096}});
  EXPECT_EQ(s.code, status_code::too_large) << s.message();
}

TEST_F(SizesOf32Bits, OfWorkersTogetherAreRefused) {
  const crestmax::tensor<float> heads(memory.data(), {1, 1, index_type{1} << 20, 64}, {0, 0, 0, 1});
  const auto call = crestmax::tensors(heads, heads, heads, heads);
  std::size_t bytes = 0;
  ASSERT_TRUE(crestmax::workspace_bytes(call, 1, bytes).ok());
  const crestmax::status s = crestmax::workspace_bytes(call, 1 << 20, bytes);
  EXPECT_EQ(s.code, status_code::too_large) << s.message();
}

TEST_F(SizesOf32Bits, OfSplitsAreRefused) {
  constexpr index_type group = 256, heads = 1024, d = 64;
  const crestmax::tensor<float> query(memory.data(), {1, 16, group * heads, d}, {0, 0, 0, 1});
  const crestmax::tensor<float> keys(memory.data(), {1, 4096, heads, d}, {0, 0, 0, 1});
  std::size_t bytes = 0;
  const crestmax::options options{.tiles = {.splits = 64}};
  const crestmax::status s = crestmax::workspace_bytes(crestmax::tensors(query, keys, keys, query), 1, bytes, options);
  EXPECT_EQ(s.code, status_code::too_large) << s.message();
}

TEST_F(SizesOf32Bits, OfViewsThatReachPastTheAddressSpaceAreRefused) {
  for (const index_type stride : {index_type{1} << 30, -(index_type{1} << 30), index_type{1} << 40}) {
    crestmax::tensor<float> key = rows(2, 64);
    key.strides[1] = stride;
    const crestmax::status s = crestmax::attention(rows(1, 64), key, rows(2, 64), output(1, 64));
    EXPECT_EQ(s.code, status_code::bad_stride) << s.message();
    EXPECT_EQ(std::string(s.message()).rfind("key", 0), 0u) << s.message();
  }
}

TEST_F(SizesOf32Bits, OfOrdinaryCallsAreAccepted) {
  ASSERT_TRUE(crestmax::attention(rows(40, 64), rows(300, 64), rows(300, 64), output(40, 64)).ok());
  EXPECT_NEAR(memory[memory.size() / 2], 0.5f, 1e-6f);
}

}  // namespace
}  // namespace crestmax_test
