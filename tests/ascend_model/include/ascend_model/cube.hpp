// The cube core: fractals from L1 to L0, the multiply, and the way out of L0C.
#pragma once

#include "tensor.hpp"

namespace AscendC {

// Fractals of 512 B. Source: one every srcStride fractals; destination: dstGap fractals between two.
struct LoadData2DParams {
  std::uint16_t startIndex = 0;
  std::uint8_t repeatTimes = 0;
  std::uint16_t srcStride = 0;
  std::uint8_t sid = 0;
  std::uint16_t dstGap = 0;
  bool ifTranspose = false;
  std::uint8_t addrMode = 0;
};

// 3510. Positions and steps in fractals, along the source's rows (m) and columns (k); both strides are the number of
// fractals between two columns of fractals (transposed: destination rows of fractals).
struct LoadData2DParamsV2 {
  std::uint32_t mStartPosition = 0;
  std::uint32_t kStartPosition = 0;
  std::uint16_t mStep = 0;
  std::uint16_t kStep = 0;
  std::int32_t srcStride = 0;
  std::uint16_t dstStride = 0;
  bool ifTranspose = false;
  std::uint8_t sid = 0;
};

struct MmadParams {
  std::uint16_t m = 0;
  std::uint16_t n = 0;
  std::uint16_t k = 0;
  std::uint8_t unitFlag = 0;
  bool cmatrixSource = false;
  bool cmatrixInitVal = true;
};

enum class CO2Layout : std::uint8_t { NZ, ROW_MAJOR };
struct FixpipeConfig {
  CO2Layout format;
  bool isToUB;
};
constexpr FixpipeConfig CFG_NZ{CO2Layout::NZ, false};
constexpr FixpipeConfig CFG_ROW_MAJOR{CO2Layout::ROW_MAJOR, false};
constexpr FixpipeConfig CFG_ROW_MAJOR_UB{CO2Layout::ROW_MAJOR, true};

}  // namespace AscendC

enum QuantMode_t : std::uint8_t { NoQuant, F322F16, F322BF16 };

namespace AscendC {

// srcStride: rows (of 16 elements) from one column of fractals to the next. dstStride: elements in a row of the
// destination (NZ2ND).
struct FixpipeParamsV220 {
  std::uint16_t nSize = 0;
  std::uint16_t mSize = 0;
  std::uint16_t srcStride = 0;
  std::uint32_t dstStride = 0;
  bool reluEn = false;
  QuantMode_t quantPre = NoQuant;
  std::uint64_t deqScalar = 0;
  std::uint16_t ndNum = 1;
  std::uint16_t srcNdStride = 0;
  std::uint16_t dstNdStride = 0;
  std::uint8_t unitFlag = 0;
};

// 3510. dualDstCtl 1: the first half of the rows goes to AIV0, the second to AIV1.
struct Nz2NdParams {
  std::uint16_t ndNum = 1;
  std::uint16_t srcNdStride = 0;
  std::uint16_t dstNdStride = 0;
};
template <CO2Layout format>
struct FixpipeParamsC310 {
  std::uint16_t nSize = 0;
  std::uint16_t mSize = 0;
  std::uint16_t srcStride = 0;
  std::uint32_t dstStride = 0;
  QuantMode_t quantPre = NoQuant;
  std::uint64_t deqScalar = 0;
  bool reluEn = false;
  std::uint8_t unitFlag = 0;
  Nz2NdParams params{};
  std::uint8_t dualDstCtl = 0;
  bool subBlockId = false;
};

}  // namespace AscendC

namespace ascend_model {

enum class number : std::uint8_t { fp32, fp16, bf16, other };
template <class T>
constexpr number number_of() {
  if constexpr (std::is_same_v<T, float>) return number::fp32;
  if constexpr (std::is_same_v<T, half>) return number::fp16;
  if constexpr (std::is_same_v<T, bfloat16_t>) return number::bf16;
  return number::other;
}

void load_fractals(local_place to, local_place from, std::uint32_t element, AscendC::LoadData2DParams p, site where);
void load_fractals(local_place to, local_place from, std::uint32_t element, AscendC::LoadData2DParamsV2 p, site where);
void multiply(local_place c, local_place a, local_place b, number type, AscendC::MmadParams p, site where);
void fix(global_place to, local_place from, number type, const AscendC::FixpipeParamsV220& p, site where);
void fix_to_vectors(local_place to, local_place from, const AscendC::FixpipeParamsC310<AscendC::CO2Layout::ROW_MAJOR>& p,
                    site where);

}  // namespace ascend_model

namespace AscendC {

template <class T>
void LoadData(const LocalTensor<T>& dst, const LocalTensor<T>& src, const LoadData2DParams& params,
              ascend_model::site where = {}) {
  ascend_model::load_fractals(dst.place(), src.place(), sizeof(T), params, where);
}
template <class T>
void LoadData(const LocalTensor<T>& dst, const LocalTensor<T>& src, const LoadData2DParamsV2& params,
              ascend_model::site where = {}) {
  ascend_model::load_fractals(dst.place(), src.place(), sizeof(T), params, where);
}

// c (m x n) = a (m x k) * b (k x n), or added to c where cmatrixInitVal is false.
template <class T>
void Mmad(const LocalTensor<float>& c, const LocalTensor<T>& a, const LocalTensor<T>& b, const MmadParams& params,
          ascend_model::site where = {}) {
  static_assert(std::is_same_v<T, half> || std::is_same_v<T, bfloat16_t>, "the model multiplies half and bfloat16_t");
  ascend_model::multiply(c.place(), a.place(), b.place(), ascend_model::number_of<T>(), params, where);
}

template <class T, class U, const FixpipeConfig& config = CFG_ROW_MAJOR>
void Fixpipe(const GlobalTensor<T>& dst, const LocalTensor<U>& src, const FixpipeParamsV220& params,
             ascend_model::site where = {}) {
  static_assert(std::is_same_v<U, float>, "L0C holds float");
  static_assert(config.format == CO2Layout::ROW_MAJOR && !config.isToUB, "the model knows NZ2ND only");
  ascend_model::fix(dst.place(), src.place(), ascend_model::number_of<T>(), params, where);
}

// From L0C straight to the same place in UB of both vector cores.
template <class T, class U, const FixpipeConfig& config>
void Fixpipe(const LocalTensor<T>& dst, const LocalTensor<U>& src, const FixpipeParamsC310<config.format>& params,
             ascend_model::site where = {}) {
  static_assert(std::is_same_v<T, float> && std::is_same_v<U, float>, "the model moves float to UB");
  static_assert(config.format == CO2Layout::ROW_MAJOR && config.isToUB, "the model knows CFG_ROW_MAJOR_UB only");
  ascend_model::fix_to_vectors(dst.place(), src.place(), params, where);
}

}  // namespace AscendC
