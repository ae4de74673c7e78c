// Vector calls that reduce, spread, compare and select.
#pragma once

#include "vector.hpp"

namespace AscendC {

struct BrcbRepeatParams {
  BrcbRepeatParams() = default;
  BrcbRepeatParams(std::uint16_t dst_block, std::uint16_t dst_repeat) : dstBlkStride(dst_block), dstRepStride(dst_repeat) {}
  std::uint16_t dstBlkStride = 1;
  std::uint16_t dstRepStride = 8;
};

enum class ReduceOrder : std::uint8_t { ORDER_VALUE_INDEX, ORDER_INDEX_VALUE, ORDER_ONLY_VALUE, ORDER_ONLY_INDEX };
enum class CMPMODE : std::uint8_t { LT, GT, EQ, LE, GE, NE };
enum class SELMODE : std::uint8_t { VSEL_CMPMASK_SPR, VSEL_TENSOR_SCALAR_MODE, VSEL_TENSOR_TENSOR_MODE };

}  // namespace AscendC

namespace ascend_model {

// In pairs of neighbours, as a tree.
template <class T, class F>
T reduce(std::vector<T> values, F f) {
  while (values.size() > 1) {
    const std::size_t n = values.size();
    for (std::size_t i = 0; i + 1 < n; i += 2) values[i / 2] = f(values[i], values[i + 1]);
    if (n % 2 == 1) values[n / 2] = values[n - 1];
    values.resize((n + 1) / 2);
  }
  return values[0];
}

template <class T, class F>
void whole_reduce(const char* name, const AscendC::LocalTensor<T>& dst, const AscendC::LocalTensor<T>& src,
                  const vector_mask& mask, ascend_model::amount repeat, ascend_model::amount dst_step, ascend_model::amount src_block,
                  ascend_model::amount src_repeat, site where, F f) {
  static_assert(computes<T>, "reductions are for float and half");
  vector_call c(name, where);
  c.run_of(dst.place(), sizeof(T), sizeof(T), dst_step.value * sizeof(T), sizeof(T));
  c.lanes_of(src.place(), sizeof(T), src_block, src_repeat);
  if (!c.begin(mask, repeat, sizeof(T))) return;
  for (std::uint64_t r = 0; r < c.repeats(); ++r) {
    std::vector<T> values;
    for (std::uint32_t lane : c.lanes()) values.push_back(c.at<const T>(1, r)[c.offset(1, lane)]);
    *c.at<T>(0, r) = reduce(std::move(values), f);
  }
}

template <class T, class F>
void block_reduce(const char* name, const AscendC::LocalTensor<T>& dst, const AscendC::LocalTensor<T>& src,
                  const vector_mask& mask, ascend_model::amount repeat, ascend_model::amount dst_step, ascend_model::amount src_block,
                  ascend_model::amount src_repeat, site where, F f) {
  static_assert(computes<T>, "reductions are for float and half");
  constexpr std::uint32_t in_block = 32 / sizeof(T);
  vector_call c(name, where);
  constexpr std::uint32_t bytes = 8 * sizeof(T);
  c.run_of(dst.place(), sizeof(T), bytes, dst_step.value * bytes, bytes);
  c.lanes_of(src.place(), sizeof(T), src_block, src_repeat);
  if (!c.begin(mask, repeat, sizeof(T))) return;
  for (std::uint64_t r = 0; r < c.repeats(); ++r) {
    for (std::uint32_t b = 0; b < 8; ++b) {
      std::vector<T> values;
      for (std::uint32_t lane : c.lanes()) {
        if (lane / in_block == b) values.push_back(c.at<const T>(1, r)[c.offset(1, lane)]);
      }
      if (!values.empty()) c.at<T>(0, r)[b] = reduce(std::move(values), f);
    }
  }
}

template <class T>
bool compare(T a, T b, AscendC::CMPMODE mode) {
  const auto x = ordered(a), y = ordered(b);
  switch (mode) {
    case AscendC::CMPMODE::LT: return x < y;
    case AscendC::CMPMODE::GT: return x > y;
    case AscendC::CMPMODE::EQ: return x == y;
    case AscendC::CMPMODE::LE: return x <= y;
    case AscendC::CMPMODE::GE: return x >= y;
    default: return x != y;
  }
}

inline void require_value_only(const char* name, AscendC::ReduceOrder order, site where) {
  if (order != AscendC::ReduceOrder::ORDER_ONLY_VALUE) fail(name, where, "the model knows ORDER_ONLY_VALUE");
}

inline const auto add = [](auto a, auto b) { return narrow<decltype(a)>(wide(a) + wide(b)); };

}  // namespace ascend_model

