#include "../include/ascend_model/cube.hpp"

#include <cmath>
#include <cstring>
#include <utility>

#include "machine.hpp"
#include "multiply.hpp"

namespace ascend_model {
namespace {

constexpr std::uint64_t fractal = 512;

// Told apart, so that a mutation can mean one kind of load.
const char* load_name(memory to, bool transposed) {
  if (to == memory::l0a) return transposed ? "LoadData(L0A, transposed)" : "LoadData(L0A)";
  return transposed ? "LoadData(L0B, transposed)" : "LoadData(L0B)";
}

void transpose_fractal(std::byte* to, const std::byte* from) {
  std::uint16_t source[256];
  std::uint16_t result[256];
  std::memcpy(source, from, fractal);
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 16; ++column) result[column * 16 + row] = source[row * 16 + column];
  }
  std::memcpy(to, result, fractal);
}

memory check_load(const instruction& i, local_place& to, const local_place& from, std::uint32_t element, bool transpose,
                  std::uint64_t extent) {
  if (from.kind != memory::l1) i.fail(std::string("reads L1, not ") + name_of(from.kind));
  if (to.kind != memory::l0a && to.kind != memory::l0b) i.fail(std::string("writes L0A or L0B, not ") + name_of(to.kind));
  i.require(!transpose || element == 2, "ifTranspose is for 16-bit types");
  i.displace(to, extent);
  i.aligned("destination", to.address, 512);
  i.aligned("source", from.address, 32);
  return to.kind;
}

void move_fractal(const instruction& i, const local_place& to, std::uint64_t to_fractal, const local_place& from,
                  std::uint64_t from_fractal, bool transpose) {
  const std::byte* source = i.read(from, from_fractal * fractal, fractal);
  std::byte* destination = i.write(to, to_fractal * fractal, fractal);
  if (transpose) {
    transpose_fractal(destination, source);
  } else {
    std::memcpy(destination, source, fractal);
  }
}

// What all ways out of L0C have in common.
template <class Params>
void check_matrix(const instruction& i, const Params& p) {
  i.range("nSize", p.nSize, 1, 4095);
  i.require(p.nSize % 16 == 0, "nSize is no multiple of 16");
  i.range("mSize", p.mSize, 1, 8192);
  i.require(p.srcStride >= p.mSize, "srcStride is less than mSize");
  i.require(p.dstStride >= p.nSize, "dstStride is less than nSize: rows overlap");
  i.require(!p.reluEn, "reluEn is not modelled");
  i.require(p.unitFlag == 0, "unitFlag is not modelled");
}

float value_of(std::uint16_t bits, number type) {
  return type == number::fp16 ? half_value(bits) : bfloat16_value(bits);
}

// Where element (row, column) of a matrix stands in L0, in elements; the extents are in fractals.
struct zz {
  std::uint64_t columns;
  std::uint64_t operator()(std::uint64_t row, std::uint64_t column) const {
    return (row / 16 * columns + column / 16) * 256 + row % 16 * 16 + column % 16;
  }
};
struct nz {
  std::uint64_t rows;
  std::uint64_t operator()(std::uint64_t row, std::uint64_t column) const {
    return (column / 16 * rows + row / 16) * 256 + row % 16 * 16 + column % 16;
  }
};
struct zn {
  std::uint64_t columns;
  std::uint64_t operator()(std::uint64_t row, std::uint64_t column) const {
    return (row / 16 * columns + column / 16) * 256 + column % 16 * 16 + row % 16;
  }
};

// Reads a matrix into rows of `stride` floats. Rows and columns that only fill up the last fractals are not read.
// `along_rows`: the 16 elements that stand side by side in a fractal belong to one row, else to one column.
template <class Place>
void unpack(const instruction& i, const local_place& from, number type, std::uint64_t rows, std::uint64_t columns,
            const Place& place, bool along_rows, std::vector<float>& to, std::uint64_t stride) {
  const char* trouble = nullptr;
  const std::uint64_t lines = along_rows ? rows : columns;
  const std::uint64_t length = along_rows ? columns : rows;
  for (std::uint64_t first = 0; first < length; first += 16) {
    const std::uint64_t run = length - first < 16 ? length - first : 16;
    for (std::uint64_t line = 0; line < lines;) {
      // Whole fractals are one access.
      const std::uint64_t together = run == 16 && lines - line >= 16 ? 16 : 1;
      const std::uint64_t offset = along_rows ? place(line, first) : place(first, line);
      const std::byte* data = i.read(from, offset * 2, together == 16 ? fractal : run * 2);
      for (std::uint64_t step = 0; step < together; ++step, ++line) {
        for (std::uint64_t e = 0; e < run; ++e) {
          std::uint16_t bits;
          std::memcpy(&bits, data + (step * 16 + e) * 2, 2);
          const float x = value_of(bits, type);
          if (x != x) trouble = "NaN among the inputs";
          (along_rows ? to[line * stride + first + e] : to[(first + e) * stride + line]) = x;
        }
      }
    }
  }
  if (trouble != nullptr) i.fail(trouble);
}

}  // namespace

