// The form in steps: a plan made once, in the caller's memory, attached to a call's data, and run item by item.
#include <gtest/gtest.h>

#include <algorithm>
#include <cfenv>
#include <crestmax/crestmax.hpp>
#include <cstring>
#include <vector>

#include "support/attached.hpp"
#include "support/make_case.hpp"

namespace crestmax_test {
namespace {

class TwoSteps : public ::testing::Test {
 protected:
  attention_case c = [] {
    attention_case made =
        normal_case({.batch = 2, .q_len = 3, .kv_len = 6000, .q_heads = 4, .kv_heads = 2}, 9);
    made.modifiers.causal.enabled = true;
    return made;
  }();

  auto tensors(test_tensor& output) {
    return crestmax::tensors(c.query.view<float>(), c.key.view<float>(), c.value.view<float>(), output.view<float>());
  }
  auto attached(test_tensor& output, int workers = 1) {
    return attached_call(tensors(output), crestmax::options{}, crestmax::chain(crestmax::causal{}), crestmax::backend::automatic{}, workers);
  }
  template <class Call>
  static void run_items(const Call& call, bool backwards) {
    for (index_type stage = 0; stage < call.stages(); ++stage) {
      const index_type count = call.items(stage);
      for (index_type i = 0; i < count; ++i) call.run(stage, backwards ? count - 1 - i : i, 0);
    }
  }
};

TEST_F(TwoSteps, GiveTheBitsOfTheSingleCall) {
  test_tensor output = c.output;
  const auto call = attached(output);
  ASSERT_GT(call.plan->max_splits, 1) << "this test wants a split";
  run_items(*call.operator->(), false);
  EXPECT_EQ(output.memory(), run(c).output.memory());
}

TEST_F(TwoSteps, ItemsOfAStageHaveNoOrder) {
  test_tensor output = c.output;
  const auto call = attached(output);
  run_items(*call.operator->(), true);
  EXPECT_EQ(output.memory(), run(c).output.memory());
}

TEST_F(TwoSteps, APlanServesEveryLayerOfTheSameShapeAlsoWhenCopied) {
  test_tensor output = c.output;
  auto first = attached(output);
  std::vector<std::uint64_t> copied(first.plan.memory().size() / 8);
  const auto copy = std::as_writable_bytes(std::span(copied));
  std::memcpy(copy.data(), first.plan.memory().data(), copy.size());
  std::memset(first.plan_memory().data(), 0, copy.size());

  random_source random(77);
  c.key.fill_normal(random);
  const crestmax::plan moved(copy);
  std::vector<std::byte> workspace(moved.workspace().total(1) + 64);
  crestmax::options options;
  options.workspace = std::span(workspace).subspan(64 - reinterpret_cast<std::uintptr_t>(workspace.data()) % 64).first(workspace.size() - 64);
  const auto second = crestmax::attach(moved, 1, tensors(output), options, crestmax::causal{});
  ASSERT_TRUE(second.ready().ok()) << second.ready().message();
  ASSERT_TRUE(second.begin().ok());
  run_items(second, false);
  EXPECT_EQ(output.memory(), run(c).output.memory());
}

TEST_F(TwoSteps, CollectReportsAllRows) {
  test_tensor output = c.output;
  const auto call = attached(output, 3);
  for (index_type stage = 0; stage < call->stages(); ++stage) {
    for (index_type i = 0; i < call->items(stage); ++i) call->run(stage, i, static_cast<int>(i % 3));
  }
  crestmax::report report;
  ASSERT_TRUE(call->collect(report).ok());
  EXPECT_EQ(report.rows, 2 * 3 * 4);
  EXPECT_STREQ(report.backend, "cpu");
  EXPECT_STREQ(report.instruction_set, name(crestmax::cpu::machine_set()));
  EXPECT_EQ(output.memory(), run(c).output.memory());
}

TEST_F(TwoSteps, AWorkerThatRanNothingIsNotCounted) {
  test_tensor output = c.output;
  const auto call = attached(output, 70);
  for (index_type stage = 0; stage < call->stages(); ++stage) {
    for (index_type i = 0; i < call->items(stage); ++i) call->run(stage, i, i % 2 == 0 ? 69 : 31);
  }
  crestmax::report report;
  ASSERT_TRUE(call->collect(report).ok());
  EXPECT_EQ(report.rows, 2 * 3 * 4);
}

TEST_F(TwoSteps, TouchNoMemoryOfWorkersThatRanNothing) {
  test_tensor output = c.output;
  const auto call = attached(output, 2);
  for (index_type stage = 0; stage < call->stages(); ++stage) {
    ASSERT_GE(call->items(stage), 2);
    for (index_type i = 0; i < call->items(stage); ++i) call->run(stage, i, 1);
  }
  crestmax::report report;
  ASSERT_TRUE(call->collect(report).ok());
  EXPECT_EQ(report.rows, 2 * 3 * 4);
  const std::size_t size = call.plan.workspace().per_worker;
  const auto untouched = [](std::span<const std::byte> memory) {
    return std::all_of(memory.begin(), memory.end(), [](std::byte b) { return b == std::byte{0xff}; });
  };
  EXPECT_TRUE(untouched(call.workspace().last(2 * size).first(size)));
  EXPECT_FALSE(untouched(call.workspace().last(size)));
}

TEST_F(TwoSteps, AskForMemoryOfItemsInFlightHoweverManyWorkersThereAre) {
  test_tensor output = c.output;
  const auto call = attached(output, 256);
  index_type most_items = 0;
  for (index_type stage = 0; stage < call->stages(); ++stage) most_items = std::max(most_items, call->items(stage));
  ASSERT_LT(most_items, 100);
  const crestmax::workspace_size size = call.plan.workspace();
  EXPECT_EQ(size.total(256), size.total(static_cast<int>(most_items)));
  EXPECT_LT(size.total(1), size.total(2));
  for (index_type stage = 0; stage < call->stages(); ++stage) {
    for (index_type i = 0; i < call->items(stage); ++i) call->run(stage, i, 255 - static_cast<int>(i));
  }
  EXPECT_EQ(output.memory(), run(c).output.memory());
}

TEST_F(TwoSteps, ServeAnyNumberOfWorkersWhomeverItemsWereMadeFor) {
  for (const int made_for : {0, 1, 7, 300}) {
    for (const int workers : {1, 5, 40}) {
      test_tensor output = c.output;
      crestmax::problem p = crestmax::problem_of(tensors(output));
      p.workers = made_for;
      std::vector<std::uint64_t> memory(crestmax::plan::bytes(2) / 8);
      crestmax::plan plan;
      ASSERT_TRUE(crestmax::make_plan(p, std::as_writable_bytes(std::span(memory)), plan).ok());
      std::vector<std::byte> workspace(plan.workspace().total(workers) + 64);
      crestmax::options options;
      options.workspace = std::span(workspace).subspan(64 - reinterpret_cast<std::uintptr_t>(workspace.data()) % 64).first(workspace.size() - 64);
      const auto call = crestmax::attach(plan, workers, tensors(output), options, crestmax::causal{});
      ASSERT_TRUE(call.ready().ok()) << call.ready().message();
      ASSERT_TRUE(call.begin().ok());
      run_items(call, true);
      EXPECT_EQ(output.memory(), run(c).output.memory()) << made_for << ", " << workers;
    }
  }
}

TEST_F(TwoSteps, MakeThePlanThatTheShapeAloneWouldHave) {
  test_tensor output = c.output;
  const auto call = attached(output);
  const crestmax::problem p{.sequences = 2, .q_len = 3, .kv_len = 6000, .q_heads = 4, .kv_heads = 2, .d_qk = 16, .d_v = 16};
  std::vector<std::uint64_t> memory(crestmax::plan::bytes(2) / 8);
  crestmax::plan plan;
  ASSERT_TRUE(crestmax::make_plan(p, std::as_writable_bytes(std::span(memory)), plan).ok());
  ASSERT_EQ(plan.memory().size(), call.plan.memory().size());
  EXPECT_EQ(std::memcmp(plan.memory().data(), call.plan.memory().data(), plan.memory().size()), 0);
}

TEST_F(TwoSteps, RefuseAStageItemOrWorkerThatThereIsNotAndSaySo) {
  const struct { index_type stage, item; int worker; const char* named; } wrong[] = {
      {-1, 0, 0, "stage"}, {1, 0, 0, "stage"}, {0, -1, 0, "item"}, {0, 1000, 0, "item"}, {0, 0, -1, "worker"}, {0, 0, 2, "worker"},
      {0, std::numeric_limits<index_type>::max(), 0, "item"}, {std::numeric_limits<index_type>::min(), 0, 0, "stage"}};
  for (const auto& w : wrong) {
    test_tensor output = c.output;
    const auto call = attached(output, 2);
    ASSERT_EQ(call->stages(), 1);
    call->run(w.stage, w.item, w.worker);
    crestmax::report report;
    const crestmax::status s = call->collect(report);
    EXPECT_EQ(s.code, crestmax::status_code::bad_index);
    EXPECT_EQ(std::string(s.message()).rfind(w.named, 0), 0u) << s.message();
    EXPECT_EQ(report.rows, 0);
    EXPECT_EQ(output.memory(), c.output.memory());
  }
}

TEST_F(TwoSteps, RunNothingBeforeTheyBeginAndSaySo) {
  for (const int byte : {0x00, 0x01, 0x7f, 0xff}) {
    test_tensor output = c.output;
    std::vector<std::byte> workspace(std::size_t{1} << 23, std::byte(byte)), plan_memory(crestmax::plan::bytes(2));
    crestmax::options options;
    options.workspace = std::span(workspace).subspan(64 - reinterpret_cast<std::uintptr_t>(workspace.data()) % 64);
    crestmax::plan plan;
    ASSERT_TRUE(crestmax::make_plan(crestmax::problem_of(tensors(output)), plan_memory, plan).ok());
    const auto call = crestmax::attach(plan, 2, tensors(output), options);
    ASSERT_TRUE(call.ready().ok()) << call.ready().message();
    run_items(call, false);
    crestmax::report report;
    const crestmax::status s = call.collect(report);
    EXPECT_EQ(std::string(s.message()).rfind("begin", 0), 0u) << s.message();
    EXPECT_EQ(report.rows, 0);
    EXPECT_EQ(output.memory(), c.output.memory());
    EXPECT_EQ(std::count(workspace.begin(), workspace.end(), std::byte(byte)), std::ssize(workspace));
  }
}

TEST_F(TwoSteps, RunNothingWhereAttachingFailed) {
  test_tensor output = c.output;
  const auto call = crestmax::attach(crestmax::plan{}, 1, tensors(output));
  EXPECT_EQ(call.ready().code, crestmax::status_code::null_pointer);
  EXPECT_EQ(call.begin().code, crestmax::status_code::null_pointer);
  EXPECT_EQ(call.stages(), 0);
  call.run(0, 0, 0);
  crestmax::report report;
  EXPECT_FALSE(call.collect(report).ok());
  EXPECT_EQ(output.memory(), c.output.memory());
}

TEST_F(TwoSteps, TakeNothingFromOptionsThatAreGone) {
  std::vector<std::int32_t> query_offsets{0, 2, 3}, key_offsets{0, 3500, 6000};
  c.query = test_tensor(scalar_kind::float32, {1, 3, 4, 16});
  c.key = test_tensor(scalar_kind::float32, {1, 6000, 2, 16});
  c.value = test_tensor(scalar_kind::float32, {1, 6000, 2, 16});
  c.output = test_tensor(scalar_kind::float32, {1, 3, 4, 16});
  random_source random(5);
  for (test_tensor* t : {&c.query, &c.key, &c.value}) t->fill_normal(random);
  c.query_offsets = query_offsets;
  c.key_offsets = key_offsets;
  test_tensor output = c.output;
  crestmax::options options;
  options.query_offsets = query_offsets;
  options.key_offsets = key_offsets;
  const attached_call call(tensors(output), options, crestmax::chain(crestmax::causal{}), crestmax::backend::automatic{});
  query_offsets.assign(3, 1 << 30);
  key_offsets.assign(3, 1 << 30);
  run_items(*call.operator->(), false);
  EXPECT_EQ(output.memory(), run(c).output.memory());
}

// A plan of several sequences that are split, and of some that are not.
class PlanOfManySequences : public ::testing::Test {
 protected:
  const std::vector<std::int32_t> query_lengths{1, 3, 40, 2};
  const std::vector<std::int32_t> key_lengths{9000, 10, 500, 4000};
  std::vector<float> numbers = std::vector<float>(4 * 9000 * 8, 0.5f), results = std::vector<float>(4 * 40 * 8, -1.0f);
  crestmax::tensor<float> query{numbers.data(), {4, 40, 1, 8}};
  crestmax::tensor<float> key{numbers.data(), {4, 9000, 1, 8}};
  crestmax::tensor<float> output{results.data(), {4, 40, 1, 8}};
  crestmax::problem shape{.sequences = 4, .q_len = 40, .kv_len = 9000, .q_heads = 1, .kv_heads = 1, .d_qk = 8, .d_v = 8};
  crestmax::options options{.scale = std::nullopt, .query_lengths = query_lengths, .key_lengths = key_lengths};
  std::vector<std::uint64_t> memory = std::vector<std::uint64_t>(crestmax::plan::bytes(4) / 8);
  std::vector<std::byte> workspace = std::vector<std::byte>(std::size_t{1} << 23);
  crestmax::plan plan;

