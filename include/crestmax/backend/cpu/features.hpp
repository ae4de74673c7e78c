// The instruction sets that have kernels, and which of them this machine offers.
#pragma once

#include <cstdint>

#include "../../compiler.hpp"

#if CRESTMAX_X86_SETS
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif CRESTMAX_ARM_SETS && defined(__linux__)
#include <sys/auxv.h>
#endif

#include "../../names_aside.inc"

CRESTMAX_BEGIN_VERSION

// In rising order of width: a set is preferred to all before it.
enum class instruction_set : std::int32_t {
  portable, // plain C++, for tests: backend::portable alone takes it
  generic,  // whatever the compiler was told to target
  neon,     // AArch64, whose baseline it is
  neon_bf16,  // and products of pairs of bfloat16
  avx2,     // AVX2, FMA, F16C
  avx512,   // AVX-512 F, BW, DQ, VL
  avx512_bf16,  // and products of pairs of bfloat16
  amx,      // and tiles of them
  widest,   // as a wish: the best that the machine has
};

constexpr const char* name(instruction_set set) {
  constexpr const char* names[] = {"portable", "generic", "neon", "neon_bf16", "avx2", "avx512", "avx512_bf16", "amx", "widest"};
  return names[static_cast<int>(set)];
}

CRESTMAX_END_VERSION

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Whether a set multiplies pairs of bfloat16 in registers, and in tiles. Several sets may share a table that has both.
struct pair_facts {
  bool registers = false;
  bool tiles = false;
};
constexpr pair_facts pairs_of_set(instruction_set set) {
  constexpr pair_facts facts[] = {{true}, {}, {}, {true}, {}, {}, {true}, {true, true}, {}};
  return facts[static_cast<int>(set)];
}

#if CRESTMAX_X86_SETS

// Linux keeps the state of tiles out of a process until it asks for it, once; false where it refuses. The
// answer holds for all threads.
inline bool may_use_tiles() {
#if defined(__linux__)
  constexpr long ask_for_state = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, ask_for_state, tile_data) == 0;
#else
  return false;
#endif
}

// What the processor offers and the operating system saves on a context switch. Asked by CPUID and
// XGETBV: compilers' own queries do not know all of the features.
inline instruction_set detect_instruction_set() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return instruction_set::generic;
  constexpr unsigned fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28, f16c = 1u << 29;
  if ((c & (fma | osxsave | avx | f16c)) != (fma | osxsave | avx | f16c)) return instruction_set::generic;
  unsigned saved = 0, high = 0;
  asm volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  constexpr unsigned ymm_state = 0x6, zmm_state = 0xe6;
  if ((saved & ymm_state) != ymm_state) return instruction_set::generic;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return instruction_set::generic;
  constexpr unsigned avx2 = 1u << 5, f = 1u << 16, dq = 1u << 17, bw = 1u << 30, vl = 1u << 31;
  if ((b & avx2) == 0) return instruction_set::generic;
  const bool wide = (b & (f | dq | bw | vl)) == (f | dq | bw | vl) && (saved & zmm_state) == zmm_state;
  if (!wide) return instruction_set::avx2;
  constexpr unsigned amx_bf16 = 1u << 22, amx_tile = 1u << 24, tile_state = 3u << 17, avx512_bf16 = 1u << 5;
  const bool tiles = (d & (amx_bf16 | amx_tile)) == (amx_bf16 | amx_tile) && (saved & tile_state) == tile_state;
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d) == 0 || (a & avx512_bf16) == 0) return instruction_set::avx512;
  return tiles && may_use_tiles() ? instruction_set::amx : instruction_set::avx512_bf16;
}

// Whether there are dot products of integers beside AVX2 (bit 0) and AVX-512 (bit 1), where these are there.
inline std::int32_t detect_dots() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return 0;
  constexpr unsigned avx512_vnni = 1u << 11, avx_vnni = 1u << 4;
  const std::int32_t wide = (c & avx512_vnni) != 0 ? 2 : 0;
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d) == 0) return wide;
  return wide | ((a & avx_vnni) != 0 ? 1 : 0);
}

#elif CRESTMAX_ARM_SETS

inline std::int32_t detect_dots() { return 0; }

// Processors of one architecture version differ, and only the operating system may ask them: Linux passes on their answer.
inline instruction_set detect_instruction_set() {
#if defined(__linux__)
  constexpr unsigned long bf16 = 1ul << 14;  // HWCAP2_BF16
  if ((getauxval(AT_HWCAP2) & bf16) != 0) return instruction_set::neon_bf16;
#endif
  return instruction_set::neon;
}

#else

inline std::int32_t detect_dots() { return 0; }

inline instruction_set detect_instruction_set() { return instruction_set::generic; }

#endif

// What machine_set() and machine_has_dots() found: the library's only state. Zero, which no machine answers, is "not asked yet". It is there
// before any code runs, so a call before main() finds it, and a program that makes no call asks for nothing.
static_assert(instruction_set::portable == instruction_set{});
inline constinit compiler::atomic<instruction_set> answered_set{};

// The widest set of this machine that has kernels. Asked once, by the first call: threads that come at the same time ask the
// same question, and whoever finds an answer finds the state of tiles granted. The sets before it are there as well,
// but for those of another architecture.
inline instruction_set machine_set() {
  instruction_set set = answered_set.load_acquire();
  if (set == instruction_set{}) {
    set = detect_instruction_set();
    answered_set.store_release(set);
  }
  return set;
}

// The same of dot products; what was detected, and a bit that says so.
inline constinit compiler::atomic<std::int32_t> answered_dots{};

// Whether integers of a set are multiplied by dot products of the machine's own.
inline bool machine_has_dots(instruction_set set) {
  constexpr std::int32_t asked = 4;
  std::int32_t dots = answered_dots.load_acquire();
  if (dots == 0) {
    dots = detect_dots() | asked;
    answered_dots.store_release(dots);
  }
  return set >= instruction_set::avx2 && (dots & (set == instruction_set::avx2 ? 1 : 2)) != 0;
}

inline bool machine_has(instruction_set set) {
  const bool of_arm = set == instruction_set::neon || set == instruction_set::neon_bf16;
  return set <= machine_set() && (!of_arm || CRESTMAX_ARM_SETS);
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
