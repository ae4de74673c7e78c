// Vector calls, in two forms: over `count` elements side by side, and over repeats of 256 B with strides.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include "vector_call.hpp"

namespace AscendC {

// Strides in 32 B.
struct UnaryRepeatParams {
  UnaryRepeatParams() = default;
  UnaryRepeatParams(std::uint16_t dst_block, std::uint16_t src_block, std::uint8_t dst_repeat, std::uint8_t src_repeat)
      : dstBlkStride(dst_block), srcBlkStride(src_block), dstRepStride(dst_repeat), srcRepStride(src_repeat) {}
  std::uint16_t dstBlkStride = 1;
  std::uint16_t srcBlkStride = 1;
  std::uint8_t dstRepStride = 8;
  std::uint8_t srcRepStride = 8;
};

struct BinaryRepeatParams {
  BinaryRepeatParams() = default;
  BinaryRepeatParams(std::uint8_t dst_block, std::uint8_t src0_block, std::uint8_t src1_block, std::uint8_t dst_repeat,
                     std::uint8_t src0_repeat, std::uint8_t src1_repeat)
      : dstBlkStride(dst_block), src0BlkStride(src0_block), src1BlkStride(src1_block), dstRepStride(dst_repeat),
        src0RepStride(src0_repeat), src1RepStride(src1_repeat) {}
  std::uint8_t dstBlkStride = 1;
  std::uint8_t src0BlkStride = 1;
  std::uint8_t src1BlkStride = 1;
  std::uint8_t dstRepStride = 8;
  std::uint8_t src0RepStride = 8;
  std::uint8_t src1RepStride = 8;
};

struct BrcbRepeatParams {
  BrcbRepeatParams() = default;
  BrcbRepeatParams(std::uint16_t dst_block, std::uint16_t dst_repeat) : dstBlkStride(dst_block), dstRepStride(dst_repeat) {}
  std::uint16_t dstBlkStride = 1;
  std::uint16_t dstRepStride = 8;
};

enum class RoundMode : std::uint8_t { CAST_NONE, CAST_RINT };
enum class ReduceOrder : std::uint8_t { ORDER_VALUE_INDEX, ORDER_INDEX_VALUE, ORDER_ONLY_VALUE, ORDER_ONLY_INDEX };
enum class CMPMODE : std::uint8_t { LT, GT, EQ, LE, GE, NE };
enum class SELMODE : std::uint8_t { VSEL_CMPMASK_SPR, VSEL_TENSOR_SCALAR_MODE, VSEL_TENSOR_TENSOR_MODE };

}  // namespace AscendC

