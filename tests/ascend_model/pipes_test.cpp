// Order within one core: flags, barriers, and what happens without them.
#include "model_test.hpp"

namespace crestmax_test {
namespace {

const std::string unordered = "no flag or barrier orders the two";

TEST(AFlag, OrdersTheTwoPipesOfItsName) {
  std::vector<float> source(64, 1.0f), result(64);
  expect_fine(on_vector(
      [&] {
        DataCopy(floats(0, 64), global(source), 64);
        hand_over<HardEvent::MTE2_V>();
        Adds(floats(256, 64), floats(0, 64), 1.0f, 64);
        hand_over<HardEvent::V_MTE3>();
        DataCopy(global(result), floats(256, 64), 64);
      },
      {input(source), output(result)}));
  EXPECT_EQ(result[63], 2.0f);
}

TEST(AMissingFlag, IsAnErrorEvenWhereTheNumbersAreRight) {
  std::vector<float> source(64, 1.0f);
  const outcome o = on_vector(
      [&] {
        DataCopy(floats(0, 64), global(source), 64);
        Adds(floats(256, 64), floats(0, 64), 1.0f, 64);
      },
      {input(source)});
  expect_error(o, "reads UB at 0x0, written by DataCopy pipes_test.cpp:");
  expect_error(o, unordered);
}

TEST(AMissingFlag, IsAnErrorBeforeBytesAreWrittenAgain) {
  std::vector<float> source(64, 1.0f);
  const auto body = [&](bool waits) {
    return on_vector(
        [&] {
          DataCopy(floats(0, 64), global(source), 64);
          hand_over<HardEvent::MTE2_V>();
          Adds(floats(256, 64), floats(0, 64), 1.0f, 64);
          PipeBarrier<PIPE_MTE2>();
          if (waits) hand_over<HardEvent::V_MTE2>();
          DataCopy(floats(0, 64), global(source), 64);
        },
        {input(source)});
  };
  expect_fine(body(true));
  expect_error(body(false), "writes UB at 0x0, still read by Adds");
}

TEST(AFlagOfOtherPipes, OrdersNothing) {
  std::vector<float> source(64, 1.0f);
  expect_error(on_vector(
                   [&] {
                     DataCopy(floats(0, 64), global(source), 64);
                     hand_over<HardEvent::MTE2_MTE3>();
                     Adds(floats(256, 64), floats(0, 64), 1.0f, 64);
                   },
                   {input(source)}),
               unordered);
}

TEST(AFlagThatIsSetTooEarly, OrdersNothing) {
  std::vector<float> source(64, 1.0f);
  expect_error(on_vector(
                   [&] {
                     SetFlag<HardEvent::MTE2_V>(0);
                     DataCopy(floats(0, 64), global(source), 64);
                     WaitFlag<HardEvent::MTE2_V>(0);
                     Adds(floats(256, 64), floats(0, 64), 1.0f, 64);
                   },
                   {input(source)}),
               unordered);
}

TEST(Flags, OrderThroughAThirdPipe) {
  std::vector<float> source(64, 1.0f);
  expect_fine(on_vector(
      [&] {
        DataCopy(floats(0, 64), global(source), 64);
        hand_over<HardEvent::MTE2_MTE3>();
        hand_over<HardEvent::MTE3_V>();
        Adds(floats(256, 64), floats(0, 64), 1.0f, 64);
      },
      {input(source)}));
}

TEST(AWaitOfTheScalarUnit, HoldsUpAllPipes) {
  std::vector<float> source(64, 1.0f);
  expect_fine(on_vector(
      [&] {
        DataCopy(floats(0, 64), global(source), 64);
        hand_over<HardEvent::MTE2_S>();
        EXPECT_EQ(floats(0, 64).GetValue(3), 1.0f);
        Adds(floats(256, 64), floats(0, 64), 1.0f, 64);
      },
      {input(source)}));
}

TEST(AScalarWrite, NeedsAFlagLikeAnyOther) {
  const auto body = [](bool flag) {
    return on_vector([flag] {
      Duplicate(floats(0, 64), 1.0f, 64);
      hand_over<HardEvent::V_S>();
      floats(0, 64).SetValue(5, 2.0f);
      if (flag) hand_over<HardEvent::S_V>();
      Adds(floats(256, 64), floats(0, 64), 1.0f, 64);
    });
  };
  expect_fine(body(true));
  expect_error(body(false), "written by SetValue");
}

TEST(TheVectorPipe, NeedsABarrierBetweenWritingAndReading) {
  const auto body = [](bool barrier) {
    return on_vector([barrier] {
      Duplicate(floats(0, 64), 1.0f, 64);
      if (barrier) PipeBarrier<PIPE_V>();
      Adds(floats(256, 64), floats(0, 64), 1.0f, 64);
    });
  };
  expect_fine(body(true));
  expect_error(body(false), "written by Duplicate");
}

TEST(TheVectorPipe, NeedsABarrierBetweenWritingTwice) {
  const auto body = [](bool barrier) {
    return on_vector([barrier] {
      Duplicate(floats(0, 64), 1.0f, 64);
      if (barrier) PipeBarrier<PIPE_V>();
      Duplicate(floats(0, 64), 2.0f, 64);
    });
  };
  expect_fine(body(true));
  expect_error(body(false), "writes UB at 0x0, written by Duplicate");
}

TEST(TheVectorPipe, MayOverwriteWhatItHasRead) {
  expect_fine(on_vector([] {
    Duplicate(floats(0, 64), 1.0f, 64);
    PipeBarrier<PIPE_V>();
    Adds(floats(256, 64), floats(0, 64), 1.0f, 64);
    Duplicate(floats(0, 64), 2.0f, 64);
  }));
}

TEST(ABarrierOfAllPipes, OrdersThemAll) {
  std::vector<float> source(64, 1.0f), result(64);
  expect_fine(on_vector(
      [&] {
        DataCopy(floats(0, 64), global(source), 64);
        PipeBarrier<PIPE_ALL>();
        Adds(floats(0, 64), floats(0, 64), 1.0f, 64);
        PipeBarrier<PIPE_ALL>();
        DataCopy(global(result), floats(0, 64), 64);
      },
      {input(source), output(result)}));
}

TEST(ABarrierOfOnePipe, OrdersNoOther) {
  std::vector<float> source(64, 1.0f);
  expect_error(on_vector(
                   [&] {
                     DataCopy(floats(0, 64), global(source), 64);
                     PipeBarrier<PIPE_MTE2>();
                     PipeBarrier<PIPE_V>();
                     Adds(floats(0, 64), floats(0, 64), 1.0f, 64);
                   },
                   {input(source)}),
               unordered);
}

TEST(CopiesOfOnePipe, AreNotOrderedAmongThemselves) {
  std::vector<float> source(64, 1.0f);
  const auto body = [&](bool barrier) {
    return on_vector(
        [&] {
          DataCopy(floats(0, 64), global(source), 64);
          if (barrier) PipeBarrier<PIPE_MTE2>();
          DataCopy(floats(0, 64), global(source), 64);
        },
        {input(source)});
  };
  expect_fine(body(true));
  expect_error(body(false), "written by DataCopy");
}

TEST(NeighboursInA32ByteBlock, DoNotDisturbEachOther) {
  std::vector<float> source(64, 1.0f);
  expect_fine(on_vector([&] {
    Duplicate(floats(0, 64), 1.0f, 64);
    PipeBarrier<PIPE_V>();
    for (std::uint32_t row = 0; row < 8; ++row) {  // eight results side by side, no barrier between them
      WholeReduceMax<float>(floats(256, 8)[row], floats(0, 64), 64, 1, 1, 1, 8, ReduceOrder::ORDER_ONLY_VALUE);
    }
  }));
}

// Two products of rows x 16 into the same C.
outcome accumulate(std::uint16_t rows, bool barrier, bool keep) {
  std::vector<half> source(rows * 16u, half(1.0f));
  return on_cube(
      [&] {
        const std::uint32_t elements = rows * 16u;
        const LocalTensor<half> a1(TPosition::A1, 0, elements), a2(TPosition::A2, 0, elements), b2(TPosition::B2, 0, 256);
        const LocalTensor<float> c0(TPosition::CO1, 0, elements);
        DataCopy(a1, global(source), elements);
        hand_over<HardEvent::MTE2_MTE1>();
        LoadData(a2, a1, LoadData2DParams{0, static_cast<std::uint8_t>(rows / 16), 1, 0, 0, false, 0});
        LoadData(b2, a1, LoadData2DParams{0, 1, 1, 0, 0, false, 0});
        hand_over<HardEvent::MTE1_M>();
        Mmad(c0, a2, b2, MmadParams{rows, 16, 16, 0, false, true});
        if (barrier) PipeBarrier<PIPE_M>();
        Mmad(c0, a2, b2, MmadParams{rows, 16, 16, 0, false, !keep});
      },
      {input(source)});
}

TEST(ASmallProduct, NeedsABarrierBeforeItIsAddedTo) {
  expect_fine(accumulate(144, true, true));
  expect_error(accumulate(144, false, true), "written by Mmad");
}
TEST(ASmallProduct, NeedsThatBarrierEvenWhereFlagsHaveBeenRound) {
  std::vector<half> source(256, half(1.0f));
  const auto body = [&](bool barrier) {
    return on_cube(
        [&, barrier] {
          const LocalTensor<half> a1(TPosition::A1, 0, 256), a2(TPosition::A2, 0, 256), b2(TPosition::B2, 0, 256);
          const LocalTensor<float> c0(TPosition::CO1, 0, 256);
          DataCopy(a1, global(source), 256);
          hand_over<HardEvent::MTE2_MTE1>();
          for (int times = 0; times < 2; ++times) {
            LoadData(a2, a1, LoadData2DParams{0, 1, 1, 0, 0, false, 0});
            LoadData(b2, a1, LoadData2DParams{0, 1, 1, 0, 0, false, 0});
            hand_over<HardEvent::MTE1_M>();
            Mmad(c0, a2, b2, MmadParams{16, 16, 16, 0, false, times == 0});
            if (barrier) PipeBarrier<PIPE_M>();
            hand_over<HardEvent::M_MTE1>();
          }
        },
        {input(source)});
  };
  expect_fine(body(true));
  expect_error(body(false), "no barrier of this pipe orders the two");
}
TEST(AProductOfTenFractals, NeedsNone) { expect_fine(accumulate(160, false, true)); }
TEST(AProductOnUninitialisedSums, IsAnError) {
  std::vector<half> source(256, half(1.0f));
  expect_error(square_fractal(source, 0, false), "reads L0C at 0x0, which nothing has written");
}

TEST(AFlag, IsNotSetTwiceBeforeItsWait) {
  expect_error(on_vector([] {
                 SetFlag<HardEvent::MTE2_V>(3);
                 SetFlag<HardEvent::MTE2_V>(3);
               }),
               "a second Set before the Wait");
}

TEST(AFlag, IsNotSetAgainWhileItsWaitMayStillBeAhead) {
  const auto body = [](bool back) {
    return on_vector([back] {
      hand_over<HardEvent::MTE2_V>(3);
      if (back) hand_over<HardEvent::V_MTE2>(3);
      hand_over<HardEvent::MTE2_V>(3);
    });
  };
  expect_fine(body(true));
  expect_error(body(false), "which may still wait for the Set before");
}

TEST(AWaitWithoutASet, IsADeadlockWithPipeFlagAndLine) {
  expect_error(on_vector([] { WaitFlag<HardEvent::MTE2_V>(4); }), "WaitFlag<MTE2_V>(4) pipes_test.cpp:");
  expect_error(on_vector([] { WaitFlag<HardEvent::MTE2_V>(4); }), "(AIV0, pipe V): deadlock");
}

TEST(AFlagThatNobodyWaitsFor, IsAnErrorAtTheEnd) {
  expect_error(on_vector([] { SetFlag<HardEvent::MTE2_V>(4); }), "SetFlag<MTE2_V>(4) pipes_test.cpp:");
  expect_error(on_vector([] { SetFlag<HardEvent::MTE2_V>(4); }), "was never waited for");
}

TEST(Flags, HaveIdsUpToFive) {
  expect_fine(on_vector([] { hand_over<HardEvent::MTE2_V>(5); }));
  expect_error(on_vector([] { hand_over<HardEvent::MTE2_V>(6); }), "flags have ids 0..5");
  expect_error(on_vector([] { hand_over<HardEvent::MTE2_V>(-1); }), "flags have ids 0..5");
}

TEST(Flags, AreOfPipesThatTheCoreHas) {
  expect_fine(on_cube([] { hand_over<HardEvent::MTE1_M>(); }));
  expect_error(on_vector([] { hand_over<HardEvent::MTE1_M>(); }), "this core has no pipe MTE1");
  expect_error(on_cube([] { PipeBarrier<PIPE_V>(); }), "this core has no pipe V");
}

TEST(TheFirstStateOfACore, IsSetBeforeAllElse) {
  expect_fine(on_vector([] {
    InitSocState();
    Duplicate(floats(0, 64), 1.0f, 64);
  }));
  expect_error(on_vector([] {
                 Duplicate(floats(0, 64), 1.0f, 64);
                 InitSocState();
               }),
               "stands behind other calls");
}

TEST(VectorCalls, AreForVectorCores) {
  expect_error(on_cube([] { Duplicate(floats(0, 64), 1.0f, 64); }), "the cube core has no vector pipe");
}

}  // namespace
}  // namespace crestmax_test
