// What follows the tensors of a call: in any order, and in braces.
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>
#include <crestmax/throwing.hpp>
#include <vector>

namespace {

using crestmax::index_type;

// Counts the items that it runs; it is not const.
struct counting {
  index_type items = 0;
  int workers() { return 1; }
  template <class Body>
  void run(index_type count, Body&& body) {
    for (index_type item = 0; item < count; ++item, ++items) body(item, 0);
  }
};

class Arguments : public ::testing::Test {
 protected:
  std::vector<float> numbers = std::vector<float>(3 * 8), result = std::vector<float>(3 * 8);
  crestmax::tensor<const float> input{numbers.data(), {1, 3, 1, 8}};
  crestmax::tensor<float> output{result.data(), {1, 3, 1, 8}};
  crestmax::report report;
  crestmax::options options{.report = &report};
  crestmax::causal causal;
  crestmax::backend::cpu generic{crestmax::instruction_set::generic};
  counting executor;

  void SetUp() override {
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i % 5);
  }
  // The call was one of causal rows, by the generic kernels, run here, with a report.
  void expect_all(const crestmax::status& s) {
    ASSERT_TRUE(s.ok()) << s.message();
    EXPECT_EQ(executor.items, 1);
    EXPECT_STREQ(report.instruction_set, "generic");
    for (std::size_t d = 0; d < 8; ++d) EXPECT_EQ(result[d], numbers[d]);  // the first row sees itself alone
    EXPECT_NE(result[8], numbers[8]);
  }
};

TEST_F(Arguments, MayStandInTheOrderOfTheirNames) {
  expect_all(crestmax::attention(input, input, input, output, options, causal, generic, executor));
}

TEST_F(Arguments, MayStandInReverse) {
  expect_all(crestmax::attention(input, input, input, output, executor, generic, causal, options));
}

TEST_F(Arguments, MayStandInAnyOrderBehindASource) {
  expect_all(crestmax::attention(input, crestmax::make_source(input, input), output, generic, options, executor, causal));
}

TEST_F(Arguments, MayStandInAnyOrderBehindPages) {
  const std::vector<std::int32_t> table{0}, lengths{3};
  const crestmax::paged_cache<float> cache{.key_pages = input, .value_pages = input, .block_table = table, .key_lengths = lengths,
                                           .table_stride = 1};
  expect_all(crestmax::attention(input, cache, output, causal, executor, options, generic));
}

TEST_F(Arguments, MayBeLeftOut) {
  EXPECT_TRUE(crestmax::attention(input, input, input, output).ok());
  EXPECT_TRUE(crestmax::attention(input, input, input, output, executor).ok());
  EXPECT_EQ(executor.items, 1);
  EXPECT_TRUE(crestmax::attention(input, input, input, output, causal | crestmax::soft_cap{3.0f}).ok());
}

TEST_F(Arguments, TakeOptionsInBraces) {
  EXPECT_TRUE(crestmax::attention(input, input, input, output, {}).ok());
  EXPECT_TRUE(crestmax::attention(input, input, input, output, {}, causal).ok());
  EXPECT_TRUE(crestmax::attention(input, input, input, output, {.scale = 2.0, .report = &report}, executor, causal).ok());
  EXPECT_EQ(report.rows, 3);
}

TEST_F(Arguments, OfTheThrowingFormAreTheSame) {
  crestmax::attention_or_throw(input, input, input, output, {});
  crestmax::attention_or_throw(input, input, input, output, executor, causal);
  crestmax::attention_or_throw(input, crestmax::make_source(input, input), output, {.report = &report}, causal);
  EXPECT_THROW(crestmax::attention_or_throw(input, input, input, output, {.scale = 1e300}), crestmax::attention_error);
}

TEST(Status, IsOkBeforeItSaysAnything) {
  crestmax::status s;
  EXPECT_TRUE(s.ok());
  EXPECT_STREQ(s.message(), "ok");
  static_assert(std::is_trivially_copyable_v<crestmax::status>);
}

}  // namespace
