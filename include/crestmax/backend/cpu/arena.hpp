// How a worker's memory is cut into pieces.
#pragma once

#include <cstddef>

#include "../../tensor.hpp"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Hands out aligned pieces of memory; with a null base it only counts.
class arena {
 public:
  explicit arena(std::byte* base) : base_(base) {}
  template <class V>
  V* take(index_type count) {
    V* piece = base_ == nullptr ? nullptr : reinterpret_cast<V*>(base_ + used_);
    used_ += (sizeof(V) * static_cast<std::size_t>(count) + 63) / 64 * 64;
    return piece;
  }
  std::size_t used() const { return used_; }

 private:
  std::byte* base_;
  std::size_t used_ = 0;
};

}  // namespace cpu

CRESTMAX_END_NAMESPACE
