// Certificates are never below the truth: what `above` says that a row lost, always; what `plateaus` says, where the L that the caller
// states is true. On every set of kernels.
#include "support/contract.hpp"
#include "support/instruction_sets.hpp"
#include "support/oracle.hpp"
#include "support/pair_sets.hpp"
#include "support/random_case.hpp"

namespace crestmax_test {
namespace {

// Less than this is lost to underflow, not to the coverage.
constexpr double underflow = 1e-30;

// Values that tell which keys joined a row: column g is 1 for the keys of group g, so that an output of 0 says that all of them were
// left out. Phases take keys in whole groups of 32.
constexpr index_type group_size = 32;

void set_group_values(attention_case& c, index_type size) {
  const index_type groups = (c.key.extent(1) + size - 1) / size;
  auto extents = c.value.extents();
  extents[3] = groups;
  c.value = test_tensor(c.value.kind(), extents, memory_layout::dense);
  c.value.fill(0);
  for (index_type b = 0; b < extents[0]; ++b) {
    for (index_type j = 0; j < extents[1]; ++j) {
      for (index_type h = 0; h < extents[2]; ++h) c.value.set(b, j, h, j / size, 1);
    }
  }
  extents = c.output.extents();
  extents[3] = groups;
  // Wide, so that no share of a key that was kept rounds to 0.
  const scalar_kind wide = c.output.kind() == scalar_kind::float64 ? scalar_kind::float64 : scalar_kind::float32;
  c.output = test_tensor(wide, extents, memory_layout::dense);
  c.wants_dropped_mass = true;
}

double lost_share(const attention_case& c, const attention_result& result, const row_place& r, index_type size) {
  return oracle_of(c, r).mass([&](index_type j) { return result_at(result.output, r, j / size) == 0; });
}

struct held {
  double lost;  // the largest share of a row that was looked at
  crestmax::report report;
};

// Every row that is looked at lost no more than it says, and the report no less than any row.
held hold_to_certificates(const attention_case& c, const surroundings& where, index_type rows, index_type size) {
  const attention_result result = run(c, where);
  EXPECT_TRUE(result.status.ok()) << result.status.message();
  double most = 0;
  for (const row_place& r : some_rows(c, rows)) {
    const double lost = lost_share(c, result, r, size);
    const double said = result_at(result.dropped_mass, r);
    EXPECT_LE(lost, said + underflow) << describe(c);
    EXPECT_LE(said, 1.0);
    EXPECT_LE(said, result.report.max_dropped_mass * (1 + 0x1p-22) + 0x1p-149) << describe(c);  // float32 is rounded up
    most = std::max(most, lost);
  }
  EXPECT_LE(result.report.max_dropped_mass, 1.0);
  return {most, result.report};
}

class Certificates : public OnEverySet {};
INSTANTIATE_TEST_SUITE_P(Every, Certificates, ::testing::ValuesIn(every_kernel_set()), name_of_set);

// Plateaus.

attention_case flat_case(index_type kv_len, crestmax::sampled_max method) {
  attention_case c = scores_case(1, kv_len, [](index_type) { return 1.25; });
  set_group_values(c, group_size);
  method.coarse = crestmax::choice::on;
  c.options.softmax = method;
  c.options.coverage = crestmax::plateaus;
  c.options.lipschitz = 0.0;
  return c;
}

TEST_P(Certificates, OfPlateausWithStridesLongerThanWindowsAreNotBelowTheTruth) {
  const attention_case c = flat_case(1024, {.stride = 128});
  const held h = hold_to_certificates(c, GetParam().with(), 1, group_size);
  EXPECT_GT(h.lost, 0.1);
  EXPECT_NEAR(h.report.max_dropped_mass, h.lost, 0.01);
}

TEST_P(Certificates, OfPlateausOfARadiusOfOneAreNotBelowTheTruth) {
  const attention_case c = flat_case(4096, {.stride = 1000, .radius = 1});
  const held h = hold_to_certificates(c, GetParam().with(), 1, group_size);
  EXPECT_GT(h.lost, 0.9);
  EXPECT_NEAR(h.report.max_dropped_mass, h.lost, 0.01);
}

TEST_P(Certificates, OfPlateausHoldWhereSamplesWeighNextToNothing) {
  // Samples in the troughs of a wave, peaks half a stride away.
  for (const double slope : {4.8, 5.0, 5.3}) {
    attention_case c = scores_case(1, 4000, [&](index_type j) { return slope * (std::abs(static_cast<double>(j % 32) - 16) - 16); });
    set_group_values(c, 1);
    c.options.softmax = crestmax::sampled_max{.stride = 32, .radius = 4, .windows = 2, .coarse = crestmax::choice::on, .first_keys = 4, .nearest_keys = 4};
    c.options.coverage = crestmax::plateaus;
    c.options.lipschitz = slope * (1 + 1e-6);
    EXPECT_GT(hold_to_certificates(c, GetParam().with(), 1, 1).lost, 0.5);
  }
}

TEST_P(Certificates, OfPlateausWithoutAStatedLAreEstimatesNearTheTruth) {
  attention_case c = flat_case(1024, {.stride = 128});
  c.options.lipschitz = std::nullopt;
  const attention_result result = run(c, GetParam().with());
  const row_place row = rows_of(c).front();
  EXPECT_EQ(result.report.dropped_mass_kind, crestmax::mass_kind::estimate);
  EXPECT_NEAR(result_at(result.dropped_mass, row), lost_share(c, result, row, group_size), 0.01);
}

// A slow wave of scores, so that a small L is true; some of it hidden.
attention_case wave_case(std::uint64_t seed) {
  random_source random(seed);
  const index_type kv_len = random.integer(100, 2000);
  const index_type q_len = random.pick<index_type>({1, 3, 40});
  const double height = random.uniform(0, 6);
  const double length = random.uniform(20, 300);
  attention_case c = scores_case(q_len, kv_len, [&](index_type j) {
    return height * std::cos(static_cast<double>(j) / length);
  }, random.pick({scalar_kind::float32, scalar_kind::float64, scalar_kind::float32}));
  set_group_values(c, group_size);
  if (random.chance(0.4)) c.modifiers.causal.enabled = true;
  if (random.chance(0.3)) c.modifiers.window = {random.integer(5, 700), -1};
  if (random.chance(0.3)) {
    auto& mask = c.keep(std::vector<std::uint8_t>(static_cast<std::size_t>(kv_len), 1));
    const bool scattered = random.chance(0.5);
    const index_type from = random.integer(0, kv_len);
    const index_type to = from + random.integer(0, kv_len / 2);
    for (index_type j = 0; j < kv_len; ++j) {
      const bool hidden = scattered ? random.chance(0.5) : j >= from && j < to;
      if (hidden) mask[static_cast<std::size_t>(j)] = 0;
    }
    c.modifiers.mask = crestmax::boolean_mask(crestmax::tensor<const std::uint8_t>(mask.data(), {1, 1, 1, kv_len}));
  }
  if (random.chance(0.2)) c.modifiers.sinks.logits = c.keep(std::vector<float>{static_cast<float>(random.uniform(-4, 4))});
  if (random.chance(0.2)) c.modifiers.scores.parts.emplace_back(crestmax::soft_cap{static_cast<float>(random.uniform(2, 30))});
  if (random.chance(0.2)) {
    auto& bias = c.keep(std::vector<float>(static_cast<std::size_t>(kv_len), 0.0f));
    for (float& x : bias) x = random.chance(0.3) ? -std::numeric_limits<float>::infinity() : 0.0f;
    c.modifiers.scores.parts.emplace_back(crestmax::additive_bias<float>(crestmax::tensor<const float>(bias.data(), {1, 1, 1, kv_len})));
  }
  c.options.softmax = crestmax::sampled_max{.stride = random.integer(1, 200),
                                            .radius = random.integer(1, 40),
                                            .windows = random.integer(0, 6),
                                            .margin = random.pick({0.0, 2 * crestmax::ln2, 10.0}),
                                            .coarse = crestmax::choice::on,
                                            .first_keys = random.pick<index_type>({0, 4}),
                                            .nearest_keys = random.pick<index_type>({0, 32})};
  c.options.coverage = crestmax::plateaus;
  c.options.tiles = {.query_block = random.pick<index_type>({0, 1, 18}), .key_tile = random.pick<index_type>({0, 32})};
  double lipschitz = 0;
  for (const row_place& r : rows_of(c)) lipschitz = std::max(lipschitz, oracle_of(c, r).lipschitz);
  c.options.lipschitz = lipschitz;
  return c;
}

TEST_P(Certificates, OfPlateausAreNotBelowTheTruthWhereTheStatedLIsTrue) {
  index_type losses = 0;
  index_type telling = 0;
  const index_type tried = cases(40);
  for (std::uint64_t seed = 0; seed < static_cast<std::uint64_t>(tried); ++seed) {
    const attention_case c = wave_case(seed);
    const held h = hold_to_certificates(c, GetParam().with(), 8, group_size);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
    EXPECT_EQ(h.report.dropped_mass_kind, crestmax::mass_kind::hypothesis);
    losses += h.lost > 0.01;
    telling += h.lost > 0.01 && h.report.max_dropped_mass < 0.9;
  }
  EXPECT_GT(losses, tried * 5 / 40);
  EXPECT_GT(telling, tried * 3 / 40);
}

TEST_P(Certificates, OfRowsThatPlateausTakeWholeAreZero) {
  attention_case c = flat_case(1024, {.stride = 16});
  c.modifiers.window = {20, -1};
  EXPECT_EQ(run(c, GetParam().with()).report.max_dropped_mass, 0);
}

TEST_P(Certificates, OfPlateausHoldForScoresThatCancel) {
  // Scores of 3 nats come out as anything: the products that cancel are 1e8.
  attention_case c = empty_case({.kv_len = 2048, .d_qk = 3, .d_v = 8});
  const double query[] = {1e4, 1, 1e4};
  const double key[] = {1e4, 3, -1e4};
  for (index_type k = 0; k < 3; ++k) {
    c.query.set(0, 0, 0, k, query[k]);
    for (index_type j = 0; j < 2048; ++j) c.key.set(0, j, 0, k, j < 32 ? (k == 1 ? 3 : 0) : key[k]);
  }
  set_group_values(c, group_size);
  c.options.scale = 1.0;
  c.options.softmax = forced_sample(16, 1, 1);
  c.options.coverage = crestmax::plateaus;
  c.options.lipschitz = 0.0;
  EXPECT_GT(hold_to_certificates(c, GetParam().with(), 1, group_size).lost, 0.5);
}

// Above.

TEST_P(Certificates, OfAboveHoldForScoresThatCancel) {
  attention_case c = empty_case({.q_len = 32, .kv_len = 4096, .d_qk = 3, .d_v = 8});
  for (index_type k = 0; k < 3; ++k) {
    for (index_type i = 0; i < 32; ++i) c.query.set(0, i, 0, k, k == 1 ? 1 : 1e4);
    for (index_type j = 0; j < 4096; ++j) {
      const bool kept = j < 32 || j >= 4096 - 64;
      c.key.set(0, j, 0, k, kept ? (k == 1 ? 10 : 0) : k == 0 ? 1e4 : k == 1 ? 3 : -1e4);
    }
  }
  set_group_values(c, group_size);
  c.options.scale = 1.0;
  c.options.coverage = crestmax::above(6);
  hold_to_certificates(c, GetParam().with(), 4, group_size);
}

TEST_P(Certificates, OfAboveDoNotDivideByRoundedWeights) {
  // Weights exp(-173/128) are rounded up by 0.36 % to bfloat16.
  attention_case c = scores_case(32, 4096, [](index_type j) { return j == 0 ? 0.0 : j < 512 ? -173.0 / 128 : -8.0; }, scalar_kind::bfloat16);
  set_group_values(c, group_size);
  c.options.softmax = crestmax::anchor_shift{.first_keys = 512, .nearest_keys = 0};
  c.options.coverage = crestmax::above(6);
  c.options.weights = crestmax::weight_type::bfloat16;
  const held h = hold_to_certificates(c, GetParam().with(), 4, group_size);
  EXPECT_GT(h.lost, 0.001);
  EXPECT_LE(h.report.max_dropped_mass, h.lost * 1.001);
}

TEST_P(Certificates, OfAboveAreSummedUpwards) {
  // 4096 tiles of one loss each: in float32 their sum comes out 3.9e-5 too low.
  attention_case c = scores_case(1, 32 + 4096 * 32, [](index_type j) { return j < 32 ? 0.0 : -8 - 37.0 / 1024; });
  c.options.softmax = crestmax::anchor_shift{.nearest_keys = 0};
  c.options.coverage = crestmax::above(6);
  c.options.tiles = {.key_tile = 32, .splits = 1};
  c.wants_dropped_mass = true;
  const attention_result result = run(c, GetParam().with());
  const row_place row = rows_of(c).front();
  EXPECT_EQ(result.report.pairs_skipped, 4096 * 32);
  const double lost = oracle_of(c, row).mass([](index_type j) { return j >= 32; });
  EXPECT_LE(lost, result_at(result.dropped_mass, row));
  EXPECT_NEAR(lost, result_at(result.dropped_mass, row), 1e-3);
}

TEST_P(Certificates, AsFloat32AreRoundedUp) {
  attention_case c = scores_case(1, 2048, [](index_type j) { return j < 32 ? 0.0 : -9.1; });
  set_group_values(c, group_size);
  c.options.softmax = crestmax::anchor_shift{.nearest_keys = 0};
  c.options.coverage = crestmax::above(6);
  c.row_kind = scalar_kind::float64;
  const double wide = result_at(run(c, GetParam().with()).dropped_mass, rows_of(c).front());
  c.row_kind = scalar_kind::float32;
  const double narrow = result_at(run(c, GetParam().with()).dropped_mass, rows_of(c).front());
  EXPECT_GE(narrow, wide);
  EXPECT_LE(narrow, wide * (1 + 0x1p-23));
}

TEST_P(Certificates, AreNotTouchedByHiddenKeysThatAreNoNumbers) {
  attention_case c = scores_case(40, 600, [](index_type j) { return j < 32 ? 0.0 : -9.0; });
  set_group_values(c, group_size);
  auto& mask = c.keep(std::vector<std::uint8_t>(600, std::uint8_t{1}));
  for (std::size_t j = 100; j < 600; j += 7) mask[j] = 0;
  c.modifiers.mask = crestmax::boolean_mask(crestmax::tensor<const std::uint8_t>(mask.data(), {1, 1, 1, 600}));
  c.options.coverage = crestmax::above(6);
  c.options.softmax = crestmax::anchor_shift{.nearest_keys = 0};
  const attention_result clean = run(c, GetParam().with());
  for (index_type j = 100; j < 600; j += 7) c.key.fill_row(0, j, 0, j % 2 == 0 ? not_a_number : 3e38);
  const attention_result result = run(c, GetParam().with());
  EXPECT_GT(clean.report.max_dropped_mass, 0);
  EXPECT_EQ(result.dropped_mass.memory(), clean.dropped_mass.memory());
}

TEST_P(Certificates, OfProductsThatOverflowSayNothing) {
  // 3e38 beside -3e38: a score of 0 that comes out as minus infinity.
  attention_case c = empty_case({.kv_len = 2048, .d_qk = 4, .d_v = 8});
  c.query.fill(2);
  c.key.fill(0);
  for (index_type j = 32; j < 2048; ++j) {
    for (index_type k = 0; k < 4; ++k) c.key.set(0, j, 0, k, k < 2 ? -3e38 : 3e38);
  }
  set_group_values(c, group_size);
  c.options.scale = 1.0;
  c.options.softmax = crestmax::anchor_shift{.nearest_keys = 0};
  c.options.coverage = crestmax::above(6);
  hold_to_certificates(c, GetParam().with(), 1, group_size);
}

// Random calls whose keys stand nearly across their queries, so that large products leave small scores.
attention_case crossing_case(std::uint64_t seed, scalar_kind kind) {
  random_source random(seed);
  case_shape shape;
  shape.kv_heads = random.integer(1, 2);
  shape.q_heads = shape.kv_heads * random.integer(1, 3);
  shape.q_len = random.pick<index_type>({1, 2, 30, 70});
  shape.kv_len = random.spread_integer(64, 500);
  shape.d_qk = random.integer(2, 70);
  attention_case c = empty_case(shape.with_types(kind));
  const double size = std::exp(random.uniform(0, 9));
  c.query.for_each([&](index_type b, index_type i, index_type h, index_type k) {
    c.query.set(b, i, h, k, k == 0 ? random.normal() : size);
  });
  c.key.for_each([&](index_type b, index_type j, index_type h, index_type k) {
    const double across = k == 0 ? 0 : (k % 2 == 1 ? 1 : -1) * (k == shape.d_qk - 1 && k % 2 == 1 ? 0 : size);
    c.key.set(b, j, h, k, across + (k == 0 ? 4 * random.normal() : 0));
  });
  set_group_values(c, 1);
  add_random_modifiers(c, random);
  c.options.scale = random.uniform(0.1, 1.5);
  c.options.softmax = random_method(random);
  while (c.options.softmax.kind == crestmax::softmax_kind::running_max || c.options.softmax.kind == crestmax::softmax_kind::lazy_max) {
    c.options.softmax = random_method(random);
  }
  if (random.chance(0.3)) c.options.softmax.margin = random.uniform(0, 20);
  if (kind == scalar_kind::bfloat16) c.options.weights = random.pick({crestmax::weight_type::planner, crestmax::weight_type::bfloat16});
  c.options.coverage = crestmax::above(random.uniform(0.5, 12));
  c.options.tiles = {.query_block = random.pick<index_type>({0, 1, 18}),
                     .key_tile = random.pick<index_type>({16, 32, 64}),
                     .splits = random.pick<index_type>({0, 1, 3})};
  if (random.chance(0.2)) c.options.guard_limit = random.uniform(0.3, 3);
  if (random.chance(0.3)) c.row_kind = scalar_kind::float32;
  return c;
}

TEST_P(Certificates, OfAboveAreNotBelowTheTruth) {
  std::int64_t skipped = 0;
  for (const auto kind : {scalar_kind::float32, scalar_kind::float64, scalar_kind::float16, scalar_kind::bfloat16}) {
    for (std::uint64_t seed = 0; seed < static_cast<std::uint64_t>(cases(14)); ++seed) {
      const attention_case c = crossing_case(seed, kind);
      skipped += hold_to_certificates(c, GetParam().with(), 8, 1).report.pairs_skipped;
      ASSERT_FALSE(HasFailure()) << "seed " << seed << " of " << name(kind);
    }
  }
  EXPECT_GT(skipped, 0) << "nothing was dropped: the test shows nothing";
}

}  // namespace
}  // namespace crestmax_test
