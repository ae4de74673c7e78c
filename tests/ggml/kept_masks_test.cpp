#include "kept_masks.hpp"

#include <gtest/gtest.h>

#include "made_mask.hpp"

namespace {

using adapter::kept_masks;
using ggml_tests::hidden;
using ggml_tests::made_mask;

// Where what a row sees ends.
adapter::index_type end_of_row(const adapter::kept_mask& m, adapter::index_type query) {
  return m.tensor().reachable({0, 0, query, query, 0, 0, m.view().extents[3] - 1}).end;
}

TEST(KeptMasks, AreReadOnceForAllLayersOfAStep) {
  const made_mask m = made_mask{256, 8}.be_causal(100);
  kept_masks kept;
  for (int layer = 0; layer < 30; ++layer) kept.of(m.view());
  EXPECT_EQ(kept.readings(), 1);
}

TEST(KeptMasks, AreReadAgainWhenOneNumberChangesAtTheSameAddress) {
  made_mask m = made_mask{256, 8}.be_causal(100);
  kept_masks kept;
  EXPECT_EQ(end_of_row(kept.of(m.view()), 7), 108);
  m.set(0, 0, 7, 108, 0.0f);
  EXPECT_EQ(end_of_row(kept.of(m.view()), 7), 109);
  EXPECT_EQ(kept.readings(), 2);
}

TEST(KeptMasks, AreReadAgainWhereRowsLieApart) {
  made_mask m{80, 4};
  crestmax::mask_view view = m.view();
  view.extents[3] = 64;
  kept_masks kept;
  kept.of(view);
  m.set(0, 0, 3, 70, hidden);  // behind the row's end: nobody's
  kept.of(view);
  EXPECT_EQ(kept.readings(), 1);
  m.set(0, 0, 3, 63, hidden);
  EXPECT_EQ(end_of_row(kept.of(view), 3), 63);
}

TEST(KeptMasks, OfAnotherShapeAtTheSameAddressAreReadAgain) {
  made_mask m{128, 2};
  m.set_keys(0, 64, 128, hidden);
  kept_masks kept;
  EXPECT_EQ(end_of_row(kept.of(m.view()), 0), 64);
  crestmax::mask_view view = m.view();
  view.extents[3] = 32;
  EXPECT_EQ(end_of_row(kept.of(view), 0), 32);
  EXPECT_EQ(kept.readings(), 2);
}

TEST(KeptMasks, OfAllKeysAndOfAWindowAreKeptSideBySide) {
  const made_mask all = made_mask{256, 8}.be_causal(100);
  made_mask window = all;
  for (adapter::index_type q = 0; q < 8; ++q) window.set_keys(q, 0, 50, hidden);
  kept_masks kept;
  for (int layer = 0; layer < 10; ++layer) {
    EXPECT_EQ(kept.of(all.view()).keys_of(0).begin, 0);
    EXPECT_EQ(kept.of(window.view()).keys_of(0).begin, 50);
  }
  EXPECT_EQ(kept.readings(), 2);
}

TEST(KeptMasks, OfMoreAddressesThanAreKeptAreRightAllTheSame) {
  std::vector<made_mask> masks;
  for (adapter::index_type end = 1; end <= 10; ++end) {
    masks.push_back(made_mask{64, 1});
    masks.back().set_keys(0, end, 64, hidden);
  }
  kept_masks kept;
  for (int turn = 0; turn < 3; ++turn) {
    for (std::size_t i = 0; i < masks.size(); ++i) {
      EXPECT_EQ(kept.of(masks[i].view()).keys_of(0).end, static_cast<adapter::index_type>(i) + 1);
    }
  }
}

TEST(KeptMasks, CutWhatNoRowSees) {
  made_mask m{300, 2};
  m.set_keys(0, 0, 40, hidden);
  m.set_keys(0, 200, 300, hidden);
  m.set_keys(1, 0, 45, hidden);
  m.set_keys(1, 201, 300, hidden);
  kept_masks kept;
  const adapter::kept_mask& k = kept.of(m.view());
  EXPECT_EQ(k.keys_of(0).begin, 40);
  EXPECT_EQ(k.keys_of(0).end, 201);
  EXPECT_FALSE(k.sees_all(0, {40, 201}));
  EXPECT_TRUE(k.sees_all(0, {45, 200}));
}

TEST(KeptMasks, OfRowsThatSeeNothingHaveNoKeys) {
  made_mask m{70, 1};
  m.set_keys(0, 0, 70, hidden);
  kept_masks kept;
  EXPECT_EQ(kept.of(m.view()).keys_of(0).end, 0);
}

TEST(KeptMasks, OfManySequencesAndHeadsKeepThemApart) {
  made_mask m{64, 1, 2, 3};
  m.set_keys(0, 32, 64, hidden, 1, 0);
  m.set_keys(0, 16, 64, hidden, 1, 1);
  kept_masks kept;
  const adapter::kept_mask& k = kept.of(m.view());
  EXPECT_EQ(k.keys_of(0).end, 64);
  EXPECT_EQ(k.keys_of(1).end, 32);
  EXPECT_EQ(k.keys_of(4).end, 32) << "sequences repeat";
}

}  // namespace
