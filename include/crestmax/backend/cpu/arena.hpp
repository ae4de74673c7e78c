// How a worker's memory is cut into pieces.
#pragma once

#include <cstddef>

#include "../../memory_size.hpp"
#include "../../tensor.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Hands out aligned pieces of memory; with a null base it only counts.
class arena {
 public:
  explicit arena(std::byte* base) : base_(base) {}
  template <class V>
  V* take(index_type count) {
    V* piece = base_ == nullptr ? nullptr : pointer_to<V>(base_ + used_.value());
    used_ = used_ + (memory_size(static_cast<std::uint64_t>(count)) * memory_size(sizeof(V))).rounded_up(64);
    return piece;
  }
  std::size_t used() const { return used_.value(); }

 private:
  std::byte* base_;
  memory_size used_{0};
};

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
