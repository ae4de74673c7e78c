// The CPU path: picks the instruction set whose kernels run. An instruction set is a struct of kernels
// over its own primitives (see generic.hpp); today there is the generic one, over Eigen.
#pragma once

#include "generic.hpp"
#include "policy.hpp"

CRESTMAX_BEGIN_NAMESPACE

namespace backend {
using cpu = crestmax::cpu::policy<crestmax::cpu::generic::kernels>;
}

CRESTMAX_END_NAMESPACE
