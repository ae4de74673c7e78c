// The kernels of the OpenMP program, compiled once: those of the tests' support library are compiled without it.
#define CRESTMAX_INSTANTIATE_KERNELS
#include <crestmax/attention.hpp>
