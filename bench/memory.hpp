// Page-aligned memory that is the same kind for the bandwidth ceiling and for keys and values.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

namespace crestmax_bench {

class memory_block {
 public:
  memory_block() = default;
  explicit memory_block(std::size_t bytes) : bytes_(bytes) {
    // A spare page behind the end lets prefetches and whole-vector reads run past it.
    data_ = static_cast<std::byte*>(std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096 + 4096));
    if (data_ == nullptr) throw std::bad_alloc();
  }
  memory_block(memory_block&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  memory_block& operator=(memory_block&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~memory_block() { std::free(data_); }

  std::byte* data() const { return data_; }
  std::size_t size() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace crestmax_bench
