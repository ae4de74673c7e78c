#include "visible_keys.hpp"

#include <gtest/gtest.h>

#include "made_mask.hpp"

namespace {

using adapter::index_type;
using adapter::visible_keys;
using ggml_tests::hidden;
using ggml_tests::made_mask;

visible_keys keys_of(const made_mask& m, index_type sequences = 1) {
  adapter::kept_masks kept;
  return adapter::visible_keys_of(kept.of(m.view()), sequences);
}

TEST(VisibleKeys, OfATokenEndAtItsOwnAndNeedNoMask) {
  const made_mask m = made_mask{512, 1}.be_causal(300);
  const visible_keys keys = keys_of(m);
  EXPECT_EQ(keys.first_key, 0);
  EXPECT_EQ(keys.kv_len, 301);
  EXPECT_FALSE(keys.hides);
  EXPECT_TRUE(keys.lengths.empty());
}

TEST(VisibleKeys, OfAWindowBeginWhereItDoes) {
  made_mask m = made_mask{512, 1}.be_causal(300);
  m.set_keys(0, 0, 173, hidden);
  const visible_keys keys = keys_of(m);
  EXPECT_EQ(keys.first_key, 173);
  EXPECT_EQ(keys.kv_len, 128);
  EXPECT_FALSE(keys.hides);
}

TEST(VisibleKeys, OfAPromptEndAtItsLastTokenAndNeedTheMask) {
  const visible_keys keys = keys_of(made_mask{512, 100}.be_causal(300));
  EXPECT_EQ(keys.kv_len, 400);
  EXPECT_TRUE(keys.hides);
}

TEST(VisibleKeys, OfSequencesOfDifferentLengthsHaveALengthEach) {
  made_mask m{256, 1, 1, 3};
  m.set_keys(0, 100, 256, hidden, 0);
  m.set_keys(0, 200, 256, hidden, 1);
  m.set_keys(0, 0, 256, hidden, 2);
  const visible_keys keys = keys_of(m, 6);
  EXPECT_EQ(keys.kv_len, 200);
  EXPECT_EQ(keys.lengths, (std::vector<std::int32_t>{100, 200, 0, 100, 200, 0}));
}

TEST(VisibleKeys, OfNothingAreNone) {
  made_mask m{64, 2};
  for (index_type q = 0; q < 2; ++q) m.set_keys(q, 0, 64, hidden);
  const visible_keys keys = keys_of(m);
  EXPECT_EQ(keys.kv_len, 0);
  EXPECT_EQ(keys.first_key, 0);
}

}  // namespace
