// What a call hands to the device, what it waits for, and what it reports.
#include <algorithm>
#include <cmath>

#include "fake_call.hpp"

namespace crestmax_test {
namespace {

class Launch : public FakeDevice {};

TEST_F(Launch, GoesToTheCallersStreamOnceAndIsNotWaitedFor) {
  expect_success();
  ASSERT_EQ(ascend_fake::now().launches.size(), 1u);
  EXPECT_EQ(ascend_fake::now().launches[0].stream, &stream_itself);
  EXPECT_EQ(ascend_fake::now().count("aclrtSynchronizeStream"), 0);
  EXPECT_EQ(ascend_fake::now().count("aclrtMemcpy"), 0);
}

TEST_F(Launch, PassesTheTensors) {
  expect_success();
  const auto a = launched();
  const auto expect_tensor = [](const crestmax::ascend::tensor_arguments& given, const void* data, const auto& strides) {
    EXPECT_EQ(given.address, address(data));
    EXPECT_EQ(given.batch_stride, strides[0]);
    EXPECT_EQ(given.row_stride, strides[1]);
    EXPECT_EQ(given.head_stride, strides[2]);
  };
  expect_tensor(a.query, query.data, query.strides);
  expect_tensor(a.key, key.data, key.strides);
  expect_tensor(a.value, value.data, value.strides);
  expect_tensor(a.output, output.data, output.strides);
  expect_tensor(a.lse, lse.data, lse.strides);
}

TEST_F(Launch, PassesStridesOfAnotherOrderOfMemory) {
  query.strides = {q_heads * q_len * head_dim, head_dim, q_len * head_dim, 1};
  expect_success();
  EXPECT_EQ(launched().query.row_stride, head_dim);
  EXPECT_EQ(launched().query.head_stride, q_len * head_dim);
}

TEST_F(Launch, PassesNoLseWhereNoneIsWanted) {
  lse = {};
  expect_success();
  EXPECT_EQ(launched().lse.address, 0u);
}

TEST_F(Launch, PassesTheShape) {
  expect_success();
  const auto a = launched();
  EXPECT_EQ(a.batch, batch);
  EXPECT_EQ(a.q_len, q_len);
  EXPECT_EQ(a.kv_len, kv_len);
  EXPECT_EQ(a.q_heads, q_heads);
  EXPECT_EQ(a.kv_heads, kv_heads);
}

TEST_F(Launch, PassesTheScale) {
  expect_success();
  EXPECT_EQ(launched().scale, 0.125f);
  options.scale = 0.5;
  expect_success();
  EXPECT_EQ(launched(1).scale, 0.5f);
}

TEST_F(Launch, PassesTheLoweredShiftOfFloat16WeightsAndALimitBelowTheirLargest) {
  expect_success();
  const auto a = launched();
  EXPECT_FLOAT_EQ(a.margin, -8 * static_cast<float>(crestmax::ln2));
  EXPECT_EQ(a.guard_tile_limit, 65504.0f);
  EXPECT_FLOAT_EQ(a.guard_least_sum, 128.0f);
}

TEST_F(Launch, PassesAGuardThatSendsEveryRowToTheCorrection) {
  options.guard_limit = 0;
  expect_success();
  EXPECT_EQ(launched().guard_tile_limit, 0.0f);
}

TEST_F(Launch, PassesTheSampleThatThePlanHas) {
  expect_success();
  EXPECT_EQ(launched().sample_stride, 16);
  EXPECT_EQ(launched().windows, 8);
  options.softmax = crestmax::sampled_max{.stride = 8, .windows = 2, .coarse = crestmax::choice::on};
  expect_success();
  EXPECT_EQ(launched(1).sample_stride, 8);
  EXPECT_EQ(launched(1).windows, 2);
  options.softmax = crestmax::anchor_shift{};
  expect_success();
  EXPECT_EQ(launched(2).sample_stride, 0);
  EXPECT_EQ(launched(2).windows, 0);
}

TEST_F(Launch, OfAShortSequenceGoesWithoutTheSample) {
  key.extents[1] = value.extents[1] = 100;
  expect_success();
  EXPECT_EQ(launched().sample_stride, 0);
}

TEST_F(Launch, TakesAsManyBlocksAsThereAreQueryTiles) {
  expect_success();
  EXPECT_EQ(ascend_fake::now().launches[0].blocks, batch * q_heads);
  EXPECT_EQ(launched().blocks, batch * q_heads);
}

TEST_F(Launch, TakesNoMoreBlocksThanThereAreCores) {
  ascend_fake::now().cores = 5;
  expect_success();
  EXPECT_EQ(ascend_fake::now().launches[0].blocks, 5u);
  EXPECT_EQ(launched().blocks, 5);
}

TEST_F(Launch, GivesTheKernelItsShareOfTheWorkspace) {
  expect_success();
  const auto a = launched();
  EXPECT_EQ(a.counters, address(workspace.data()));
  EXPECT_EQ(a.scratch % 512, 0u);
  EXPECT_GE(a.scratch, a.counters + 2 * static_cast<std::uint64_t>(a.blocks) * 64);
  std::size_t needed = 0;
  ASSERT_TRUE(crestmax::workspace_bytes(tensors(), 1, needed, options, modifiers.chain(), backend).ok());
  const auto layout = crestmax::ascend::layout_for<crestmax::ascend::target_2201>(head_dim, head_dim);
  const std::size_t scratch = static_cast<std::size_t>(a.blocks) * layout.scratch_bytes;
  EXPECT_LE(a.scratch + scratch, a.counters + needed);
}

TEST_F(Launch, NeedsNoMoreOfAWorkspaceThanItAsksFor) {
  std::size_t needed = 0;
  ASSERT_TRUE(crestmax::workspace_bytes(tensors(), 1, needed, options, modifiers.chain(), backend).ok());
  const std::span<std::byte> whole = workspace;
  workspace = whole.first(needed);
  expect_success();
  workspace = whole.first(needed - 1);
  expect_error(status_code::workspace_too_small, {"workspace", std::to_string(needed)}, 1);
}

TEST_F(Launch, WithoutAWorkspaceOfTheDeviceIsRefused) {
  workspace = {};
  expect_error(status_code::workspace_too_small, {"workspace", "given 0"});
}

TEST_F(Launch, OfNoRowsIsNone) {
  for (const int place_of_none : {0, 1}) {
    const auto before = query.extents;
    query.extents[static_cast<std::size_t>(place_of_none)] = output.extents[static_cast<std::size_t>(place_of_none)] =
        lse.extents[static_cast<std::size_t>(place_of_none)] = 0;
    if (place_of_none == 0) key.extents[0] = value.extents[0] = 0;
    expect_success();
    EXPECT_TRUE(ascend_fake::now().launches.empty());
    query.extents = output.extents = before;
    lse.extents = {batch, q_len, q_heads};
    key.extents[0] = value.extents[0] = batch;
  }
}

class Report : public FakeDevice {
 protected:
  void SetUp() override { options.report = &report; }
  // What the kernel would have left: the fake runs none.
  void set_counters(std::size_t core, const crestmax::ascend::core_counters& counters) {
    std::memcpy(workspace.data() + core * sizeof counters, &counters, sizeof counters);
  }
  void set_failing_rows(std::size_t core, std::uint32_t rows) {
    crestmax::ascend::core_counters counters{};
    counters.failing_rows = rows;
    set_counters(core, counters);
  }
  void clear_counters() { std::memset(workspace.data(), 0, 64 * 64); }
};

TEST_F(Report, IsWaitedFor) {
  clear_counters();
  expect_success();
  const auto& calls = ascend_fake::now().calls;
  const auto launch = std::find(calls.begin(), calls.end(), "aclrtLaunchKernelWithArgsArray");
  EXPECT_NE(std::find(launch, calls.end(), "aclrtSynchronizeStream"), calls.end());
}

TEST_F(Report, NamesBackendDeviceAndWeights) {
  clear_counters();
  expect_success();
  EXPECT_STREQ(report.backend, "ascend");
  EXPECT_STREQ(report.instruction_set, "dav-2201");
  EXPECT_STREQ(report.weights, "float16");
  EXPECT_EQ(report.rows, batch * q_len * q_heads);
}

TEST_F(Report, AddsFailingRowsOfBothVectorCoresOfEveryBlock) {
  clear_counters();
  set_failing_rows(0, 2);
  set_failing_rows(1, 1);
  set_failing_rows(15, 4);
  expect_success();
  EXPECT_EQ(report.rows_corrected, 7);
}

TEST_F(Report, CountsTheTilesAndKeysOfABlockOnce) {
  clear_counters();
  crestmax::ascend::core_counters counters{};
  counters.query_tiles = 8;
  counters.keys_sampled = 10;
  counters.keys_crest = 64;
  counters.keys_swept = 300;
  for (const std::size_t core : {0u, 1u}) set_counters(core, counters);
  expect_success();
  // 16-bit keys of 64, and values where they are multiplied.
  EXPECT_EQ(report.bytes_read, 2 * ((10 + 64) * 64 + 300 * 128));
  EXPECT_EQ(report.pairs_sampled, 10 * 24 / 8);
  EXPECT_EQ(report.pairs_crest, 64 * 24 / 8);
}

TEST_F(Report, KnowsWhatIsVisible) {
  clear_counters();
  expect_success();
  EXPECT_EQ(report.pairs_visible, 24 * kv_len);
  EXPECT_EQ(report.pairs_masked, 0);
  modifiers.causal.enabled = true;
  expect_success();
  EXPECT_EQ(report.pairs_visible, 8 * (kv_len - 2 + kv_len - 1 + kv_len));
  EXPECT_EQ(report.pairs_masked, 8 * 3);
  key.extents[1] = value.extents[1] = 2;  // the first query sees none
  expect_success();
  EXPECT_EQ(report.pairs_visible, 8 * (1 + 2));
}

TEST_F(Report, ReadsTheCountersOfMoreCoresThanItCopiesAtATime) {
  ascend_fake::now().cores = 24;
  query = {place(0), {batch, 1, 16, head_dim}};
  output = {place(3 << 18), {batch, 1, 16, head_dim}};
  lse = {place<float>(4 << 18), {batch, 1, 16}};
  clear_counters();
  for (std::size_t core = 0; core < 48; ++core) set_failing_rows(core, 1);
  expect_success();
  EXPECT_EQ(report.rows_corrected, 48);
}

TEST_F(Report, BoundsTheUndershootByTheGuard) {
  clear_counters();
  expect_success();
  EXPECT_NEAR(report.max_undershoot_bound, std::log(65504.0) - 8 * crestmax::ln2, 1e-9);
}

TEST_F(Report, KnowsNoBoundOnTheUndershootOfCorrectedRows) {
  clear_counters();
  set_failing_rows(0, 1);
  expect_success();
  EXPECT_EQ(report.max_undershoot_bound, std::numeric_limits<double>::infinity());
}

class TwoStepsOnADevice : public FakeDevice {
 protected:
  std::vector<std::uint64_t> plan_memory = std::vector<std::uint64_t>(crestmax::plan::bytes(batch) / 8);
  crestmax::plan plan;