  std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(memory)); }
  void SetUp() override {
    options.workspace = std::span(workspace).subspan(64 - reinterpret_cast<std::uintptr_t>(workspace.data()) % 64);
    ASSERT_TRUE(crestmax::make_plan(shape, bytes(), plan, options).ok());
  }
  crestmax::status attach() { return crestmax::attach(plan, 1, crestmax::tensors(query, key, key, output), options).ready(); }
};

TEST_F(PlanOfManySequences, IsAttachedAsItIs) {
  const crestmax::status s = attach();
  EXPECT_TRUE(s.ok()) << s.message();
}

TEST_F(PlanOfManySequences, IsRefusedWithAFlippedBit) {
  for (std::size_t i = 0; i < bytes().size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      bytes()[i] ^= std::byte(1 << bit);
      const crestmax::status before = attach();
      ASSERT_FALSE(before.ok()) << "byte " << i << ", bit " << bit;
      ASSERT_NE(std::string(before.message()).find("plan"), std::string::npos) << before.message();
      bytes()[i] ^= std::byte(1 << bit);
    }
  }
  EXPECT_EQ(results, std::vector<float>(results.size(), -1.0f));
}

TEST_F(PlanOfManySequences, IsLookedAtSafelyWithAFlippedBit) {
  for (std::size_t i = 0; i < bytes().size() * 8; ++i) {
    bytes()[i / 8] ^= std::byte(1 << i % 8);
    const crestmax::plan damaged(bytes());
    char text[8];
    damaged.describe(text);
    EXPECT_EQ(damaged.items(3), 0);
    EXPECT_EQ(damaged.sequences().size(), damaged ? 4u : 0u);
    bytes()[i / 8] ^= std::byte(1 << i % 8);
  }
}

