// The tests' yardsticks, against numbers worked out by hand.
#include <gtest/gtest.h>

#include "support/contract.hpp"
#include "support/make_case.hpp"
#include "support/npy.hpp"
#include "support/plain_formula.hpp"

namespace crestmax_test {
namespace {

// Two keys with scores ln 3 and 0, values 1 and 5.
attention_case two_keys() {
  attention_case c = scores_case(
      1, 2, [](index_type j) { return j == 0 ? std::log(3.0) : 0.0; }, scalar_kind::float64, 1);
  c.value.set(0, 0, 0, 0, 1);
  c.value.set(0, 1, 0, 0, 5);
  return c;
}

TEST(Oracle, WeighsKeysByTheExponentialOfTheirScores) {
  const oracle_row row = oracle_of(two_keys(), rows_of(two_keys())[0]);
  EXPECT_NEAR(row.output[0], (3 * 1 + 1 * 5) / 4.0, 1e-15);
  EXPECT_NEAR(row.lse, std::log(4.0), 1e-15);
  EXPECT_NEAR(row.max, std::log(3.0), 1e-15);
  EXPECT_NEAR(row.lipschitz, std::log(3.0), 1e-15);
  EXPECT_NEAR(row.mass([](index_type j) { return j == 1; }), 0.25, 1e-15);
}

TEST(Oracle, CountsASinkInTheDenominatorOnly) {
  attention_case c = two_keys();
  c.modifiers.sinks.logits = c.keep(std::vector<float>{0.0f});
  const oracle_row row = oracle_of(c, rows_of(c)[0]);
  EXPECT_NEAR(row.output[0], (3 * 1 + 1 * 5) / 5.0, 1e-15);
  EXPECT_NEAR(row.lse, std::log(5.0), 1e-15);
}

TEST(Oracle, HidesKeysAndReadsNothingOfThem) {
  attention_case c = two_keys();
  c.modifiers.window = {0, -1};
  c.value.set(0, 0, 0, 0, not_a_number);
  const oracle_row row = oracle_of(c, rows_of(c)[0]);
  EXPECT_EQ(row.output[0], 5.0);
  EXPECT_EQ(row.lse, 0.0);
  EXPECT_EQ(row.visible_keys, 1);
}

TEST(Oracle, ARowWithoutKeysIsZero) {
  attention_case c = scores_case(3, 2, [](index_type) { return 1.0; });
  c.modifiers.causal.enabled = true;
  const oracle_row row = oracle_of(c, rows_of(c)[0]);  // query 0 of 3 stands before the first of 2 keys
  EXPECT_EQ(row.output[0], 0.0);
  EXPECT_EQ(row.lse, -infinity);
  EXPECT_EQ(oracle_of(c, rows_of(c)[1]).visible_keys, 1);
}

TEST(Oracle, ReadsGroupedHeadsFromTheirKeyValueHead) {
  attention_case c = empty_case({.q_heads = 4, .kv_heads = 2, .d_qk = 1, .d_v = 1});
  c.query.fill(1);
  c.key.fill(0);
  c.value.set(0, 0, 0, 0, 10);
  c.value.set(0, 0, 1, 0, 20);
  const auto rows = rows_of(c);
  EXPECT_EQ(oracle_of(c, rows[1]).output[0], 10);
  EXPECT_EQ(oracle_of(c, rows[2]).output[0], 20);
}

TEST(Oracle, SeesTheSameThroughAPageTable) {
  const attention_case c =
      normal_case({.batch = 2, .q_len = 2, .kv_len = 37, .q_heads = 2, .kv_heads = 2}, 3);
  for (const bool compressed : {false, true}) {
    const attention_case p = paged(c, 8, compressed, 5);
    for (std::size_t i = 0; i < rows_of(c).size(); ++i) {
      EXPECT_EQ(oracle_of(c, rows_of(c)[i]).output, oracle_of(p, rows_of(p)[i]).output);
    }
  }
}

TEST(PlainFormula, IsCloseToTheOracleButNotIt) {
  const attention_case c = normal_case({.q_len = 4, .kv_len = 600, .d_qk = 64}, 8);
  double error = 0;
  for (const row_place& r : rows_of(c)) {
    const head_inputs in(c, r.sequence, 0);
    const plain_row plain = plain_formula_of(c, r, in, c.options.weights);
    const oracle_row truth = oracle_of(c, r, in);
    for (std::size_t k = 0; k < plain.output.size(); ++k)
      error = std::max(error, std::fabs(plain.output[k] - truth.output[k]));
  }
  EXPECT_GT(error, 0);
  EXPECT_LT(error, 1e-6);
}

TEST(Contract, NoticesASmallError) {
  const attention_case c = normal_case({.q_len = 4, .kv_len = 600, .d_qk = 64}, 8);
  attention_result result = run(c);
  ASSERT_TRUE(is_exact(c, result, 64));
  result.output.set(0, 2, 0, 5, result.output.at(0, 2, 0, 5) + 1e-5);
  EXPECT_FALSE(is_exact(c, result, 64));
}

TEST(Contract, NoticesAWrongLseAndANan) {
  const attention_case c = normal_case({.q_len = 4, .kv_len = 600, .d_qk = 64}, 8);
  attention_result result = run(c);
  result.lse.set(0, 2, 0, 0, result.lse.at(0, 2, 0, 0) + 1e-4);
  EXPECT_FALSE(is_exact(c, result, 64));
  result = run(c);
  result.output.set(0, 0, 0, 0, not_a_number);
  EXPECT_FALSE(is_exact(c, result, 64));
}

TEST(Npy, ReadsWhatNumpyWrites) {
  // numpy.array([[[1, -2.5]]], dtype=float16), as numpy saves it.
  std::string file("\x93NUMPY\x01\x00", 8);
  std::string header = "{'descr': '<f2', 'fortran_order': False, 'shape': (1, 1, 2), }";
  header.resize(117, ' ');
  header += '\n';
  file += static_cast<char>(header.size());
  file += '\0';
  file += header;
  file += std::string("\x00\x3c\x00\xc1", 4);
  npy_array array;
  ASSERT_EQ(parse_npy(file, array), "");
  EXPECT_EQ(array.kind, scalar_kind::float16);
  EXPECT_EQ(array.shape, (std::vector<index_type>{1, 1, 2}));
  EXPECT_EQ(array.at(0), 1.0);
  EXPECT_EQ(array.at(1), -2.5);
}

TEST(Npy, SaysWhatIsWrong) {
  npy_array array;
  EXPECT_NE(parse_npy("not a file", array), "");
}

}  // namespace
}  // namespace crestmax_test
