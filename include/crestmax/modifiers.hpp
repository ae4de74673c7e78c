// What modifies the scores: concepts and composition, and the standard modifiers.
#pragma once

#include "modifiers/concepts.hpp"
#include "modifiers/mask_tensor.hpp"
#include "modifiers/positions.hpp"
#include "modifiers/standard.hpp"
#include "modifiers/tree_mask.hpp"
