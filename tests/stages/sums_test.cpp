// What is summed under a shift, and what happens where the shift was wrong: guard and correction.
#include "stage_call.hpp"

namespace crestmax_test {
namespace {

class SumStages : public Stages {};
INSTANTIATE_TEST_SUITE_P(Tables, SumStages, ::testing::ValuesIn(every_table()), name_of_table);

TEST_P(SumStages, ARowThatMeetsItsMaximumHasAnExactPowerOfTwo) {
  prepare(flat(200, 3.7f), {.softmax = crestmax::anchor_shift{}});
  crestmax::cpu::find_crest(block_, true);
  crestmax::cpu::accumulate_range(block_, {64, 128}, crestmax::cpu::raise::never);
  const float before = block_.state.sum[0];
  crestmax::cpu::accumulate_range(block_, {64, 128}, crestmax::cpu::raise::never);
  EXPECT_EQ(block_.state.sum[0] - before, 64 * 0.25f);
}

TEST_P(SumStages, AccumulateWithAFixedShiftGivesWeightsAboveOneToKeysAboveIt) {
  auto scores = flat(256, 0.0f);
  scores[100] = 10.0f;
  prepare(scores, {.softmax = crestmax::anchor_shift{.margin = 0, .nearest_keys = 0}, .tiles = {.key_tile = 64}});
  crestmax::cpu::find_crest(block_, true);
  ASSERT_EQ(block_.state.shift[0], 0.0f);
  crestmax::cpu::accumulate_range(block_, {96, 128}, crestmax::cpu::raise::never);
  EXPECT_NEAR(block_.state.sum[0], 32 + 31 + std::exp(10.0), 0.01);
}

TEST_P(SumStages, AccumulateWithARunningMaximumRescales) {
  auto scores = flat(512, 0.0f);
  scores[300] = 10.0f;
  prepare(scores, {.softmax = crestmax::running_max{}, .tiles = {.key_tile = 256}});
  crestmax::cpu::accumulate_range(block_, {0, 512}, crestmax::cpu::raise::always);
  EXPECT_EQ(block_.state.shift[0], 10.0f);
  EXPECT_EQ(block_.counters->rescales, 1);
  EXPECT_NEAR(block_.state.sum[0], 1 + 511 * std::exp(-10.0), 1e-5);
}

TEST_P(SumStages, LazyMaximumDoesNotRescaleBelowItsThreshold) {
  auto scores = flat(512, 0.0f);
  scores[300] = 3.0f;
  prepare(scores, {.softmax = crestmax::lazy_max{.threshold = 4.0}, .tiles = {.key_tile = 256}});
  crestmax::cpu::accumulate_range(block_, {0, 512}, crestmax::cpu::raise::past_threshold);
  EXPECT_EQ(block_.state.shift[0], 0.0f);
  EXPECT_EQ(block_.counters->rescales, 0);
}

TEST_P(SumStages, GuardPassesARowWhoseCrestWasFound) {
  prepare(flat(300, 1.0f));
  crestmax::cpu::find_crest(block_, true);
  crestmax::cpu::set_centers(block_);
  EXPECT_TRUE(crestmax::cpu::row_passes(block_, 0, crestmax::cpu::guard_scope::whole));
}

TEST_P(SumStages, GuardFailsARowWhoseSumExceedsTheLimit) {
  auto scores = flat(512, 0.0f);
  scores[100] = 40.0f;
  prepare(scores, {.softmax = crestmax::anchor_shift{}, .tiles = {.key_tile = 64}});
  crestmax::cpu::find_crest(block_, true);
  crestmax::cpu::accumulate_range(block_, {96, 128}, crestmax::cpu::raise::never);
  crestmax::cpu::set_centers(block_);
  EXPECT_FALSE(crestmax::cpu::row_passes(block_, 0, crestmax::cpu::guard_scope::whole));
}

TEST_P(SumStages, GuardAddsUpNoTiles) {
  // Flat rows far above their crest: no tile exceeds the limit, all of them together do.
  prepare(flat(64 * 512, 10.0f), {.softmax = crestmax::anchor_shift{}});
  block_.state.shift[0] = block_.state.crest[0] = 0.0f;
  crestmax::cpu::note_set_rows(block_);
  crestmax::cpu::accumulate_range(block_, {0, 64 * 512}, crestmax::cpu::raise::never);
  crestmax::cpu::set_centers(block_);
  EXPECT_GT(std::ldexp(block_.state.sum[0], block_.weighing.margin), crestmax::most_guard_limit);
  EXPECT_TRUE(crestmax::cpu::row_passes(block_, 0, crestmax::cpu::guard_scope::whole));
}

TEST_P(SumStages, GuardFailsASumThatIsNoNumber) {
  for (const float sum : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    for (const bool rounded : {false, true}) {
      prepare(flat(300, 1.0f));
      crestmax::cpu::find_crest(block_, true);
      crestmax::cpu::set_centers(block_);
      (rounded ? block_.state.sum : block_.state.exact_sum)[0] = sum;
      EXPECT_FALSE(crestmax::cpu::row_passes(block_, 0, crestmax::cpu::guard_scope::merged)) << sum << rounded;
    }
  }
}

TEST_P(SumStages, ARowThatHasSeenNoKeyKeepsNoOtherStripFromTheFastWay) {
  prepare(flat(512), {}, 100);
  std::fill_n(block_.state.shift, 100, 0.0f);
  block_.state.shift[0] = crestmax::cpu::hidden_score<float>;
  crestmax::cpu::note_set_rows(block_);
  // The fast way takes no maxima.
  std::fill_n(block_.state.tile_max, 100, 7.0f);
  crestmax::cpu::accumulate_range(block_, {0, 256}, crestmax::cpu::raise::never);
  const auto strip = static_cast<int>(block_.plan->tiles.strip);
  ASSERT_LT(strip, 100);
  EXPECT_EQ(block_.state.tile_max[0], 0.0f);
  EXPECT_EQ(block_.state.tile_max[strip], 7.0f);
  EXPECT_EQ(block_.state.sum[strip], block_.state.sum[1]);
  EXPECT_EQ(block_.state.shift[0], 0.0f);
}

TEST_P(SumStages, GuardFailsARowWithAnInfiniteOutput) {
  prepare(flat(300, 1.0f));
  crestmax::cpu::find_crest(block_, true);
  crestmax::cpu::set_centers(block_);
  block_.state.output[0] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(crestmax::cpu::row_passes(block_, 0, crestmax::cpu::guard_scope::whole));
}

TEST_P(SumStages, GuardFailsARowWhoseShiftWasFarTooHigh) {
  prepare(flat(300, 1.0f));
  crestmax::cpu::find_crest(block_, true);
  block_.state.sum[0] = 0.01f;
  crestmax::cpu::set_centers(block_);
  EXPECT_FALSE(crestmax::cpu::row_passes(block_, 0, crestmax::cpu::guard_scope::whole));
}

TEST_P(SumStages, CorrectionMakesAFailingRowExact) {
  auto scores = flat(512, 0.0f);
  scores[100] = 60.0f;
  prepare(scores, {.softmax = crestmax::anchor_shift{}, .tiles = {.key_tile = 64}});
  value_[100] = 5.0f;
  crestmax::cpu::run_whole(block_, 0, 0);
  EXPECT_EQ(block_.counters->corrected, 1);
  EXPECT_EQ(output_[0], 5.0f);
}

TEST_P(SumStages, DroppedTilesAreBoundedFromAbove) {
  auto scores = flat(1024, -12.0f);
  scores[0] = 0.0f;
  prepare(scores, {.softmax = crestmax::anchor_shift{}, .coverage = crestmax::above(8.0)});
  crestmax::cpu::find_crest(block_, true);
  crestmax::cpu::accumulate_range(block_, {256, 512}, crestmax::cpu::raise::never);
  EXPECT_EQ(block_.counters->skipped, 256);
  EXPECT_GE(block_.loss.mass[0].left_out, 256 * std::exp(-12.0) * 0.25);
  EXPECT_LE(block_.loss.mass[0].left_out, 256 * std::exp(-12.0) * 0.25 * 1.001);
}

}  // namespace
}  // namespace crestmax_test
