// The two-step form and the error paths leave no trace either.
#include <cstring>

#include "quiet.hpp"

namespace crestmax_test {
namespace {

TEST(NoAllocationInTwoSteps, FromThePlanToTheReport) {
  quiet_call<float> c({.batch = 2, .q_len = 1, .kv_len = 20000});
  c.options.tiles.splits = 3;
  const auto tensors = crestmax::tensors(c.query.view<float>(), c.contiguous(), c.output.view<float>());
  aligned_memory plan_memory, workspace;
  crestmax::plan plan;
  std::size_t bytes = 0;
  crestmax::status planned, sized, done;
  const std::span<std::byte> plan_span = plan_memory.take(crestmax::plan::bytes(2));
  expect_no_trace([&] {
    planned = crestmax::make_plan(crestmax::problem_of(tensors, c.options), plan_span, plan, c.options);
    sized = crestmax::workspace_bytes(tensors, 2, bytes, c.options);
  });
  ASSERT_TRUE(planned.ok()) << planned.message();
  ASSERT_TRUE(sized.ok()) << sized.message();
  ASSERT_GT(plan->max_splits, 1) << "this test wants a split";
  c.options.workspace = workspace.take(plan.workspace().total(2));
  expect_no_trace([&] {
    const auto call = crestmax::attach(plan, 2, tensors, c.options, crestmax::causal{});
    done = call.begin();
    if (!done.ok()) return;
    for (index_type stage = 0; stage < call.stages(); ++stage) {
      for (index_type item = 0; item < call.items(stage); ++item) call.run(stage, item, static_cast<int>(item % 2));
    }
    done = call.collect(c.report);
  });
  ASSERT_TRUE(done.ok()) << done.message();
  EXPECT_EQ(c.report.rows, 2 * 4);
}

TEST(NoAllocationInTwoSteps, WhenAPlanIsPrinted) {
  aligned_memory plan_memory;
  crestmax::plan plan;
  const crestmax::problem p{.q_len = 5, .kv_len = 300, .q_heads = 4, .kv_heads = 2, .d_qk = 24, .d_v = 16};
  ASSERT_TRUE(crestmax::make_plan(p, plan_memory.take(crestmax::plan::bytes(1)), plan).ok());
  char text[2048];
  std::size_t length = 0;
  expect_no_trace([&] { length = plan.describe(text); });
  EXPECT_EQ(length, std::strlen(text));
  EXPECT_GT(length, 100u);
}

TEST(NoAllocationInTwoSteps, WhenStatesAreMerged) {
  std::vector<float> left(16, 1.0f), right(16, 2.0f);
  crestmax::softmax_state<float> a{1.0f, 2.0f, left};
  const crestmax::softmax_state<float> b{3.0f, 4.0f, right};
  expect_no_trace([&] { a.merge(b); });
  EXPECT_EQ(a.shift, 3.0f);
}

// Breaks one thing after the other.
class NoAllocationInErrors : public ::testing::Test {
 protected:
  quiet_call<float> c;
  crestmax::tensor<float> query = c.query.view<float>(), key = c.key.view<float>(),
                          value = c.value.view<float>(), output = c.output.view<float>();

  void SetUp() override { c.give_workspace(c.contiguous(), crestmax::no_modifiers{}, crestmax::serial{}); }
  template <class Modifiers = crestmax::no_modifiers>
  void expect_quiet_error(crestmax::status_code code, const Modifiers& modifiers = {}) {
    crestmax::status s{};
    expect_no_trace([&] { s = crestmax::attention(query, key, value, output, c.options, modifiers); });
    EXPECT_EQ(s.code, code) << s.message();
    EXPECT_NE(std::strlen(s.message()), 0u);
  }
};

TEST_F(NoAllocationInErrors, OfShapes) {
  key.extents[3] += 1;
  expect_quiet_error(crestmax::status_code::mismatch);
}

TEST_F(NoAllocationInErrors, OfHeads) {
  query.extents[2] = output.extents[2] = 3;
  c.options.lse = {};
  expect_quiet_error(crestmax::status_code::mismatch);
}

TEST_F(NoAllocationInErrors, OfStrides) {
  value.strides[3] = 2;
  expect_quiet_error(crestmax::status_code::bad_stride);
}

TEST_F(NoAllocationInErrors, OfNullPointers) {
  key.data = nullptr;
  expect_quiet_error(crestmax::status_code::null_pointer);
}

TEST_F(NoAllocationInErrors, OfOverlaps) {
  output.data = query.data;
  expect_quiet_error(crestmax::status_code::overlap);
}

TEST_F(NoAllocationInErrors, OfOptions) {
  c.options.coverage = crestmax::above(-1.0);
  expect_quiet_error(crestmax::status_code::bad_option);
}

TEST_F(NoAllocationInErrors, OfModifiers) {
  const std::vector<float> too_few(1, 0.5f);
  expect_quiet_error(crestmax::status_code::mismatch, crestmax::attention_sinks{.logits = too_few});
}

TEST_F(NoAllocationInErrors, OfAWorkspaceTooSmall) {
  c.options.workspace = c.options.workspace.first(c.options.workspace.size() - 1);
  expect_quiet_error(crestmax::status_code::workspace_too_small);
}

TEST_F(NoAllocationInErrors, OfAMisalignedWorkspace) {
  c.options.workspace = c.options.workspace.subspan(8);
  crestmax::status s{};
  expect_no_trace([&] { s = crestmax::attention(query, key, value, output, c.options); });
  EXPECT_FALSE(s.ok());
}

TEST_F(NoAllocationInErrors, OfABlockTable) {
  c.table[1] = 10000;
  crestmax::status s{};
  expect_no_trace([&] { s = crestmax::attention(query, c.cache(), output, c.options); });
  EXPECT_EQ(s.code, crestmax::status_code::bad_index) << s.message();
}

TEST_F(NoAllocationInErrors, OfABackendThatIsNotThere) {
  crestmax::status s{};
  expect_no_trace([&] {
    s = crestmax::attention(query, key, value, output, c.options, crestmax::no_modifiers{},
                            crestmax::backend::ascend{});
  });
  EXPECT_EQ(s.code, crestmax::status_code::unavailable) << s.message();
}

}  // namespace
}  // namespace crestmax_test
