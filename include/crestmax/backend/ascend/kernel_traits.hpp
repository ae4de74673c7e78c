// What a kernel is compiled for, and the few things that both kinds of cores need. C++17, device code.
#pragma once

#include "kernel_operator.h"

#include "schedule.hpp"

CRESTMAX_BEGIN_VERSION

namespace ascend {

// Whether weights that the guard lets pass can take O out of float32's range, by values that are in it. Sums of float16 weights and
// values cannot: 65504 * 65504 * 2^24 keys.
template <class Element>
inline constexpr bool output_may_overflow = false;
template <>
inline constexpr bool output_may_overflow<bfloat16_t> = true;

// Element: half or bfloat16_t, the type of query, key, value, output and weights. Target: see target.hpp.
template <class Element_, std::int32_t d_qk_, std::int32_t d_v_, bool causal_, class Target_>
struct kernel_traits {
  using Element = Element_;
  using Target = Target_;
  static constexpr std::int32_t d_qk = d_qk_;
  static constexpr std::int32_t d_v = d_v_;
  static constexpr bool causal = causal_;
  static constexpr device_layout layout = layout_for<Target>(d_qk, d_v);
  static constexpr std::int32_t query_tile = layout.query_tile;
  static constexpr std::int32_t key_tile = layout.key_tile;
  static_assert(sizeof(Element) == 2, "16-bit elements");
  static_assert(head_dims_served(d_qk, d_v), "head dims (d_qk/d_v): 64/64, 128/128, 192/128, 256/256");
  static_assert(fits(layout, Target::sizes), "the layout exceeds a memory of the target");
};

template <class T>
__aicore__ inline AscendC::LocalTensor<T> local(AscendC::TPosition position, buffer b) {
  return AscendC::LocalTensor<T>(position, b.address, static_cast<std::uint32_t>(b.bytes / sizeof(T)));
}

template <class T>
__aicore__ inline AscendC::GlobalTensor<T> global(std::uint64_t address, std::uint64_t elements) {
  AscendC::GlobalTensor<T> tensor;
  tensor.SetGlobalBuffer(reinterpret_cast<__gm__ T*>(address), elements);
  return tensor;
}

// The row `row` of one head of one sequence, and `rows` rows of `dim` elements from there.
template <class T>
__aicore__ inline AscendC::GlobalTensor<T> rows_of(const tensor_arguments& t, std::int32_t batch, std::int32_t head,
                                                   std::int64_t row, std::int64_t rows, std::int64_t dim) {
  const std::int64_t first = batch * t.batch_stride + head * t.head_stride + row * t.row_stride;
  return global<T>(t.address + static_cast<std::uint64_t>(first) * sizeof(T),
                   static_cast<std::uint64_t>((rows - 1) * t.row_stride + dim));
}

// A block's share of scratch.
template <class T>
__aicore__ inline AscendC::GlobalTensor<T> scratch_of(const kernel_arguments& a, std::uint32_t block_bytes,
                                                      std::int32_t block, buffer b) {
  const std::uint64_t start = static_cast<std::uint64_t>(block) * block_bytes + b.address;
  return global<T>(a.scratch + start, b.bytes / sizeof(T));
}

}  // namespace ascend

CRESTMAX_END_VERSION
