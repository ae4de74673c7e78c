// What a thread keeps from one call of PyTorch's operators to the next.
#include <gtest/gtest.h>

#include "support.hpp"

namespace crestmax_test {
namespace {

using crestmax_torch::kept_plans;

crestmax::problem shape_of(index_type kv_len) {
  crestmax::problem p;
  p.q_len = 1;
  p.kv_len = kv_len;
  p.q_heads = 4;
  p.kv_heads = 2;
  p.d_qk = p.d_v = 16;
  return p;
}

struct counted_plans {
  kept_plans kept;
  int made = 0;

  crestmax::plan of(const crestmax::problem& p, const crestmax::options& o = {}) {
    return kept.find(crestmax_torch::key_of(p, o), p.sequences, [&](std::span<std::byte> memory, crestmax::plan& plan) {
      ++made;
      return crestmax::make_plan(p, memory, plan, o);
    });
  }
};

TEST(KeptPlans, AreMadeOncePerShape) {
  counted_plans plans;
  for (int i = 0; i < 3; ++i) {
    for (const index_type kv_len : {5, 6}) EXPECT_EQ(plans.of(shape_of(kv_len))->kv_len, kv_len);
  }
  EXPECT_EQ(plans.made, 2);
}

TEST(KeptPlans, AreOthersForEverythingThatAPlanFollowsFrom) {
  using change = void (*)(crestmax::problem&, crestmax::options&);
  const change changes[] = {
      [](crestmax::problem&, crestmax::options&) {},
      [](crestmax::problem& p, crestmax::options&) { p.sequences = 2; },
      [](crestmax::problem& p, crestmax::options&) { p.q_len = 2; },
      [](crestmax::problem& p, crestmax::options&) { p.kv_len = 8; },
      [](crestmax::problem& p, crestmax::options&) { p.q_heads = 8; },
      [](crestmax::problem& p, crestmax::options&) { p.kv_heads = 1; },
      [](crestmax::problem& p, crestmax::options&) { p.d_qk = 17; },
      [](crestmax::problem& p, crestmax::options&) { p.d_v = 17; },
      [](crestmax::problem& p, crestmax::options&) { p.query_kind = p.key_kind = p.value_kind = p.output_kind = crestmax::scalar_kind::bfloat16; },
      [](crestmax::problem& p, crestmax::options&) { p.key_kind = crestmax::scalar_kind::int8; },
      [](crestmax::problem& p, crestmax::options&) { p.value_kind = crestmax::scalar_kind::int8; },
      [](crestmax::problem& p, crestmax::options&) { p.workers = 4; },
      [](crestmax::problem&, crestmax::options& o) { o.scale = 0.5; },
      [](crestmax::problem&, crestmax::options& o) { o.scale = 0.0; }};
  std::vector<crestmax_torch::plan_key> keys;
  for (const change& make : changes) {
    crestmax::problem p = shape_of(7);
    crestmax::options o;
    make(p, o);
    keys.push_back(crestmax_torch::key_of(p, o));
    for (std::size_t i = 0; i + 1 < keys.size(); ++i) EXPECT_NE(keys[i], keys.back()) << i;
  }
}

TEST(KeptPlans, DropTheOneThatWasUsedLongestAgo) {
  counted_plans plans;
  for (index_type i = 0; i < static_cast<index_type>(kept_plans::most); ++i) plans.of(shape_of(10 + i));
  plans.of(shape_of(10));  // now the second is the oldest
  plans.of(shape_of(1000));
  const int before = plans.made;
  plans.of(shape_of(10));
  EXPECT_EQ(plans.made, before);
  EXPECT_EQ(plans.of(shape_of(11))->kv_len, 11);
  EXPECT_EQ(plans.made, before + 1);
}

TEST(KeptPlans, KeepNothingOfAPlanThatCannotBeMade) {
  counted_plans plans;
  crestmax::problem bad = shape_of(5);
  bad.d_qk = -1;
  EXPECT_THROW(plans.of(bad), crestmax_torch::bad_argument);
  EXPECT_THROW(plans.of(bad), crestmax_torch::bad_argument);
  EXPECT_EQ(plans.made, 2);
  EXPECT_EQ(plans.of(shape_of(5))->kv_len, 5);
}

TEST(KeptMemory, GrowsAndIsAligned) {
  crestmax_torch::kept_memory memory;
  const std::byte* const small = memory.at_least(100).data();
  EXPECT_EQ(memory.at_least(50).data(), small);
  EXPECT_EQ(memory.at_least(50).size(), 50u);
  const auto large = memory.at_least(1 << 20);
  EXPECT_EQ(large.size(), std::size_t{1} << 20);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(large.data()) % crestmax::workspace_size::alignment, 0u);
  EXPECT_EQ(memory.at_least(100).data(), large.data());
}

}  // namespace
}  // namespace crestmax_test
