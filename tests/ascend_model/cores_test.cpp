// Order between cores: signals, races in global memory, deadlocks.
#include "model_test.hpp"

namespace crestmax_test {
namespace {

const std::string unordered = "no flag or barrier orders the two";

bool is_vector(std::int64_t index) { return !ascend_model::is_cube() && GetSubBlockIdx() == index; }

void write_line(std::vector<float>& to, float value, std::uint64_t offset = 0) {
  Duplicate(floats(0, 64), value, 64);
  hand_over<HardEvent::V_MTE3>();
  DataCopy(global(to)[offset], floats(0, 64), 64);
}

// AIV0 and AIV1 write 64 numbers each, the cube core reads both.
outcome from_vectors_to_cube(bool second_signals, bool waits, bool early = false) {
  std::vector<float> scratch(128);
  return launch(
      target::ascend_2201, 1,
      [&] {
        if ASCEND_IS_AIV {
          if (early) CrossCoreSetFlag<2, PIPE_MTE3>(1);
          write_line(scratch, 1.0f, static_cast<std::uint64_t>(GetSubBlockIdx()) * 64);
          if (!early && (GetSubBlockIdx() == 0 || second_signals)) CrossCoreSetFlag<2, PIPE_MTE3>(1);
        } else {
          if (waits) CrossCoreWaitFlag(1);
          DataCopy(LocalTensor<float>(TPosition::A1, 0, 128), global(scratch), 128);
        }
      },
      {output(scratch, "scratch")});
}

TEST(ASignal, OrdersTheVectorCoresBeforeTheCube) { expect_fine(from_vectors_to_cube(true, true)); }
TEST(TheCube, WaitsForBothVectorCores) {
  const outcome o = from_vectors_to_cube(false, true);
  expect_error(o, "deadlock in block 0");
  expect_error(o, "AIC waits in CrossCoreWaitFlag(1) at cores_test.cpp:");
  expect_error(o, "1 of AIV0 0 of AIV1");
  expect_error(o, "AIV1 has returned");
}
TEST(ASignalThatIsGivenTooEarly, OrdersNothing) { expect_error(from_vectors_to_cube(true, true, true), unordered); }

TEST(ASignal, OfAnotherPipeOrdersNothing) {
  std::vector<float> scratch(64);
  expect_error(launch(
                   target::ascend_2201, 1,
                   [&] {
                     if ASCEND_IS_AIV {
                       if (GetSubBlockIdx() == 0) write_line(scratch, 1.0f);
                       CrossCoreSetFlag<2, PIPE_V>(1);
                     } else {
                       CrossCoreWaitFlag(1);
                       DataCopy(LocalTensor<float>(TPosition::A1, 0, 64), global(scratch), 64);
                     }
                   },
                   {output(scratch, "scratch")}),
               unordered);
}

outcome from_cube_to_vectors(int signals, int waits) {
  return launch(
      target::ascend_2201, 1,
      [&] {
        if ASCEND_IS_AIC {
          for (int i = 0; i < signals; ++i) CrossCoreSetFlag<2, PIPE_FIX>(10);
        } else {
          for (int i = 0; i < waits; ++i) CrossCoreWaitFlag(10);
        }
      },
      {});
}
TEST(ASignalOfTheCube, ReachesBothVectorCores) { expect_fine(from_cube_to_vectors(1, 1)); }
TEST(Signals, AreCountedUpToFifteen) {
  expect_fine(from_cube_to_vectors(15, 15));
  expect_error(from_cube_to_vectors(16, 16), "more than 15 signals");
}
TEST(ASignalThatNobodyWaitsFor, IsAnErrorAtTheEnd) {
  expect_error(from_cube_to_vectors(2, 1), "never waited for the signal of CrossCoreSetFlag<FIX>(10) cores_test.cpp:");
}
TEST(AWaitWithoutASignal, IsADeadlock) { expect_error(from_cube_to_vectors(1, 2), "AIV1 waits in CrossCoreWaitFlag(10)"); }

TEST(CoresThatWaitForEachOther, AreADeadlockWithALineForEach) {
  const outcome o = launch(
      target::ascend_2201, 1,
      [] {
        if ASCEND_IS_AIC {
          CrossCoreWaitFlag(0);
          CrossCoreSetFlag<2, PIPE_FIX>(1);
        } else {
          CrossCoreWaitFlag(1);
          CrossCoreSetFlag<2, PIPE_MTE3>(0);
        }
      },
      {});
  for (const char* core : {"AIC waits in CrossCoreWaitFlag(0)", "AIV0 waits in CrossCoreWaitFlag(1)", "AIV1 waits"}) {
    expect_error(o, core);
  }
}

TEST(ASignal, HasAnIdUpToTen) {
  expect_error(launch(target::ascend_2201, 1, [] { if ASCEND_IS_AIC { CrossCoreSetFlag<2, PIPE_FIX>(11); } }, {}), "ids 0..10");
  expect_error(launch(target::ascend_2201, 1, [] { if ASCEND_IS_AIC { CrossCoreWaitFlag(11); } }, {}), "ids 0..10");
}

TEST(ASignal, IsOfModeTwoAndOfAPipeOfItsCore) {
  expect_error(launch(target::ascend_2201, 1, [] { if ASCEND_IS_AIC { CrossCoreSetFlag<1, PIPE_FIX>(0); } }, {}), "mode 2 only");
  expect_error(launch(target::ascend_2201, 1, [] { if ASCEND_IS_AIC { CrossCoreSetFlag<2, PIPE_V>(0); } }, {}), "this core has no pipe V");
  expect_error(launch(target::ascend_2201, 1, [] { if ASCEND_IS_AIC { CrossCoreSetFlag<2, PIPE_ALL>(0); } }, {}), "belongs to one pipe");
}

TEST(AWaitOnOnePipe, HoldsUpNoOther) {
  const auto body = [](bool same_pipe) {
    std::vector<float> scratch(64), result(64);
    return launch(
        target::ascend_2201, 1,
        [&, same_pipe] {
          if (ascend_model::is_cube()) {
            CrossCoreWaitFlag<2, PIPE_MTE2>(1);
            if (same_pipe) {
              DataCopy(LocalTensor<float>(TPosition::A1, 0, 64), global(scratch), 64);
            } else {
              (void)global(scratch).GetValue(0);
            }
            return;
          }
          if (GetSubBlockIdx() == 0) write_line(scratch, 1.0f);
          CrossCoreSetFlag<2, PIPE_MTE3>(1);
        },
        {output(scratch, "scratch")});
  };
  expect_fine(body(true));
  expect_error(body(false), unordered);
}

TEST(TheVectorCoresOfABlock, AreNotOrderedByThemselves) {
  std::vector<float> scratch(128);
  const auto writing = [&](std::uint64_t step) {
    return launch(
        target::ascend_2201, 1,
        [&] {
          if ASCEND_IS_AIV { write_line(scratch, 1.0f, static_cast<std::uint64_t>(GetSubBlockIdx()) * step); }
        },
        {output(scratch, "scratch")});
  };
  expect_fine(writing(64));
  expect_error(writing(63), "writes scratch at byte 252, written by DataCopy");
}

TEST(Blocks, AreNotOrderedAmongThemselves) {
  std::vector<float> scratch(128);
  const auto writing = [&](std::uint64_t step) {
    return launch(
        target::ascend_2201, 2,
        [&] {
          if (is_vector(0)) write_line(scratch, 1.0f, static_cast<std::uint64_t>(GetBlockIdx()) / 2 * step);
        },
        {output(scratch, "scratch")});
  };
  expect_fine(writing(64));
  expect_error(writing(0), "writes scratch at byte 0, written by DataCopy");
}

TEST(AReadByAnotherCore, IsOverBeforeTheBytesAreWrittenAgain) {
  const auto body = [](bool back) {
    std::vector<float> scratch(64);
    return launch(
        target::ascend_2201, 1,
        [&, back] {
          if (ascend_model::is_cube()) {
            CrossCoreWaitFlag(1);
            DataCopy(LocalTensor<float>(TPosition::A1, 0, 64), global(scratch), 64);
            CrossCoreSetFlag<2, PIPE_MTE2>(2);
            return;
          }
          if (is_vector(0)) write_line(scratch, 1.0f);
          CrossCoreSetFlag<2, PIPE_MTE3>(1);
          if (back) CrossCoreWaitFlag(2);
          if (is_vector(0)) {
            hand_over<HardEvent::MTE3_V>();
            write_line(scratch, 2.0f);
          }
          if (!back) CrossCoreWaitFlag(2);
        },
        {output(scratch, "scratch")});
  };
  expect_fine(body(true));
  expect_error(body(false), "scratch at byte 0, ");
}

TEST(AScalarRead, OfALineThatWasWrittenNeedsTheCacheDropped) {
  const auto body = [](int drop) {  // 0: never, 1: before the wait, 2: after it
    std::vector<std::int32_t> scratch(64);
    const outcome o = launch(
        target::ascend_2201, 1,
        [&, drop] {
          const auto drop_line = [&] {
            DataCacheCleanAndInvalid<std::int32_t, CacheLine::SINGLE_CACHE_LINE, DcciDst::CACHELINE_OUT>(global(scratch));
          };
          if (ascend_model::is_cube()) {
            if (drop == 1) drop_line();
            CrossCoreWaitFlag(1);
            if (drop == 2) drop_line();
            EXPECT_EQ(global(scratch).GetValue(3), 7);
            return;
          }
          if (is_vector(0)) {
            const LocalTensor<std::int32_t> u(TPosition::VECCALC, 0, 16);
            Duplicate(u, 7, 16);
            hand_over<HardEvent::V_MTE3>();
            DataCopy(global(scratch), u, 16);
          }
          CrossCoreSetFlag<2, PIPE_MTE3>(1);
        },
        {output(scratch, "scratch")});
    return o;
  };
  expect_fine(body(2));
  expect_error(body(1), "no DataCacheCleanAndInvalid");
  expect_error(body(0), "no DataCacheCleanAndInvalid");
}

TEST(Cores, KnowTheirPlace) {
  std::vector<std::int64_t> cubes, vectors;
  expect_fine(launch(
      target::ascend_2201, 3,
      [&] {
        if ASCEND_IS_AIC {
          cubes.push_back(GetBlockIdx());
        } else {
          EXPECT_EQ(GetBlockIdx() % 2, GetSubBlockIdx());
          vectors.push_back(GetBlockIdx());
        }
        EXPECT_EQ(GetBlockNum(), 3);
      },
      {}));
  EXPECT_EQ(cubes, (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(vectors, (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5}));
}

}  // namespace
}  // namespace crestmax_test
