// The avx512 kernels, compiled once for all test programs.
#define CRESTMAX_INSTANTIATE_KERNELS
#include <crestmax/backend/cpu/avx512.hpp>
