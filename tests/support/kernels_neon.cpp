// The neon kernels, compiled once for all test programs.
#define CRESTMAX_INSTANTIATE_KERNELS
#include <crestmax/backend/cpu/neon.hpp>
