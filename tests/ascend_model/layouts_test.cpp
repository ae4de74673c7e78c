// Where each element goes, against index formulas written out here.
#include "model_test.hpp"

namespace crestmax_test {
namespace {

constexpr std::uint16_t u16(std::size_t x) { return static_cast<std::uint16_t>(x); }

// L1 has no way back to the host in the model, so a matrix is looked at through a multiply by the unit matrix.
// product(rows, columns) of row-major a (m x k) and b (k x n) that the device forms from what it is given.
struct product_case {
  std::size_t m, n, k;
  target on = target::ascend_2201;
  bool b_is_transposed = false;  // b lies in global memory as n x k
};

std::size_t up(std::size_t x) { return (x + 15) / 16 * 16; }

void load_2201(const product_case& c, const LocalTensor<half>& a2, const LocalTensor<half>& a1, const LocalTensor<half>& b2,
               const LocalTensor<half>& b1) {
  const std::size_t fm = up(c.m) / 16, fn = up(c.n) / 16, fk = up(c.k) / 16;
  for (std::size_t row = 0; row < fm; ++row) {  // Nz to Zz
    LoadData(a2[static_cast<std::uint32_t>(row * fk * 256)], a1,
             LoadData2DParams{u16(row), static_cast<std::uint8_t>(fk), u16(fm), 0, 0, false, 0});
  }
  if (c.b_is_transposed) {  // n x k in Nz is k x n in Zn
    LoadData(b2, b1, LoadData2DParams{0, static_cast<std::uint8_t>(fk * fn), 1, 0, 0, false, 0});
    return;
  }
  for (std::size_t row = 0; row < fk; ++row) {
    LoadData(b2[static_cast<std::uint32_t>(row * fn * 256)], b1,
             LoadData2DParams{u16(row), static_cast<std::uint8_t>(fn), u16(fk), 0, 0, true, 0});
  }
}

void load_3510(const product_case& c, const LocalTensor<half>& a2, const LocalTensor<half>& a1, const LocalTensor<half>& b2,
               const LocalTensor<half>& b1) {
  const std::size_t fm = up(c.m) / 16, fn = up(c.n) / 16, fk = up(c.k) / 16;
  LoadData(a2, a1, LoadData2DParamsV2{0, 0, u16(fm), u16(fk), static_cast<std::int32_t>(fm), u16(fm), false, 0});
  if (c.b_is_transposed) {
    LoadData(b2, b1, LoadData2DParamsV2{0, 0, u16(fn), u16(fk), static_cast<std::int32_t>(fn), u16(fn), false, 0});
  } else {
    LoadData(b2, b1, LoadData2DParamsV2{0, 0, u16(fk), u16(fn), static_cast<std::int32_t>(fk), u16(fn), true, 0});
  }
}

void expect_product(const product_case& c) {
  auto a = numbers_of(c.m * c.k, 1), b = numbers_of(c.k * c.n, 2);
  std::vector<half> zeros(64 * 1024);
  for (half& z : zeros) z = half(0.0f);
  std::vector<float> result(c.m * up(c.n));
  const std::size_t m16 = up(c.m), n16 = up(c.n), k16 = up(c.k);
  const std::size_t b_rows = c.b_is_transposed ? c.n : c.k, b_columns = c.b_is_transposed ? c.k : c.n;
  const outcome o = on_cube(
      [&] {
        const LocalTensor<half> a1(TPosition::A1, 0, static_cast<std::uint32_t>(m16 * k16));
        const LocalTensor<half> b1(TPosition::B1, 128 * 1024, static_cast<std::uint32_t>(k16 * n16));
        const LocalTensor<half> a2(TPosition::A2, 0, static_cast<std::uint32_t>(m16 * k16));
        const LocalTensor<half> b2(TPosition::B2, 0, static_cast<std::uint32_t>(k16 * n16));
        const LocalTensor<float> c0(TPosition::CO1, 0, static_cast<std::uint32_t>(m16 * n16));
        DataCopy(a1, global(zeros), static_cast<std::uint32_t>(m16 * k16));
        DataCopy(b1, global(zeros), static_cast<std::uint32_t>(k16 * n16));
        PipeBarrier<PIPE_MTE2>();
        DataCopy(a1, global(a), Nd2NzParams{1, u16(c.m), u16(c.k), 0, u16(c.k), u16(m16), 1, 0});
        DataCopy(b1, global(b), Nd2NzParams{1, u16(b_rows), u16(b_columns), 0, u16(b_columns), u16(up(b_rows)), 1, 0});
        hand_over<HardEvent::MTE2_MTE1>();
        if (c.on == target::ascend_2201) {
          load_2201(c, a2, a1, b2, b1);
        } else {
          load_3510(c, a2, a1, b2, b1);
        }
        hand_over<HardEvent::MTE1_M>();
        Mmad(c0, a2, b2, MmadParams{u16(c.m), u16(n16), u16(c.k), 0, false, true});
        hand_over<HardEvent::M_FIX>();
        Fixpipe<float, float, CFG_ROW_MAJOR>(
            global(result), c0,
            FixpipeParamsV220{u16(n16), u16(c.m), u16(m16), static_cast<std::uint32_t>(n16), false, NoQuant, 0, 1, 0, 0, 0});
      },
      {input(a), input(b), input(zeros), output(result)}, c.on);
  ASSERT_TRUE(o.ok) << o.report;
  for (std::size_t i = 0; i < c.m; ++i) {
    for (std::size_t j = 0; j < c.n; ++j) {
      float sum = 0;
      for (std::size_t k = 0; k < c.k; ++k) {
        sum += static_cast<float>(a[i * c.k + k]) * static_cast<float>(c.b_is_transposed ? b[j * c.k + k] : b[k * c.n + j]);
      }
      ASSERT_EQ(result[i * n16 + j], sum) << i << ", " << j;
    }
  }
}

TEST(TheModelsCube, MultipliesRowsByTransposedLoads) { expect_product({128, 64, 128}); }
TEST(TheModelsCube, MultipliesQueriesByKeysWithoutTransposing) {
  expect_product({.m = 64, .n = 128, .k = 64, .b_is_transposed = true});
}
TEST(TheModelsCube, MultipliesShapesThatFillNoFractal) {
  expect_product({.m = 17, .n = 16, .k = 33});
  expect_product({.m = 5, .n = 19, .k = 7, .b_is_transposed = true});
}
TEST(TheModelsCube, MultipliesOn3510Too) {
  expect_product({.m = 48, .n = 64, .k = 80, .on = target::ascend_3510});
  expect_product({.m = 48, .n = 64, .k = 80, .on = target::ascend_3510, .b_is_transposed = true});
  expect_product({.m = 17, .n = 16, .k = 33, .on = target::ascend_3510});
}

// One fractal at a time through L0 and out, so that its place in L1 shows: a fractal times the unit matrix.
std::vector<float> fractals_of(const std::function<void(const LocalTensor<half>&)>& fill_l1, std::size_t fractals,
                               std::vector<memory_range> memory) {
  std::vector<half> unit(256);
  for (std::size_t i = 0; i < 256; ++i) unit[i] = half(i % 17 == 0 ? 1.0f : 0.0f);
  std::vector<float> result(fractals * 256);
  memory.push_back(input(unit));
  memory.push_back(output(result));
  const outcome o = on_cube(
      [&] {
        const LocalTensor<half> l1(TPosition::A1, 0, static_cast<std::uint32_t>(fractals * 256));
        const LocalTensor<half> unit1(TPosition::B1, 256 * 1024, 256);
        const LocalTensor<half> a2(TPosition::A2, 0, static_cast<std::uint32_t>(fractals * 256));
        const LocalTensor<half> b2(TPosition::B2, 0, 256);
        const LocalTensor<float> c0(TPosition::CO1, 0, static_cast<std::uint32_t>(fractals * 256));
        fill_l1(l1);
        DataCopy(unit1, global(unit), 256);
        hand_over<HardEvent::MTE2_MTE1>();
        LoadData(a2, l1, LoadData2DParams{0, static_cast<std::uint8_t>(fractals), 1, 0, 0, false, 0});
        LoadData(b2, unit1, LoadData2DParams{0, 1, 1, 0, 0, false, 0});
        hand_over<HardEvent::MTE1_M>();
        for (std::uint32_t f = 0; f < fractals; ++f) {
          Mmad(c0[f * 256], a2[f * 256], b2, MmadParams{16, 16, 16, 0, false, true});
        }
        hand_over<HardEvent::M_FIX>();
        for (std::uint32_t f = 0; f < fractals; ++f) {
          Fixpipe(global(result)[f * 256], c0[f * 256], FixpipeParamsV220{16, 16, 16, 16, false, NoQuant, 0, 1, 0, 0, 0});
        }
      },
      std::move(memory));
  EXPECT_TRUE(o.ok) << o.report;
  return result;
}

TEST(Nd2Nz, PutsElementsWhereTheFormulaSays) {
  constexpr std::size_t rows = 32, columns = 48, stride = 50, matrices = 2;
  auto source = numbers_of(matrices * rows * stride);
  const auto nz = fractals_of(
      [&](const LocalTensor<half>& l1) {
        DataCopy(l1, global(source), Nd2NzParams{u16(matrices), u16(rows), u16(columns), u16(rows * stride), u16(stride),
                                                 u16(rows), 1, u16(rows * columns)});
      },
      matrices * rows * columns / 256, {input(source)});
  for (std::size_t m = 0; m < matrices; ++m) {
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < columns; ++c) {
        const std::size_t place = m * rows * columns + c / 16 * rows * 16 + r * 16 + c % 16;
        ASSERT_EQ(nz[place], static_cast<float>(source[m * rows * stride + r * stride + c]));
      }
    }
  }
}

