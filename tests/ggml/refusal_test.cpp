#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>

#include "made_operator.hpp"

namespace {

using adapter::attention_operator;
using adapter::refusal;
using ggml_tests::made_mask;
using ggml_tests::made_operator;
using ggml_tests::scalar_kind;

class Refusal : public ::testing::Test {
 protected:
  made_operator made{{.q_len = 3, .kv_len = 50}};
  made_mask mask{64, 5};
  std::vector<float> sinks = std::vector<float>(4, 0.0f);

  void SetUp() override {
    made.set_mask(mask);
    made.set_sinks(sinks);
  }
  // Changes one thing of an operator that is served; it is then refused, for a reason that has these words.
  void expect(const std::string& words, const std::function<void(attention_operator&)>& change) const {
    attention_operator o = made.o;
    change(o);
    const char* why = refusal(o);
    ASSERT_NE(why, nullptr) << words;
    EXPECT_NE(std::string(why).find(words), std::string::npos) << why;
  }
};

TEST_F(Refusal, IsNoneOfWhatIsServed) {
  EXPECT_EQ(refusal(made.o), nullptr);
  for (const scalar_kind kind : {scalar_kind::float32, scalar_kind::float16, scalar_kind::bfloat16}) {
    made_operator other({.key_kind = kind, .value_kind = scalar_kind::float32});
    EXPECT_EQ(refusal(other.o), nullptr);
  }
}

TEST_F(Refusal, IsNoneOfAnOperatorWithoutData) {
  attention_operator o = made.o;
  for (adapter::operand* t : {&o.query, &o.key, &o.value, &o.output}) t->data = nullptr;
  EXPECT_EQ(refusal(o), nullptr);
}

TEST_F(Refusal, NamesTypesThatAreNotServed) {
  expect("key", [](attention_operator& o) { o.key.kind.reset(); });
  expect("value", [](attention_operator& o) { o.value.kind.reset(); });
  expect("query", [](attention_operator& o) { o.query.kind = scalar_kind::float16; });
  expect("query", [](attention_operator& o) { o.query.kind = scalar_kind::q8_0; });
  expect("key", [](attention_operator& o) { o.key.kind = scalar_kind::float64; });
  expect("output", [](attention_operator& o) { o.output.kind = scalar_kind::float16; });
  expect("mask", [](attention_operator& o) { o.mask->kind = scalar_kind::float32; });
  expect("sinks", [](attention_operator& o) { o.sinks->kind = scalar_kind::float16; });
}

TEST_F(Refusal, NamesRowsThatAreNotContiguous) {
  expect("query", [](attention_operator& o) { o.query.strides[0] = 8; });
  expect("key", [](attention_operator& o) { o.key.strides[1] += 1; });
  expect("value", [](attention_operator& o) { std::swap(o.value.strides[0], o.value.strides[1]); });
  expect("mask", [](attention_operator& o) { o.mask->strides[0] = 4; });
}

TEST_F(Refusal, IsNoneOfQuantisedCaches) {
  for (const scalar_kind kind : {scalar_kind::q8_0, scalar_kind::q4_0, scalar_kind::q4_1, scalar_kind::q5_0, scalar_kind::q5_1, scalar_kind::iq4_nl}) {
    made_operator other({.key_kind = kind, .value_kind = kind});
    EXPECT_EQ(refusal(other.o), nullptr) << name(kind);
  }
}

TEST_F(Refusal, NamesQuantisedRowsThatEndWithinABlock) {
  made_operator other({.key_kind = scalar_kind::q8_0, .value_kind = scalar_kind::q4_0});
  other.o.query.extents[0] = other.o.key.extents[0] = 48;
  ASSERT_NE(refusal(other.o), nullptr);
  EXPECT_NE(std::string(refusal(other.o)).find("key"), std::string::npos);
}

TEST_F(Refusal, NamesQuantisedRowsWhoseBlocksLieApart) {
  made_operator other({.key_kind = scalar_kind::q8_0, .value_kind = scalar_kind::q4_0});
  other.o.value.strides[0] = 20;
  ASSERT_NE(refusal(other.o), nullptr);
  EXPECT_NE(std::string(refusal(other.o)).find("value"), std::string::npos);
}

TEST_F(Refusal, NamesExtentsThatDoNotAgree) {
  expect("head_dim", [](attention_operator& o) { o.query.extents[0] = 32; });
  expect("head_dim", [](attention_operator& o) { o.key.extents[0] = o.query.extents[0] = 70000; });
  expect("key and value", [](attention_operator& o) { o.value.extents[1] = 49; });
  expect("key and value", [](attention_operator& o) { o.value.extents[2] = 1; });
  expect("sequences", [](attention_operator& o) { o.key.extents[3] = o.value.extents[3] = 2; });
  expect("multiple", [](attention_operator& o) { o.key.extents[2] = o.value.extents[2] = 3; });
  expect("output", [](attention_operator& o) { o.output.extents[1] = 5; });
  expect("sink", [](attention_operator& o) { o.sinks->extents[0] = 3; });
}

TEST_F(Refusal, NamesMasksThatDoNotCoverTheScores) {
  expect("smaller", [](attention_operator& o) { o.mask->extents[0] = 49; });
  expect("smaller", [](attention_operator& o) { o.mask->extents[1] = 2; });
  expect("repeat", [](attention_operator& o) { o.mask->extents[2] = 3; });
  expect("repeat", [](attention_operator& o) { o.mask->extents[3] = 2; });
}

TEST_F(Refusal, NamesParametersThatAreNoFiniteNumbers) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  expect("finite", [](attention_operator& o) { o.scale = infinity; });
  expect("finite", [](attention_operator& o) { o.soft_cap = std::numeric_limits<float>::quiet_NaN(); });
  expect("finite", [](attention_operator& o) { o.max_bias = infinity; });
  expect("max_bias", [](attention_operator& o) {
    o.max_bias = 8;
    o.mask.reset();
  });
}

}  // namespace
