// Ranges of the parameters of copies, loads, products and the way out: the last allowed value passes, the next fails.
#include <cmath>

#include "model_test.hpp"

namespace crestmax_test {
namespace {

// A kernel on the cube core with 64 KB of L1 written, `bytes` of source.
outcome with_l1(const std::function<void(const LocalTensor<half>&)>& body, target on = target::ascend_2201, float filling = 1.0f) {
  std::vector<half> source(64 * 1024, half(filling));
  return on_cube(
      [&] {
        const LocalTensor<half> l1(TPosition::A1, 0, 64 * 1024);
        DataCopy(l1, global(source), 64 * 1024);
        hand_over<HardEvent::MTE2_MTE1>();
        body(l1);
      },
      {input(source)}, on);
}

outcome nd2nz(const Nd2NzParams& p, std::size_t elements = 70000) {
  std::vector<half> source(elements, half(1.0f));
  return on_cube([&] { DataCopy(LocalTensor<half>(TPosition::A1, 0, 261888), global(source), p); }, {input(source)});
}

TEST(Nd2Nz, HasRangesForItsParameters) {
  expect_fine(nd2nz({1, 4, 16, 0, 16, 4, 1, 0}));
  expect_error(nd2nz({0, 4, 16, 0, 16, 4, 1, 0}), "ndNum is 0");
  expect_error(nd2nz({1, 0, 16, 0, 16, 4, 1, 0}), "nValue is 0");
  expect_fine(nd2nz({1, 16368, 16, 0, 16, 16368, 1, 0}, 262144));
  expect_error(nd2nz({1, 16385, 16, 0, 16, 16384, 1, 0}, 300000), "nValue is 16385, allowed are 1..16384");
  expect_error(nd2nz({1, 4, 0, 0, 16, 4, 1, 0}), "dValue is 0");
  expect_fine(nd2nz({1, 2, 16, 0, 65535, 4, 1, 0}));
  expect_error(nd2nz({1, 1, 16, 0, 0, 4, 1, 0}), "srcDValue is 0");
  expect_error(nd2nz({1, 4, 16, 0, 16, 0, 1, 0}), "dstNzC0Stride is 0");
  expect_error(nd2nz({1, 4, 16, 0, 16, 16385, 1, 0}), "dstNzC0Stride is 16385, allowed are 1..16384");
  expect_error(nd2nz({1, 4, 16, 0, 16, 4, 0, 0}), "dstNzNStride is 0");
  expect_error(nd2nz({1, 4, 16, 0, 16, 4, 16385, 0}), "dstNzNStride is 16385");
}

TEST(Nd2Nz, NeedsAStrideBetweenSeveralMatrices) {
  expect_fine(nd2nz({2, 4, 16, 64, 16, 4, 1, 64}));
  expect_error(nd2nz({2, 4, 16, 64, 16, 4, 1, 0}), "dstNzMatrixStride is 0");
  expect_error(nd2nz({2, 4, 16, 64, 16, 4, 1, 48}), "which it has itself written already");
}

TEST(Nd2Nz, RefusesColumnsThatOverlap) {
  expect_error(nd2nz({1, 4, 32, 0, 32, 3, 1, 0}), "which it has itself written already");
  expect_error(nd2nz({1, 4, 32, 0, 16, 4, 1, 0}), "srcDValue is less than dValue");
}

TEST(DataCopy, CopiesWhole32Bytes) {
  std::vector<half> source(64, half(1.0f));
  const auto copy = [&](std::uint32_t count) {
    return on_vector([&, count] { DataCopy(halves(0, 64), global(source), count); }, {input(source)});
  };
  expect_fine(copy(48));
  expect_error(copy(40), "copies whole 32 B, not 80 B");
  expect_error(copy(0), "copies 1..65535 blocks");
}

TEST(DataCopy, TakesBlocksWithGaps) {
  std::vector<float> source(64), result(64, 0.0f);
  for (std::size_t i = 0; i < 64; ++i) source[i] = static_cast<float>(i);
  expect_fine(on_vector(
      [&] {
        DataCopy(floats(0, 64), global(source), DataCopyParams{2, 1, 3, 1});  // elements 0..7 and 32..39, a block apart
        hand_over<HardEvent::MTE2_MTE3>();
        DataCopy(global(result), floats(0, 64), DataCopyParams{2, 1, 1, 2});
      },
      {input(source), output(result)}));
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(result[i], static_cast<float>(i));
    EXPECT_EQ(result[8 + i], 0.0f);
    EXPECT_EQ(result[24 + i], static_cast<float>(32 + i));
  }
}

TEST(DataCopy, HasRangesForItsBlocks) {
  std::vector<float> source(64, 1.0f);
  const auto copy = [&](DataCopyParams p) {
    return on_vector([&, p] { DataCopy(floats(0, 64), global(source), p); }, {input(source)});
  };
  expect_fine(copy({8, 1, 0, 0}));
  expect_error(copy({0, 1, 0, 0}), "blockCount is 0, allowed are 1..4095");
  expect_error(copy({4096, 1, 0, 0}), "blockCount is 4096");
  expect_error(copy({1, 0, 0, 0}), "blockLen is 0, allowed are 1..65535");
}

TEST(DataCopyPad, HasRangesForItsParameters) {
  std::vector<half> source(64, half(1.0f));
  const auto copy = [&](DataCopyExtParams p, DataCopyPadExtParams<half> pad = {}) {
    return on_vector([&, p, pad] { DataCopyPad(halves(0, 90000), global(source), p, pad); }, {input(source)});
  };
  expect_fine(copy({2, 30, 0, 0, 0}));
  expect_error(copy({0, 30, 0, 0, 0}), "blockCount is 0");
  expect_error(copy({4096, 30, 0, 0, 0}), "blockCount is 4096, allowed are 1..4095");
  expect_error(copy({1, 0, 0, 0, 0}), "blockLen is 0");
  expect_error(copy({1, 2097152, 0, 0, 0}), "blockLen is 2097152");
  expect_fine(copy({1, 32, 0, 0, 0}, {true, 16, 16, half(0.0f)}));
  expect_error(copy({1, 32, 0, 0, 0}, {true, 17, 0, half(0.0f)}), "fill at most 32 B");
}

outcome load(const LoadData2DParams& p) {
  return with_l1([&](const LocalTensor<half>& l1) { LoadData(LocalTensor<half>(TPosition::A2, 0, 32 * 1024), l1, p); });
}

TEST(LoadData, HasRangesForItsParameters) {
  expect_fine(load({0, 128, 1, 0, 0, false, 0}));
  expect_error(load({0, 0, 1, 0, 0, false, 0}), "repeatTimes is 0, allowed are 1..255");
  expect_error(load({0, 129, 1, 0, 0, false, 0}), "L0A ends at 0x10000");
  expect_error(load({250, 8, 1, 0, 0, false, 0}), "the tensor has 131072 B");
  expect_error(load({0, 1, 1, 0, 0, false, 1}), "addrMode 0 only");
}

TEST(LoadData, LeavesGapsBetweenFractals) {
  const auto reading = [](std::uint32_t fractal) {
    return with_l1([=](const LocalTensor<half>& l1) {
      const LocalTensor<half> a2(TPosition::A2, 0, 2048), b2(TPosition::B2, 0, 256);
      LoadData(a2, l1, LoadData2DParams{0, 3, 1, 0, 1, false, 0});
      LoadData(b2, l1, LoadData2DParams{0, 1, 1, 0, 0, false, 0});
      hand_over<HardEvent::MTE1_M>();
      Mmad(LocalTensor<float>(TPosition::CO1, 0, 256), a2[fractal * 256], b2, MmadParams{16, 16, 16, 0, false, true});
    });
  };
  for (std::uint32_t written : {0u, 2u, 4u}) expect_fine(reading(written));
  for (std::uint32_t gap : {1u, 3u, 5u}) expect_error(reading(gap), "which nothing has written");
}

TEST(LoadData, TransposesSixteenBitsOnly) {
  const auto transpose = [](auto type) {
    using T = decltype(type);
    return with_l1([](const LocalTensor<half>& l1) {
      LoadData(LocalTensor<T>(TPosition::A2, 0, 256), l1.ReinterpretCast<T>(), LoadData2DParams{0, 1, 1, 0, 0, true, 0});
    });
  };
  expect_fine(transpose(half()));
  expect_fine(transpose(bfloat16_t()));
  expect_error(transpose(float()), "ifTranspose is for 16-bit types");
}

TEST(LoadData, GoesFromL1ToL0) {
  expect_error(with_l1([](const LocalTensor<half>& l1) { LoadData(l1[256], l1, LoadData2DParams{0, 1, 1, 0, 0, false, 0}); }),
               "writes L0A or L0B, not L1");
}

TEST(LoadData, HasOtherParametersOn3510) {
  const LoadData2DParamsV2 v2{0, 0, 4, 4, 4, 4, false, 0};
  const auto loads = [](auto p) {
    return [p](const LocalTensor<half>& l1) { LoadData(LocalTensor<half>(TPosition::A2, 0, 32 * 1024), l1, p); };
  };
  expect_fine(with_l1(loads(v2), target::ascend_3510));
  expect_error(with_l1(loads(v2)), "LoadData2DParamsV2 is for 3510");
  expect_error(with_l1(loads(LoadData2DParams{0, 1, 1, 0, 0, false, 0}), target::ascend_3510), "3510 takes LoadData2DParamsV2");
  expect_error(with_l1(loads(LoadData2DParamsV2{0, 0, 256, 1, 256, 256, false, 0}), target::ascend_3510), "mStep is 256");
  expect_error(with_l1(loads(LoadData2DParamsV2{0, 0, 4, 4, 4, 3, false, 0}), target::ascend_3510), "dstStride is too small");
}

outcome product(const MmadParams& p, float filling = 1.0f) {
  return with_l1(
      [&](const LocalTensor<half>& l1) {
        const LocalTensor<half> a2(TPosition::A2, 0, 32 * 1024), b2(TPosition::B2, 0, 32 * 1024);
        LoadData(a2, l1, LoadData2DParams{0, 128, 1, 0, 0, false, 0});
        LoadData(b2, l1, LoadData2DParams{0, 128, 1, 0, 0, false, 0});
        hand_over<HardEvent::MTE1_M>();
        Mmad(LocalTensor<float>(TPosition::CO1, 0, 32 * 1024), a2, b2, p);
      },
      target::ascend_2201, filling);
}

TEST(Mmad, HasRangesForItsParameters) {
  expect_fine(product({16, 16, 2048, 0, false, true}));
  expect_error(product({16, 16, 4096, 0, false, true}), "k is 4096, allowed are 0..4095");
  expect_error(product({4096, 16, 16, 0, false, true}), "m is 4096");
  expect_error(product({16, 4096, 16, 0, false, true}), "n is 4096");
  expect_error(product({16, 16, 2064, 0, false, true}), "L0A ends at 0x10000");
  expect_error(product({16, 16, 16, 1, false, true}), "unitFlag is not modelled");
  expect_error(product({16, 16, 16, 0, true, true}), "bias table is not modelled");
}

TEST(Mmad, TakesNoNaN) { expect_error(product({16, 16, 16, 0, false, true}, NAN), "NaN among the inputs"); }

outcome fixing(const FixpipeParamsV220& p, bool to_half = false) {
  std::vector<float> result(1024);
  std::vector<half> narrow(1024);
  std::vector<half> source(1024, half(1.0f));
  return on_cube(
      [&] {
        const LocalTensor<half> l1(TPosition::A1, 0, 1024), a2(TPosition::A2, 0, 1024), b2(TPosition::B2, 0, 1024);
        const LocalTensor<float> c0(TPosition::CO1, 0, 1024);
        DataCopy(l1, global(source), 1024);
        hand_over<HardEvent::MTE2_MTE1>();
        LoadData(a2, l1, LoadData2DParams{0, 2, 1, 0, 0, false, 0});
        LoadData(b2, l1, LoadData2DParams{0, 2, 1, 0, 0, false, 0});
        hand_over<HardEvent::MTE1_M>();
        Mmad(c0, a2, b2, MmadParams{32, 32, 16, 0, false, true});
        hand_over<HardEvent::M_FIX>();
        if (to_half) {
          Fixpipe(global(narrow), c0, p);
        } else {
          Fixpipe(global(result), c0, p);
        }
      },
      {input(source), output(result), output(narrow)});
}

TEST(Fixpipe, HasRangesForItsParameters) {
  expect_fine(fixing({32, 32, 32, 32, false, NoQuant, 0, 1, 0, 0, 0}));
  expect_error(fixing({24, 32, 32, 32, false, NoQuant, 0, 1, 0, 0, 0}), "nSize is no multiple of 16");
  expect_error(fixing({0, 32, 32, 32, false, NoQuant, 0, 1, 0, 0, 0}), "nSize is 0");
  expect_error(fixing({4096, 32, 32, 4096, false, NoQuant, 0, 1, 0, 0, 0}), "nSize is 4096, allowed are 1..4095");
  expect_error(fixing({32, 8193, 8208, 32, false, NoQuant, 0, 1, 0, 0, 0}), "mSize is 8193, allowed are 1..8192");
  expect_error(fixing({32, 32, 16, 32, false, NoQuant, 0, 1, 0, 0, 0}), "srcStride is less than mSize");
  expect_error(fixing({32, 32, 32, 16, false, NoQuant, 0, 1, 0, 0, 0}), "dstStride is less than nSize");
  expect_error(fixing({32, 32, 32, 32, false, NoQuant, 0, 2, 0, 0, 0}), "one matrix per call");
  expect_error(fixing({32, 32, 32, 32, true, NoQuant, 0, 1, 0, 0, 0}), "reluEn is not modelled");
  expect_error(fixing({32, 32, 32, 32, false, NoQuant, 0, 1, 0, 0, 3}), "unitFlag is not modelled");
  expect_error(fixing({32, 32, 32, 64, false, NoQuant, 0, 1, 0, 0, 0}), "past the end of a GlobalTensor");
}

TEST(Fixpipe, ConvertsToTheTypeOfTheDestination) {
  expect_fine(fixing({32, 32, 32, 32, false, F322F16, 0, 1, 0, 0, 0}, true));
  expect_error(fixing({32, 32, 32, 32, false, NoQuant, 0, 1, 0, 0, 0}, true), "quantPre does not match");
  expect_error(fixing({32, 32, 32, 32, false, F322BF16, 0, 1, 0, 0, 0}, true), "quantPre does not match");
  expect_error(fixing({32, 32, 32, 32, false, F322F16, 0, 1, 0, 0, 0}, false), "quantPre does not match");
}

}  // namespace
}  // namespace crestmax_test
