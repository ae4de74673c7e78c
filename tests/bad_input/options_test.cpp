// Options and modifiers, and a backend that is not there.
#include "bad_input.hpp"

namespace crestmax_test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

class Options : public BadInput {
 protected:
  void expect_bad(const crestmax::softmax_method& method, const std::vector<std::string>& words) {
    options.softmax = method;
    expect_error(status_code::bad_option, words);
  }
};

TEST_F(Options, WithAStrideBelowOneAreNamed) {
  expect_bad(crestmax::sampled_max{.stride = 0}, {"stride", "at least 1", "given 0"});
  expect_bad(crestmax::sampled_max{.stride = -4}, {"stride", "given -4"});
}

TEST_F(Options, WithARadiusBelowOneAreNamed) {
  expect_bad(crestmax::sampled_max{.radius = 0}, {"radius", "at least 1", "given 0"});
}

TEST_F(Options, WithHugeStridesAndRadiiAreNamed) {
  constexpr index_type huge = std::numeric_limits<index_type>::max();
  expect_bad(crestmax::sampled_max{.stride = huge}, {"stride"});
  expect_bad(crestmax::sampled_max{.radius = huge}, {"radius"});
  expect_bad(crestmax::anchor_shift{.first_keys = huge}, {"first_keys"});
  expect_bad(crestmax::anchor_shift{.nearest_keys = huge}, {"nearest_keys"});
}

TEST_F(Options, AtTheirLimitsAreAccepted) {
  constexpr index_type most = index_type{1} << 40;
  options.softmax = crestmax::sampled_max{.stride = most,
                                          .radius = most,
                                          .windows = 64,
                                          .coarse = crestmax::choice::on,
                                          .first_keys = most,
                                          .nearest_keys = most};
  expect_success();
}

TEST_F(Options, WithTooManyOrTooFewWindowsAreNamed) {
  expect_bad(crestmax::sampled_max{.windows = -1}, {"windows", "given -1"});
  expect_bad(crestmax::sampled_max{.windows = 65}, {"windows", "0 to 64", "given 65"});
}

TEST_F(Options, WithNegativeAnchorsAreNamed) {
  expect_bad(crestmax::sampled_max{.first_keys = -1}, {"first_keys", "given -1"});
  expect_bad(crestmax::anchor_shift{.nearest_keys = -2}, {"nearest_keys", "given -2"});
}

TEST_F(Options, WithABadMarginAreNamed) {
  for (const double bad : {nan, -0.1, inf, 21.0}) {
    expect_bad(crestmax::sampled_max{.margin = bad}, {"margin"});
    expect_bad(crestmax::anchor_shift{.margin = bad}, {"margin"});
  }
}

TEST_F(Options, WithABadThresholdAreNamed) {
  for (const double bad : {nan, -1.0, inf, 61.0})
    expect_bad(crestmax::lazy_max{.threshold = bad}, {"threshold"});
}

TEST_F(Options, WithATauThatIsNotPositiveAreNamed) {
  for (const double bad : {0.0, -0.0, -3.0, nan, inf, -inf}) {
    options.coverage = crestmax::above(bad);
    expect_error(status_code::bad_option, {"tau", "positive"});
  }
}

TEST_F(Options, ThatDropKeysWithoutAFixedShiftAreNamed) {
  for (const auto coverage : {crestmax::above(5), crestmax::plateaus}) {
    options.coverage = coverage;
    expect_bad(crestmax::running_max{}, {"coverage"});
    expect_bad(crestmax::lazy_max{}, {"coverage"});
  }
}

TEST_F(Options, WithANonFiniteScaleAreNamed) {
  for (const double bad : {nan, inf, -inf}) {
    options.scale = bad;
    expect_error(status_code::bad_option, {"scale", "finite"});
  }
}

TEST_F(Options, WithABadGuardLimitAreNamed) {
  for (const double bad : {nan, -1.0, inf, -inf, 0x1.01p24, 0x1p40}) {
    options.guard_limit = bad;
    expect_error(status_code::bad_option, {"guard_limit", "2^24"});
  }
}

TEST_F(Options, WithABadLipschitzConstantAreNamed) {
  for (const double bad : {nan, -1.0}) {
    options.lipschitz = bad;
    expect_error(status_code::bad_option, {"lipschitz"});
  }
}

