// What compilers and operating systems do each in a way of their own. Tried with g++ and clang on Linux and with MinGW-w64's g++;
// what is here for MSVC and clang-cl is untried.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#if !defined(__GNUC__) && !defined(__clang__)
#include <atomic>
#endif
#if defined(_WIN32)
#include <malloc.h>
#endif
#if defined(_MSC_VER) && defined(_M_X64)
#include <xmmintrin.h>
#endif

#include "config.hpp"

// Asks for the memory at an address: into the first cache (level 3) or the second (level 2).
#if defined(__GNUC__) || defined(__clang__)
#define CRESTMAX_PREFETCH(address, level) __builtin_prefetch(address, 0, level)
#elif defined(_MSC_VER) && defined(_M_X64)
#define CRESTMAX_PREFETCH(address, level) \
  _mm_prefetch(reinterpret_cast<const char*>(address), (level) == 3 ? _MM_HINT_T0 : _MM_HINT_T1)
#else
#define CRESTMAX_PREFETCH(address, level) static_cast<void>(address)
#endif

// g++'s header for AMX passes distances as long, which is too short for them on 64-bit Windows.
#if defined(_WIN32)
#define CRESTMAX_TILE_INTRINSICS 0
#else
#define CRESTMAX_TILE_INTRINSICS 1
#endif

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace compiler {

// A compiler keeps to this pointer, instead of computing it anew from others.
template <class T>
inline void keep_pointer([[maybe_unused]] T*& pointer) {
#if defined(__GNUC__) || defined(__clang__)
  asm("" : "+r"(pointer));
#endif
}

// std::atomic of an integer or an enumeration, as far as it is used here: to parse its header takes as long as half of this library's.
#if defined(__GNUC__) || defined(__clang__)
template <class T>
class atomic {
 public:
  constexpr atomic() = default;
  constexpr explicit atomic(T value) : value_(value) {}
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  static constexpr bool is_always_lock_free = __atomic_always_lock_free(sizeof(T), 0);

  T load_relaxed() const { return load<__ATOMIC_RELAXED>(); }
  T load_acquire() const { return load<__ATOMIC_ACQUIRE>(); }
  void store_relaxed(T value) { __atomic_store(&value_, &value, __ATOMIC_RELAXED); }
  void store_release(T value) { __atomic_store(&value_, &value, __ATOMIC_RELEASE); }
  // Relaxed; what was there before.
  T fetch_or(T value) { return __atomic_fetch_or(&value_, value, __ATOMIC_RELAXED); }
  // What was there before. Whoever finds what others have added sees what they have written before.
  T fetch_add_ordered(T value) { return __atomic_fetch_add(&value_, value, __ATOMIC_ACQ_REL); }
  // Relaxed; false if something else is there.
  bool replace(T expected, T value) {
    return __atomic_compare_exchange(&value_, &expected, &value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  }

 private:
  template <int order>
  T load() const {
    T value;
    __atomic_load(&value_, &value, order);
    return value;
  }
  alignas(sizeof(T)) T value_{};
};
#else
template <class T>
class atomic {
 public:
  constexpr atomic() = default;
  constexpr explicit atomic(T value) : value_(value) {}

  static constexpr bool is_always_lock_free = std::atomic<T>::is_always_lock_free;

  T load_relaxed() const { return value_.load(std::memory_order_relaxed); }
  T load_acquire() const { return value_.load(std::memory_order_acquire); }
  void store_relaxed(T value) { value_.store(value, std::memory_order_relaxed); }
  void store_release(T value) { value_.store(value, std::memory_order_release); }
  T fetch_or(T value) { return value_.fetch_or(value, std::memory_order_relaxed); }
  T fetch_add_ordered(T value) { return value_.fetch_add(value, std::memory_order_acq_rel); }
  bool replace(T expected, T value) { return value_.compare_exchange_strong(expected, value, std::memory_order_relaxed); }

 private:
  std::atomic<T> value_{};
};
#endif

// Memory for a call that owns its workspace; null if there is none. `bytes` is a multiple of `alignment`.
inline void* allocate_aligned(std::size_t alignment, std::size_t bytes) {
#if defined(_WIN32)
  return _aligned_malloc(bytes, alignment);
#else
  return std::aligned_alloc(alignment, bytes);
#endif
}
inline void free_aligned(void* memory) {
#if defined(_WIN32)
  _aligned_free(memory);
#else
  std::free(memory);
#endif
}

// a * b and a + b; true where they do not fit, and the result is not to be used then. `plain`: for compilers that have nothing
// of their own.
namespace plain {

inline bool multiply_overflows(std::int64_t a, std::int64_t b, std::int64_t& result) {
  const bool fits = a == 0 || b == 0 ||
                    (a > 0 ? (b > 0 ? a <= INT64_MAX / b : b >= INT64_MIN / a) : (b > 0 ? a >= INT64_MIN / b : b >= INT64_MAX / a));
  if (fits) result = a * b;
  return !fits;
}

inline bool add_overflows(std::int64_t a, std::int64_t b, std::int64_t& result) {
  const bool fits = b >= 0 ? a <= INT64_MAX - b : a >= INT64_MIN - b;
  if (fits) result = a + b;
  return !fits;
}

}  // namespace plain

#if defined(__GNUC__) || defined(__clang__)
inline bool multiply_overflows(std::int64_t a, std::int64_t b, std::int64_t& result) { return __builtin_mul_overflow(a, b, &result); }
inline bool add_overflows(std::int64_t a, std::int64_t b, std::int64_t& result) { return __builtin_add_overflow(a, b, &result); }
#else
using plain::add_overflows;
using plain::multiply_overflows;
#endif

}  // namespace compiler

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
