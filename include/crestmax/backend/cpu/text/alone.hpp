// A text that is opened by itself, by an editor or a compiler, stands in no set: this is what every set has before it. Texts include
// it, and those that they need, where nothing has been included before.
#pragma once

#include <cstring>
#include <numeric>

#include "../../../call.hpp"
#include "../kernels.hpp"
#include "../numbers.hpp"
#include "../plain_codes.hpp"

using namespace crestmax::cpu;
using namespace crestmax;     

template <class T>
struct primitives;
inline constexpr crestmax::instruction_set this_set = crestmax::instruction_set::portable;