TEST(Nd2Nz, SpreadsRowsByItsStrideAndReadsTheSourceByItsOwn) {
  constexpr std::size_t rows = 16, columns = 16, stride = 64;
  auto source = numbers_of(rows * stride);
  std::vector<half> zeros(1024);
  for (half& z : zeros) z = half(0.0f);
  const auto nz = fractals_of(
      [&](const LocalTensor<half>& l1) {
        DataCopy(l1, global(zeros), 1024);
        PipeBarrier<PIPE_MTE2>();
        DataCopy(l1, global(source), Nd2NzParams{1, u16(rows), u16(columns), 0, u16(stride), 64, 3, 0});
      },
      4, {input(source), input(zeros, "zeros")});
  for (std::size_t r = 0; r < 64; ++r) {
    for (std::size_t c = 0; c < 16; ++c) {
      const float expected = r % 3 == 0 && r < 48 ? static_cast<float>(source[r / 3 * stride + c]) : 0.0f;
      ASSERT_EQ(nz[r * 16 + c], expected) << r << ", " << c;
    }
  }
}

TEST(Nd2Nz, FillsTheLastBlockOfARowWithZeros) {
  constexpr std::size_t columns = 10;
  auto source = numbers_of(16 * columns);
  const auto nz = fractals_of(
      [&](const LocalTensor<half>& l1) {
        DataCopy(l1, global(source), Nd2NzParams{1, 16, u16(columns), 0, u16(columns), 16, 1, 0});
      },
      1, {input(source)});
  for (std::size_t i = 0; i < 256; ++i) {
    ASSERT_EQ(nz[i], i % 16 < columns ? static_cast<float>(source[i / 16 * columns + i % 16]) : 0.0f);
  }
}