namespace ascend_model {

template <class T>
constexpr bool computes = std::is_same_v<T, float> || std::is_same_v<T, half>;
template <class T>
constexpr bool counts = std::is_same_v<T, std::int32_t>;

// What the arithmetic of a type is done in; integers wrap.
template <class T>
auto wide(T x) {
  if constexpr (counts<T>) {
    return static_cast<std::uint32_t>(x);
  } else {
    return static_cast<float>(x);
  }
}
template <class T, class W>
T narrow(W x) {
  return static_cast<T>(x);
}
template <class T>
auto ordered(T x) {  // for comparisons
  if constexpr (counts<T>) {
    return x;
  } else {
    return static_cast<float>(x);
  }
}

template <class T, class F>
void unary(const char* name, const AscendC::LocalTensor<T>& dst, const AscendC::LocalTensor<T>& src, std::uint64_t count,
           site where, F f) {
  static_assert(computes<T> || counts<T>, "vector arithmetic is for float, half and int32_t");
  vector_call c(name, where);
  c.lanes_of(dst.place(), sizeof(T), 1, 8);
  c.lanes_of(src.place(), sizeof(T), 1, 8);
  const bool lost = c.scalar_lost();
  if (c.begin(count)) for_each_lane<T, decltype(f(lost)), T>(c, f(lost));
}
template <class T, class F>
void unary(const char* name, const AscendC::LocalTensor<T>& dst, const AscendC::LocalTensor<T>& src, const vector_mask& mask,
           std::uint64_t repeat, const AscendC::UnaryRepeatParams& p, site where, F f) {
  static_assert(computes<T> || counts<T>, "vector arithmetic is for float, half and int32_t");
  vector_call c(name, where);
  c.lanes_of(dst.place(), sizeof(T), p.dstBlkStride, p.dstRepStride);
  c.lanes_of(src.place(), sizeof(T), p.srcBlkStride, p.srcRepStride);
  const bool lost = c.scalar_lost();
  if (c.begin(mask, repeat, sizeof(T))) for_each_lane<T, decltype(f(lost)), T>(c, f(lost));
}
template <class T, class F>
void binary(const char* name, const AscendC::LocalTensor<T>& dst, const AscendC::LocalTensor<T>& a,
            const AscendC::LocalTensor<T>& b, std::uint64_t count, site where, F f) {
  static_assert(computes<T> || counts<T>, "vector arithmetic is for float, half and int32_t");
  vector_call c(name, where);
  for (const auto& tensor : {dst, a, b}) c.lanes_of(tensor.place(), sizeof(T), 1, 8);
  if (c.begin(count)) for_each_lane<T, F, T, T>(c, f);
}
template <class T, class F>
void binary(const char* name, const AscendC::LocalTensor<T>& dst, const AscendC::LocalTensor<T>& a,
            const AscendC::LocalTensor<T>& b, const vector_mask& mask, std::uint64_t repeat,
            const AscendC::BinaryRepeatParams& p, site where, F f) {
  static_assert(computes<T> || counts<T>, "vector arithmetic is for float, half and int32_t");
  vector_call c(name, where);
  c.lanes_of(dst.place(), sizeof(T), p.dstBlkStride, p.dstRepStride);
  c.lanes_of(a.place(), sizeof(T), p.src0BlkStride, p.src0RepStride);
  c.lanes_of(b.place(), sizeof(T), p.src1BlkStride, p.src1RepStride);
  if (c.begin(mask, repeat, sizeof(T))) for_each_lane<T, F, T, T>(c, f);
}

template <class T>
T larger(T a, T b) {
  return ordered(a) < ordered(b) || ordered(a) != ordered(a) ? b : a;
}
template <class T>
T smaller(T a, T b) {
  return ordered(b) < ordered(a) || ordered(a) != ordered(a) ? b : a;
}

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
                  const vector_mask& mask, std::uint64_t repeat, std::uint32_t dst_step, std::uint32_t src_block,
                  std::uint32_t src_repeat, site where, F f) {
  static_assert(computes<T>, "reductions are for float and half");
  vector_call c(name, where);
  c.run_of(dst.place(), sizeof(T), sizeof(T), dst_step * static_cast<std::uint32_t>(sizeof(T)), sizeof(T));
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
                  const vector_mask& mask, std::uint64_t repeat, std::uint32_t dst_step, std::uint32_t src_block,
                  std::uint32_t src_repeat, site where, F f) {
  static_assert(computes<T>, "reductions are for float and half");
  constexpr std::uint32_t in_block = 32 / sizeof(T);
  vector_call c(name, where);
  constexpr auto bytes = static_cast<std::uint32_t>(8 * sizeof(T));
  c.run_of(dst.place(), sizeof(T), bytes, dst_step * bytes, bytes);
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

inline const auto add = [](auto a, auto b) { return narrow<decltype(a)>(wide(a) + wide(b)); };

}  // namespace ascend_model

