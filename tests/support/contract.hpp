// "Exact means exact": the result of a call against the oracle, measured with the plain formula.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "attention_case.hpp"

namespace crestmax_test {

struct accuracy {
  double error = 0;        // max |ours - oracle| over the compared outputs
  double plain_error = 0;  // the same of the plain formula
  double value_max = 0;    // max |V| over visible keys
  double output_max = 0;
  double lse_error = 0;  // max over rows
  double plain_lse_error = 0;
  double lse_excess = -infinity;  // max over rows of |ours - oracle| - slack * max(1, |lse|)
  index_type rows = 0;
  std::string trouble;  // what differs beyond numbers: NaN, infinities, rows without keys

  double allowed = 0;  // for `error`
};

// Compares the given rows of a finished call.
accuracy measure(const attention_case& c, const attention_result& result, const std::vector<row_place>& rows);

// Runs a case and holds its result, at most `most_rows` rows of it, against the contract.
testing::AssertionResult is_exact(const attention_case& c, const surroundings& s = {}, index_type most_rows = 64);

// The same for a result in hand.
testing::AssertionResult is_exact(const attention_case& c, const attention_result& result, index_type most_rows);

// Short text of a case, for messages.
std::string describe(const attention_case& c);

}  // namespace crestmax_test