TEST_F(Options, WithBadTileSizesAreNamed) {
  options.tiles = {.query_block = -1};
  expect_error(status_code::bad_option, {"tiles.query_block", "given -1"});
  options.tiles = {.query_block = 5000};
  expect_error(status_code::bad_option, {"tiles.query_block", "given 5000"});
  options.tiles = {.key_tile = 513};
  expect_error(status_code::bad_option, {"tiles.key_tile", "given 513"});
  options.tiles = {.splits = 65};
  expect_error(status_code::bad_option, {"tiles.splits", "given 65"});
}

TEST_F(Options, WithBadModifiersAreNamed) {
  const std::vector<float> one{1.0f};
  modifiers.sinks.logits = one;
  expect_error(status_code::mismatch, {"attention_sinks.logits", "4, given 1"});
  modifiers.sinks = {};
  modifiers.scores.parts.emplace_back(crestmax::alibi{one});
  expect_error(status_code::mismatch, {"alibi.slopes", "4, given 1"});
  modifiers.scores.parts = {crestmax::soft_cap{-2.0f}};
  expect_error(status_code::bad_option, {"soft_cap.cap", "positive", "-2"});
  modifiers.scores.parts.clear();
  const std::vector<std::uint8_t> mask(100, 1);
  modifiers.mask =
      crestmax::boolean_mask(crestmax::tensor<const std::uint8_t>(mask.data(), {1, 1, q_len, kv_len - 1}));
  expect_error(status_code::mismatch, {"boolean_mask", "10, given 9"});
}

TEST_F(Options, WithATableOfNegativeExtentsAreNamed) {
  const std::vector<float> table_data(100, 0.0f);
  modifiers.scores.parts.emplace_back(
      crestmax::additive_bias<float>(crestmax::tensor<const float>(table_data.data(), {1, 1, -3, kv_len})));
  expect_error(status_code::mismatch, {"additive_bias", "given -3"});
}

TEST_F(BadInput, ToTheAscendBackendOfThisBuildIsAnswered) {
  const std::vector<float> before = memory;
  const crestmax::status s = crestmax::attention(query, key, value, output, options, crestmax::causal{},
                                                 crestmax::backend::ascend{});
  EXPECT_EQ(s.code, status_code::unavailable);
  EXPECT_NE(std::string(s.message()).find("without CANN"), std::string::npos) << s.message();
  EXPECT_EQ(memory, before);
}

TEST_F(BadInput, EnumeratorsThatDoNotExistAreNamed) {
  options.coverage.kind = static_cast<crestmax::coverage_kind>(7);
  expect_error(status_code::bad_option, {"coverage.kind", "given 7"});
  options.coverage = {};
  options.weights = static_cast<crestmax::weight_type>(-1);
  expect_error(status_code::bad_option, {"weights", "given -1"});
  options.weights = {};
  options.products = static_cast<crestmax::products>(2);
  expect_error(status_code::bad_option, {"products", "given 2"});
  options.products = {};
  options.softmax.kind = static_cast<crestmax::softmax_kind>(9);
  expect_error(status_code::bad_option, {"softmax.kind", "given 9"});
}

TEST_F(BadInput, AScaleThatOverflowsTheComputeTypeIsNamed) {
  for (const double scale : {1e39, -1e39}) {
    options.scale = scale;
    expect_error(status_code::bad_option, {"scale"});
  }
}

TEST_F(BadInput, MoreBlocksThanCanBeCountedAreNamed) {
  constexpr crestmax::index_type huge = crestmax::index_type{1} << 40;
  for (const crestmax::index_type keys : {crestmax::index_type{1}, huge}) {
    for (const int workers : {1, 64}) {
      query.extents = output.extents = {1, huge, huge, 8};
      key.extents = value.extents = {1, keys, huge, 8};
      query.strides = key.strides = value.strides = {0, 0, 0, 1};
      std::size_t bytes = 0;
      const crestmax::status s = crestmax::workspace_bytes(crestmax::tensors(query, key, value, output), workers, bytes);
      EXPECT_EQ(s.code, status_code::bad_extent) << s.message();
    }
  }
}

}  // namespace
}  // namespace crestmax_test
