// Vector calls element by element, in two forms: over `count` elements side by side, and over repeats of 256 B with strides.
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

enum class RoundMode : std::uint8_t { CAST_NONE, CAST_RINT };
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
void unary(const char* name, const AscendC::LocalTensor<T>& dst, const AscendC::LocalTensor<T>& src, amount count,
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
           ascend_model::amount repeat, const AscendC::UnaryRepeatParams& p, site where, F f) {
  static_assert(computes<T> || counts<T>, "vector arithmetic is for float, half and int32_t");
  vector_call c(name, where);
  c.lanes_of(dst.place(), sizeof(T), p.dstBlkStride, p.dstRepStride);
  c.lanes_of(src.place(), sizeof(T), p.srcBlkStride, p.srcRepStride);
  const bool lost = c.scalar_lost();
  if (c.begin(mask, repeat, sizeof(T))) for_each_lane<T, decltype(f(lost)), T>(c, f(lost));
}
template <class T, class F>
void binary(const char* name, const AscendC::LocalTensor<T>& dst, const AscendC::LocalTensor<T>& a,
            const AscendC::LocalTensor<T>& b, amount count, site where, F f) {
  static_assert(computes<T> || counts<T>, "vector arithmetic is for float, half and int32_t");
  vector_call c(name, where);
  for (const auto& tensor : {dst, a, b}) c.lanes_of(tensor.place(), sizeof(T), 1, 8);
  if (c.begin(count)) for_each_lane<T, F, T, T>(c, f);
}
template <class T, class F>
void binary(const char* name, const AscendC::LocalTensor<T>& dst, const AscendC::LocalTensor<T>& a,
            const AscendC::LocalTensor<T>& b, const vector_mask& mask, ascend_model::amount repeat,
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

}  // namespace ascend_model

namespace AscendC {

#define ASCEND_MODEL_UNARY(Name, expression)                                                                            \
  template <class T>                                                                                                    \
  void Name(const LocalTensor<T>& dst, const LocalTensor<T>& src, std::int32_t count, ascend_model::site where = {}) {  \
    ascend_model::unary(#Name, dst, src, count, where, [](bool) { return [](T a) -> T { return expression; }; });       \
  }                                                                                                                     \
  template <class T>                                                                                                    \
  void Name(const LocalTensor<T>& dst, const LocalTensor<T>& src, const ascend_model::vector_mask& mask,                \
            ascend_model::amount repeat, const UnaryRepeatParams& params, ascend_model::site where = {}) {                     \
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
            std::int32_t count, ascend_model::site where = {}) {                                                       \
    ascend_model::unary(#Name, dst, src, count, where, [&](bool lost) {                                                 \
      return [b = lost ? static_cast<T>(nothing) : scalar](T a) -> T { return expression; };                            \
    });                                                                                                                 \
  }                                                                                                                     \
  template <class T>                                                                                                    \
  void Name(const LocalTensor<T>& dst, const LocalTensor<T>& src, const typename LocalTensor<T>::PrimType& scalar,       \
            const ascend_model::vector_mask& mask, ascend_model::amount repeat, const UnaryRepeatParams& params,               \
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
  void Name(const LocalTensor<T>& dst, const LocalTensor<T>& src0, const LocalTensor<T>& src1, std::int32_t count,      \
            ascend_model::site where = {}) {                                                                            \
    ascend_model::binary(#Name, dst, src0, src1, count, where, [](T a, T b) -> T { return expression; });               \
  }                                                                                                                     \
  template <class T>                                                                                                    \
  void Name(const LocalTensor<T>& dst, const LocalTensor<T>& src0, const LocalTensor<T>& src1,                           \
            const ascend_model::vector_mask& mask, ascend_model::amount repeat, const BinaryRepeatParams& params,              \
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
          ascend_model::amount repeat, const UnaryRepeatParams& params, ascend_model::site where = {}) {
  ascend_model::vector_call c("Cast", where);
  c.call().require(sizeof(D) > sizeof(S) || mode == RoundMode::CAST_RINT, "CAST_NONE would lose bits");
  c.lanes_of(dst.place(), sizeof(D), params.dstBlkStride, params.dstRepStride);
  c.lanes_of(src.place(), sizeof(S), params.srcBlkStride, params.srcRepStride);
  const auto f = [](S x) { return static_cast<D>(static_cast<float>(x)); };
  constexpr std::uint32_t widest = sizeof(D) > sizeof(S) ? sizeof(D) : sizeof(S);
  if (c.begin(mask, repeat, widest)) ascend_model::for_each_lane<D, decltype(f), S>(c, f);
}

template <class T>
void Duplicate(const LocalTensor<T>& dst, const typename LocalTensor<T>::PrimType& value, std::int32_t count,
               ascend_model::site where = {}) {
  ascend_model::vector_call c("Duplicate", where);
  c.lanes_of(dst.place(), sizeof(T), 1, 8);
  const auto f = [v = c.scalar_lost() ? static_cast<T>(0) : value] { return v; };
  if (c.begin(count)) ascend_model::for_each_lane<T, decltype(f)>(c, f);
}
template <class T>
void Duplicate(const LocalTensor<T>& dst, const typename LocalTensor<T>::PrimType& value,
               const ascend_model::vector_mask& mask, ascend_model::amount repeat, std::uint16_t dst_block_stride,
               std::uint8_t dst_repeat_stride, ascend_model::site where = {}) {
  ascend_model::vector_call c("Duplicate", where);
  c.lanes_of(dst.place(), sizeof(T), dst_block_stride, dst_repeat_stride);
  const auto f = [v = c.scalar_lost() ? static_cast<T>(0) : value] { return v; };
  if (c.begin(mask, repeat, sizeof(T))) ascend_model::for_each_lane<T, decltype(f)>(c, f);
}

}  // namespace AscendC
