// A buffer between two pages that nobody may touch: a read or write past its end, or before its beginning,
// is a fault.
#pragma once

#if defined(_WIN32)
#include <windows.h>
#else
#include <sys/mman.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>

namespace crestmax_test {

enum class placing {
  as_it_is,
  before_a_guard_page,  // its last byte is the last before the page
  after_a_guard_page,   // its first byte is the first behind the page
  off_alignment,        // aligned to what its elements need, and to no more
};

class guarded_memory {
 public:
  // `size` bytes; `alignment` is that of an element, and `size` a multiple of it.
  guarded_memory(std::size_t size, std::size_t alignment, placing where) {
    const std::size_t page = page_size();
    const std::size_t inner = (size + alignment + page - 1) / page * page;
    mapped_ = {map(inner + 2 * page), inner + 2 * page};
    inner_ = mapped_.subspan(page, inner);
    protect(true);
    std::memset(inner_.data(), 0xff, inner);
    const std::size_t offset = where == placing::before_a_guard_page ? inner - size
                               : where == placing::off_alignment     ? alignment
                                                                     : 0;
    bytes_ = inner_.subspan(offset, size);
  }
  ~guarded_memory() { unmap(mapped_); }
  guarded_memory(const guarded_memory&) = delete;
  guarded_memory& operator=(const guarded_memory&) = delete;

  std::span<std::byte> bytes() const { return bytes_; }
  void make_read_only() { protect(false); }

  // What shares the buffer's pages without belonging to it.
  bool outside_is_untouched() const {
    const auto untouched = [](std::byte b) { return b == std::byte{0xff}; };
    return std::all_of(inner_.data(), bytes_.data(), untouched) &&
           std::all_of(bytes_.data() + bytes_.size(), inner_.data() + inner_.size(), untouched);
  }

 private:
#if defined(_WIN32)
  static std::size_t page_size() {
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwPageSize;
  }
  static std::byte* map(std::size_t size) {
    void* const mapped = VirtualAlloc(nullptr, size, MEM_RESERVE | MEM_COMMIT, PAGE_NOACCESS);
    if (mapped == nullptr) fail("VirtualAlloc");
    return static_cast<std::byte*>(mapped);
  }
  static void unmap(std::span<std::byte> mapped) { VirtualFree(mapped.data(), 0, MEM_RELEASE); }
  void protect(bool writable) {
    DWORD before;
    if (!VirtualProtect(inner_.data(), inner_.size(), writable ? PAGE_READWRITE : PAGE_READONLY, &before)) fail("VirtualProtect");
  }
#else
  static std::size_t page_size() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }
  static std::byte* map(std::size_t size) {
    void* const mapped = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) fail("mmap");
    return static_cast<std::byte*>(mapped);
  }
  static void unmap(std::span<std::byte> mapped) { munmap(mapped.data(), mapped.size()); }
  void protect(bool writable) {
    if (mprotect(inner_.data(), inner_.size(), writable ? PROT_READ | PROT_WRITE : PROT_READ) != 0) fail("mprotect");
  }
#endif
  [[noreturn]] static void fail(const char* what) {
    std::perror(what);
    std::abort();
  }

  std::span<std::byte> mapped_, inner_, bytes_;
};

}  // namespace crestmax_test
