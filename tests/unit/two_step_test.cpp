// The two-step form: a plan made once, in the caller's memory, run item by item.
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>
#include <cstring>
#include <vector>

#include "support/make_case.hpp"

namespace crestmax_test {
namespace {

struct aligned_memory {
  std::vector<std::byte> bytes;
  std::span<std::byte> take(std::size_t size) {
    bytes.assign(size + 64, std::byte{0xff});
    const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
    return {bytes.data() + (64 - address % 64), size};
  }
};

class TwoSteps : public ::testing::Test {
 protected:
  attention_case c = [] {
    attention_case made =
        normal_case({.batch = 2, .q_len = 3, .kv_len = 20000, .q_heads = 4, .kv_heads = 2}, 9);
    made.modifiers.causal.enabled = true;
    return made;
  }();

  auto bound(test_tensor& output) {
    return crestmax::bind(c.query.view<float>(),
                          crestmax::make_source(c.key.view<float>(), c.value.view<float>()),
                          output.view<float>(), {}, crestmax::causal{});
  }
  template <class Call>
  void run_items(Call& call, const crestmax::plan& plan, bool backwards) {
    for (index_type stage = 0; stage < plan.stages(); ++stage) {
      const index_type count = plan.items(stage);
      for (index_type i = 0; i < count; ++i) call.run(stage, backwards ? count - 1 - i : i, 0);
    }
  }
};

TEST_F(TwoSteps, GiveTheBitsOfTheSingleCall) {
  test_tensor output = c.output;
  auto call = bound(output);
  aligned_memory plan_memory, workspace;
  crestmax::plan plan;
  ASSERT_TRUE(call.prepare(plan_memory.take(call.plan_bytes()), plan).ok());
  ASSERT_GT(plan.stages(), 1) << "this test wants a split";
  const auto status = call.check(plan, workspace.take(plan.workspace().total(1)), 1);
  ASSERT_TRUE(status.ok()) << status.message();
  ASSERT_TRUE(call.begin(1).ok());
  run_items(call, plan, false);
  EXPECT_EQ(output.memory(), run(c).output.memory());
}

TEST_F(TwoSteps, ItemsOfAStageHaveNoOrder) {
  test_tensor output = c.output;
  auto call = bound(output);
  aligned_memory plan_memory, workspace;
  crestmax::plan plan;
  ASSERT_TRUE(call.prepare(plan_memory.take(call.plan_bytes()), plan).ok());
  ASSERT_TRUE(call.check(plan, workspace.take(plan.workspace().total(1)), 1).ok());
  ASSERT_TRUE(call.begin(1).ok());
  run_items(call, plan, true);
  EXPECT_EQ(output.memory(), run(c).output.memory());
}

TEST_F(TwoSteps, APlanServesEveryLayerOfTheSameShapeAlsoWhenCopied) {
  test_tensor output = c.output;
  auto first = bound(output);
  aligned_memory plan_memory, copied, workspace;
  crestmax::plan plan;
  ASSERT_TRUE(first.prepare(plan_memory.take(first.plan_bytes()), plan).ok());
  const auto copy = copied.take(first.plan_bytes());
  std::memcpy(copy.data(), reinterpret_cast<const std::byte*>(&plan.header()), first.plan_bytes());
  plan_memory.bytes.assign(plan_memory.bytes.size(), std::byte{0});

  random_source random(77);
  c.key.fill_normal(random);
  auto second = bound(output);
  const crestmax::plan moved(copy.data());
  const auto status = second.check(moved, workspace.take(moved.workspace().total(1)), 1);
  ASSERT_TRUE(status.ok()) << status.message();
  ASSERT_TRUE(second.begin(1).ok());
  run_items(second, moved, false);
  EXPECT_EQ(output.memory(), run(c).output.memory());
}

TEST_F(TwoSteps, CollectReportsAllRows) {
  test_tensor output = c.output;
  auto call = bound(output);
  aligned_memory plan_memory, workspace;
  crestmax::plan plan;
  ASSERT_TRUE(call.prepare(plan_memory.take(call.plan_bytes()), plan).ok());
  ASSERT_TRUE(call.check(plan, workspace.take(plan.workspace().total(3)), 3).ok());
  ASSERT_TRUE(call.begin(3).ok());
  for (index_type stage = 0; stage < plan.stages(); ++stage) {
    for (index_type i = 0; i < plan.items(stage); ++i) call.run(stage, i, static_cast<int>(i % 3));
  }
  crestmax::report report;
  ASSERT_TRUE(call.collect(3, report).ok());
  EXPECT_EQ(report.rows, 2 * 3 * 4);
  EXPECT_STREQ(report.backend, "cpu");
  EXPECT_STREQ(report.instruction_set, name(crestmax::cpu::machine_set()));
  EXPECT_EQ(output.memory(), run(c).output.memory());
}

TEST_F(TwoSteps, MeasureAsksForWhatThePlanNeeds) {
  test_tensor output = c.output;
  auto call = bound(output);
  aligned_memory plan_memory;
  crestmax::plan plan;
  crestmax::workspace_size measured;
  ASSERT_TRUE(call.prepare(plan_memory.take(call.plan_bytes()), plan).ok());
  ASSERT_TRUE(call.measure(measured).ok());
  EXPECT_EQ(measured.shared, plan.workspace().shared);
  EXPECT_EQ(measured.per_worker, plan.workspace().per_worker);
}

}  // namespace
}  // namespace crestmax_test