  crestmax::status make_plan() {
    return crestmax::make_plan(crestmax::problem_of(tensors()), std::as_writable_bytes(std::span(plan_memory)), plan, options,
                               modifiers.chain(), backend);
  }
  auto attach() {
    options.lse = lse;
    options.workspace = workspace;
    return crestmax::attach(plan, 1, tensors(), options, modifiers.chain(), backend);
  }
};

TEST_F(TwoStepsOnADevice, HaveNoStages) {
  ASSERT_TRUE(make_plan().ok());
  EXPECT_EQ(plan.stages(), 0);
  char text[1024];
  plan.describe(text);
  EXPECT_NE(std::string(text).find("one launch"), std::string::npos) << text;
  EXPECT_NE(std::string(text).find("weights float16"), std::string::npos) << text;
}

TEST_F(TwoStepsOnADevice, PlanWithoutATensor) {
  crestmax::problem p{.sequences = batch, .q_len = q_len, .kv_len = kv_len, .q_heads = q_heads, .kv_heads = kv_heads,
                      .d_qk = head_dim, .d_v = head_dim};
  p.query_kind = p.key_kind = p.value_kind = p.output_kind = crestmax::scalar_kind::float16;
  ASSERT_TRUE(crestmax::make_plan(p, std::as_writable_bytes(std::span(plan_memory)), plan, backend).ok());
  const auto call = attach();
  EXPECT_TRUE(call.ready().ok()) << call.ready().message();
}

TEST_F(TwoStepsOnADevice, RefuseWhatTheDeviceDoesNotServeWhenPlanning) {
  modifiers.window.left = 3;
  const crestmax::status s = make_plan();
  EXPECT_EQ(s.code, status_code::unsupported) << s.message();
}

TEST_F(TwoStepsOnADevice, CompileInAttachAndLaunchInBegin) {
  ASSERT_TRUE(make_plan().ok());
  EXPECT_EQ(ascend_fake::now().count("aclrtcCompileProg"), 0);
  const auto call = attach();
  ASSERT_TRUE(call.ready().ok()) << call.ready().message();
  EXPECT_EQ(ascend_fake::now().count("aclrtcCompileProg"), 1);
  EXPECT_TRUE(ascend_fake::now().launches.empty());
  ASSERT_TRUE(call.begin().ok());
  EXPECT_EQ(ascend_fake::now().launches.size(), 1u);
}

TEST_F(TwoStepsOnADevice, SayInBeginThatTheLaunchFailed) {
  ASSERT_TRUE(make_plan().ok());
  const auto call = attach();
  ASSERT_TRUE(call.ready().ok());
  ascend_fake::now().failing["aclrtLaunchKernelWithArgsArray"] = 207001;
  const crestmax::status s = call.begin();
  EXPECT_EQ(s.code, status_code::device_error) << s.message();
}

TEST_F(TwoStepsOnADevice, SayInCollectThatTheWorkFailed) {
  ASSERT_TRUE(make_plan().ok());
  const auto call = attach();
  ASSERT_TRUE(call.begin().ok());
  ascend_fake::now().failing["aclrtSynchronizeStream"] = 507011;
  EXPECT_EQ(call.collect(report).code, status_code::device_error);
}

TEST_F(TwoStepsOnADevice, ServeEveryLayerOfTheSameShapeAndCausalOrNot) {
  ASSERT_TRUE(make_plan().ok());
  modifiers.causal.enabled = true;
  const auto other = attach();
  ASSERT_TRUE(other.begin().ok());
  EXPECT_EQ(ascend_fake::now().launches[0].kernel, "crestmax_2201_float16_64_64_causal");
}

TEST_F(TwoStepsOnADevice, RefuseAPlanOfAnotherDevice) {
  ASSERT_TRUE(make_plan().ok());
  ascend_fake::now().chip = "Ascend950";
  cache.emplace();
  const crestmax::status s = attach().ready();
  EXPECT_EQ(s.code, status_code::mismatch) << s.message();
}

TEST_F(TwoStepsOnADevice, RefuseAPlanOfADeviceWithFewerCores) {
  ascend_fake::now().cores = 2;
  ASSERT_TRUE(make_plan().ok());
  ascend_fake::now().cores = 24;
  cache.emplace();
  const crestmax::status s = attach().ready();
  EXPECT_EQ(s.code, status_code::mismatch) << s.message();
  EXPECT_NE(std::string(s.message()).find("workspace"), std::string::npos) << s.message();
}

}  // namespace
}  // namespace crestmax_test
