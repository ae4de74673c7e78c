// A key-value source of the user's own: every other row of a table, values behind keys in the same row.
#include <crestmax/crestmax.hpp>
#include <gtest/gtest.h>

#include <vector>

namespace {

struct interleaved_source {
  const float* table;  // rows of key (4 numbers) and value (2 numbers)
  crestmax::index_type rows;

  crestmax::kv_run key_run(crestmax::index_type, crestmax::index_type, crestmax::index_type position) const {
    return {table + position * 6, 6, rows - position};
  }
  crestmax::kv_run value_run(crestmax::index_type, crestmax::index_type, crestmax::index_type position) const {
    return {table + position * 6 + 4, 6, rows - position};
  }
  crestmax::source_shape shape() const { return {1, rows, 1, 4, 2}; }
  static constexpr crestmax::scalar_kind key_kind() { return crestmax::scalar_kind::float32; }
  static constexpr crestmax::scalar_kind value_kind() { return crestmax::scalar_kind::float32; }
};

class CustomSource : public ::testing::Test {
 protected:
  static constexpr crestmax::index_type rows = 300;
  std::vector<float> table = std::vector<float>(rows * 6);
  float query[4] = {1, -1, 0.5f, 0};
  float output[2] = {};
  crestmax::tensor<float> q{query, {1, 1, 1, 4}};
  crestmax::tensor<float> out{output, {1, 1, 1, 2}};

  void SetUp() override {
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<float>(i * 7 % 13) - 6.0f;
  }
};

TEST_F(CustomSource, GivesWhatTensorsOfTheSameNumbersGive) {
  ASSERT_TRUE(crestmax::attention(q, interleaved_source{table.data(), rows}, out).ok());
  const float first[2] = {output[0], output[1]};
  const crestmax::tensor<float> key(table.data(), {1, rows, 1, 4}, {rows * 6, 6, 6, 1});
  const crestmax::tensor<float> value(table.data() + 4, {1, rows, 1, 2}, {rows * 6, 6, 6, 1});
  ASSERT_TRUE(crestmax::attention(q, key, value, out).ok());
  EXPECT_EQ(first[0], output[0]);
  EXPECT_EQ(first[1], output[1]);
}

TEST_F(CustomSource, IsShortenedByKeyLengths) {
  const std::int32_t lengths[] = {1};
  ASSERT_TRUE(crestmax::attention(q, interleaved_source{table.data(), rows}, out, {.key_lengths = lengths}).ok());
  EXPECT_EQ(output[0], table[4]);
}

TEST_F(CustomSource, OfAnotherHeadDimIsRefused) {
  const crestmax::tensor<float> narrow(query, {1, 1, 1, 3});
  const crestmax::status s = crestmax::attention(narrow, interleaved_source{table.data(), rows}, out);
  EXPECT_EQ(s.code, crestmax::status_code::mismatch) << s.message();
}

}  // namespace
