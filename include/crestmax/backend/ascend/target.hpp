// What differs between the two generations of devices. Nothing else in the kernel knows which one it runs on. C++17.
#pragma once

#include <cstdint>

#include "../../version.hpp"

// Functions that cores call. kernel_operator.h, where it is included, comes before this file.
#if defined(__aicore__)
#define CRESTMAX_AICORE __aicore__
#else
#define CRESTMAX_AICORE
#endif

// Kernels compiled by a vendor's compiler may say for which target alone, as its header need not know the other's calls.
#if !defined(CRESTMAX_ASCEND_TARGET)
#define CRESTMAX_ASCEND_HAS_2201 1
#define CRESTMAX_ASCEND_HAS_3510 1
#else
#define CRESTMAX_ASCEND_HAS_2201 (CRESTMAX_ASCEND_TARGET == 2201)
#define CRESTMAX_ASCEND_HAS_3510 (CRESTMAX_ASCEND_TARGET == 3510)
#endif

CRESTMAX_BEGIN_VERSION

namespace ascend {

// Capacities in bytes, after what the system keeps for itself.
struct target_sizes {
  std::uint32_t unified_buffer;  // of each vector core
  std::uint32_t l1;              // of each cube core, and so are the rest
  std::uint32_t l0a;
  std::uint32_t l0b;
  std::uint32_t l0c;
};

// Atlas A2 and A3 (910B, 910C).
struct target_2201 {
  static constexpr target_sizes sizes{192 * 1024 - 256 - 8 * 1024, 512 * 1024 - 256, 64 * 1024, 64 * 1024, 128 * 1024};
  // O of 128 x 128 and two score tiles of 128 x 64 fill L0C.
  static constexpr std::int32_t most_keys = 64;
  // L0A wants rows of fractals (Zz), which LoadData makes of L1's columns (Nz) line by line.
  static constexpr bool loads_matrices = false;
  // Scores and O go to the vector cores through global memory.
  static constexpr bool reaches_ub = false;
};

// 950.
struct target_3510 {
  static constexpr target_sizes sizes{248 * 1024, 512 * 1024 - 256, 64 * 1024, 64 * 1024, 256 * 1024};
  // L0C has room for two score tiles of 128 x 128; L0A and L0B, which have not grown, for d_qk of at most 128.
  static constexpr std::int32_t most_keys = 128;
  // L0A wants columns of fractals (Nz), as in L1; LoadData takes whole matrices (LoadData2DParamsV2).
  static constexpr bool loads_matrices = true;
  // L0C is written to the unified buffers of both vector cores, half of the rows to each.
  static constexpr bool reaches_ub = true;
};

}  // namespace ascend

CRESTMAX_END_VERSION
