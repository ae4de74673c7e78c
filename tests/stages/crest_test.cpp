// Where the shift comes from: the strided sample, plateaus, anchors, the margin.
#include "stage_call.hpp"

namespace crestmax_test {
namespace {

class CrestStages : public Stages {};
INSTANTIATE_TEST_SUITE_P(Tables, CrestStages, ::testing::ValuesIn(every_table()), name_of_table);

TEST_P(CrestStages, CoarseMaxFindsASpikeThatStandsOnASample) {
  auto scores = flat(1000);
  scores[8 + 16 * 20] = 7.0f;
  prepare(scores, {.softmax = sampling(16, 32, 4)});
  crestmax::cpu::coarse_max(block_);
  EXPECT_EQ(block_.search.sample_max[0], 7.0f);
}

TEST_P(CrestStages, CoarseMaxMissesASpikeBetweenSamples) {
  auto scores = flat(1000);
  scores[9 + 16 * 20] = 7.0f;
  prepare(scores, {.softmax = sampling(16, 32, 4)});
  crestmax::cpu::coarse_max(block_);
  EXPECT_EQ(block_.search.sample_max[0], 0.0f);
}

TEST_P(CrestStages, CoarseMaxIsWithinLTimesStrideOfTheMaximumForEveryPeakPosition) {
  for (index_type peak = 0; peak < 300; peak += 7) {
    auto scores = flat(300);
    const float slope = 0.25f;
    for (index_type j = 0; j < 300; ++j) {
      scores[static_cast<std::size_t>(j)] = -slope * static_cast<float>(std::abs(j - peak));
    }
    prepare(scores, {.softmax = sampling(8, 32, 0)});
    crestmax::cpu::coarse_max(block_);
    EXPECT_GE(block_.search.sample_max[0], 0.0f - slope * 8.0f) << "peak at " << peak;
    EXPECT_LE(block_.search.sample_max[0], 0.0f);
  }
}

TEST_P(CrestStages, CoarseMaxSamplesTheLastKey) {
  auto scores = flat(100);
  scores[99] = 3.0f;
  prepare(scores, {.softmax = sampling(16, 32, 4)});
  crestmax::cpu::coarse_max(block_);
  EXPECT_EQ(block_.search.sample_max[0], 3.0f);
}

TEST_P(CrestStages, CoarseMaxTouchesOneKeyOfEveryStride) {
  prepare(flat(4096), {.softmax = sampling(16, 32, 4)});
  crestmax::cpu::coarse_max(block_);
  EXPECT_EQ(block_.counters->sampled, 4096 / 16 + 1);
}

TEST_P(CrestStages, PeaksWithinARadiusShareOneWindow) {
  auto scores = flat(1024);
  scores[8 + 16 * 20] = 7.0f;
  scores[8 + 16 * 21] = 8.0f;
  prepare(scores, {.softmax = sampling(16, 32, 1)});
  crestmax::cpu::coarse_max(block_);
  ASSERT_EQ(block_.search.window_count, 1);
  EXPECT_EQ(block_.search.windows[0].key, 8 + 16 * 21);
}

TEST_P(CrestStages, TheHighestPeaksAreKept) {
  auto scores = flat(4096, -5.0f);
  for (index_type i = 0; i < 6; ++i) scores[static_cast<std::size_t>(8 + 16 * 40 * i)] = static_cast<float>(i);
  prepare(scores, {.softmax = sampling(16, 32, 2)});
  crestmax::cpu::coarse_max(block_);
  ASSERT_EQ(block_.search.window_count, 2);
  std::set<index_type> kept{block_.search.windows[0].key, block_.search.windows[1].key};
  EXPECT_EQ(kept, (std::set<index_type>{8 + 16 * 40 * 4, 8 + 16 * 40 * 5}));
}

TEST_P(CrestStages, PlateauRefinementFindsThePeakNextToItsSample) {
  auto scores = flat(1024, -4.0f);
  scores[8 + 16 * 20] = 5.0f;
  scores[8 + 16 * 20 + 31] = 9.0f;
  prepare(scores, {.softmax = sampling(16, 32, 1)});
  crestmax::cpu::coarse_max(block_);
  crestmax::cpu::take_plateaus(block_, true);
  EXPECT_EQ(block_.state.shift[0], 9.0f);
}

TEST_P(CrestStages, PlateauRefinementAccumulatesWhatItScores) {
  auto scores = flat(1024, 0.0f);
  prepare(scores, {.softmax = sampling(16, 32, 1)});
  crestmax::cpu::coarse_max(block_);
  crestmax::cpu::take_plateaus(block_, true);
  const index_type taken = block_.counters->plateau;
  EXPECT_GE(taken, 64);
  EXPECT_LE(taken, 128);
  EXPECT_EQ(block_.state.sum[0], static_cast<float>(taken) * 0.25f);  // weights of 2^-2: a margin of 2 ln 2
}

TEST_P(CrestStages, AnchorsAreTheFirstAndTheNearestKeys) {
  auto scores = flat(1024, -1.0f);
  scores[0] = 2.0f;
  scores[1020] = 3.0f;
  prepare(scores, {.softmax = crestmax::anchor_shift{}});
  crestmax::cpu::take_anchors(block_, true);
  EXPECT_EQ(block_.state.shift[0], 3.0f);
  EXPECT_TRUE(block_.search.taken.contains(0));
  EXPECT_TRUE(block_.search.taken.contains(1023));
  EXPECT_FALSE(block_.search.taken.contains(512));
}

TEST_P(CrestStages, SafeMarginTakesTheHighestOfCrestAndSample) {
  auto scores = flat(1024, -1.0f);
  scores[8 + 16 * 20] = 5.0f;
  prepare(scores, {.softmax = sampling(16, 32, 0)});
  crestmax::cpu::find_crest(block_, true);
  EXPECT_EQ(block_.state.shift[0], 5.0f);
}

}  // namespace
}  // namespace crestmax_test
