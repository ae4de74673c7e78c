// Everything: the entry point, its vocabulary, every backend policy of this build.
#pragma once

#include "attention.hpp"
#include "backend/cpu/portable.hpp"
#include "softmax_state.hpp"
#include "throwing.hpp"
