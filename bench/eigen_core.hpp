// Eigen for the files that use it as a baseline. g++ 12 warns about its own AVX-512 intrinsics (their
// undefined pass-through operand) wherever Eigen's functions are inlined, so the warnings stay off to
// the end of the file that includes this.
#pragma once

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include <Eigen/Core>
