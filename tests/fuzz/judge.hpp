// What may be said of a call when it is over. Each answers with what is wrong; empty: nothing is.
#pragma once

#include <string>

#include "faults.hpp"
#include "fuzz_case.hpp"

namespace crestmax_test {

// The status is no success, and its message begins with the name of one of these arguments.
std::string trouble_with_refusal(const crestmax::status& s, const fault& f);

// The result is what the contract of its coverage promises.
std::string trouble_with_result(const fuzz_case& f, const attention_result& r);

// Nothing but the rows of sequences was written.
std::string trouble_between_rows(const attention_case& c, const attention_result& r);

}  // namespace crestmax_test
