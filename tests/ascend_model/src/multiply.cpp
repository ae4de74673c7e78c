#include "multiply.hpp"

#include <cstring>

#if defined(__x86_64__)
#define ASCEND_MODEL_WIDE __attribute__((target("avx2")))  // no fma: the same bits everywhere
#endif

namespace ascend_model {
namespace {

#define ASCEND_MODEL_MULTIPLY_ADD                                                             \
  const std::uint64_t width = columns * 16;                                                   \
  for (std::uint64_t n = 0; n < width; n += 16) {                                             \
    for (std::uint64_t m = 0; m < rows; m += 4) {                                             \
      lanes sum[4][16 / lane_count];                                                          \
      for (std::uint64_t i = 0; i < 4; ++i) std::memcpy(sum[i], c + (m + i) * width + n, 64); \
      for (std::uint64_t k = 0; k < depth; ++k) {                                             \
        lanes right[16 / lane_count];                                                         \
        std::memcpy(right, b + k * width + n, 64);                                            \
        for (std::uint64_t i = 0; i < 4; ++i) {                                               \
          const float left = a[(m + i) * stride + k];                                         \
          for (std::uint64_t j = 0; j < 16 / lane_count; ++j) sum[i][j] += left * right[j];   \
        }                                                                                     \
      }                                                                                       \
      for (std::uint64_t i = 0; i < 4; ++i) std::memcpy(c + (m + i) * width + n, sum[i], 64); \
    }                                                                                         \
  }

void plain(float* c, const float* a, const float* b, std::uint64_t rows, std::uint64_t columns, std::uint64_t depth,
           std::uint64_t stride) {
  constexpr std::uint64_t lane_count = 4;
  using lanes = float __attribute__((vector_size(16)));
  ASCEND_MODEL_MULTIPLY_ADD
}

#ifdef ASCEND_MODEL_WIDE
ASCEND_MODEL_WIDE void wide(float* c, const float* a, const float* b, std::uint64_t rows, std::uint64_t columns,
                            std::uint64_t depth, std::uint64_t stride) {
  constexpr std::uint64_t lane_count = 8;
  using lanes = float __attribute__((vector_size(32)));
  ASCEND_MODEL_MULTIPLY_ADD
}
#endif

}  // namespace

void multiply_add(float* c, const float* a, const float* b, std::uint64_t rows, std::uint64_t columns, std::uint64_t depth,
                  std::uint64_t stride) {
#ifdef ASCEND_MODEL_WIDE
  static const bool is_wide = __builtin_cpu_supports("avx2") != 0;
  if (is_wide) return wide(c, a, b, rows, columns, depth, stride);
#endif
  plain(c, a, b, rows, columns, depth, stride);
}

}  // namespace ascend_model
