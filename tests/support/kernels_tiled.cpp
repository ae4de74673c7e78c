// The kernels of AMX over plain tiles, compiled once for all test programs.
#define CRESTMAX_INSTANTIATE_KERNELS
#include "tiled.hpp"
