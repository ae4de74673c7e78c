// Version, and the name that keeps differently compiled copies of the library apart.
#pragma once

#define CRESTMAX_VERSION_MAJOR 0
#define CRESTMAX_VERSION_MINOR 1
#define CRESTMAX_VERSION_PATCH 0

#if __cplusplus < 202002L && !(defined(_MSVC_LANG) && _MSVC_LANG >= 202002L)
#error "crestmax needs C++20: compile with -std=c++20"
#endif

// Masked keys are -inf and poisoned rows are NaN: a compiler that is told there are none would
// delete the guard.
#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#error "crestmax needs infinities and NaN: add -fno-finite-math-only after -ffast-math"
#endif

// Everything that generates code lives in an inline namespace named after the compile settings that
// change it, so that translation units built with different -march or -fopenmp can be linked together.
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define CRESTMAX_DETAIL_ARCH avx512
#elif defined(__AVX512F__)
#define CRESTMAX_DETAIL_ARCH avx512f
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define CRESTMAX_DETAIL_ARCH avx2_fma_f16c
#elif defined(__AVX2__) && defined(__FMA__)
#define CRESTMAX_DETAIL_ARCH avx2_fma
#elif defined(__AVX2__)
#define CRESTMAX_DETAIL_ARCH avx2
#elif defined(__AVX__)
#define CRESTMAX_DETAIL_ARCH avx
#elif defined(__SSE4_1__)
#define CRESTMAX_DETAIL_ARCH sse41
#elif defined(__SSSE3__)
#define CRESTMAX_DETAIL_ARCH ssse3
#elif defined(__ARM_FEATURE_SVE2)
#define CRESTMAX_DETAIL_ARCH sve2
#elif defined(__ARM_FEATURE_SVE)
#define CRESTMAX_DETAIL_ARCH sve
#else
#define CRESTMAX_DETAIL_ARCH baseline
#endif
// Extensions that compilers use unasked. Machines have them in many combinations.
#if defined(__BMI2__)
#define CRESTMAX_DETAIL_BITS _bmi2
#else
#define CRESTMAX_DETAIL_BITS
#endif
#if defined(__AVX512VNNI__)
#define CRESTMAX_DETAIL_DOT _vnni
#elif defined(__ARM_FEATURE_DOTPROD)
#define CRESTMAX_DETAIL_DOT _dotprod
#else
#define CRESTMAX_DETAIL_DOT
#endif
#if defined(__AVX512VBMI2__)
#define CRESTMAX_DETAIL_BYTES _vbmi2
#else
#define CRESTMAX_DETAIL_BYTES
#endif
#if defined(__AVX512BF16__) || defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
#define CRESTMAX_DETAIL_BF16 _bf16
#else
#define CRESTMAX_DETAIL_BF16
#endif
#if defined(__AVX512FP16__) || defined(__ARM_FEATURE_FP16_VECTOR_ARITHMETIC)
#define CRESTMAX_DETAIL_FP16 _fp16
#else
#define CRESTMAX_DETAIL_FP16
#endif
#if defined(_OPENMP)
#define CRESTMAX_DETAIL_OPENMP openmp
#else
#define CRESTMAX_DETAIL_OPENMP serial
#endif
#if defined(__cpp_exceptions)
#define CRESTMAX_DETAIL_EXCEPTIONS throwing
#else
#define CRESTMAX_DETAIL_EXCEPTIONS nothrow
#endif
// clang with -ffast-math -fno-finite-math-only owns up to nothing but the last of these.
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__NO_MATH_ERRNO__)
#define CRESTMAX_DETAIL_MATH fast
#else
#define CRESTMAX_DETAIL_MATH strict
#endif

// backend::ascend is another type with Huawei's CANN toolkit than without.
#if defined(CRESTMAX_WITH_CANN)
#define CRESTMAX_DETAIL_CANN _cann
#else
#define CRESTMAX_DETAIL_CANN
#endif

#define CRESTMAX_DETAIL_JOIN_(a, b, c, d, e, f, g, h, i, j) a##b##c##d##e##f##_##g##_##h##_##i##j
#define CRESTMAX_DETAIL_JOIN(a, b, c, d, e, f, g, h, i, j) CRESTMAX_DETAIL_JOIN_(a, b, c, d, e, f, g, h, i, j)
#define CRESTMAX_BUILD \
  CRESTMAX_DETAIL_JOIN(CRESTMAX_DETAIL_ARCH, CRESTMAX_DETAIL_BITS, CRESTMAX_DETAIL_DOT, \
                       CRESTMAX_DETAIL_BYTES, CRESTMAX_DETAIL_BF16, CRESTMAX_DETAIL_FP16, \
                       CRESTMAX_DETAIL_OPENMP, CRESTMAX_DETAIL_EXCEPTIONS, CRESTMAX_DETAIL_MATH, \
                       CRESTMAX_DETAIL_CANN)

#define CRESTMAX_BEGIN_NAMESPACE namespace crestmax { inline namespace CRESTMAX_BUILD {
#define CRESTMAX_END_NAMESPACE }}

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
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CRESTMAX_DETAIL_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(CRESTMAX_DETAIL_SANITIZED)
#define CRESTMAX_KERNEL
#elif defined(__GNUC__)
#define CRESTMAX_KERNEL __attribute__((noinline, flatten))
#else
#define CRESTMAX_KERNEL
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
#define CRESTMAX_BEGIN_TARGET(features) \
  _Pragma("GCC push_options") CRESTMAX_DETAIL_PRAGMA(GCC target(features))
#define CRESTMAX_END_TARGET _Pragma("GCC pop_options")
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