namespace AscendC {

// One value for each repeat; `dst_step` in elements.
template <class T>
void WholeReduceMax(const LocalTensor<T>& dst, const LocalTensor<T>& src, const ascend_model::vector_mask& mask,
                    ascend_model::amount repeat, ascend_model::amount dst_step, ascend_model::amount src_block_stride,
                    ascend_model::amount src_repeat_stride, ReduceOrder order, ascend_model::site where = {}) {
  ascend_model::require_value_only("WholeReduceMax", order, where);
  ascend_model::whole_reduce("WholeReduceMax", dst, src, mask, repeat, dst_step, src_block_stride, src_repeat_stride, where,
                             ascend_model::larger<T>);
}
template <class T>
void WholeReduceMin(const LocalTensor<T>& dst, const LocalTensor<T>& src, const ascend_model::vector_mask& mask,
                    ascend_model::amount repeat, ascend_model::amount dst_step, ascend_model::amount src_block_stride,
                    ascend_model::amount src_repeat_stride, ReduceOrder order, ascend_model::site where = {}) {
  ascend_model::require_value_only("WholeReduceMin", order, where);
  ascend_model::whole_reduce("WholeReduceMin", dst, src, mask, repeat, dst_step, src_block_stride, src_repeat_stride, where,
                             ascend_model::smaller<T>);
}
template <class T>
void WholeReduceSum(const LocalTensor<T>& dst, const LocalTensor<T>& src, const ascend_model::vector_mask& mask,
                    ascend_model::amount repeat, ascend_model::amount dst_step, ascend_model::amount src_block_stride,
                    ascend_model::amount src_repeat_stride, ascend_model::site where = {}) {
  ascend_model::whole_reduce("WholeReduceSum", dst, src, mask, repeat, dst_step, src_block_stride, src_repeat_stride, where,
                             ascend_model::add);
}

// Eight values for each repeat, one of each 32 B; `dst_step` in eight elements.
template <class T>
void BlockReduceMax(const LocalTensor<T>& dst, const LocalTensor<T>& src, ascend_model::amount repeat,
                    const ascend_model::vector_mask& mask, ascend_model::amount dst_step, ascend_model::amount src_block_stride,
                    ascend_model::amount src_repeat_stride, ascend_model::site where = {}) {
  ascend_model::block_reduce("BlockReduceMax", dst, src, mask, repeat, dst_step, src_block_stride, src_repeat_stride, where,
                             ascend_model::larger<T>);
}
template <class T>
void BlockReduceSum(const LocalTensor<T>& dst, const LocalTensor<T>& src, ascend_model::amount repeat,
                    const ascend_model::vector_mask& mask, ascend_model::amount dst_step, ascend_model::amount src_block_stride,
                    ascend_model::amount src_repeat_stride, ascend_model::site where = {}) {
  ascend_model::block_reduce("BlockReduceSum", dst, src, mask, repeat, dst_step, src_block_stride, src_repeat_stride, where,
                             ascend_model::add);
}

// Eight elements for each repeat, each of which fills 32 B.
template <class T>
void Brcb(const LocalTensor<T>& dst, const LocalTensor<T>& src, ascend_model::amount repeat, const BrcbRepeatParams& params,
          ascend_model::site where = {}) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 2, "Brcb is for 16 and 32 bits");
  constexpr std::uint32_t in_block = 32 / sizeof(T);
  ascend_model::vector_call c("Brcb", where);
  c.blocks_of(dst.place(), params.dstBlkStride, params.dstRepStride);
  c.run_of(src.place(), sizeof(T), 8 * sizeof(T), 8 * sizeof(T), 32);
  if (!c.begin(1, repeat, sizeof(T))) return;
  for (std::uint64_t r = 0; r < c.repeats(); ++r) {
    for (std::uint32_t b = 0; b < 8; ++b) {
      const T value = c.at<const T>(1, r)[b];
      auto* block = reinterpret_cast<T*>(c.at<std::byte>(0, r) + std::size_t{b} * params.dstBlkStride * 32);
      std::fill(block, block + in_block, value);
    }
  }
}

