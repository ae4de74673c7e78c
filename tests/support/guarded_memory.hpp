// A buffer between two pages that nobody may touch: a read or write past its end, or before its beginning,
// is a fault.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

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
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t inner = (size + alignment + page - 1) / page * page;
    void* mapped = mmap(nullptr, inner + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) fail("mmap");
    mapped_ = {static_cast<std::byte*>(mapped), inner + 2 * page};
    inner_ = mapped_.subspan(page, inner);
    protect(PROT_READ | PROT_WRITE);
    std::memset(inner_.data(), 0xff, inner);
    const std::size_t offset = where == placing::before_a_guard_page ? inner - size
                               : where == placing::off_alignment     ? alignment
                                                                     : 0;
    bytes_ = inner_.subspan(offset, size);
  }
  ~guarded_memory() { munmap(mapped_.data(), mapped_.size()); }
  guarded_memory(const guarded_memory&) = delete;
  guarded_memory& operator=(const guarded_memory&) = delete;

  std::span<std::byte> bytes() const { return bytes_; }
  void make_read_only() { protect(PROT_READ); }

  // What shares the buffer's pages without belonging to it.
  bool outside_is_untouched() const {
    const auto untouched = [](std::byte b) { return b == std::byte{0xff}; };
    return std::all_of(inner_.data(), bytes_.data(), untouched) &&
           std::all_of(bytes_.data() + bytes_.size(), inner_.data() + inner_.size(), untouched);
  }

 private:
  void protect(int access) {
    if (mprotect(inner_.data(), inner_.size(), access) != 0) fail("mprotect");
  }
  [[noreturn]] static void fail(const char* what) {
    std::perror(what);
    std::abort();
  }

  std::span<std::byte> mapped_, inner_, bytes_;
};

}  // namespace crestmax_test
