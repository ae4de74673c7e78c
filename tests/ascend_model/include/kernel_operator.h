// The Ascend C primitives that the project's kernel uses, on the host: see the README beside.
#pragma once

#include "ascend_model/copies.hpp"
#include "ascend_model/cube.hpp"
#include "ascend_model/synchronise.hpp"
#include "ascend_model/vector_reduce.hpp"
