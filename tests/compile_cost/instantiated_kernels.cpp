// The one translation unit of the program that compiles the kernels.
#define CRESTMAX_INSTANTIATE_KERNELS
#include <crestmax/attention.hpp>
