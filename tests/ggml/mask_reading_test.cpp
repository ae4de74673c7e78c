#include "mask_reading.hpp"

#include <gtest/gtest.h>

#include <random>

#include "made_mask.hpp"

namespace {

using adapter::index_type;
using adapter::key_interval;
using adapter::mask_reading;
using crestmax::visibility;
using ggml_tests::hidden;
using ggml_tests::made_mask;

mask_reading read(const made_mask& m) {
  mask_reading r;
  r.read(m.view());
  return r;
}

TEST(MaskReading, OfZerosSeesAllAndAddsNothing) {
  const made_mask m{100, 3};
  const mask_reading r = read(m);
  EXPECT_FALSE(r.adds());
  EXPECT_EQ(r.keys_of(0).begin, 0);
  EXPECT_EQ(r.keys_of(0).end, 100);
  EXPECT_TRUE(r.sees_all(0, {0, 100}));
}

TEST(MaskReading, CutsWhatNoRowSees) {
  made_mask m{300, 2};
  m.set_keys(0, 0, 40, hidden);
  m.set_keys(0, 200, 300, hidden);
  m.set_keys(1, 0, 45, hidden);
  m.set_keys(1, 201, 300, hidden);
  const mask_reading r = read(m);
  EXPECT_EQ(r.keys_of(0).begin, 40);
  EXPECT_EQ(r.keys_of(0).end, 201);
  EXPECT_FALSE(r.sees_all(0, {40, 201}));
  EXPECT_TRUE(r.sees_all(0, {45, 200}));
}

TEST(MaskReading, OfARowThatSeesNothingIsEmpty) {
  made_mask m{70, 1};
  m.set_keys(0, 0, 70, hidden);
  const mask_reading r = read(m);
  EXPECT_EQ(r.keys_of(0).begin, r.keys_of(0).end);
  EXPECT_EQ(r.classify(0, 1, {0, 70}), visibility::none);
}

TEST(MaskReading, CallsTilesOfACausalMaskByTheirRows) {
  const made_mask m = made_mask{512, 64}.be_causal(256);
  const mask_reading r = read(m);
  EXPECT_EQ(r.classify(0, 64, {0, 256}), visibility::all);
  EXPECT_EQ(r.classify(0, 64, {256, 288}), visibility::partial);
  EXPECT_EQ(r.classify(40, 64, {256, 288}), visibility::all);
  EXPECT_EQ(r.classify(0, 64, {320, 512}), visibility::none);
  EXPECT_EQ(r.hull(3, 5).end, 261);
}

TEST(MaskReading, NoticesANumberThatAdds) {
  for (const float number : {-1.0f, 0.5f, -65504.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    made_mask m{65, 1};
    m.set(0, 0, 0, 64, number);
    EXPECT_TRUE(read(m).adds()) << number;
  }
}

TEST(MaskReading, TakesMinusZeroForZero) {
  made_mask m{64, 1};
  m.set_keys(0, 0, 64, -0.0f);
  EXPECT_FALSE(read(m).adds());
}

TEST(MaskReading, OfManySequencesAndHeadsKeepsThemApart) {
  made_mask m{64, 1, 2, 3};
  m.set_keys(0, 32, 64, hidden, 1, 0);
  m.set_keys(0, 16, 64, hidden, 1, 1);
  const mask_reading r = read(m);
  EXPECT_EQ(r.keys_of(0).end, 64);
  EXPECT_EQ(r.keys_of(1).end, 32);
  EXPECT_EQ(r.keys_of(4).end, 32) << "sequences repeat";
  const index_type row = r.view().row_number(1, 1, 0);
  EXPECT_EQ(r.hull(row, row + 1).end, 16);
}

TEST(MaskReading, ReadsRowsThatLieApart) {
  made_mask wide{80, 4};
  wide.set_keys(2, 10, 80, hidden);
  adapter::mask_view view = wide.view();
  view.keys = 64;  // of rows that are 80 long
  mask_reading r;
  r.read(view);
  EXPECT_EQ(r.hull(2, 3).end, 10);
  EXPECT_EQ(r.hull(3, 4).end, 64);
}

// A tile is called all or none only where it is; holes of any width.
TEST(MaskReading, NeverCallsATileAllOrNoneThatIsNot) {
  std::mt19937 random(7);
  int told = 0;
  for (int turn = 0; turn < 200; ++turn) {
    const index_type keys = 1 + static_cast<index_type>(random() % 400);
    made_mask m{keys, 4};
    for (index_type q = 0; q < 4; ++q) {
      for (int hole = 0; hole < 4; ++hole) {
        const auto begin = static_cast<index_type>(random() % static_cast<unsigned>(keys));
        m.set_keys(q, begin, std::min<index_type>(keys, begin + static_cast<index_type>(random() % 100)), hidden);
      }
    }
    const mask_reading r = read(m);
    const auto begin = static_cast<index_type>(random() % static_cast<unsigned>(keys));
    const index_type end = begin + 1 + static_cast<index_type>(random() % static_cast<unsigned>(keys - begin));
    int seen = 0;
    for (index_type q = 1; q < 3; ++q) {
      for (index_type k = begin; k < end; ++k) seen += m.view().row(q)[k] != adapter::mask_view::hides;
    }
    const visibility v = r.classify(1, 3, {begin, end});
    if (v == visibility::partial) continue;
    EXPECT_EQ(seen, v == visibility::all ? 2 * (end - begin) : 0);
    ++told;
  }
  EXPECT_GT(told, 20) << "it should tell something";
}

TEST(MaskReading, TellsWholePanelsOfARowWithHoles) {
  made_mask m{5000, 1};
  m.set_keys(0, 64, 4096, hidden);
  const mask_reading r = read(m);
  EXPECT_EQ(r.classify(0, 1, {0, 64}), visibility::all);
  EXPECT_EQ(r.classify(0, 1, {64, 4096}), visibility::none);
  EXPECT_EQ(r.classify(0, 1, {4096, 4992}), visibility::all);
  EXPECT_EQ(r.classify(0, 1, {32, 96}), visibility::partial);
}

}  // namespace
