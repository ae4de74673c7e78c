// Builds status messages without allocating.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>

#include "config.hpp"
#include "status.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

inline status success() {
  status s{};
  s.code = status_code::ok;
  return s;
}

// "argument: expected <expectation>, given <given>"; both halves are printf formats with at most
// one number each.
CRESTMAX_OUT_OF_LINE inline status error(status_code code, const char* argument, const char* expectation,
                    std::int64_t given) {
  status s{};
  s.code = code;
  std::snprintf(s.text, sizeof s.text, "%s: expected %s, given %lld", argument, expectation,
                static_cast<long long>(given));
  return s;
}

CRESTMAX_OUT_OF_LINE inline status error(status_code code, const char* argument, const char* expectation,
                    std::int64_t expected, std::int64_t given) {
  status s{};
  s.code = code;
  std::snprintf(s.text, sizeof s.text, "%s: expected %s %lld, given %lld", argument, expectation,
                static_cast<long long>(expected), static_cast<long long>(given));
  return s;
}

CRESTMAX_OUT_OF_LINE inline status error_real(status_code code, const char* argument, const char* expectation,
                         double given) {
  status s{};
  s.code = code;
  std::snprintf(s.text, sizeof s.text, "%s: expected %s, given %g", argument, expectation, given);
  return s;
}

CRESTMAX_OUT_OF_LINE inline status error_text(status_code code, const char* argument, const char* expectation,
                         const char* given) {
  status s{};
  s.code = code;
  std::snprintf(s.text, sizeof s.text, "%s: expected %s, given %s", argument, expectation, given);
  return s;
}

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