TEST_F(PlanOfManySequences, IsTheSameInAnyMemory) {
  std::vector<std::uint64_t> other(memory.size(), ~std::uint64_t{0});
  crestmax::plan again;
  ASSERT_TRUE(crestmax::make_plan(shape, std::as_writable_bytes(std::span(other)), again, options).ok());
  EXPECT_EQ(memory, other);
}

TEST_F(PlanOfManySequences, IsTheSameWhateverTheRoundingMode) {
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    for (const index_type d : {1, 3, 8, 77, 128}) {
      shape.d_qk = d;
      options.softmax = crestmax::sampled_max{.margin = 1.1};
      std::vector<std::uint64_t> other(memory.size());
      ASSERT_TRUE(crestmax::make_plan(shape, bytes(), plan, options).ok());
      std::fesetround(mode);
      const crestmax::status s = crestmax::make_plan(shape, std::as_writable_bytes(std::span(other)), plan, options);
      std::fesetround(FE_TONEAREST);
      ASSERT_TRUE(s.ok()) << s.message();
      EXPECT_EQ(memory, other) << "head_dim " << d;
    }
  }
}

TEST_F(PlanOfManySequences, BeginsWithAMagicNumberVersionBuildAndSize) {
  for (const std::size_t at : {offsetof(crestmax::plan_identity, magic), offsetof(crestmax::plan_identity, version),
                               offsetof(crestmax::plan_identity, build), offsetof(crestmax::plan_identity, bytes)}) {
    bytes()[at] ^= std::byte{1};
    EXPECT_FALSE(crestmax::plan(bytes()));
    bytes()[at] ^= std::byte{1};
  }
  EXPECT_TRUE(crestmax::plan(bytes()));
  EXPECT_FALSE(crestmax::plan(bytes().first(bytes().size() - 1)));
  EXPECT_FALSE(crestmax::plan(bytes().first(3)));
  EXPECT_FALSE(crestmax::plan(bytes().subspan(4)));
}

TEST_F(PlanOfManySequences, IsRefusedForOtherLengths) {
  const std::vector<std::int32_t> other{9000, 10, 501, 4000};
  options.key_lengths = other;
  const crestmax::status s = attach();
  EXPECT_EQ(s.code, crestmax::status_code::mismatch);
  EXPECT_NE(std::string(s.message()).find("sequence"), std::string::npos) << s.message();
}

TEST(Plan, OfNothingSaysSo) {
  const crestmax::plan none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.stages(), 0);
  EXPECT_EQ(none.items(0), 0);
  EXPECT_EQ(none.workspace().total(4), 0u);
  char text[8];
  EXPECT_EQ(none.describe(text), 0u);
}

}  // namespace
}  // namespace crestmax_test
