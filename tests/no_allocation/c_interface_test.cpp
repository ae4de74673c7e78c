// The C interface allocates nothing, in one step or in several: what a call needs is given.
#include <crestmax/c/crestmax.h>

#include "quiet.hpp"

namespace crestmax_test {
namespace {

class NoAllocationFromC : public ::testing::Test {
 protected:
  static constexpr int64_t q_len = 3, kv_len = 9000, heads = 2, head_dim = 16;
  std::vector<float> query = std::vector<float>(q_len * heads * head_dim, 0.5f), key = std::vector<float>(kv_len * heads * head_dim, 0.25f),
                     value = key, output = query;
  const crestmax_tensors tensors = crestmax_contiguous(
      crestmax_dense(query.data(), CRESTMAX_FLOAT32, 1, q_len, heads, head_dim), crestmax_dense(key.data(), CRESTMAX_FLOAT32, 1, kv_len, heads, head_dim),
      crestmax_dense(value.data(), CRESTMAX_FLOAT32, 1, kv_len, heads, head_dim),
      crestmax_dense_output(output.data(), CRESTMAX_FLOAT32, 1, q_len, heads, head_dim));
  const crestmax_modifier modifiers[2] = {crestmax_soft_cap(9), crestmax_causal()};
  crestmax_options options = [this] {
    crestmax_options o = crestmax_default_options();
    o.modifiers = modifiers;
    o.modifier_count = 2;
    return o;
  }();
  crestmax_status status{};
  aligned_memory plan_memory, workspace, runnable_memory;

  static crestmax_memory take(aligned_memory& from, std::size_t bytes) { return {from.take(bytes).data(), bytes}; }
};

TEST_F(NoAllocationFromC, InOneCall) {
  std::size_t bytes = 0;
  crestmax_code code = CRESTMAX_OK;
  expect_no_trace([&] { code = crestmax_workspace_bytes(&tensors, &options, 1, &bytes, &status); });
  ASSERT_EQ(code, CRESTMAX_OK) << status.message;
  options.workspace = take(workspace, bytes);
  expect_no_trace([&] { code = crestmax_attention(&tensors, &options, nullptr, &status); });
  ASSERT_EQ(code, CRESTMAX_OK) << status.message;
  EXPECT_EQ(output[0], 0.25f);
}

TEST_F(NoAllocationFromC, InACallWithoutAWorkspace) {
  crestmax_code code = CRESTMAX_OK;
  expect_no_trace([&] { code = crestmax_attention(&tensors, &options, nullptr, &status); });
  EXPECT_EQ(code, CRESTMAX_WORKSPACE_TOO_SMALL) << status.message;
}

TEST_F(NoAllocationFromC, FromThePlanToTheReport) {
  crestmax_problem problem = crestmax_empty_problem();
  crestmax_plan_facts facts = crestmax_empty_facts();
  crestmax_report report = crestmax_empty_report();
  const crestmax_memory plan = take(plan_memory, crestmax_plan_bytes(1)), runnable = take(runnable_memory, crestmax_runnable_bytes());
  crestmax_code codes[6] = {};
  crestmax_runnable* attached = nullptr;
  expect_no_trace([&] {
    codes[0] = crestmax_problem_of(&tensors, &options, &problem, &status);
    codes[1] = crestmax_make_plan(&problem, &options, plan, &status);
    codes[2] = crestmax_read_plan(plan, 1, &facts, &status);
  });
  options.workspace = take(workspace, facts.workspace_bytes);
  expect_no_trace([&] {
    codes[3] = crestmax_attach(plan, 1, &tensors, &options, runnable, &attached, &status);
    codes[4] = crestmax_run_in_team(attached, 0, 1, [](void*) {}, nullptr, &status);
    codes[5] = crestmax_collect(attached, &report, &status);
  });
  for (const crestmax_code code : codes) ASSERT_EQ(code, CRESTMAX_OK) << status.message;
  EXPECT_EQ(facts.stages, 1);
  EXPECT_EQ(report.rows, q_len * heads);
  EXPECT_EQ(output[0], 0.25f);
}

}  // namespace
}  // namespace crestmax_test
