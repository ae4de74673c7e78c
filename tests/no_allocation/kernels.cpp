// The kernels of this program, compiled once. Not those of the tests' support library: the OpenMP
// program has a build of its own.
#define CRESTMAX_INSTANTIATE_KERNELS
#include <crestmax/attention.hpp>
