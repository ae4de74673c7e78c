// The portable kernels, which no call of the benchmark's other programs uses.
#define CRESTMAX_INSTANTIATE_KERNELS
#include <crestmax/backend/cpu/portable.hpp>
