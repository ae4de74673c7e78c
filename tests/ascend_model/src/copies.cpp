#include "../include/ascend_model/copies.hpp"

#include <cstring>

#include "machine.hpp"

namespace ascend_model {
namespace {

void require_kind(const instruction& i, const local_place& at, memory kind, memory other) {
  if (at.kind != kind && at.kind != other) i.fail(std::string("does not reach ") + name_of(at.kind));
}

}  // namespace

void copy_nd_to_nz(local_place to, global_place from, std::uint32_t element, const AscendC::Nd2NzParams& p, site where) {
  const instruction i(PIPE_MTE2, "DataCopy(Nd2Nz)", where);
  if (i.dropped()) return;
  require_kind(i, to, memory::l1, memory::l1);
  i.range("ndNum", p.ndNum, 1, 4095);
  i.range("nValue", p.nValue, 1, 16384);
  i.range("dValue", p.dValue, 1, 65535);
  i.range("srcDValue", p.srcDValue, 1, 65535);
  i.range("dstNzC0Stride", p.dstNzC0Stride, 1, 16384);
  i.range("dstNzNStride", p.dstNzNStride, 1, 16384);
  if (p.ndNum > 1) i.range("dstNzMatrixStride", p.dstNzMatrixStride, 1, 65535);
  i.require(p.srcDValue >= p.dValue, "srcDValue is less than dValue: rows overlap");
  const std::uint64_t row_bytes = std::uint64_t{p.dValue} * element;
  const std::uint64_t columns = (row_bytes + 31) / 32;
  const std::uint64_t extent = ((columns - 1) * p.dstNzC0Stride + std::uint64_t{p.nValue - 1u} * p.dstNzNStride + 1) * 32 +
                               std::uint64_t{p.ndNum - 1u} * p.dstNzMatrixStride * element;
  i.displace(to, extent);
  i.aligned("destination", to.address, 32);
  for (std::uint64_t matrix = 0; matrix < p.ndNum; ++matrix) {
    for (std::uint64_t n = 0; n < p.nValue; ++n) {
      const std::uint64_t source = (matrix * p.srcNdMatrixStride + n * p.srcDValue) * element;
      const std::byte* row = i.read(from, source, row_bytes);
      for (std::uint64_t c = 0; c < columns; ++c) {
        const std::uint64_t offset =
            (c * p.dstNzC0Stride + n * p.dstNzNStride) * 32 + matrix * p.dstNzMatrixStride * element;
        std::byte* block = i.bytes(to, offset, 32);
        const std::uint64_t valid = row_bytes - c * 32 < 32 ? row_bytes - c * 32 : 32;
        std::memcpy(block, row + c * 32, valid);
        std::memset(block + valid, 0, 32 - valid);
      }
    }
    // The same bytes, column by column: they mostly lie side by side there.
    for (std::uint64_t c = 0; c < columns; ++c) {
      const std::uint64_t offset = c * p.dstNzC0Stride * std::uint64_t{32} + matrix * p.dstNzMatrixStride * element;
      if (p.dstNzNStride == 1) {
        i.write(to, offset, std::uint64_t{p.nValue} * 32);
      } else {
        for (std::uint64_t n = 0; n < p.nValue; ++n) i.write(to, offset + n * p.dstNzNStride * 32, 32);
      }
    }
  }
  count("bytes GM->L1", row_bytes * p.nValue * p.ndNum);
}

AscendC::DataCopyParams blocks_of(std::uint64_t bytes, site where) {
  if (bytes % 32 != 0) fail("DataCopy", where, "copies whole 32 B, not " + std::to_string(bytes) + " B");
  if (bytes / 32 > 65535 || bytes == 0) fail("DataCopy", where, "copies 1..65535 blocks of 32 B");
  return {1, static_cast<std::uint16_t>(bytes / 32), 0, 0};
}

template <class To, class From>
static void copy_blocks(const instruction& i, const To& to, const From& from, const AscendC::DataCopyParams& p, std::uint64_t length) {
  for (std::uint64_t b = 0; b < p.blockCount; ++b) {
    const std::byte* source = i.read(from, b * (length + p.srcStride * std::uint64_t{32}), length);
    std::memcpy(i.write(to, b * (length + p.dstStride * std::uint64_t{32}), length), source, length);
  }
}

void copy_blocks_in(local_place to, global_place from, const AscendC::DataCopyParams& p, site where) {
  const instruction i(PIPE_MTE2, "DataCopy", where);
  if (i.dropped()) return;
  require_kind(i, to, memory::l1, memory::unified_buffer);
  i.range("blockCount", p.blockCount, 1, 4095);
  i.range("blockLen", p.blockLen, 1, 65535);
  const std::uint64_t length = std::uint64_t{p.blockLen} * 32;
  i.displace(to, p.blockCount * length + (p.blockCount - 1u) * std::uint64_t{p.dstStride} * 32);
  i.aligned("destination", to.address, 32);
  copy_blocks(i, to, from, p, length);
  count(to.kind == memory::l1 ? "bytes GM->L1" : "bytes GM->UB", length * p.blockCount);
}

void copy_blocks_out(global_place to, local_place from, const AscendC::DataCopyParams& p, site where) {
  const instruction i(PIPE_MTE3, "DataCopy", where);
  if (i.dropped()) return;
  i.displace(to);
  require_kind(i, from, memory::unified_buffer, memory::unified_buffer);
  i.range("blockCount", p.blockCount, 1, 4095);
  i.range("blockLen", p.blockLen, 1, 65535);
  i.aligned("source", from.address, 32);
  const std::uint64_t length = std::uint64_t{p.blockLen} * 32;
  copy_blocks(i, to, from, p, length);
  count("bytes UB->GM", length * p.blockCount);
}

void copy_rows_in(local_place to, global_place from, const AscendC::DataCopyExtParams& p, const padding& pad, site where) {
  const instruction i(PIPE_MTE2, "DataCopyPad", where);
  if (i.dropped()) return;
  require_kind(i, to, memory::unified_buffer, memory::unified_buffer);
  i.range("blockCount", p.blockCount, 1, 4095);
  i.range("blockLen", p.blockLen, 1, 2097151);
  i.require(pad.left * pad.element <= 32 && pad.right * pad.element <= 32, "leftPadding and rightPadding fill at most 32 B");
  const std::uint64_t left = pad.is_pad ? std::uint64_t{pad.left} * pad.element : 0;
  const std::uint64_t right = pad.is_pad ? std::uint64_t{pad.right} * pad.element : 0;
  const std::uint64_t written = left + p.blockLen + right;
  const std::uint64_t row = (written + 31) / 32 * 32;
  const std::uint64_t step = row + p.dstStride * std::uint64_t{32};
  i.displace(to, (p.blockCount - 1u) * step + row);
  i.aligned("destination", to.address, 32);
  for (std::uint64_t b = 0; b < p.blockCount; ++b) {
    const std::byte* source = i.read(from, b * (std::uint64_t{p.blockLen} + p.srcStride), p.blockLen);
    std::byte* data = i.write(to, b * step, row);
    std::memcpy(data + left, source, p.blockLen);
    for (std::uint64_t at = 0; at < left; at += pad.element) std::memcpy(data + at, pad.value, pad.element);
    for (std::uint64_t at = left + p.blockLen; at < written; at += pad.element) {
      std::memcpy(data + at, pad.value, pad.element);
    }
    if (row > written) i.forget(to, b * step + written, row - written);
  }
  count("bytes GM->UB", std::uint64_t{p.blockLen} * p.blockCount);
}

void copy_rows_out(global_place to, local_place from, const AscendC::DataCopyExtParams& p, site where) {
  const instruction i(PIPE_MTE3, "DataCopyPad", where);
  if (i.dropped()) return;
  i.displace(to);
  require_kind(i, from, memory::unified_buffer, memory::unified_buffer);
  i.range("blockCount", p.blockCount, 1, 4095);
  i.range("blockLen", p.blockLen, 1, 2097151);
  i.aligned("source", from.address, 32);
  const std::uint64_t step = (std::uint64_t{p.blockLen} + 31) / 32 * 32 + p.srcStride * std::uint64_t{32};
  for (std::uint64_t b = 0; b < p.blockCount; ++b) {
    const std::byte* source = i.read(from, b * step, p.blockLen);
    std::memcpy(i.write(to, b * (std::uint64_t{p.blockLen} + p.dstStride), p.blockLen), source, p.blockLen);
  }
  count("bytes UB->GM", std::uint64_t{p.blockLen} * p.blockCount);
}

}  // namespace ascend_model
