// The stages over the NEON primitives, each alone.
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>

#include <memory>
#include <set>
#include <vector>

#include "support/attached.hpp"

#if CRESTMAX_ARM_SETS
#define CRESTMAX_TEST_SET neon
#define StagesOf StagesOf_neon
#include "stages_test.inc"
#endif
