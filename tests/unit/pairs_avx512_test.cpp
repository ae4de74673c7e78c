// Pairs of bfloat16 multiplied in registers (AVX512_BF16).
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>

#include <memory>
#include <vector>

#if CRESTMAX_X86_SETS
namespace {
constexpr auto least_set = crestmax::instruction_set::avx512_bf16;
struct backend_type : crestmax::cpu::policy<crestmax::cpu::avx512::kernels> {
  template <class T>
  crestmax::tile_geometry geometry(const crestmax::problem& p) const {
    return crestmax::cpu::geometry_of<crestmax::cpu::avx512::kernels, T>(p, least_set);
  }
};
}  // namespace

#define CRESTMAX_TEST_SET avx512
#define PairsOf PairsOf_avx512
#include "pairs_test.inc"
#endif
