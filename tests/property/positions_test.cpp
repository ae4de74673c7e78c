// Positions that the caller gives, and trees: exact and certified as every other call, on every set of kernels.
#include "support/contract.hpp"
#include "support/instruction_sets.hpp"
#include "support/oracle.hpp"
#include "support/random_case.hpp"
#include "support/random_positions.hpp"

namespace crestmax_test {
namespace {

class Positions : public OnEverySet {
 protected:
  void expect_exact(const attention_case& c, index_type rows = 24) {
    ASSERT_TRUE(is_exact(c, GetParam().with(), rows)) << "seed " << seed;
  }
  // Calls f(case, random) for cases of any shape, source, type and method, without modifiers.
  template <class F>
  void for_random_cases(std::uint64_t first, index_type count, const random_limits& limits, F&& f) {
    random_limits without = limits;
    without.allow_modifiers = false;
    for (seed = first; seed < first + static_cast<std::uint64_t>(cases(count)) && !HasFatalFailure(); ++seed) {
      attention_case c = random_case(seed, without);
      random_source random(seed ^ 0x51ed270b);
      f(c, random);
    }
  }
  std::uint64_t seed = 0;
};
INSTANTIATE_TEST_SUITE_P(Every, Positions, ::testing::ValuesIn(every_kernel_set()), name_of_set);

TEST_P(Positions, OfRandomCallsGiveExactResults) {
  for_random_cases(70000, 150, {.most_products = 5e6}, [&](attention_case& c, random_source& random) {
    add_random_positions(c, random);
    expect_exact(c);
  });
}

TEST_P(Positions, MeetOtherModifiersInOneChain) {
  for_random_cases(71000, 60, {.most_products = 3e6}, [&](attention_case& c, random_source& random) {
    add_random_modifiers(c, random);
    add_random_positions(c, random);
    if (random.chance(0.5)) add_random_tree(c, random);
    expect_exact(c);
  });
}

TEST_P(Positions, OfLongContextsWithFewQueriesGiveExactResults) {
  for_random_cases(72000, 8, {.most_queries = 6, .most_keys = 20000, .most_products = 2e7}, [&](attention_case& c, random_source& random) {
    add_random_positions(c, random);
    expect_exact(c, 12);
  });
}

TEST_P(Positions, OfTreesGiveExactResults) {
  for_random_cases(73000, 60, {.most_products = 3e6}, [&](attention_case& c, random_source& random) {
    add_random_tree(c, random);
    expect_exact(c);
  });
}

TEST_P(Positions, OfCausalCallsMayBeAlignedAtTheTopLeft) {
  for_random_cases(74000, 60, {.most_products = 3e6}, [&](attention_case& c, random_source&) {
    c.modifiers.causal = {.enabled = true, .align = crestmax::causal_align::top_left};
    expect_exact(c);
  });
}

// What a ring has not overwritten yet, and nobody sees, may hold anything.
TEST_P(Positions, HideKeysWhateverTheyHold) {
  index_type hidden = 0;
  for (seed = 1; seed <= static_cast<std::uint64_t>(cases(40)) && !HasFatalFailure(); ++seed) {
    random_source random(seed);
    attention_case c = normal_case({.q_len = random.pick<index_type>({1, 4, 70}), .kv_len = random.integer(100, 900), .q_heads = 2}, seed);
    placed_modifiers& placed = place_at_random(c, random, random.pick({position_pattern::ring, position_pattern::shuffled, position_pattern::repeated}));
    placed.causal.enabled = true;
    placed.window = {random.integer(20, 300), -1};
    const std::vector<row_place> rows = rows_of(c);
    for (index_type j = 0; j < c.key.extent(1); ++j) {
      if (std::any_of(rows.begin(), rows.end(), [&](const row_place& r) { return c.modifiers.visible(position_of(r, j)); })) continue;
      ++hidden;
      for (index_type k = 0; k < c.d_qk(); ++k) c.key.set(0, j, 0, k, random.pick({not_a_number, infinity, 1e38}));
      for (index_type k = 0; k < c.d_v(); ++k) c.value.set(0, j, 0, k, random.pick({not_a_number, -infinity, 1e38}));
    }
    expect_exact(c, 64);
  }
  EXPECT_GT(hidden, 100) << "the test shows nothing";
}

// Scores rise to one high peak, where the key stands whose position is the query's: in a ring, anywhere. With few anchors and no sample a shift
// that was looked for among the last keys would be far too low.
TEST_P(Positions, OfQueriesAreWhereAnchorsAreTaken) {
  constexpr index_type keys = 3000, place = 1234;
  attention_case c = scores_case(1, keys, [](index_type j) { return j == place ? 60.0 : 0.01 * static_cast<double>(j % 7); });
  auto& numbers = c.keep(placed_modifiers::numbers{});
  numbers.key.emplace_back();
  for (index_type j = 0; j < keys; ++j) numbers.key[0].push_back(static_cast<std::int32_t>(j <= place ? keys + j : j));
  numbers.query = {{keys + place}};
  c.modifiers.placed.meaning = &numbers;
  c.modifiers.placed.positions = crestmax::positions_of(numbers.key[0], numbers.query[0]);
  c.options.softmax = crestmax::anchor_shift{.first_keys = 0, .nearest_keys = 1};
  ASSERT_EQ(run(c, GetParam().with()).report.rows_corrected, 1) << "the last key is no anchor of this row: the test shows nothing";
  c.modifiers.placed.causal.enabled = true;
  EXPECT_EQ(run(c, GetParam().with()).report.rows_corrected, 0);
  expect_exact(c);
}

TEST_P(Positions, AreHintsThatDecideNoResultWhereTheyLeadAnchorsAstray) {
  for (seed = 1; seed <= 20 && !HasFatalFailure(); ++seed) {
    random_source random(seed);
    attention_case c = scores_case(3, 1500, [&](index_type) { return random.normal() * 40; });
    place_at_random(c, random, position_pattern::shuffled).causal.enabled = true;
    c.options.softmax = crestmax::anchor_shift{.first_keys = 0, .nearest_keys = 1};
    expect_exact(c);
  }
}

// A slow wave of scores in the order of places, so that a small L is true whatever positions hide.
attention_case placed_wave(std::uint64_t seed, random_source& random) {
  const index_type kv_len = random.integer(100, 1500);
  const double height = random.uniform(0, 6), length = random.uniform(20, 300);
  attention_case c = scores_case(random.pick<index_type>({1, 3, 40}), kv_len, [&](index_type j) {
    return height * std::cos(static_cast<double>(j) / length);
  }, seed % 3 == 0 ? scalar_kind::float64 : scalar_kind::float32, kv_len);
  c.value.fill(0);
  for (index_type j = 0; j < kv_len; ++j) c.value.set(0, j, 0, j, 1);
  place_at_random(c, random, every_position_pattern[seed % std::size(every_position_pattern)]).causal.enabled = true;
  if (random.chance(0.5)) c.modifiers.placed.window = {random.integer(5, 700), -1};
  c.wants_dropped_mass = true;
  return c;
}

double lost_share(const attention_case& c, const attention_result& result, const row_place& r) {
  return oracle_of(c, r).mass([&](index_type j) { return result_at(result.output, r, j) == 0; });
}

TEST_P(Positions, LeaveCertificatesOfPlateausTrue) {
  double most = 0;
  for (std::uint64_t number = 0; number < static_cast<std::uint64_t>(cases(60)); ++number) {
    random_source random(number);
    attention_case c = placed_wave(number, random);
    c.options.coverage = crestmax::plateaus;
    c.options.softmax = forced_sample(random.integer(2, 40), random.integer(1, 40), random.integer(0, 4));
    double lipschitz = 0;
    for (const row_place& r : rows_of(c)) lipschitz = std::max(lipschitz, oracle_of(c, r).lipschitz);
    c.options.lipschitz = lipschitz;
    const attention_result result = run(c, GetParam().with());
    ASSERT_TRUE(result.status.ok()) << result.status.message();
    for (const row_place& r : some_rows(c, 24)) {
      const double lost = lost_share(c, result, r);
      ASSERT_LE(lost, result_at(result.dropped_mass, r) + 1e-30) << "case " << number << "\n" << describe(c);
      most = std::max(most, lost);
    }
  }
  EXPECT_GT(most, 0.1) << "nothing was left out: the test shows nothing";
}

TEST_P(Positions, LeaveBoundsOfWhatIsDroppedTrue) {
  index_type skipped = 0;
  for (std::uint64_t number = 0; number < static_cast<std::uint64_t>(cases(40)); ++number) {
    random_source random(number);
    attention_case c = placed_wave(number, random);
    c.options.coverage = crestmax::above(random.uniform(0.5, 8));
    c.options.tiles = {.query_block = random.pick<index_type>({0, 1, 16}), .key_tile = random.pick<index_type>({16, 64}), .splits = 0};
    const attention_result result = run(c, GetParam().with());
    ASSERT_TRUE(result.status.ok()) << result.status.message();
    skipped += result.report.pairs_skipped;
    for (const row_place& r : some_rows(c, 24)) {
      ASSERT_LE(lost_share(c, result, r), result_at(result.dropped_mass, r) + 1e-30) << "case " << number << "\n" << describe(c);
    }
  }
  EXPECT_GT(skipped, 0) << "nothing was dropped: the test shows nothing";
}

}  // namespace
}  // namespace crestmax_test
