// The kernels that 32-bit targets have.
#define CRESTMAX_INSTANTIATE_KERNELS
#include <crestmax/backend/cpu/generic.hpp>
#include <crestmax/backend/cpu/policy.hpp>
#include <crestmax/backend/cpu/portable.hpp>
