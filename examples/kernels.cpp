// The kernels of the examples, compiled once; their other files are compiled with CRESTMAX_EXTERN_KERNELS.
#define CRESTMAX_INSTANTIATE_KERNELS
#include <crestmax/attention.hpp>
