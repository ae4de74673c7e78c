#include <gtest/gtest.h>

#include <crestmax/error.hpp>
#include <crestmax/throwing.hpp>
#include <string>

namespace crestmax_test {
namespace {

using crestmax::status_code;

TEST(Status, OkIsTrueAndSaysOk) {
  const crestmax::status s = crestmax::success();
  EXPECT_TRUE(s.ok());
  EXPECT_TRUE(static_cast<bool>(s));
  EXPECT_STREQ(s.message(), "ok");
}

TEST(Status, NamesTheArgumentAndBothNumbers) {
  const crestmax::status s =
      crestmax::error(status_code::mismatch, "key", "head_dim (that of query)", 64, 32);
  EXPECT_FALSE(s.ok());
  EXPECT_EQ(s.code, status_code::mismatch);
  EXPECT_STREQ(s.message(), "key: expected head_dim (that of query) 64, given 32");
}

TEST(Status, CanGiveOneNumber) {
  EXPECT_STREQ(crestmax::error(status_code::bad_option, "stride", "at least 1", 0).message(),
               "stride: expected at least 1, given 0");
}

TEST(Status, CanGiveAReal) {
  EXPECT_STREQ(crestmax::error_real(status_code::bad_option, "tau", "a positive number", -0.5).message(),
               "tau: expected a positive number, given -0.5");
}

TEST(Status, CanGiveText) {
  EXPECT_STREQ(crestmax::error_text(status_code::null_pointer, "query", "a pointer", "null").message(),
               "query: expected a pointer, given null");
}

TEST(Status, LongMessagesAreCutNotOverrun) {
  const std::string long_text(1000, 'x');
  const crestmax::status s =
      crestmax::error_text(status_code::bad_option, "argument", long_text.c_str(), "y");
  EXPECT_EQ(std::string(s.message()).size(), sizeof s.text - 1);
}

TEST(Status, NumbersOf64BitsAreNotCut) {
  const crestmax::status s = crestmax::error(status_code::bad_extent, "query", "an extent", INT64_MIN);
  EXPECT_NE(std::string(s.message()).find("-9223372036854775808"), std::string::npos) << s.message();
}

TEST(ThrowingLayer, ThrowsAStatusThatIsNotOk) {
  const crestmax::status bad = crestmax::error(status_code::bad_option, "stride", "at least 1", 0);
  EXPECT_NO_THROW(crestmax::throw_if_failed(crestmax::success()));
  try {
    crestmax::throw_if_failed(bad);
    FAIL() << "nothing was thrown";
  } catch (const crestmax::attention_error& e) {
    EXPECT_STREQ(e.what(), bad.message());
    EXPECT_EQ(e.what_failed().code, status_code::bad_option);
  }
}

TEST(ThrowingLayer, AttentionOrThrowRunsAGoodCall) {
  float numbers[4] = {1, 2, 3, 4};
  float output[4] = {};
  const crestmax::tensor<float> in(numbers, {1, 1, 1, 4});
  EXPECT_NO_THROW(crestmax::attention_or_throw(in, in, in, crestmax::tensor<float>(output, {1, 1, 1, 4})));
  EXPECT_EQ(output[3], 4.0f);
}

TEST(ThrowingLayer, AttentionOrThrowThrowsForABadCall) {
  float numbers[4] = {1, 2, 3, 4};
  float output[4] = {};
  const crestmax::tensor<float> in(numbers, {1, 1, 1, 4});
  const crestmax::tensor<float> other(numbers, {1, 1, 1, 3});
  EXPECT_THROW(crestmax::attention_or_throw(in, other, in, crestmax::tensor<float>(output, {1, 1, 1, 4})),
               crestmax::attention_error);
}

}  // namespace
}  // namespace crestmax_test
