// The stages over the generic primitives, each alone.
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>

#include <bit>
#include <cmath>
#include <memory>
#include <set>
#include <vector>

#include "support/attached.hpp"

#define CRESTMAX_TEST_SET generic
#define StagesOf StagesOf_generic
#include "stages_test.inc"
