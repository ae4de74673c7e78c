// What the files in this folder have in common: tensors of one sequence, head and key.
#pragma once

#include <crestmax/crestmax.hpp>

inline float numbers[8];
inline const crestmax::tensor<const float> input(numbers, {1, 1, 1, 8});
inline const crestmax::tensor<float> output(numbers, {1, 1, 1, 8});