// One bit for each of `count` elements, which fill whole 256 B.
template <class T>
void CompareScalar(const LocalTensor<std::uint8_t>& dst, const LocalTensor<T>& src,
                   const typename LocalTensor<T>::PrimType& scalar, CMPMODE mode, std::uint32_t count,
                   ascend_model::site where = {}) {
  static_assert(ascend_model::computes<T>, "comparisons are for float and half");
  ascend_model::vector_call c("CompareScalar", where);
  c.call().require(count * sizeof(T) % 256 == 0, "compares whole 256 B");
  c.run_of(dst.place(), 1, count / 8, count / 8, 32);
  c.run_of(src.place(), sizeof(T), count * sizeof(T), 0, 32);
  if (!c.begin(1, 1, sizeof(T))) return;
  const T* s = c.at<const T>(1, 0);
  std::uint8_t* d = c.at<std::uint8_t>(0, 0);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i % 8 == 0) d[i / 8] = 0;
    if (ascend_model::compare(s[i], scalar, mode)) d[i / 8] = static_cast<std::uint8_t>(d[i / 8] | (1u << (i % 8)));
  }
}
template <class T>
void Compare(const LocalTensor<std::uint8_t>& dst, const LocalTensor<T>& src0, const LocalTensor<T>& src1, CMPMODE mode,
             std::uint32_t count, ascend_model::site where = {}) {
  static_assert(ascend_model::computes<T>, "comparisons are for float and half");
  ascend_model::vector_call c("Compare", where);
  c.call().require(count * sizeof(T) % 256 == 0, "compares whole 256 B");
  c.run_of(dst.place(), 1, count / 8, count / 8, 32);
  c.run_of(src0.place(), sizeof(T), count * sizeof(T), 0, 32);
  c.run_of(src1.place(), sizeof(T), count * sizeof(T), 0, 32);
  if (!c.begin(1, 1, sizeof(T))) return;
  std::uint8_t* d = c.at<std::uint8_t>(0, 0);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i % 8 == 0) d[i / 8] = 0;
    if (ascend_model::compare(c.at<const T>(1, 0)[i], c.at<const T>(2, 0)[i], mode)) {
      d[i / 8] = static_cast<std::uint8_t>(d[i / 8] | (1u << (i % 8)));
    }
  }
}

// src0 where the bit is set, else src1.
template <class T>
void Select(const LocalTensor<T>& dst, const LocalTensor<std::uint8_t>& bits, const LocalTensor<T>& src0,
            const LocalTensor<T>& src1, SELMODE mode, std::uint32_t count, ascend_model::site where = {}) {
  ascend_model::vector_call c("Select", where);
  c.call().require(mode == SELMODE::VSEL_TENSOR_TENSOR_MODE, "the mode does not fit the sources");
  const std::uint64_t bytes = count * sizeof(T);
  c.run_of(dst.place(), sizeof(T), bytes, 0, 32);
  c.run_of(src0.place(), sizeof(T), bytes, 0, 32);
  c.run_of(src1.place(), sizeof(T), bytes, 0, 32);
  c.run_of(bits.place(), 1, (count + 7) / 8, 0, 32);
  if (!c.begin(1, 1, sizeof(T))) return;
  for (std::uint32_t i = 0; i < count; ++i) {
    const bool first = ((c.at<const std::uint8_t>(3, 0)[i / 8] >> (i % 8)) & 1) != 0;
    c.at<T>(0, 0)[i] = c.at<const T>(first ? 1 : 2, 0)[i];
  }
}
template <class T>
void Select(const LocalTensor<T>& dst, const LocalTensor<std::uint8_t>& bits, const LocalTensor<T>& src0,
            typename LocalTensor<T>::PrimType src1, SELMODE mode, std::uint32_t count, ascend_model::site where = {}) {
  ascend_model::vector_call c("Select", where);
  c.call().require(mode == SELMODE::VSEL_TENSOR_SCALAR_MODE, "the mode does not fit the sources");
  const std::uint64_t bytes = count * sizeof(T);
  c.run_of(dst.place(), sizeof(T), bytes, 0, 32);
  c.run_of(src0.place(), sizeof(T), bytes, 0, 32);
  c.run_of(bits.place(), 1, (count + 7) / 8, 0, 32);
  if (!c.begin(1, 1, sizeof(T))) return;
  for (std::uint32_t i = 0; i < count; ++i) {
    const bool first = ((c.at<const std::uint8_t>(2, 0)[i / 8] >> (i % 8)) & 1) != 0;
    c.at<T>(0, 0)[i] = first ? c.at<const T>(1, 0)[i] : src1;
  }
}

}  // namespace AscendC