namespace AscendC {

#define ASCEND_MODEL_UNARY(Name, expression)                                                                            \
  template <class T>                                                                                                    \
  void Name(const LocalTensor<T>& dst, const LocalTensor<T>& src, std::uint32_t count, ascend_model::site where = {}) {  \
    ascend_model::unary(#Name, dst, src, count, where, [](bool) { return [](T a) -> T { return expression; }; });       \
  }                                                                                                                     \
  template <class T>                                                                                                    \
  void Name(const LocalTensor<T>& dst, const LocalTensor<T>& src, const ascend_model::vector_mask& mask,                \
            std::uint64_t repeat, const UnaryRepeatParams& params, ascend_model::site where = {}) {                     \
    ascend_model::unary(#Name, dst, src, mask, repeat, params, where,                                                   \
                        [](bool) { return [](T a) -> T { return expression; }; });                                      \
  }
ASCEND_MODEL_UNARY(Exp, ascend_model::narrow<T>(std::exp(ascend_model::wide(a))))
ASCEND_MODEL_UNARY(Ln, ascend_model::narrow<T>(std::log(ascend_model::wide(a))))
ASCEND_MODEL_UNARY(Abs, ascend_model::narrow<T>(std::abs(ascend_model::wide(a))))
#undef ASCEND_MODEL_UNARY

// With a scalar; `nothing` is the scalar that has no effect.
#define ASCEND_MODEL_SCALAR(Name, nothing, expression)                                                                  \
  template <class T>                                                                                                    \
  void Name(const LocalTensor<T>& dst, const LocalTensor<T>& src, const typename LocalTensor<T>::PrimType& scalar,       \
            std::uint32_t count, ascend_model::site where = {}) {                                                       \
    ascend_model::unary(#Name, dst, src, count, where, [&](bool lost) {                                                 \
      return [b = lost ? static_cast<T>(nothing) : scalar](T a) -> T { return expression; };                            \
    });                                                                                                                 \
  }                                                                                                                     \
  template <class T>                                                                                                    \
  void Name(const LocalTensor<T>& dst, const LocalTensor<T>& src, const typename LocalTensor<T>::PrimType& scalar,       \
            const ascend_model::vector_mask& mask, std::uint64_t repeat, const UnaryRepeatParams& params,               \
            ascend_model::site where = {}) {                                                                            \
    ascend_model::unary(#Name, dst, src, mask, repeat, params, where, [&](bool lost) {                                  \
      return [b = lost ? static_cast<T>(nothing) : scalar](T a) -> T { return expression; };                            \
    });                                                                                                                 \
  }
ASCEND_MODEL_SCALAR(Adds, 0, ascend_model::narrow<T>(ascend_model::wide(a) + ascend_model::wide(b)))
ASCEND_MODEL_SCALAR(Muls, 1, ascend_model::narrow<T>(ascend_model::wide(a) * ascend_model::wide(b)))
ASCEND_MODEL_SCALAR(Maxs, -std::numeric_limits<float>::max(), ascend_model::larger(a, b))
ASCEND_MODEL_SCALAR(Mins, std::numeric_limits<float>::max(), ascend_model::smaller(a, b))
#undef ASCEND_MODEL_SCALAR

