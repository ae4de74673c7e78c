// Every option reaches the plan or the result that it reaches from C++.
#include <crestmax/attention.hpp>

#include "broken_call.hpp"

namespace crestmax_test {
namespace {

using bytes = std::vector<std::byte>;

// Long enough for every option to matter: a sequence whose keys are split, and one that is not.
constexpr crestmax::problem shape{.sequences = 2, .q_len = 40, .kv_len = 9000, .q_heads = 4, .kv_heads = 2, .d_qk = 64, .d_v = 64};

bytes plan_of_cpp(const crestmax::options& o, const crestmax::backend::cpu& backend = {}) {
  std::vector<std::uint64_t> memory(crestmax::plan::bytes(shape.sequences) / 8);
  crestmax::plan plan;
  const crestmax::status s = crestmax::make_plan(shape, std::as_writable_bytes(std::span(memory)), plan, o, backend);
  EXPECT_TRUE(s.ok()) << s.message();
  return {plan.memory().begin(), plan.memory().end()};
}

bytes plan_of_c(const crestmax_options& o) {
  crestmax_problem problem = crestmax_empty_problem();
  problem.sequences = shape.sequences;
  problem.q_len = shape.q_len;
  problem.kv_len = shape.kv_len;
  problem.q_heads = shape.q_heads;
  problem.kv_heads = shape.kv_heads;
  problem.d_qk = shape.d_qk;
  problem.d_v = shape.d_v;
  problem.query_type = problem.key_type = problem.value_type = problem.output_type = CRESTMAX_FLOAT32;
  aligned_bytes plan(crestmax_plan_bytes(problem.sequences));
  crestmax_status status{};
  EXPECT_EQ(crestmax_make_plan(&problem, &o, plan.memory(), &status), CRESTMAX_OK) << status.message;
  const auto* data = static_cast<const std::byte*>(plan.memory().data);
  return {data, data + plan.memory().bytes};
}

struct choice_of {
  const char* name;
  void (*in_c)(crestmax_options& o);
  void (*in_cpp)(crestmax::options& o);
};

class OptionFromC : public ::testing::TestWithParam<choice_of> {};

TEST_P(OptionFromC, MakesThePlanThatItMakesFromCpp) {
  crestmax_options in_c = crestmax_default_options();
  crestmax::options in_cpp;
  GetParam().in_c(in_c);
  GetParam().in_cpp(in_cpp);
  EXPECT_EQ(plan_of_c(in_c), plan_of_cpp(in_cpp));
  EXPECT_NE(plan_of_c(in_c), plan_of_cpp({})) << "the option changes nothing";
}

using c = crestmax_options;
using cpp = crestmax::options;
constexpr std::int32_t query_offsets[] = {0, 7, 47}, key_offsets[] = {0, 100, 9000}, query_lengths[] = {5, 40}, key_lengths[] = {8000, 33};

const choice_of choices[] = {
    {"Scale", [](c& o) { o.has_scale = 1; o.scale = 0.5; }, [](cpp& o) { o.scale = 0.5; }},
    {"ScaleOfZero", [](c& o) { o.has_scale = 1; o.scale = 0; }, [](cpp& o) { o.scale = 0; }},
    {"Above", [](c& o) { o.coverage = CRESTMAX_ABOVE; o.tau = 9; }, [](cpp& o) { o.coverage = crestmax::above(9); }},
    {"Plateaus", [](c& o) { o.coverage = CRESTMAX_PLATEAUS; }, [](cpp& o) { o.coverage = crestmax::plateaus; }},
    {"RunningMax", [](c& o) { o.method = CRESTMAX_RUNNING_MAX; }, [](cpp& o) { o.softmax = crestmax::running_max{}; }},
    {"LazyMax", [](c& o) { o.method = CRESTMAX_LAZY_MAX; }, [](cpp& o) { o.softmax = crestmax::lazy_max{}; }},
    {"LazyMaxThreshold", [](c& o) { o.method = CRESTMAX_LAZY_MAX; o.threshold = 3; }, [](cpp& o) { o.softmax = crestmax::lazy_max{.threshold = 3}; }},
    {"AnchorShift", [](c& o) { o.method = CRESTMAX_ANCHOR_SHIFT; o.first_keys = 8; o.nearest_keys = 64; },
     [](cpp& o) { o.softmax = crestmax::anchor_shift{.first_keys = 8, .nearest_keys = 64}; }},
    {"Coarse", [](c& o) { o.coarse = CRESTMAX_ON; }, [](cpp& o) { o.softmax = crestmax::sampled_max{.coarse = crestmax::choice::on}; }},
    {"Sample", [](c& o) { o.stride = 8; o.radius = 16; o.windows = 3; },
     [](cpp& o) { o.softmax = crestmax::sampled_max{.stride = 8, .radius = 16, .windows = 3}; }},
    {"Anchors", [](c& o) { o.first_keys = 1; o.nearest_keys = 2; },
     [](cpp& o) { o.softmax = crestmax::sampled_max{.first_keys = 1, .nearest_keys = 2}; }},
    {"Margin", [](c& o) { o.has_margin = 1; o.margin = 5; }, [](cpp& o) { o.softmax = crestmax::sampled_max{.margin = 5.0}; }},
    {"MarginOfZero", [](c& o) { o.has_margin = 1; o.margin = 0; }, [](cpp& o) { o.softmax = crestmax::sampled_max{.margin = 0.0}; }},
    {"Weights", [](c& o) { o.weights = CRESTMAX_WEIGHTS_FLOAT16; }, [](cpp& o) { o.weights = crestmax::weight_type::float16; }},
    {"QueryBlock", [](c& o) { o.query_block = 24; }, [](cpp& o) { o.tiles.query_block = 24; }},
    {"KeyTile", [](c& o) { o.key_tile = 64; }, [](cpp& o) { o.tiles.key_tile = 64; }},
    {"Splits", [](c& o) { o.splits = 5; }, [](cpp& o) { o.tiles.splits = 5; }},
    {"GuardLimit", [](c& o) { o.guard_limit = 1024; }, [](cpp& o) { o.guard_limit = 1024; }},
    {"Lipschitz", [](c& o) { o.coverage = CRESTMAX_PLATEAUS; o.has_lipschitz = 1; o.lipschitz = 0.25; },
     [](cpp& o) { o.coverage = crestmax::plateaus; o.lipschitz = 0.25; }},
    {"Diagnostics", [](c& o) { o.diagnostics = 1; }, [](cpp& o) { o.diagnostics = true; }},
    {"QueryOffsets", [](c& o) { o.query_offsets = {query_offsets, 3}; }, [](cpp& o) { o.query_offsets = query_offsets; }},
    {"KeyOffsets", [](c& o) { o.key_offsets = {key_offsets, 3}; }, [](cpp& o) { o.key_offsets = key_offsets; }},
    {"QueryLengths", [](c& o) { o.query_lengths = {query_lengths, 2}; }, [](cpp& o) { o.query_lengths = query_lengths; }},
    {"KeyLengths", [](c& o) { o.key_lengths = {key_lengths, 2}; }, [](cpp& o) { o.key_lengths = key_lengths; }}};

INSTANTIATE_TEST_SUITE_P(Each, OptionFromC, ::testing::ValuesIn(choices), [](const auto& i) { return i.param.name; });

TEST(OptionsFromC, ByDefaultAreThoseOfCpp) { EXPECT_EQ(plan_of_c(crestmax_default_options()), plan_of_cpp({})); }

TEST(OptionsFromC, ChooseTheInstructionSetThatTheyName) {
  crestmax_options o = crestmax_default_options();
  o.most_instruction_set = CRESTMAX_SET_GENERIC;
  EXPECT_EQ(plan_of_c(o), plan_of_cpp({}, crestmax::backend::cpu(crestmax::instruction_set::generic)));
  o.most_instruction_set = CRESTMAX_SET_AVX2;
  EXPECT_EQ(plan_of_c(o), plan_of_cpp({}, crestmax::backend::cpu(crestmax::instruction_set::avx2)));
}

class OptionsOfACall : public BadInputFromC {};

TEST_F(OptionsOfACall, MayBeLeftOutOfThePlanningOfOne) {
  std::size_t given = 0, by_default = 0;
  const crestmax_options defaults = crestmax_default_options();
  ASSERT_EQ(crestmax_workspace_bytes(&tensors, nullptr, 2, &given, &status), CRESTMAX_OK) << status.message;
  ASSERT_EQ(crestmax_workspace_bytes(&tensors, &defaults, 2, &by_default, &status), CRESTMAX_OK) << status.message;
  EXPECT_EQ(given, by_default);
}

TEST_F(OptionsOfACall, OfTheSizeThatWasAskedForSuffice) {
  std::size_t needed = 0;
  ASSERT_EQ(crestmax_workspace_bytes(&tensors, &options, 1, &needed, &status), CRESTMAX_OK) << status.message;
  options.workspace.bytes = needed;
  EXPECT_EQ(call(), CRESTMAX_OK) << status.message;
  options.workspace.bytes = needed - 1;
  expect_refusal(CRESTMAX_WORKSPACE_TOO_SMALL, {"workspace"});
}

TEST_F(OptionsOfACall, GetAReportOfWhatItDid) {
  crestmax_report report = crestmax_empty_report();
  options.report = &report;
  options.most_instruction_set = CRESTMAX_SET_GENERIC;
  options.diagnostics = 1;
  ASSERT_EQ(call(), CRESTMAX_OK) << status.message;
  EXPECT_STREQ(report.backend, "cpu");
  EXPECT_STREQ(report.instruction_set, "generic");
  EXPECT_STREQ(report.weights, "float32");
  EXPECT_EQ(report.rows, batch * q_len * q_heads);
  EXPECT_EQ(report.pairs_visible + report.pairs_masked, report.rows * kv_len);
  EXPECT_GT(report.bytes_read, 0);
  EXPECT_EQ(report.dropped_mass_kind, 0);
  EXPECT_EQ(report.lipschitz_from, 3);
}

TEST_F(OptionsOfACall, ThatIsRefusedLeaveTheReportAlone) {
  crestmax_report report = crestmax_empty_report();
  report.rows = -5;
  options.report = &report;
  tensors.query.data = nullptr;
  ASSERT_EQ(call(), CRESTMAX_NULL_POINTER);
  EXPECT_EQ(report.rows, -5);
}

TEST_F(OptionsOfACall, GetNoStridesAndMeanDenseOnes) {
  const std::vector<float> before = memory;
  for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<float>(i % 17) * 0.125f;
  const std::vector<float> inputs = memory;
  ASSERT_EQ(call(), CRESTMAX_OK) << status.message;
  const std::vector<float> without = memory;
  memory = inputs;
  const auto dense = [](int64_t (&strides)[4], int64_t length, int64_t heads, int64_t d) {
    const int64_t steps[] = {length * heads * d, heads * d, d, 1};
    std::copy_n(steps, 4, strides);
  };
  dense(tensors.query.strides, q_len, q_heads, d_qk);
  dense(tensors.key.strides, kv_len, kv_heads, d_qk);
  dense(tensors.value.strides, kv_len, kv_heads, d_v);
  dense(tensors.output.strides, q_len, q_heads, d_v);
  ASSERT_EQ(call(), CRESTMAX_OK) << status.message;
  EXPECT_EQ(memory, without);
}

}  // namespace
}  // namespace crestmax_test
