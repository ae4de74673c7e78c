// The Eigen that the programs of this folder are compiled with, and a call over it.
#include <Eigen/Core>
#include <gtest/gtest.h>

#include "consumers/check_attention.hpp"

namespace {

TEST(TheEigenOfTheseTests, IsItsFifth) { EXPECT_EQ(EIGEN_MAJOR_VERSION, 5); }

TEST(TheEigenOfTheseTests, ServesACallOfTheGenericBackend) { EXPECT_EQ(consumer::check_set(crestmax::instruction_set::generic), 0); }

}  // namespace