void load_fractals(local_place to, local_place from, std::uint32_t element, AscendC::LoadData2DParams p, site where) {
  const instruction i(PIPE_MTE1, load_name(to.kind, p.ifTranspose), where);
  if (i.dropped()) return;
  i.require(!is_3510(), "3510 takes LoadData2DParamsV2");
  std::uint64_t repeat = p.repeatTimes;
  if (i.mutated() == action::too_many_repeats) repeat += 256;
  if (i.mutated() == action::transpose) p.ifTranspose = !p.ifTranspose;
  if (i.mutated() == action::fractal_order) p.srcStride = static_cast<std::uint16_t>(p.srcStride == 1 ? 2 : 1);
  i.range("repeatTimes", repeat, 1, 255);
  i.require(p.addrMode == 0, "the model knows addrMode 0 only");
  const std::uint64_t step = p.dstGap + std::uint64_t{1};
  const memory kind = check_load(i, to, from, element, p.ifTranspose, ((repeat - 1) * step + 1) * fractal);
  for (std::uint64_t r = 0; r < repeat; ++r) {
    move_fractal(i, to, r * step, from, p.startIndex + r * p.srcStride, p.ifTranspose);
  }
  count(kind == memory::l0a ? "bytes L1->L0A" : "bytes L1->L0B", repeat * fractal);
}

void load_fractals(local_place to, local_place from, std::uint32_t element, AscendC::LoadData2DParamsV2 p, site where) {
  const instruction i(PIPE_MTE1, load_name(to.kind, p.ifTranspose), where);
  if (i.dropped()) return;
  i.require(is_3510(), "LoadData2DParamsV2 is for 3510");
  std::uint64_t m_step = p.mStep;
  if (i.mutated() == action::too_many_repeats) m_step += 256;
  if (i.mutated() == action::transpose) p.ifTranspose = !p.ifTranspose;
  if (i.mutated() == action::fractal_order) ++p.srcStride;
  i.range("mStep", m_step, 1, 255);
  i.range("kStep", p.kStep, 1, 255);
  i.require(p.srcStride >= 1, "srcStride is less than 1");
  const std::uint64_t lines = p.ifTranspose ? m_step : p.kStep;
  const std::uint64_t length = p.ifTranspose ? p.kStep : m_step;
  i.require(p.dstStride >= length || lines == 1, "dstStride is too small: lines of fractals overlap");
  const memory kind = check_load(i, to, from, element, p.ifTranspose, ((lines - 1) * p.dstStride + length) * fractal);
  for (std::uint64_t k = 0; k < p.kStep; ++k) {
    for (std::uint64_t m = 0; m < m_step; ++m) {
      const std::uint64_t source =
          (p.kStartPosition + k) * static_cast<std::uint64_t>(p.srcStride) + p.mStartPosition + m;
      move_fractal(i, to, p.ifTranspose ? m * p.dstStride + k : k * p.dstStride + m, from, source, p.ifTranspose);
    }
  }
  count(kind == memory::l0a ? "bytes L1->L0A" : "bytes L1->L0B", m_step * p.kStep * fractal);
}

void multiply(local_place c, local_place a, local_place b, number type, AscendC::MmadParams p, site where) {
  const std::string name = "Mmad(" + std::string(name_of(c.kind)) + " " + hexadecimal(c.address);
  instruction i(PIPE_M, lasting(name + (p.cmatrixInitVal ? ", from zero)" : ", added)")), where);
  if (i.dropped()) return;
  if (c.kind != memory::l0c || a.kind != memory::l0a || b.kind != memory::l0b) {
    i.fail("takes L0C, L0A and L0B");
  }
  if (i.mutated() == action::initial_value) p.cmatrixInitVal = !p.cmatrixInitVal;
  i.range("m", p.m, 0, 4095);
  i.range("n", p.n, 0, 4095);
  i.range("k", p.k, 0, 4095);
  i.require(p.unitFlag == 0, "unitFlag is not modelled");
  i.require(!p.cmatrixSource, "a C that starts from the bias table is not modelled");
  if (p.m == 0 || p.n == 0 || p.k == 0) return;
  const std::uint64_t rows = (p.m + 15u) / 16u, columns = (p.n + 15u) / 16u, depth = (p.k + 15u) / 16u;
  i.displace(c, rows * columns * 1024);
  i.aligned("C", c.address, 1024);
  i.aligned("A", a.address, 512);
  i.aligned("B", b.address, 512);
  // Few fractals are through before the first has left the adders: then the pipe does not keep the order by itself.
  if (rows * columns >= 10) {
    i.in_order();
  } else {
    i.after_barriers();
  }

  static thread_local std::vector<float> left, right, sum;
  const std::uint64_t width = columns * 16;
  left.assign(rows * 16 * depth * 16, 0.0f);
  right.assign(depth * 16 * width, 0.0f);
  sum.assign(rows * 16 * width, 0.0f);
  if (is_3510()) {
    unpack(i, a, type, p.m, p.k, nz{rows}, true, left, depth * 16);
  } else {
    unpack(i, a, type, p.m, p.k, zz{depth}, true, left, depth * 16);
  }
  unpack(i, b, type, p.k, p.n, zn{columns}, false, right, width);
  const nz place{rows};
  if (!p.cmatrixInitVal) {
    for (std::uint64_t n = 0; n < p.n; n += 16) {
      const std::uint64_t run = p.n - n < 16u ? p.n - n : 16u;
      for (std::uint64_t m = 0; m < p.m; ++m) {
        std::memcpy(&sum[m * width + n], i.read(c, place(m, n) * 4, run * 4), run * 4);
      }
    }
  }
  multiply_add(sum.data(), left.data(), right.data(), rows * 16, columns, p.k, depth * 16);
  for (std::uint64_t n = 0; n < p.n; n += 16) {
    std::byte* column = i.write(c, place(0, n) * 4, rows * 1024);
    for (std::uint64_t m = 0; m < p.m; ++m) std::memcpy(column + m * 64, &sum[m * width + n], 64);
    // What only fills up the fractals has no meaning.
    if (p.m % 16u != 0) i.forget(c, place(p.m, n) * 4, (rows * 16 - p.m) * 64);
    if (p.n - n < 16u) {
      for (std::uint64_t m = 0; m < p.m; ++m) i.forget(c, place(m, p.n) * 4, (16u - (p.n - n)) * 4);
    }
  }
  count("multiply-adds", std::uint64_t{p.m} * p.n * p.k);
}

