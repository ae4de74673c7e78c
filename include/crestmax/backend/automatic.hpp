// The backend that a call gets when it does not ask for one.
#pragma once

#include "ascend/backend.hpp"
#include "cpu/backend.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace backend {
// Tensors live in the memory of the host: the CPU path.
using automatic = cpu;
}  // namespace backend

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
