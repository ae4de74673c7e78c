// The stages over the AVX2 primitives, each alone.
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>

#include <bit>
#include <cmath>
#include <memory>
#include <set>
#include <vector>

#include "support/attached.hpp"

#if CRESTMAX_X86_SETS
#define CRESTMAX_TEST_SET avx2
#define StagesOf StagesOf_avx2
#include "stages_test.inc"
#endif
