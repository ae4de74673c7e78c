// 3510's way from L0C to the unified buffers of both vector cores.
#include "model_test.hpp"

namespace crestmax_test {
namespace {

struct way_out {
  target on = target::ascend_3510;
  std::uint16_t columns = 16, rows = 16;
  std::uint32_t row_stride = 24;
  std::uint32_t address = 64;
  bool signals = true, waits_for_room = true;
  std::uint8_t both = 1;
};

// Twice a product of 16 x 16 whose row i is i + 1, from the cube core to 64 B behind the start of UB; the vector cores copy
// theirs out.
outcome run(const way_out& w, std::vector<float>& result) {
  std::vector<half> ones(256, half(1.0f)), rows(256, half(0.0f));
  for (std::size_t i = 0; i < 16; ++i) rows[i * 16] = half(static_cast<float>(i + 1));
  result.assign(2 * 8 * 16, -1.0f);
  return launch(
      w.on, 1,
      [&] {
        const LocalTensor<float> to(TPosition::VECCALC, w.address, 1024);
        if (!ascend_model::is_cube()) {
          for (int times = 0; times < 2; ++times) {
            if (w.signals) CrossCoreWaitFlag(0);
            DataCopyPad(global(result)[static_cast<std::uint64_t>(GetSubBlockIdx()) * 128], to, DataCopyExtParams{8, 64, 1, 0, 0});
            PipeBarrier<PIPE_MTE3>();
            CrossCoreSetFlag<2, PIPE_MTE3>(1);
          }
          return;
        }
        const LocalTensor<half> l1(TPosition::A1, 0, 512), a2(TPosition::A2, 0, 256), b2(TPosition::B2, 0, 256);
        const LocalTensor<float> c0(TPosition::CO1, 0, 256);
        DataCopy(l1, global(rows), Nd2NzParams{1, 16, 16, 0, 16, 16, 1, 0});
        DataCopy(l1[256], global(ones), Nd2NzParams{1, 16, 16, 0, 16, 16, 1, 0});
        hand_over<HardEvent::MTE2_MTE1>();
        if (w.on == target::ascend_3510) {
          LoadData(a2, l1, LoadData2DParamsV2{0, 0, 1, 1, 1, 1, false, 0});
          LoadData(b2, l1[256], LoadData2DParamsV2{0, 0, 1, 1, 1, 1, false, 0});
        } else {
          LoadData(a2, l1, LoadData2DParams{0, 1, 1, 0, 0, false, 0});
          LoadData(b2, l1[256], LoadData2DParams{0, 1, 1, 0, 0, false, 0});
        }
        hand_over<HardEvent::MTE1_M>();
        Mmad(c0, a2, b2, MmadParams{16, 16, 16, 0, false, true});
        hand_over<HardEvent::M_FIX>();
        FixpipeParamsC310<CO2Layout::ROW_MAJOR> p{};
        p.nSize = w.columns;
        p.mSize = w.rows;
        p.srcStride = 16;
        p.dstStride = w.row_stride;
        p.dualDstCtl = w.both;
        for (int times = 0; times < 2; ++times) {
          if (times == 1 && w.waits_for_room) CrossCoreWaitFlag(1);
          Fixpipe<float, float, CFG_ROW_MAJOR_UB>(to, c0, p);
          PipeBarrier<PIPE_FIX>();
          if (w.signals) CrossCoreSetFlag<2, PIPE_FIX>(0);
        }
        for (int times = w.waits_for_room ? 1 : 0; times < 2; ++times) CrossCoreWaitFlag(1);
      },
      {input(ones, "ones"), input(rows, "rows"), output(result)});
}

TEST(TheWayToUB, GivesEachVectorCoreHalfOfTheRows) {
  std::vector<float> result;
  outcome o = run({}, result);
  ASSERT_TRUE(o.ok) << o.report;
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t j = 0; j < 16; ++j) ASSERT_EQ(result[i * 16 + j], static_cast<float>(i + 1));
  }
  EXPECT_EQ(o.counters["bytes L0C->UB"], 2048u);
}

void expect_refused(const way_out& w, const std::string& part) {
  std::vector<float> result;
  expect_error(run(w, result), part);
}

TEST(TheWayToUB, IsOn3510Only) { expect_refused({.on = target::ascend_2201}, "on 3510 only"); }
TEST(TheWayToUB, NeedsASignalToTheVectorCores) { expect_refused({.signals = false}, "reads UB at 0x40, written by Fixpipe(to UB)"); }
TEST(TheWayToUB, NeedsASignalBackBeforeItIsTakenAgain) {
  expect_refused({.waits_for_room = false}, "no flag or barrier orders the two");
}
TEST(TheWayToUB, HasRangesForItsParameters) {
  expect_refused({.rows = 15}, "mSize is odd");
  expect_refused({.columns = 8}, "nSize is no multiple of 16");
  expect_refused({.row_stride = 20}, "dstStride is no multiple of 32 B");
  expect_refused({.row_stride = 8}, "dstStride is less than nSize");
  expect_refused({.row_stride = 1024}, "the tensor has 4096 B");
  expect_refused({.both = 0}, "dualDstCtl 1 only");
}
TEST(TheWayToUB, EndsInUB) { expect_refused({.address = 248 * 1024 - 4064}, "its memory at 253952"); }

}  // namespace
}  // namespace crestmax_test
