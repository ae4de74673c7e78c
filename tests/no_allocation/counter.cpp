// Replaces the allocator's entry points by ones that count and pass on to the C library's own, and
// pthread_create by one that counts. Memory still comes from the C library, so free() stays as it is.
#include "counter.hpp"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <new>

#if !defined(__GLIBC__)
#error "this counter passes allocations on to the GNU C library"
#endif

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace {

std::atomic<bool> counting{false};
std::atomic<long> allocations{0};
std::atomic<long> threads{0};

void count_allocation() {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
}

// operator new asks the C library directly: one allocation counts once.
void* new_memory(std::size_t size, std::size_t alignment = 0) {
  count_allocation();
  const std::size_t bytes = size == 0 ? 1 : size;
  return alignment == 0 ? __libc_malloc(bytes) : __libc_memalign(alignment, bytes);
}
void* new_memory_or_throw(std::size_t size, std::size_t alignment = 0) {
  void* memory = new_memory(size, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
std::size_t number(std::align_val_t alignment) { return static_cast<std::size_t>(alignment); }

}  // namespace

namespace crestmax_test {

void begin_counting() {
  allocations = 0;
  threads = 0;
  counting = true;
}

traces end_counting() {
  counting = false;
  return {allocations, threads};
}

long living_threads() {
  long count = 0;
  for ([[maybe_unused]] const auto& task : std::filesystem::directory_iterator("/proc/self/task")) ++count;
  return count;
}

}  // namespace crestmax_test

extern "C" {

void* malloc(std::size_t size) noexcept {
  count_allocation();
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  count_allocation();
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) noexcept {
  count_allocation();
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  count_allocation();
  return __libc_memalign(alignment, size);
}
void* memalign(std::size_t alignment, std::size_t size) noexcept {
  count_allocation();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
  count_allocation();
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                   void* argument) noexcept {
  using function = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto original = reinterpret_cast<function>(dlsym(RTLD_NEXT, "pthread_create"));
  if (counting.load(std::memory_order_relaxed)) threads.fetch_add(1, std::memory_order_relaxed);
  return original(thread, attributes, start, argument);
}

}  // extern "C"

void* operator new(std::size_t size) { return new_memory_or_throw(size); }
void* operator new[](std::size_t size) { return new_memory_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return new_memory(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return new_memory(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return new_memory_or_throw(size, number(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return new_memory_or_throw(size, number(alignment));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return new_memory(size, number(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return new_memory(size, number(alignment));
}
