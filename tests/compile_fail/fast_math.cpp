// -ffast-math alone is refused, with a way out.
// refused with: -ffast-math
// accepted with: -ffast-math -fno-finite-math-only
// expects: crestmax needs infinities and NaN: add -fno-finite-math-only after -ffast-math
#include <crestmax/config.hpp>
