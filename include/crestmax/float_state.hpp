// The floating point state that numbers of the library are computed under, whatever the caller's is.
#pragma once

#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64)
#include <xmmintrin.h>
#elif !defined(__aarch64__)
#include <cfenv>
#endif
#include <cstdint>

#include "config.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// Round to nearest, subnormals kept, no traps, whatever the caller had set; restored afterwards.
class default_float_state {
 public:
#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64)
  default_float_state() : saved_(_mm_getcsr()) { _mm_setcsr(0x1f80); }
  ~default_float_state() { _mm_setcsr(saved_); }
#elif defined(__aarch64__)
  default_float_state() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" : : "r"(std::uint64_t{0}));
  }
  ~default_float_state() { asm volatile("msr fpcr, %0" : : "r"(saved_)); }
#else
  default_float_state() {
    std::fegetenv(&saved_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~default_float_state() { std::fesetenv(&saved_); }
#endif
  default_float_state(const default_float_state&) = delete;
  default_float_state& operator=(const default_float_state&) = delete;

 private:
#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64)
  unsigned saved_;
#elif defined(__aarch64__)
  std::uint64_t saved_;
#else
  std::fenv_t saved_;
#endif
};

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
