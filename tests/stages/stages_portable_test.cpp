// The stages over the portable primitives, each alone.
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>

#include <bit>
#include <cmath>
#include <memory>
#include <set>
#include <vector>

#include "support/attached.hpp"

#define CRESTMAX_TEST_SET portable
#define StagesOf StagesOf_portable
#include "stages_test.inc"
