// The memory of one call's buffers: the test's own, or a guarded copy of each. What a call has written is
// copied back at the end.
#pragma once

#include <crestmax/tensor.hpp>
#include <list>

#include "guarded_memory.hpp"
#include "test_tensor.hpp"

namespace crestmax_test {

class call_memory {
 public:
  // `outside_is_untouched` turns false where a call has written beside a buffer.
  call_memory(placing where, bool& outside_is_untouched) : where_(where), outside_is_untouched_(&outside_is_untouched) {}
  ~call_memory() {
    for (const buffer& b : buffers_) {
      if (b.result != nullptr) std::memcpy(b.result, b.memory.bytes().data(), b.memory.bytes().size());
      *outside_is_untouched_ = *outside_is_untouched_ && b.memory.outside_is_untouched();
    }
  }
  call_memory(const call_memory&) = delete;
  call_memory& operator=(const call_memory&) = delete;

  // Where the call finds an input: nothing may write to it.
  template <class T>
  crestmax::tensor<const T> input(crestmax::tensor<T> view, const test_tensor& t) {
    return {moved(static_cast<const T*>(view.data), t.occupied(), nullptr), view.extents, view.strides};
  }
  template <class T>
  std::span<const T> input(std::span<T> numbers) {
    if (numbers.empty()) return numbers;
    const T* data = numbers.data();
    return {moved(data, std::as_bytes(numbers), nullptr), numbers.size()};
  }

  // Where it leaves an output.
  template <class T>
  crestmax::tensor<T> output(crestmax::tensor<T> view, test_tensor& t) {
    return {moved(view.data, t.occupied(), t.memory().data()), view.extents, view.strides};
  }
  crestmax::row_output output(crestmax::row_output rows, test_tensor& t) {
    if (!rows) return rows;
    auto* data = static_cast<std::byte*>(rows.data);
    rows.data = moved(data, t.occupied(), t.memory().data(), static_cast<std::size_t>(crestmax::size_of(rows.kind)));
    return rows;
  }

  // Memory that the call writes to and nobody reads afterwards.
  std::span<std::byte> scratch(std::size_t size, std::size_t alignment) {
    return buffers_.emplace_back(size, alignment, where_).memory.bytes();
  }
  void make_read_only(std::span<std::byte> bytes) {
    for (buffer& b : buffers_) {
      if (b.memory.bytes().data() == bytes.data()) b.memory.make_read_only();
    }
  }

 private:
  struct buffer {
    buffer(std::size_t size, std::size_t alignment, placing where) : memory(size, alignment, where) {}
    guarded_memory memory;
    std::byte* result = nullptr;
  };

  // Copies `whole`, which `place` points into; `owner` is the beginning of what results go back to, if any.
  template <class T>
  T* moved(T* place, std::span<const std::byte> whole, std::byte* owner, std::size_t alignment = alignof(T)) {
    if (where_ == placing::as_it_is) return place;
    buffer& b = buffers_.emplace_back(whole.size(), alignment, where_);
    std::memcpy(b.memory.bytes().data(), whole.data(), whole.size());
    if (owner == nullptr) b.memory.make_read_only();
    else b.result = owner + (whole.data() - owner);
    const std::ptrdiff_t offset = reinterpret_cast<const std::byte*>(place) - whole.data();
    return reinterpret_cast<T*>(b.memory.bytes().data() + offset);
  }

  placing where_;
  bool* outside_is_untouched_;
  std::list<buffer> buffers_;
};

}  // namespace crestmax_test
