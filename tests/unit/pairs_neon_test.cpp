// Pairs of bfloat16 multiplied in registers (BFDOT).
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>

#include <memory>
#include <vector>

#if CRESTMAX_ARM_SETS
namespace {
constexpr auto least_set = crestmax::instruction_set::neon_bf16;
struct backend_type : crestmax::cpu::policy<crestmax::cpu::neon::kernels> {
  template <class T>
  crestmax::tile_geometry geometry(const crestmax::problem& p) const {
    return crestmax::cpu::geometry_of<crestmax::cpu::neon::kernels, T>(p, least_set);
  }
};
}  // namespace

#define CRESTMAX_TEST_SET neon
#define PairsOf PairsOf_neon
#include "pairs_test.inc"
#endif