TEST(TheModelsCube, AddsToWhatL0CHolds) {
  auto a = numbers_of(256);
  std::vector<float> result(256);
  const outcome o = on_cube(
      [&] {
        const LocalTensor<half> a1(TPosition::A1, 0, 256), a2(TPosition::A2, 0, 256), b2(TPosition::B2, 0, 256);
        const LocalTensor<float> c0(TPosition::CO1, 0, 256);
        DataCopy(a1, global(a), Nd2NzParams{1, 16, 16, 0, 16, 16, 1, 0});
        hand_over<HardEvent::MTE2_MTE1>();
        LoadData(a2, a1, LoadData2DParams{0, 1, 1, 0, 0, false, 0});
        LoadData(b2, a1, LoadData2DParams{0, 1, 1, 0, 0, false, 0});
        hand_over<HardEvent::MTE1_M>();
        Mmad(c0, a2, b2, MmadParams{16, 16, 16, 0, false, true});
        for (int times = 0; times < 2; ++times) {
          PipeBarrier<PIPE_M>();
          Mmad(c0, a2, b2, MmadParams{16, 16, 16, 0, false, false});
        }
        hand_over<HardEvent::M_FIX>();
        Fixpipe(global(result), c0, FixpipeParamsV220{16, 16, 16, 16, false, NoQuant, 0, 1, 0, 0, 0});
      },
      {input(a), output(result)});
  ASSERT_TRUE(o.ok) << o.report;
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t j = 0; j < 16; ++j) {
      float sum = 0;
      for (std::size_t k = 0; k < 16; ++k) sum += static_cast<float>(a[i * 16 + k]) * static_cast<float>(a[j * 16 + k]);
      ASSERT_EQ(result[i * 16 + j], 3 * sum);
    }
  }
}

