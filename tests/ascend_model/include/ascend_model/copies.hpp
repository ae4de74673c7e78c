// Copies between global memory, L1 and UB. Parameter types and names are those of Ascend C.
#pragma once

#include "tensor.hpp"

namespace AscendC {

// Strides of the source in elements, of the destination in 32 B (C0, N) and elements (matrix).
struct Nd2NzParams {
  std::uint16_t ndNum = 1;
  std::uint16_t nValue = 0;
  std::uint16_t dValue = 0;
  std::uint16_t srcNdMatrixStride = 0;
  std::uint16_t srcDValue = 0;
  std::uint16_t dstNzC0Stride = 0;
  std::uint16_t dstNzNStride = 0;
  std::uint16_t dstNzMatrixStride = 0;
};

// In 32 B; strides are the gaps between the end of a block and the start of the next.
struct DataCopyParams {
  std::uint16_t blockCount = 1;
  std::uint16_t blockLen = 0;
  std::uint16_t srcStride = 0;
  std::uint16_t dstStride = 0;
};

// blockLen and strides in global memory in bytes, strides in UB in 32 B; strides are gaps.
struct DataCopyExtParams {
  std::uint16_t blockCount = 1;
  std::uint32_t blockLen = 0;
  std::uint32_t srcStride = 0;
  std::uint32_t dstStride = 0;
  std::uint32_t rsv = 0;
};

template <class T>
struct DataCopyPadExtParams {
  bool isPad = false;
  std::uint8_t leftPadding = 0;
  std::uint8_t rightPadding = 0;
  T paddingValue{};
};

}  // namespace AscendC

namespace ascend_model {

void copy_nd_to_nz(local_place to, global_place from, std::uint32_t element, const AscendC::Nd2NzParams& p, site where);
void copy_blocks_in(local_place to, global_place from, const AscendC::DataCopyParams& p, site where);
void copy_blocks_out(global_place to, local_place from, const AscendC::DataCopyParams& p, site where);
struct padding {
  bool is_pad;
  std::uint32_t left, right;  // elements
  std::uint32_t element;      // bytes
  const void* value;
};
void copy_rows_in(local_place to, global_place from, const AscendC::DataCopyExtParams& p, const padding& pad, site where);
void copy_rows_out(global_place to, local_place from, const AscendC::DataCopyExtParams& p, site where);
AscendC::DataCopyParams blocks_of(std::uint64_t bytes, site where);

}  // namespace ascend_model

namespace AscendC {

// Row-major matrices in global memory to column blocks of 32 B in L1.
template <class T>
void DataCopy(const LocalTensor<T>& dst, const GlobalTensor<T>& src, const Nd2NzParams& params,
              ascend_model::site where = {}) {
  ascend_model::copy_nd_to_nz(dst.place(), src.place(), sizeof(T), params, where);
}

template <class T>
void DataCopy(const LocalTensor<T>& dst, const GlobalTensor<T>& src, const DataCopyParams& params,
              ascend_model::site where = {}) {
  ascend_model::copy_blocks_in(dst.place(), src.place(), params, where);
}
template <class T>
void DataCopy(const GlobalTensor<T>& dst, const LocalTensor<T>& src, const DataCopyParams& params,
              ascend_model::site where = {}) {
  ascend_model::copy_blocks_out(dst.place(), src.place(), params, where);
}
template <class T>
void DataCopy(const LocalTensor<T>& dst, const GlobalTensor<T>& src, std::uint32_t count, ascend_model::site where = {}) {
  ascend_model::copy_blocks_in(dst.place(), src.place(), ascend_model::blocks_of(count * sizeof(T), where), where);
}
template <class T>
void DataCopy(const GlobalTensor<T>& dst, const LocalTensor<T>& src, std::uint32_t count, ascend_model::site where = {}) {
  ascend_model::copy_blocks_out(dst.place(), src.place(), ascend_model::blocks_of(count * sizeof(T), where), where);
}

template <class T>
void DataCopyPad(const LocalTensor<T>& dst, const GlobalTensor<T>& src, const DataCopyExtParams& params,
                 const DataCopyPadExtParams<T>& pad, ascend_model::site where = {}) {
  ascend_model::copy_rows_in(dst.place(), src.place(), params,
                             {pad.isPad, pad.leftPadding, pad.rightPadding, sizeof(T), &pad.paddingValue}, where);
}
template <class T>
void DataCopyPad(const GlobalTensor<T>& dst, const LocalTensor<T>& src, const DataCopyExtParams& params,
                 ascend_model::site where = {}) {
  ascend_model::copy_rows_out(dst.place(), src.place(), params, where);
}

}  // namespace AscendC
