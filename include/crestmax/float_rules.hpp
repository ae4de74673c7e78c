// Whether this translation unit was compiled to keep infinities and NaN. clang has flags that lose one of them alone, which no
// macro tells of and no pragma of its version 14 takes back: that is found out when a call is planned.
#pragma once

#include <compare>
#include <limits>

#include "error.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// What the compiler may not foresee; a compiler that was told that there are none answers beforehand.
inline bool keeps_infinities_and_nan() {
  using limits = std::numeric_limits<float>;
  volatile float stored_nan = limits::quiet_NaN();
  volatile float stored_infinity = limits::infinity();
  const float nan = stored_nan;
  const float infinity = stored_infinity * 2;
  return !(nan <= nan) && (infinity <=> limits::infinity()) == 0;
}

inline status check_float_rules() {
  if (keeps_infinities_and_nan()) return success();
  return error_text(status_code::unsupported, "compiler flags", "ones that keep infinities and NaN",
                    "-fno-honor-nans, -fno-honor-infinities or their like");
}

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