// x * x of one number, through Fixpipe to T.
template <class T>
float squared(float x, QuantMode_t mode) {
  std::vector<half> a(256, half(0.0f));
  for (std::size_t i = 0; i < 16; ++i) a[i * 16] = half(x);
  std::vector<T> result(16 * 32);
  const outcome o = on_cube(
      [&] {
        const LocalTensor<half> a1(TPosition::A1, 0, 256), a2(TPosition::A2, 0, 256), b2(TPosition::B2, 0, 256);
        const LocalTensor<float> c0(TPosition::CO1, 0, 256);
        DataCopy(a1, global(a), 256);
        hand_over<HardEvent::MTE2_MTE1>();
        LoadData(a2, a1, LoadData2DParams{0, 1, 1, 0, 0, false, 0});
        LoadData(b2, a1, LoadData2DParams{0, 1, 1, 0, 0, false, 0});
        hand_over<HardEvent::MTE1_M>();
        Mmad(c0, a2, b2, MmadParams{16, 16, 16, 0, false, true});
        hand_over<HardEvent::M_FIX>();
        Fixpipe(global(result), c0, FixpipeParamsV220{16, 16, 16, 32, false, mode, 0, 1, 0, 0, 0});
      },
      {input(a), output(result)});
  EXPECT_TRUE(o.ok) << o.report;
  return static_cast<float>(result[5 * 32 + 3]);
}

TEST(Fixpipe, RoundsToTheTypeOfTheDestination) {
  EXPECT_EQ(squared<float>(2049.0f / 1024.0f, NoQuant), 4.0f);  // the input is rounded
  EXPECT_EQ(squared<half>(1.0009765625f, F322F16), 1.001953125f);  // 1.00195407...: to nearest
  EXPECT_EQ(squared<bfloat16_t>(1.5f, F322BF16), 2.25f);
  EXPECT_EQ(squared<bfloat16_t>(1.0625f, F322BF16), 1.125f);  // 1.12890625: a tie to even
}

TEST(Fixpipe, SaturatesHalves) {
  EXPECT_EQ(squared<half>(300.0f, F322F16), 65504.0f);
  EXPECT_EQ(squared<bfloat16_t>(256.0f, F322BF16), 65536.0f);
}

TEST(DataCopyPad, FillsRowsUpWithTheGivenValue) {
  auto source = numbers_of(3 * 20);
  std::vector<half> result(3 * 16);
  const outcome o = on_vector(
      [&] {
        const LocalTensor<half> u = halves(0, 3 * 32);
        // 11 elements of rows of 20: 2 in front, 3 behind fill 32 B; one free block between rows.
        DataCopyPad(u, global(source), DataCopyExtParams{3, 22, 18, 1, 0}, DataCopyPadExtParams<half>{true, 2, 3, half(9.0f)});
        hand_over<HardEvent::MTE2_MTE3>();
        DataCopyPad(global(result), u, DataCopyExtParams{3, 32, 1, 0, 0});
      },
      {input(source), output(result)});
  ASSERT_TRUE(o.ok) << o.report;
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t c = 0; c < 16; ++c) {
      const bool filled = c < 2 || c >= 13;
      ASSERT_EQ(static_cast<float>(result[r * 16 + c]), filled ? 9.0f : static_cast<float>(source[r * 20 + c - 2]));
    }
  }
}

TEST(DataCopyPad, LeavesGapsInGlobalMemoryAlone) {
  auto source = numbers_of(32);
  std::vector<half> result(4 * 10, half(7.0f));
  const outcome o = on_vector(
      [&] {
        const LocalTensor<half> u = halves(0, 32);
        DataCopy(u, global(source), 32);
        hand_over<HardEvent::MTE2_MTE3>();
        DataCopyPad(global(result), u, DataCopyExtParams{2, 6, 0, 14, 0});
      },
      {input(source), output(result)});
  ASSERT_TRUE(o.ok) << o.report;
  for (std::size_t i = 0; i < result.size(); ++i) {
    const bool written = i % 10 < 3 && i < 20;
    ASSERT_EQ(static_cast<float>(result[i]), written ? static_cast<float>(source[i / 10 * 16 + i % 10]) : 7.0f) << i;
  }
}

}  // namespace
}  // namespace crestmax_test
