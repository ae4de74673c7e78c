// CRESTMAX_BUILD: one name for all compile settings that change code, a namespace's. Translation units whose names differ share
// no function, so they can be linked together, whatever each of them is compiled for.
#pragma once

// CRESTMAX_DETAIL_HAS(macro): 1 where the macro is 1, else 0.
#define CRESTMAX_DETAIL_SECOND(first, second, ...) second
#define CRESTMAX_DETAIL_BEFORE_1 0,
#define CRESTMAX_DETAIL_HAS__(before) CRESTMAX_DETAIL_SECOND(before 1, 0, 0)
#define CRESTMAX_DETAIL_HAS_(value) CRESTMAX_DETAIL_HAS__(CRESTMAX_DETAIL_BEFORE_##value)
#define CRESTMAX_DETAIL_HAS(macro) CRESTMAX_DETAIL_HAS_(macro)

// Four of them are a digit. Names of one bit per extension would be unbearable, and machines have the extensions in any
// combination.
#define CRESTMAX_DETAIL_DIGIT_0000 0
#define CRESTMAX_DETAIL_DIGIT_0001 1
#define CRESTMAX_DETAIL_DIGIT_0010 2
#define CRESTMAX_DETAIL_DIGIT_0011 3
#define CRESTMAX_DETAIL_DIGIT_0100 4
#define CRESTMAX_DETAIL_DIGIT_0101 5
#define CRESTMAX_DETAIL_DIGIT_0110 6
#define CRESTMAX_DETAIL_DIGIT_0111 7
#define CRESTMAX_DETAIL_DIGIT_1000 8
#define CRESTMAX_DETAIL_DIGIT_1001 9
#define CRESTMAX_DETAIL_DIGIT_1010 a
#define CRESTMAX_DETAIL_DIGIT_1011 b
#define CRESTMAX_DETAIL_DIGIT_1100 c
#define CRESTMAX_DETAIL_DIGIT_1101 d
#define CRESTMAX_DETAIL_DIGIT_1110 e
#define CRESTMAX_DETAIL_DIGIT_1111 f
#define CRESTMAX_DETAIL_DIGIT_(a, b, c, d) CRESTMAX_DETAIL_DIGIT_##a##b##c##d
#define CRESTMAX_DETAIL_DIGIT(a, b, c, d) CRESTMAX_DETAIL_DIGIT_(a, b, c, d)
#define CRESTMAX_DETAIL_DIGITS(a, b, c, d) \
  CRESTMAX_DETAIL_DIGIT(CRESTMAX_DETAIL_HAS(a), CRESTMAX_DETAIL_HAS(b), CRESTMAX_DETAIL_HAS(c), CRESTMAX_DETAIL_HAS(d))

#define CRESTMAX_DETAIL_JOIN_5_(a, b, c, d, e) a##b##c##d##e
#define CRESTMAX_DETAIL_JOIN_5(a, b, c, d, e) CRESTMAX_DETAIL_JOIN_5_(a, b, c, d, e)

// The instruction set: the macros of every extension that compilers use unasked. What programs have to ask for by an
// intrinsic, as for random numbers, changes no code of this library.
#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64) || defined(_M_IX86)
// Up to SSE4; AVX and what goes with it; scalar extensions; those of AMD's alone.
#define CRESTMAX_DETAIL_OLD_SETS                                                       \
  CRESTMAX_DETAIL_JOIN_5(x86_,                                                         \
                         CRESTMAX_DETAIL_DIGITS(__SSE__, __SSE2__, __SSE2_MATH__, __SSE3__),      \
                         CRESTMAX_DETAIL_DIGITS(__SSSE3__, __SSE4_1__, __SSE4_2__, __CRC32__),    \
                         CRESTMAX_DETAIL_DIGITS(__SSE4A__, __XOP__, __FMA4__, __TBM__),           \
                         CRESTMAX_DETAIL_DIGITS(__LAHF_SAHF__, __PRFCHW__, __PREFETCHWT1__, __PCLMUL__))
