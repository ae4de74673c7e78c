// A second copy of the library in the process, whose functions have a prefix: it is there, it is another, and it does the same.
#define CRESTMAX_C_PREFIX other_
#include "broken_call.hpp"

namespace crestmax_test {
std::uintptr_t attention_of_the_first_copy();  // same_bits_test.cpp

namespace {

class SecondCopy : public BadInputFromC {};

TEST_F(SecondCopy, HasFunctionsOfItsOwn) {
  EXPECT_NE(reinterpret_cast<std::uintptr_t>(&other_crestmax_attention), attention_of_the_first_copy());
}

TEST_F(SecondCopy, MakesCalls) {
  EXPECT_EQ(call(), CRESTMAX_OK) << status.message;
  tensors.query.type = 9;
  expect_refusal(CRESTMAX_BAD_OPTION, {"query.type"});
}

}  // namespace
}  // namespace crestmax_test
