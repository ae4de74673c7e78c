// The Eigen that the program of this folder is compiled with.
#include <Eigen/Core>
#include <gtest/gtest.h>

namespace {

TEST(TheEigenOfTheseTests, IsItsFifth) { EXPECT_EQ(EIGEN_MAJOR_VERSION, 5); }

}  // namespace