#define CRESTMAX_DETAIL_SCALAR_SETS                                                    \
  CRESTMAX_DETAIL_JOIN_5(_,                                                            \
                         CRESTMAX_DETAIL_DIGITS(__POPCNT__, __LZCNT__, __BMI__, __BMI2__),        \
                         CRESTMAX_DETAIL_DIGITS(__MOVBE__, __GCC_HAVE_SYNC_COMPARE_AND_SWAP_16, __CMPCCXADD__, __RAOINT__), \
                         CRESTMAX_DETAIL_DIGITS(__APX_F__, __EGPR__, __NDD__, __NF__),            \
                         CRESTMAX_DETAIL_DIGITS(__CCMP__, __CF__, __ZU__, __PPX__))
#define CRESTMAX_DETAIL_WIDE_SETS                                                      \
  CRESTMAX_DETAIL_JOIN_5(CRESTMAX_DETAIL_DIGITS(__AVX__, __AVX2__, __FMA__, __F16C__),            \
                         CRESTMAX_DETAIL_DIGITS(__AVXVNNI__, __AVXIFMA__, __AVXVNNIINT8__, __AVXVNNIINT16__), \
                         CRESTMAX_DETAIL_DIGITS(__AVXNECONVERT__, __GFNI__, __VPCLMULQDQ__, __PUSH2POP2__),   \
                         CRESTMAX_DETAIL_DIGITS(__AVX512F__, __AVX512BW__, __AVX512DQ__, __AVX512VL__), \
                         CRESTMAX_DETAIL_DIGITS(__AVX512CD__, __AVX512IFMA__, __AVX512VBMI__, __AVX512VBMI2__))
#define CRESTMAX_DETAIL_NEW_SETS                                                       \
  CRESTMAX_DETAIL_JOIN_5(CRESTMAX_DETAIL_DIGITS(__AVX512VNNI__, __AVX512BITALG__, __AVX512VPOPCNTDQ__, __AVX512BF16__), \
                         CRESTMAX_DETAIL_DIGITS(__AVX512FP16__, __AVX512ER__, __AVX512PF__, __AVX5124FMAPS__), \
                         CRESTMAX_DETAIL_DIGITS(__AVX5124VNNIW__, __AVX10_1__, __AVX10_1_512__, __AVX10_2__),  \
                         CRESTMAX_DETAIL_DIGITS(__AVX10_2_512__, __EVEX256__, __EVEX512__, __MOVRS__), )
#define CRESTMAX_DETAIL_SETS \
  CRESTMAX_DETAIL_JOIN_5(CRESTMAX_DETAIL_OLD_SETS, CRESTMAX_DETAIL_SCALAR_SETS, _, CRESTMAX_DETAIL_WIDE_SETS, CRESTMAX_DETAIL_NEW_SETS)

#elif defined(__aarch64__)
// Three macros are numbers, others than 0 and 1.
#if defined(__ARM_FEATURE_RCPC)
#define CRESTMAX_DETAIL_ORDER __ARM_FEATURE_RCPC
#else
#define CRESTMAX_DETAIL_ORDER 0
#endif
#if defined(__ARM_FEATURE_SVE_BITS)
#define CRESTMAX_DETAIL_SVE_BITS __ARM_FEATURE_SVE_BITS
#else
#define CRESTMAX_DETAIL_SVE_BITS 0
#endif
#define CRESTMAX_DETAIL_NUMBERS_(version, order, bits) arm##version##_##order##_##bits##_
#define CRESTMAX_DETAIL_NUMBERS(version, order, bits) CRESTMAX_DETAIL_NUMBERS_(version, order, bits)
#define CRESTMAX_DETAIL_BASE_SETS                                                      \
  CRESTMAX_DETAIL_JOIN_5(CRESTMAX_DETAIL_NUMBERS(__ARM_ARCH, CRESTMAX_DETAIL_ORDER, CRESTMAX_DETAIL_SVE_BITS), \
                         CRESTMAX_DETAIL_DIGITS(__ARM_FEATURE_ATOMICS, __ARM_FEATURE_CRC32, __ARM_FEATURE_QRDMX, __ARM_FEATURE_MOPS), \
                         CRESTMAX_DETAIL_DIGITS(__ARM_FEATURE_COMPLEX, __ARM_FEATURE_JCVT, __ARM_FEATURE_FRINT, __ARM_FEATURE_CSSC), \
                         CRESTMAX_DETAIL_DIGITS(__ARM_FEATURE_AES, __ARM_FEATURE_SHA3, __ARM_FEATURE_DOTPROD, __ARM_FEATURE_MATMUL_INT8), \
                         CRESTMAX_DETAIL_DIGITS(__ARM_FEATURE_FP16_FML, __ARM_FEATURE_FP16_SCALAR_ARITHMETIC, \
                                                __ARM_FEATURE_FP16_VECTOR_ARITHMETIC, __ARM_FEATURE_FAMINMAX))