#define ASCEND_MODEL_BINARY(Name, expression)                                                                           \
  template <class T>                                                                                                    \
  void Name(const LocalTensor<T>& dst, const LocalTensor<T>& src0, const LocalTensor<T>& src1, std::uint32_t count,      \
            ascend_model::site where = {}) {                                                                            \
    ascend_model::binary(#Name, dst, src0, src1, count, where, [](T a, T b) -> T { return expression; });               \
  }                                                                                                                     \
  template <class T>                                                                                                    \
  void Name(const LocalTensor<T>& dst, const LocalTensor<T>& src0, const LocalTensor<T>& src1,                           \
            const ascend_model::vector_mask& mask, std::uint64_t repeat, const BinaryRepeatParams& params,              \
            ascend_model::site where = {}) {                                                                            \
    ascend_model::binary(#Name, dst, src0, src1, mask, repeat, params, where,                                           \
                         [](T a, T b) -> T { return expression; });                                                     \
  }
ASCEND_MODEL_BINARY(Add, ascend_model::narrow<T>(ascend_model::wide(a) + ascend_model::wide(b)))
ASCEND_MODEL_BINARY(Sub, ascend_model::narrow<T>(ascend_model::wide(a) - ascend_model::wide(b)))
ASCEND_MODEL_BINARY(Mul, ascend_model::narrow<T>(ascend_model::wide(a) * ascend_model::wide(b)))
ASCEND_MODEL_BINARY(Div, ascend_model::narrow<T>(ascend_model::wide(a) / ascend_model::wide(b)))
ASCEND_MODEL_BINARY(Max, ascend_model::larger(a, b))
ASCEND_MODEL_BINARY(Min, ascend_model::smaller(a, b))
#undef ASCEND_MODEL_BINARY

// To 16 bits: to nearest, ties to even (CAST_RINT; CAST_NONE where nothing is lost), half saturates.
template <class D, class S>
void Cast(const LocalTensor<D>& dst, const LocalTensor<S>& src, RoundMode mode, std::uint32_t count,
          ascend_model::site where = {}) {
  ascend_model::vector_call c("Cast", where);
  c.call().require(sizeof(D) > sizeof(S) || mode == RoundMode::CAST_RINT, "CAST_NONE would lose bits");
  c.lanes_of(dst.place(), sizeof(D), 1, 8);
  c.lanes_of(src.place(), sizeof(S), 1, 8);
  const auto f = [](S x) { return static_cast<D>(static_cast<float>(x)); };
  if (c.begin(count)) ascend_model::for_each_lane<D, decltype(f), S>(c, f);
}
template <class D, class S>
void Cast(const LocalTensor<D>& dst, const LocalTensor<S>& src, RoundMode mode, const ascend_model::vector_mask& mask,
          std::uint64_t repeat, const UnaryRepeatParams& params, ascend_model::site where = {}) {
  ascend_model::vector_call c("Cast", where);
  c.call().require(sizeof(D) > sizeof(S) || mode == RoundMode::CAST_RINT, "CAST_NONE would lose bits");
  c.lanes_of(dst.place(), sizeof(D), params.dstBlkStride, params.dstRepStride);
  c.lanes_of(src.place(), sizeof(S), params.srcBlkStride, params.srcRepStride);
  const auto f = [](S x) { return static_cast<D>(static_cast<float>(x)); };
  constexpr std::uint32_t widest = sizeof(D) > sizeof(S) ? sizeof(D) : sizeof(S);
  if (c.begin(mask, repeat, widest)) ascend_model::for_each_lane<D, decltype(f), S>(c, f);
}

template <class T>
void Duplicate(const LocalTensor<T>& dst, const typename LocalTensor<T>::PrimType& value, std::uint32_t count,
               ascend_model::site where = {}) {
  ascend_model::vector_call c("Duplicate", where);
  c.lanes_of(dst.place(), sizeof(T), 1, 8);
  const auto f = [v = c.scalar_lost() ? static_cast<T>(0) : value] { return v; };
  if (c.begin(count)) ascend_model::for_each_lane<T, decltype(f)>(c, f);
}
template <class T>
void Duplicate(const LocalTensor<T>& dst, const typename LocalTensor<T>::PrimType& value,
               const ascend_model::vector_mask& mask, std::uint64_t repeat, std::uint16_t dst_block_stride,
               std::uint8_t dst_repeat_stride, ascend_model::site where = {}) {
  ascend_model::vector_call c("Duplicate", where);
  c.lanes_of(dst.place(), sizeof(T), dst_block_stride, dst_repeat_stride);
  const auto f = [v = c.scalar_lost() ? static_cast<T>(0) : value] { return v; };
  if (c.begin(mask, repeat, sizeof(T))) ascend_model::for_each_lane<T, decltype(f)>(c, f);
}

// One value for each repeat; `dst_step` in elements.
template <class T>
void WholeReduceMax(const LocalTensor<T>& dst, const LocalTensor<T>& src, const ascend_model::vector_mask& mask,
                    std::uint64_t repeat, std::uint32_t dst_step, std::uint32_t src_block_stride,
                    std::uint32_t src_repeat_stride, ReduceOrder order, ascend_model::site where = {}) {
  if (order != ReduceOrder::ORDER_ONLY_VALUE) ascend_model::fail("WholeReduceMax", where, "the model knows ORDER_ONLY_VALUE");
  ascend_model::whole_reduce("WholeReduceMax", dst, src, mask, repeat, dst_step, src_block_stride, src_repeat_stride, where,
                             ascend_model::larger<T>);
}
template <class T>
void WholeReduceMin(const LocalTensor<T>& dst, const LocalTensor<T>& src, const ascend_model::vector_mask& mask,
                    std::uint64_t repeat, std::uint32_t dst_step, std::uint32_t src_block_stride,
                    std::uint32_t src_repeat_stride, ReduceOrder order, ascend_model::site where = {}) {
  if (order != ReduceOrder::ORDER_ONLY_VALUE) ascend_model::fail("WholeReduceMin", where, "the model knows ORDER_ONLY_VALUE");
  ascend_model::whole_reduce("WholeReduceMin", dst, src, mask, repeat, dst_step, src_block_stride, src_repeat_stride, where,
                             ascend_model::smaller<T>);
}
template <class T>
void WholeReduceSum(const LocalTensor<T>& dst, const LocalTensor<T>& src, const ascend_model::vector_mask& mask,
                    std::uint64_t repeat, std::uint32_t dst_step, std::uint32_t src_block_stride,
                    std::uint32_t src_repeat_stride, ascend_model::site where = {}) {
  ascend_model::whole_reduce("WholeReduceSum", dst, src, mask, repeat, dst_step, src_block_stride, src_repeat_stride, where,
                             ascend_model::add);
}

// Eight values for each repeat, one of each 32 B; `dst_step` in eight elements.
template <class T>
void BlockReduceMax(const LocalTensor<T>& dst, const LocalTensor<T>& src, std::uint64_t repeat,
                    const ascend_model::vector_mask& mask, std::uint32_t dst_step, std::uint32_t src_block_stride,
                    std::uint32_t src_repeat_stride, ascend_model::site where = {}) {
  ascend_model::block_reduce("BlockReduceMax", dst, src, mask, repeat, dst_step, src_block_stride, src_repeat_stride, where,
                             ascend_model::larger<T>);
}
template <class T>
void BlockReduceSum(const LocalTensor<T>& dst, const LocalTensor<T>& src, std::uint64_t repeat,
                    const ascend_model::vector_mask& mask, std::uint32_t dst_step, std::uint32_t src_block_stride,
                    std::uint32_t src_repeat_stride, ascend_model::site where = {}) {
  ascend_model::block_reduce("BlockReduceSum", dst, src, mask, repeat, dst_step, src_block_stride, src_repeat_stride, where,
                             ascend_model::add);
}

// Eight elements for each repeat, each of which fills 32 B.
template <class T>
void Brcb(const LocalTensor<T>& dst, const LocalTensor<T>& src, std::uint64_t repeat, const BrcbRepeatParams& params,
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
  c.run_of(src.place(), sizeof(T), static_cast<std::uint32_t>(count * sizeof(T)), 0, 32);
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
  c.run_of(src0.place(), sizeof(T), static_cast<std::uint32_t>(count * sizeof(T)), 0, 32);
  c.run_of(src1.place(), sizeof(T), static_cast<std::uint32_t>(count * sizeof(T)), 0, 32);
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
  const auto bytes = static_cast<std::uint32_t>(count * sizeof(T));
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
  const auto bytes = static_cast<std::uint32_t>(count * sizeof(T));
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
