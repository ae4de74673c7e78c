// What the vector calls compute, with strides and masks, and what they refuse.
#include <cmath>

#include "model_test.hpp"

namespace crestmax_test {
namespace {

// Runs `body` on AIV0 with `source` at UB 0 (the element i is value(i)) and gives back `count` floats from UB 64 KB on,
// which were -1 before.
std::vector<float> on_numbers(std::uint32_t source_count, std::uint32_t count, const std::function<void()>& body,
                              float (*value)(std::size_t) = [](std::size_t i) { return static_cast<float>(i % 251); }) {
  std::vector<float> source(source_count), result(count);
  for (std::size_t i = 0; i < source.size(); ++i) source[i] = value(i);
  const outcome o = on_vector(
      [&] {
        DataCopy(floats(0, source_count), global(source), source_count);
        Duplicate(floats(65536, count), -1.0f, static_cast<std::int32_t>(count));
        PipeBarrier<PIPE_ALL>();
        body();
        PipeBarrier<PIPE_ALL>();
        DataCopy(global(result), floats(65536, count), count);
      },
      {input(source), output(result)});
  EXPECT_TRUE(o.ok) << o.report;
  return result;
}

float source_at(std::size_t i) { return static_cast<float>(i % 251); }

TEST(AVectorCall, WorksOnElementsSideBySide) {
  const auto r = on_numbers(104, 104, [] { Muls(floats(65536, 104), floats(0, 104), 3.0f, 100); });
  for (std::size_t i = 0; i < 104; ++i) ASSERT_EQ(r[i], i < 100 ? 3.0f * source_at(i) : -1.0f);
}

TEST(AVectorCall, TakesStridesBetweenBlocksAndRepeats) {
  const auto r = on_numbers(1024, 1024, [] {
    Adds(floats(65536, 1024), floats(0, 1024), 0.5f, 64, 3, UnaryRepeatParams{2, 1, 16, 20});
  });
  std::vector<float> expected(1024, -1.0f);
  for (std::size_t repeat = 0; repeat < 3; ++repeat) {
    for (std::size_t block = 0; block < 8; ++block) {
      for (std::size_t e = 0; e < 8; ++e) {
        expected[repeat * 128 + block * 16 + e] = source_at(repeat * 160 + block * 8 + e) + 0.5f;
      }
    }
  }
  EXPECT_EQ(r, expected);
}

TEST(AMask, KeepsTheRestOfARepeatAsItIs) {
  const auto r = on_numbers(128, 128, [] {
    Adds(floats(65536, 128), floats(0, 128), 1.0f, 20, 2, UnaryRepeatParams{1, 1, 8, 8});
  });
  for (std::size_t i = 0; i < 128; ++i) ASSERT_EQ(r[i], i % 64 < 20 ? source_at(i) + 1.0f : -1.0f);
}

TEST(AMaskOfBits, ChoosesElements) {
  const std::uint64_t bits[2] = {0x8000000000000005u, 0};
  const auto r = on_numbers(64, 64, [&] { Adds(floats(65536, 64), floats(0, 64), 1.0f, bits, 1, UnaryRepeatParams{}); });
  for (std::size_t i = 0; i < 64; ++i) ASSERT_EQ(r[i], i == 0 || i == 2 || i == 63 ? source_at(i) + 1.0f : -1.0f);
}

TEST(ABlockStrideOfZero, UsesOneBlockForAWholeRepeat) {
  const auto r = on_numbers(192, 128, [] {
    Sub(floats(65536, 128), floats(0, 128), floats(128 * 4, 16), 64, 2, BinaryRepeatParams{1, 1, 0, 8, 8, 1});
  });
  for (std::size_t i = 0; i < 128; ++i) ASSERT_EQ(r[i], source_at(i) - source_at(128 + i / 64 * 8 + i % 8));
}

TEST(TheArithmeticCalls, ComputeWhatTheyAreNamedFor) {
  const auto with = [](auto call) {
    return on_numbers(128, 64, [&] { call(floats(65536, 64), floats(0, 64), floats(256, 64)); })[9];
  };
  const float a = source_at(9), b = source_at(73);
  EXPECT_EQ(with([](auto d, auto x, auto y) { Add(d, x, y, 64); }), a + b);
  EXPECT_EQ(with([](auto d, auto x, auto y) { Sub(d, x, y, 64); }), a - b);
  EXPECT_EQ(with([](auto d, auto x, auto y) { Mul(d, x, y, 64); }), a * b);
  EXPECT_EQ(with([](auto d, auto x, auto y) { Div(d, x, y, 64); }), a / b);
  EXPECT_EQ(with([](auto d, auto x, auto y) { Max(d, x, y, 64); }), b);
  EXPECT_EQ(with([](auto d, auto x, auto y) { Min(d, x, y, 64); }), a);
  EXPECT_NEAR(with([](auto d, auto x, auto) { Exp(d, x, 64); }), std::exp(static_cast<double>(a)), 1e-3);
  EXPECT_NEAR(with([](auto d, auto x, auto) { Ln(d, x, 64); }), std::log(static_cast<double>(a)), 1e-6);
}

TEST(TheCallsWithAScalar, ComputeWhatTheyAreNamedFor) {
  const auto with = [](auto call) { return on_numbers(64, 64, [&] { call(floats(65536, 64), floats(0, 64)); }); };
  const auto adds = with([](auto d, auto x) { Adds(d, x, -9.5f, 64); });
  const auto muls = with([](auto d, auto x) { Muls(d, x, -0.5f, 64); });
  const auto maxs = with([](auto d, auto x) { Maxs(d, x, 20.0f, 64); });
  const auto mins = with([](auto d, auto x) { Mins(d, x, 20.0f, 64); });
  for (std::size_t i = 0; i < 64; ++i) {
    const float x = source_at(i);
    ASSERT_EQ(adds[i], x - 9.5f);
    ASSERT_EQ(muls[i], x * -0.5f);
    ASSERT_EQ(maxs[i], std::max(x, 20.0f));
    ASSERT_EQ(mins[i], std::min(x, 20.0f));
  }
  EXPECT_EQ(with([](auto d, auto x) {
              Muls(d, x, -1.0f, 64);
              PipeBarrier<PIPE_V>();
              Abs(d, d, 64);
            })[9],
            9.0f);
}

TEST(TheArithmeticOfHalves, RoundsEachResult) {
  const auto r = on_numbers(
      64, 64,
      [] {
        const LocalTensor<half> h = halves(32768, 64);
        Cast(h, floats(0, 64), RoundMode::CAST_RINT, 64);
        PipeBarrier<PIPE_V>();
        Mul(h, h, h, 64, 1, BinaryRepeatParams{});
        PipeBarrier<PIPE_V>();
        Cast(floats(65536, 64), h, RoundMode::CAST_NONE, 64);
      },
      [](std::size_t i) { return static_cast<float>(i) * 16.25f; });
  for (std::size_t i = 0; i < 64; ++i) {
    const float x = static_cast<float>(half(static_cast<float>(i) * 16.25f));
    ASSERT_EQ(r[i], static_cast<float>(half(x * x)));
  }
  EXPECT_EQ(r[63], 65504.0f);
}

TEST(TheArithmeticOfIntegers, IsExact) {
  std::vector<std::int32_t> result(16);
  expect_fine(on_vector(
      [&] {
        const LocalTensor<std::int32_t> u(TPosition::VECCALC, 0, 16);
        Duplicate(u, 2000000000, 16);
        PipeBarrier<PIPE_V>();
        Adds(u, u, 7, 16);
        PipeBarrier<PIPE_V>();
        Max(u, u, u, 16);
        hand_over<HardEvent::V_MTE3>();
        DataCopy(global(result), u, 16);
      },
      {output(result)}));
  EXPECT_EQ(result[15], 2000000007);
}

TEST(Exp, IsWithinOneUnitInTheLastPlace) {
  const auto r = on_numbers(
      4096, 4096, [] { Exp(floats(65536, 4096), floats(0, 4096), 4096); },
      [](std::size_t i) { return -40.0f + 0.02f * static_cast<float>(i); });
  for (std::size_t i = 0; i < 4096; ++i) {
    const double exact = std::exp(static_cast<double>(-40.0f + 0.02f * static_cast<float>(i)));
    const double unit = std::nextafter(static_cast<float>(exact), INFINITY) - static_cast<float>(exact);
    ASSERT_LE(std::abs(static_cast<double>(r[i]) - exact), unit);
  }
}

TEST(WholeReduceMax, TakesOneValueOfEachRepeat) {
  const auto r = on_numbers(512, 24, [] {
    WholeReduceMax<float>(floats(65536, 24), floats(0, 512), 40, 4, 2, 1, 16, ReduceOrder::ORDER_ONLY_VALUE);
  });
  for (std::size_t repeat = 0; repeat < 4; ++repeat) {
    float most = -INFINITY;
    for (std::size_t i = 0; i < 40; ++i) most = std::max(most, source_at(repeat * 128 + i));
    EXPECT_EQ(r[repeat * 2], most);
    EXPECT_EQ(r[repeat * 2 + 1], -1.0f);
  }
}

TEST(WholeReduceSum, AddsTheElementsOfEachRepeat) {
  const auto r = on_numbers(512, 24, [] { WholeReduceSum<float>(floats(65536, 24), floats(0, 512), 63, 8, 1, 1, 8); });
  for (std::size_t repeat = 0; repeat < 8; ++repeat) {
    float sum = 0;  // whole numbers: exact in any order
    for (std::size_t i = 0; i < 63; ++i) sum += source_at(repeat * 64 + i);
    EXPECT_EQ(r[repeat], sum);
  }
}

TEST(WholeReduceMin, TakesOneValueOfEachRepeat) {
  const auto r = on_numbers(
      128, 8, [] { WholeReduceMin<float>(floats(65536, 8), floats(0, 128), 64, 2, 1, 1, 8, ReduceOrder::ORDER_ONLY_VALUE); },
      [](std::size_t i) { return static_cast<float>(i == 77 ? -5 : static_cast<int>(i)); });
  EXPECT_EQ(r[0], 0.0f);
  EXPECT_EQ(r[1], -5.0f);
}

TEST(BlockReduceSum, AddsTheElementsOfEach32Bytes) {
  const auto r = on_numbers(64, 8, [] { BlockReduceSum<float>(floats(65536, 8), floats(0, 64), 1, 64, 1, 1, 8); });
  for (std::size_t block = 0; block < 8; ++block) EXPECT_EQ(r[block], static_cast<float>(64 * block + 28));
}

TEST(Reductions, AlignTheirResults) {
  const auto reduce = [](bool block, std::uint32_t at) {
    return on_vector([=] {
      Duplicate(floats(0, 64), 1.0f, 64);
      PipeBarrier<PIPE_V>();
      const LocalTensor<float> to = floats(256, 64)[at];
      if (block) {
        BlockReduceMax<float>(to, floats(0, 64), 1, 64, 1, 1, 8);
      } else {
        WholeReduceMax<float>(to, floats(0, 64), 64, 1, 1, 1, 8, ReduceOrder::ORDER_ONLY_VALUE);
      }
    });
  };
  expect_fine(reduce(false, 1));
  expect_fine(reduce(true, 8));
  expect_error(reduce(true, 1), "is no multiple of 32 B");
}

TEST(BlockReduceMax, TakesOneValueOfEach32Bytes) {
  const auto r = on_numbers(128, 16, [] { BlockReduceMax<float>(floats(65536, 16), floats(0, 128), 2, 64, 1, 1, 8); });
  for (std::size_t block = 0; block < 16; ++block) {
    float most = -INFINITY;
    for (std::size_t i = 0; i < 8; ++i) most = std::max(most, source_at(block * 8 + i));
    EXPECT_EQ(r[block], most);
  }
}

TEST(Brcb, SpreadsEachElementOver32Bytes) {
  const auto r = on_numbers(16, 256, [] { Brcb(floats(65536, 256), floats(0, 16), 2, BrcbRepeatParams{2, 16}); });
  std::vector<float> expected(256, -1.0f);
  for (std::size_t e = 0; e < 16; ++e) {
    for (std::size_t i = 0; i < 8; ++i) expected[e / 8 * 128 + e % 8 * 16 + i] = source_at(e);
  }
  EXPECT_EQ(r, expected);
}

TEST(CompareAndSelect, ChooseByBits) {
  const auto r = on_numbers(64, 64, [] {
    const LocalTensor<std::uint8_t> bits(TPosition::VECCALC, 32768, 32);
    CompareScalar(bits, floats(0, 64), 40.0f, CMPMODE::LE, 64);
    PipeBarrier<PIPE_V>();
    Select(floats(65536, 64), bits, floats(0, 64), -7.0f, SELMODE::VSEL_TENSOR_SCALAR_MODE, 64);
  });
  for (std::size_t i = 0; i < 64; ++i) ASSERT_EQ(r[i], source_at(i) <= 40.0f ? source_at(i) : -7.0f);
}

TEST(CompareAndSelect, TakeTensors) {
  const auto r = on_numbers(128, 64, [] {
    const LocalTensor<std::uint8_t> bits(TPosition::VECCALC, 32768, 32);
    Compare(bits, floats(0, 64), floats(256, 64), CMPMODE::GT, 64);
    PipeBarrier<PIPE_V>();
    Select(floats(65536, 64), bits, floats(0, 64), floats(256, 64), SELMODE::VSEL_TENSOR_TENSOR_MODE, 64);
  }, [](std::size_t i) { return static_cast<float>(i * 37 % 101); });
  for (std::size_t i = 0; i < 64; ++i) {
    ASSERT_EQ(r[i], std::max(static_cast<float>(i * 37 % 101), static_cast<float>((i + 64) * 37 % 101)));
  }
}

TEST(Compare, TakesWhole256Bytes) {
  expect_error(on_vector([] {
                 Duplicate(floats(0, 64), 1.0f, 64);
                 PipeBarrier<PIPE_V>();
                 CompareScalar(LocalTensor<std::uint8_t>(TPosition::VECCALC, 1024, 32), floats(0, 64), 0.0f, CMPMODE::EQ, 32);
               }),
               "compares whole 256 B");
}

TEST(Cast, PacksHalvesSideBySideWithTheirOwnStrides) {
  const auto r = on_numbers(
      128, 128,
      [] {
        const LocalTensor<half> h = halves(32768, 128);
        Cast(h, floats(0, 128), RoundMode::CAST_RINT, 64, 2, UnaryRepeatParams{1, 1, 4, 8});
        PipeBarrier<PIPE_V>();
        Cast(floats(65536, 128), h, RoundMode::CAST_NONE, 64, 2, UnaryRepeatParams{1, 1, 8, 4});
      },
      [](std::size_t i) { return 1.0f + static_cast<float>(i) / 8192.0f; });
  for (std::size_t i = 0; i < 128; ++i) {
    ASSERT_EQ(r[i], static_cast<float>(half(1.0f + static_cast<float>(i) / 8192.0f)));
  }
}

TEST(Cast, SaturatesHalvesAndNotBfloat16) {
  const auto r = on_numbers(
      64, 128,
      [] {
        const LocalTensor<half> h = halves(32768, 64);
        const LocalTensor<bfloat16_t> b(TPosition::VECCALC, 40960, 64);
        Cast(h, floats(0, 64), RoundMode::CAST_RINT, 64);
        Cast(b, floats(0, 64), RoundMode::CAST_RINT, 64);
        PipeBarrier<PIPE_V>();
        Cast(floats(65536, 64), h, RoundMode::CAST_NONE, 64);
        Cast(floats(65536 + 256, 64), b, RoundMode::CAST_NONE, 64);
      },
      [](std::size_t) { return 1e6f; });
  EXPECT_EQ(r[0], 65504.0f);
  EXPECT_NEAR(r[64], 1e6f, 4e3f);
}

TEST(Cast, ToFewerBitsNamesItsRounding) {
  expect_error(on_vector([] {
                 Duplicate(floats(0, 64), 1.0f, 64);
                 PipeBarrier<PIPE_V>();
                 Cast(halves(256, 64), floats(0, 64), RoundMode::CAST_NONE, 64);
               }),
               "CAST_NONE would lose bits");
}

outcome adds(const ascend_model::vector_mask& mask, int repeats, UnaryRepeatParams p = {}) {
  return on_vector([&] {
    Duplicate(floats(0, 255 * 64), 1.0f, 255 * 64);
    PipeBarrier<PIPE_V>();
    Adds(floats(65536, 255 * 64), floats(0, 255 * 64), 1.0f, mask, repeats, p);
  });
}

TEST(TheRepeatCount, IsOneTo255) {
  expect_fine(adds(64, 255));
  expect_error(adds(64, 256), "the repeat count is 256, allowed are 1..255");
  expect_error(adds(64, 0), "the repeat count is 0");
  expect_error(adds(64, -1), "the repeat count is ");
}

TEST(TheMask, FitsInto256Bytes) {
  expect_error(adds(65, 1), "the mask is 65, allowed are 1..64");
  expect_error(adds(0, 1), "the mask is 0");
  const auto narrow = [](int mask) {
    return on_vector([mask] {
      Duplicate(halves(0, 256), half(1.0f), 256);
      PipeBarrier<PIPE_V>();
      Adds(halves(512, 256), halves(0, 256), half(1.0f), mask, 2, UnaryRepeatParams{});
    });
  };
  expect_fine(narrow(128));
  expect_error(narrow(129), "the mask is 129, allowed are 1..128");
  const std::uint64_t bits[2] = {1, 1};
  expect_error(adds(bits, 1), "bits past the 256 B");
}

TEST(TheNumberOfElements, IsPositive) {
  expect_error(on_vector([] { Duplicate(floats(0, 64), 1.0f, 0); }), "the number of elements is 0");
  expect_error(on_vector([] { Duplicate(floats(0, 64), 1.0f, -4); }), "the number of elements is ");
}

TEST(ARepeatStride, IsAtMost255) {
  expect_error(on_vector([] {
                 Duplicate(floats(0, 64), 1.0f, 64);
                 PipeBarrier<PIPE_V>();
                 WholeReduceMax<float>(floats(256, 8), floats(0, 64), 64, 1, 1, 1, 256, ReduceOrder::ORDER_ONLY_VALUE);
               }),
               "a repeat stride is 256, allowed are 0..255");
}

outcome overlapping(std::uint32_t destination, UnaryRepeatParams p = {}) {
  return on_vector([=] {
    Duplicate(floats(0, 512), 1.0f, 512);
    PipeBarrier<PIPE_V>();
    Adds(floats(destination, 512), floats(0, 512), 1.0f, 64, 2, p);
  });
}

TEST(ADestination, MayBeItsSource) { expect_fine(overlapping(0)); }
TEST(ADestination, MayNotOverlapItsSourceInPart) {
  expect_error(overlapping(32), "source and destination overlap in part");
  expect_error(overlapping(256), "source and destination overlap in part");
  expect_fine(overlapping(512));
}
TEST(ADestination, MayNotLieInItsSourceWithOtherStrides) {
  expect_error(overlapping(0, UnaryRepeatParams{1, 1, 8, 16}), "overlap in part");
}
TEST(ADestination, MayLieBetweenTheBlocksOfItsSource) {
  expect_fine(overlapping(32, UnaryRepeatParams{2, 2, 16, 16}));
}
TEST(ADestination, IsNotWrittenTwiceByOneCall) {
  expect_error(overlapping(4096, UnaryRepeatParams{1, 1, 0, 8}), "which it has itself written already");
}
TEST(Cast, IsNotDoneInPlace) {
  expect_error(on_vector([] {
                 Duplicate(floats(0, 64), 1.0f, 64);
                 PipeBarrier<PIPE_V>();
                 Cast(halves(0, 64), floats(0, 64), RoundMode::CAST_RINT, 64);
               }),
               "overlap in part");
}

}  // namespace
}  // namespace crestmax_test