#define CRESTMAX_DETAIL_SVE_SETS                                                       \
  CRESTMAX_DETAIL_JOIN_5(_,                                                            \
                         CRESTMAX_DETAIL_DIGITS(__ARM_FEATURE_BF16, __ARM_FEATURE_BF16_SCALAR_ARITHMETIC, \
                                                __ARM_FEATURE_BF16_VECTOR_ARITHMETIC, __ARM_FEATURE_SVE_BF16), \
                         CRESTMAX_DETAIL_DIGITS(__ARM_FEATURE_SVE, __ARM_FEATURE_SVE_MATMUL_INT8, \
                                                __ARM_FEATURE_SVE_MATMUL_FP32, __ARM_FEATURE_SVE_MATMUL_FP64), \
                         CRESTMAX_DETAIL_DIGITS(__ARM_FEATURE_SVE2, __ARM_FEATURE_SVE2_AES, \
                                                __ARM_FEATURE_SVE2_SHA3, __ARM_FEATURE_SVE2_BITPERM), \
                         CRESTMAX_DETAIL_DIGITS(__ARM_FEATURE_SVE2p1, __ARM_FEATURE_SVE_B16B16, \
                                                __ARM_FEATURE_SME, __ARM_FEATURE_SME2))
#define CRESTMAX_DETAIL_SETS CRESTMAX_DETAIL_JOIN_5(CRESTMAX_DETAIL_BASE_SETS, CRESTMAX_DETAIL_SVE_SETS, , , )

#else  // other architectures: link what is compiled for the same processor
#define CRESTMAX_DETAIL_SETS other
#endif

#if defined(_OPENMP)
#define CRESTMAX_DETAIL_OPENMP _openmp
#else
#define CRESTMAX_DETAIL_OPENMP _serial
#endif
#if defined(__cpp_exceptions)
#define CRESTMAX_DETAIL_EXCEPTIONS _throwing
#else
#define CRESTMAX_DETAIL_EXCEPTIONS _nothrow
#endif
// Compilers own up to different ones of these.
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__NO_MATH_ERRNO__) || \
    defined(__RECIPROCAL_MATH__) || defined(__NO_SIGNED_ZEROS__) || defined(__NO_TRAPPING_MATH__) || defined(_M_FP_FAST)
#define CRESTMAX_DETAIL_MATH _fast
#else
#define CRESTMAX_DETAIL_MATH _strict
#endif
// backend::ascend is another type with Huawei's CANN toolkit than without.
#if defined(CRESTMAX_WITH_CANN)
#define CRESTMAX_DETAIL_CANN _cann
#else
#define CRESTMAX_DETAIL_CANN
#endif

#define CRESTMAX_BUILD                                                                                     \
  CRESTMAX_DETAIL_JOIN_5(CRESTMAX_DETAIL_SETS, CRESTMAX_DETAIL_OPENMP, CRESTMAX_DETAIL_EXCEPTIONS, CRESTMAX_DETAIL_MATH, \
                         CRESTMAX_DETAIL_CANN)
