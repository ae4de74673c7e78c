// Memory of which the memory sanitizer knows nothing, until it is written. Without std::string or streams: the standard library's
// own code is not built with the sanitizer.
#pragma once

#include <sanitizer/msan_interface.h>

#include <crestmax/scalar_types.hpp>
#include <cstdint>
#include <cstdlib>

namespace crestmax_test {

// Unwritten numbers.
template <class T>
class fresh {
 public:
  explicit fresh(std::int64_t count) : count_(count), data_(static_cast<T*>(std::malloc(bytes() + 1))) {
    if (data_ == nullptr) std::abort();
    __msan_poison(data_, bytes());
  }
  ~fresh() { std::free(data_); }
  fresh(const fresh&) = delete;
  fresh& operator=(const fresh&) = delete;

  T* data() const { return data_; }
  std::size_t bytes() const { return static_cast<std::size_t>(count_) * sizeof(T); }

 private:
  std::int64_t count_;
  T* data_;
};

// Numbers in [-1, 1), the same in every run.
class numbers {
 public:
  explicit numbers(std::uint32_t seed) : state_(seed * 2654435761u + 12345u) {}
  float next() {
    state_ = state_ * 1664525u + 1013904223u;
    return static_cast<float>(state_ >> 8) * 0x1p-23f - 1.0f;
  }
  template <class T>
  void fill(T* to, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = crestmax::convert<T>(next());
  }

 private:
  std::uint32_t state_;
};

}  // namespace crestmax_test
