// What the compiler must offer, and what text is compiled with.
#pragma once

#include "build_tag.hpp"
#include "version.hpp"

#if __cplusplus < 202002L && !(defined(_MSVC_LANG) && _MSVC_LANG >= 202002L)
#error "crestmax needs C++20: compile with -std=c++20"
#endif

// Masked keys are -inf and poisoned rows are NaN: a compiler that is told there are none would
// delete the guard.
#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#error "crestmax needs infinities and NaN: add -fno-finite-math-only after -ffast-math"
#endif

// Everything that generates code lives in an inline namespace named after the version and the compile settings that
// change it, so that translation units built with different headers or different -march can be linked together.
#define CRESTMAX_BEGIN_NAMESPACE CRESTMAX_BEGIN_VERSION inline namespace CRESTMAX_BUILD {
#define CRESTMAX_END_NAMESPACE } CRESTMAX_END_VERSION

// Register tiles are arrays that must be unrolled completely; kernels are inlined whole, so that no
// out-of-line copy of a library template can be shared between differently compiled translation units.
// Under sanitizers that would take minutes to compile and serve nobody.
#if defined(__clang__)
#define CRESTMAX_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define CRESTMAX_UNROLL _Pragma("GCC unroll 64")
#else
#define CRESTMAX_UNROLL
#endif
// A type whose memory may also be accessed as another type: of the caller's elements only the layout is known.
#if defined(__GNUC__)
#define CRESTMAX_MAY_ALIAS __attribute__((may_alias))
#else
#define CRESTMAX_MAY_ALIAS
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define CRESTMAX_DETAIL_SANITIZED 1
#endif
#endif
// No macro tells of g++'s sanitizer of undefined behaviour. Under it nothing that is checked is inlined into what is not: kernels and
// their inner loops are not, what they call is, by calls.
#if defined(__GNUC__) && !defined(__clang__)
#define CRESTMAX_UNCHECKED __attribute__((no_sanitize("undefined")))
#else
#define CRESTMAX_UNCHECKED
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(CRESTMAX_DETAIL_SANITIZED)
#define CRESTMAX_KERNEL
#elif defined(__GNUC__) && !defined(__clang__)
#define CRESTMAX_KERNEL __attribute__((noinline, flatten, aligned(64))) CRESTMAX_UNCHECKED
#elif defined(__GNUC__)
#define CRESTMAX_KERNEL __attribute__((noinline, flatten, aligned(64)))
#else
#define CRESTMAX_KERNEL
#endif

// A function that is not inlined: it is called from many places, or seldom.
#if defined(__GNUC__)
#define CRESTMAX_OUT_OF_LINE __attribute__((noinline))
#else
#define CRESTMAX_OUT_OF_LINE
#endif

// A region whose functions are compiled for an instruction set that the rest of the translation unit
// need not have: text between begin and end, called only after features.hpp has found the set. Standard and
// third-party headers stay outside.
#if defined(__clang__)
#define CRESTMAX_DETAIL_PRAGMA(text) _Pragma(#text)
#define CRESTMAX_BEGIN_TARGET(features) \
  CRESTMAX_DETAIL_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define CRESTMAX_END_TARGET _Pragma("clang attribute pop")
#elif defined(__GNUC__)
#define CRESTMAX_DETAIL_PRAGMA(text) _Pragma(#text)
// g++ 12 warns about its own AVX-512 intrinsics (their undefined pass-through operand).
#define CRESTMAX_BEGIN_TARGET(features)                                          \
  _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wmaybe-uninitialized\"") \
  _Pragma("GCC diagnostic ignored \"-Wuninitialized\"") _Pragma("GCC push_options") CRESTMAX_DETAIL_PRAGMA(GCC target(features))
#define CRESTMAX_END_TARGET _Pragma("GCC pop_options") _Pragma("GCC diagnostic pop")
#endif

#if defined(__x86_64__) && defined(CRESTMAX_BEGIN_TARGET)
#define CRESTMAX_X86_SETS 1
#else
#define CRESTMAX_X86_SETS 0
#endif
// NEON is part of every AArch64 target; big-endian ones are not tried and take the generic set.
#if defined(__aarch64__) && defined(__ARM_NEON) && !defined(__AARCH64EB__)
#define CRESTMAX_ARM_SETS 1
#else
#define CRESTMAX_ARM_SETS 0
#endif