void fix(global_place to, local_place from, number type, const AscendC::FixpipeParamsV220& p, site where) {
  const instruction i(PIPE_FIX, "Fixpipe", where);
  if (i.dropped()) return;
  i.displace(to);
  if (from.kind != memory::l0c) i.fail("reads L0C");
  check_matrix(i, p);
  i.require(p.ndNum == 1, "the model knows one matrix per call");
  const bool fits = (type == number::fp32 && p.quantPre == NoQuant) || (type == number::fp16 && p.quantPre == F322F16) ||
                    (type == number::bf16 && p.quantPre == F322BF16);
  i.require(fits, "quantPre does not match the type of the destination");
  i.aligned("source", from.address, 64);
  const std::uint64_t element = type == number::fp32 ? 4 : 2;
  const std::uint64_t row_bytes = p.nSize * element;
  for (std::uint64_t n = 0; n < p.nSize; n += 16) i.read(from, n * p.srcStride * 4, p.mSize * std::uint64_t{64});
  for (std::uint64_t m = 0; m < p.mSize; ++m) {
    std::byte* row = i.write(to, m * p.dstStride * element, row_bytes);
    for (std::uint64_t n = 0; n < p.nSize; n += 16) {
      float values[16];
      std::memcpy(values, i.bytes(from, (n * p.srcStride + m * 16) * 4, 64), 64);
      if (type == number::fp32) {
        std::memcpy(row + n * 4, values, 64);
        continue;
      }
      std::uint16_t rounded[16];
      for (int e = 0; e < 16; ++e) rounded[e] = type == number::fp16 ? half_bits(values[e]) : bfloat16_bits(values[e]);
      std::memcpy(row + n * 2, rounded, 32);
    }
  }
  count("bytes L0C->GM", row_bytes * p.mSize);
}

void fix_to_vectors(local_place to, local_place from, const AscendC::FixpipeParamsC310<AscendC::CO2Layout::ROW_MAJOR>& p,
                    site where) {
  const instruction i(PIPE_FIX, "Fixpipe(to UB)", where);
  if (i.dropped()) return;
  i.require(is_3510(), "L0C reaches the vector cores on 3510 only");
  if (from.kind != memory::l0c || to.kind != memory::unified_buffer) i.fail("goes from L0C to UB");
  check_matrix(i, p);
  i.require(p.params.ndNum == 1, "the model knows one matrix per call");
  i.require(p.quantPre == NoQuant, "quantPre does not match the type of the destination");
  i.require(p.dualDstCtl == 1 && !p.subBlockId, "the model knows dualDstCtl 1 only");
  i.require(p.mSize % 2 == 0, "mSize is odd: no half for each vector core");
  i.require(p.dstStride % 8 == 0, "dstStride is no multiple of 32 B");
  const std::uint64_t rows = p.mSize / 2u;
  i.displace(to, ((rows - 1) * p.dstStride + p.nSize) * 4);
  i.aligned("source", from.address, 64);
  i.aligned("destination", to.address, 32);
  for (std::uint64_t n = 0; n < p.nSize; n += 16) i.read(from, n * p.srcStride * 4, p.mSize * std::uint64_t{64});
  for (std::uint64_t m = 0; m < p.mSize; ++m) {
    const int core = m < rows ? 1 : 2;
    std::byte* row = i.write_at(core, to, m % rows * p.dstStride * 4, std::uint64_t{p.nSize} * 4);
    for (std::uint64_t n = 0; n < p.nSize; n += 16) {
      std::memcpy(row + n * 4, i.bytes(from, (n * p.srcStride + m * 16) * 4, 64), 64);
    }
  }
  count("bytes L0C->UB", std::uint64_t{p.nSize} * 4 * p.mSize);
}

}  // namespace ascend_model
