#include "kept_plans.hpp"

#include <gtest/gtest.h>

namespace {

using adapter::kept_plans;
using adapter::plan_key;

plan_key key_of(crestmax::index_type q_len, crestmax::index_type kv_len) {
  plan_key key;
  key.problem = {.sequences = 2, .q_len = q_len, .kv_len = kv_len, .q_heads = 9, .kv_heads = 3, .d_qk = 64, .d_v = 64};
  key.scale = 0.125;
  return key;
}

TEST(KeptPlans, AreMadeOnceForAShape) {
  kept_plans plans;
  const auto first = plans.of(key_of(1, 500));
  ASSERT_TRUE(first.status.ok()) << first.status.message();
  const auto second = plans.of(key_of(1, 500));
  EXPECT_EQ(plans.made(), 1);
  EXPECT_EQ(first.plan.memory().data(), second.plan.memory().data());
}

TEST(KeptPlans, OfEverythingThatDiffersDiffer) {
  const plan_key base = key_of(1, 500);
  std::vector<plan_key> others(13, base);
  others[0].problem.sequences = 1;
  others[1].problem.q_len = 2;
  others[2].problem.kv_len = 501;
  others[3].problem.q_heads = 12;
  others[4].problem.kv_heads = 9;
  others[5].problem.d_qk = 72;
  others[6].problem.d_v = 72;
  others[7].problem.key_kind = crestmax::scalar_kind::float16;
  others[8].problem.value_kind = crestmax::scalar_kind::bfloat16;
  others[9].key_lengths = {500, 400};
  others[10].scale = 0.25;
  others[11].splits = 4;
  others[12].problem.workers = 4;
  for (std::size_t i = 0; i < others.size(); ++i) {
    EXPECT_FALSE(others[i] == base) << i;
    kept_plans plans;
    plans.of(base);
    ASSERT_TRUE(plans.of(others[i]).status.ok()) << i;
    EXPECT_EQ(plans.made(), 2) << i;
  }
}

TEST(KeptPlans, OfMoreShapesThanAreKeptAreRightAllTheSame) {
  kept_plans plans;
  for (int turn = 0; turn < 2; ++turn) {
    for (crestmax::index_type kv_len = 1; kv_len <= 20; ++kv_len) {
      const auto found = plans.of(key_of(1, kv_len));
      ASSERT_TRUE(found.status.ok());
      EXPECT_EQ(found.plan->kv_len, kv_len);
      EXPECT_EQ(found.key->problem.kv_len, kv_len);
    }
  }
}

TEST(KeptPlans, ThatCannotBeMadeSayWhyAndAreNotKept) {
  plan_key wrong = key_of(1, 500);
  wrong.problem.d_qk = 0;
  kept_plans plans;
  EXPECT_FALSE(plans.of(wrong).status.ok());
  EXPECT_FALSE(plans.of(wrong).status.ok());
  EXPECT_TRUE(plans.of(key_of(1, 500)).status.ok());
}

}  // namespace
