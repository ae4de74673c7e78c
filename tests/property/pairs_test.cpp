// Calls whose blocks multiply pairs of bfloat16 keep the contract of their weight type.
#include "support/contract.hpp"
#include "support/pair_sets.hpp"
#include "support/random_case.hpp"

namespace crestmax_test {
namespace {

constexpr random_limits limits{.most_queries = 150, .most_keys = 1000, .most_products = 4e6, .allow_packed = false,
                               .narrow_weights = true};

// Random calls in bfloat16; the planner's weights in every other.
attention_case some_case(std::uint64_t seed, const random_limits& of = limits) {
  const auto layout = seed % 3 == 0 ? memory_layout::padded : memory_layout::dense;
  attention_case c = in_bfloat16(random_case(seed, of), layout);
  c.options.weights = seed % 2 == 0 ? crestmax::weight_type::planner : crestmax::weight_type::bfloat16;
  return c;
}

TEST(Pairs, OfRandomCallsAreExact) {
  for (const pair_set& set : pair_sets()) {
    const index_type count = set.where.backend == backend_kind::cpu && !emulated ? 300 : 60;
    for (std::uint64_t seed = 60000; seed < 60000 + static_cast<std::uint64_t>(pair_cases(count)); ++seed) {
      const attention_case c = some_case(seed);
      const attention_result result = run(c, set.where);
      ASSERT_TRUE(is_exact(c, result, 200)) << set.name << ", seed " << seed;
      ASSERT_STREQ(result.report.weights, "bfloat16") << set.name;
    }
  }
}

TEST(Pairs, OfFewQueriesAreExact) {
  // Blocks that read in place keep the planner's float32 weights; others of a few rows are packed and split.
  constexpr random_limits few{.most_queries = 24, .most_keys = 3000, .most_products = 2e6, .allow_packed = true};
  for (const pair_set& set : pair_sets()) {
    for (std::uint64_t seed = 61000; seed < 61000 + static_cast<std::uint64_t>(pair_cases(150)); ++seed) {
      const attention_case c = some_case(seed, few);
      ASSERT_TRUE(is_exact(c, set.where, 24)) << set.name << ", seed " << seed;
    }
  }
}

TEST(Pairs, OfRowsThatAreAllCorrectedAreExact) {
  for (const pair_set& set : pair_sets()) {
    for (std::uint64_t seed = 62000; seed < 62000 + static_cast<std::uint64_t>(pair_cases(40)); ++seed) {
      attention_case c = some_case(seed);
      c.options.guard_limit = 0;
      ASSERT_TRUE(is_exact(c, set.where, 200)) << set.name << ", seed " << seed;
    }
  }
}

TEST(Pairs, KeepTheBoundOfWhatTheyDrop) {
  for (const pair_set& set : pair_sets()) {
    attention_case c = some_case(62100);
    c.modifiers = {};
    c.options.softmax = crestmax::sampled_max{};
    c.options.coverage = crestmax::above(2);
    const attention_result result = run(c, set.where);
    ASSERT_TRUE(result.status.ok()) << result.status.message();
    EXPECT_LE(result.report.max_dropped_mass, 1) << set.name;
  }
}

attention_case normal_brains(index_type q_len, index_type kv_len, std::uint64_t seed) {
  return in_bfloat16(normal_case({.q_len = q_len, .kv_len = kv_len, .d_qk = 48, .d_v = 40}, seed));
}

TEST(Pairs, OfMaskedTilesWhoseValuesHaveToBeNumbersAreExact) {
  // One tiny value in a tile that is seen in part makes numbers of its values, which are multiplied by other groups of rows than pairs.
  for (const pair_set& set : pair_sets()) {
    for (const index_type window : {0, 40}) {
      attention_case c = in_bfloat16(normal_case({.q_len = 256, .kv_len = 256, .d_qk = 64, .d_v = 64}, 5));
      c.modifiers.causal.enabled = true;
      if (window > 0) c.modifiers.window = {window, -1};
      for (index_type j = 0; j < 256; j += 16) c.value.set(0, j, 0, 0, 0x1p-130);
      ASSERT_TRUE(is_exact(c, set.where, 256)) << set.name << ", window " << window;
    }
  }
}

TEST(Pairs, OfTinyValuesAreExact) {
  // Around the smallest normal numbers, where instructions on pairs would flush sums to zero. Of one sign, so that the
  // means are not lost below the contract's floor.
  for (const pair_set& set : pair_sets()) {
    for (const double factor : {0x1p-70, 0x1p-82, 0x1p-110, 0x1p-122, 0x1p-124, 0x1p-127, 0x1p-131}) {
      attention_case c = normal_brains(70, 500, 3);
      c.value.for_each([&](index_type a, index_type j, index_type h, index_type d) { c.value.set(a, j, h, d, factor * (1 + std::fabs(c.value.at(a, j, h, d)))); });
      ASSERT_TRUE(is_exact(c, set.where)) << set.name << ", values around " << factor;
    }
  }
}

TEST(Pairs, OfTinyValuesInSomeTilesAreExact) {
  for (const pair_set& set : pair_sets()) {
    attention_case c = normal_brains(70, 900, 4);
    c.value.for_each([&](index_type a, index_type j, index_type h, index_type d) {
      if (j >= 256 && j < 512) c.value.set(a, j, h, d, 0x1p-120 * c.value.at(a, j, h, d));
      if (j >= 512 && j < 768) c.value.set(a, j, h, d, 0);
    });
    ASSERT_TRUE(is_exact(c, set.where)) << set.name;
  }
}

TEST(Pairs, OfSubnormalKeysUnderHugeQueriesAreExact) {
  for (const pair_set& set : pair_sets()) {
    for (const bool keys_are_tiny : {true, false}) {
      attention_case c = normal_brains(70, 400, 5);
      const auto scale = [](test_tensor& t, double factor) {
        t.for_each([&](index_type a, index_type j, index_type h, index_type d) { t.set(a, j, h, d, factor * t.at(a, j, h, d)); });
      };
      scale(c.query, keys_are_tiny ? 0x1p122 : 0x1p-128);
      scale(c.key, keys_are_tiny ? 0x1p-128 : 0x1p122);
      ASSERT_TRUE(is_exact(c, set.where)) << set.name;
    }
  }
}

TEST(Pairs, OfHugeAndInfiniteValuesAreLikeNumbers) {
  for (const pair_set& set : pair_sets()) {
    for (const double value : {1e38, infinity, -infinity, not_a_number}) {
      attention_case c = normal_brains(70, 500, 6);
      c.value.set(0, 301, 0, 7, value);
      ASSERT_TRUE(is_exact(c, set.where)) << set.name << ", a value of " << value;
    }
  }
}

TEST(Pairs, WithHiddenKeysMayHoldAnythingThere) {
  for (const pair_set& set : pair_sets()) {
    for (const double poison : {not_a_number, infinity, -infinity, 3e38}) {
      attention_case c = normal_brains(70, 701, 7);
      c.modifiers.causal.enabled = true;
      auto& mask = c.keep(std::vector<std::uint8_t>(701, 1));
      for (const std::size_t j : {std::size_t{0}, std::size_t{100}, std::size_t{101}, std::size_t{700}}) {
        mask[j] = 0;
        c.key.fill_row(0, static_cast<index_type>(j), 0, poison);
        c.value.fill_row(0, static_cast<index_type>(j), 0, poison);
      }
      c.modifiers.mask = crestmax::boolean_mask<std::uint8_t>(crestmax::tensor<const std::uint8_t>(mask.data(), {1, 1, 1, 701}));
      for (const auto& method : {crestmax::softmax_method(crestmax::sampled_max{}), crestmax::softmax_method(crestmax::running_max{})}) {
        c.options.softmax = method;
        ASSERT_TRUE(is_exact(c, set.where)) << set.name << ", " << poison;
      }
    }
  }
}

TEST(Pairs, WithASpikeAnywhereAreExact) {
  for (const pair_set& set : pair_sets()) {
    for (const double height : {8.0, 30.0, 90.0}) {
      for (const index_type place : {0, 1, 31, 32, 255, 256, 390, 399}) {
        attention_case c = in_bfloat16(scores_case(40, 400, [&](index_type j) { return j == place ? height : 0.0; }));
        ASSERT_TRUE(is_exact(c, set.where, 4)) << set.name << ", " << height << " at " << place;
      }
    }
  }
}

TEST(Pairs, AreNotTakenWhereOutputsAreWiderUnlessAsked) {
  for (const pair_set& set : pair_sets()) {
    attention_case c = normal_brains(70, 400, 8);
    c.output = test_tensor(scalar_kind::float32, c.output.extents());
    EXPECT_STREQ(run(c, set.where).report.weights, "float32") << set.name;
    ASSERT_TRUE(is_exact(c, set.where)) << set.name;
    c.options.weights = crestmax::weight_type::bfloat16;
    ASSERT_TRUE(is_exact(c, set.where)) << set.name;
  }
}

TEST(Pairs, GiveTheSameBitsInAnyNumberOfThreads) {
  for (const pair_set& set : pair_sets()) {
    for (std::uint64_t seed = 63000; seed < 63000 + static_cast<std::uint64_t>(pair_cases(20)); ++seed) {
      const attention_case c = some_case(seed);
      surroundings threads = set.where;
      threads.executor = {executor_kind::shuffled_threads, 3, seed};
      threads.workspace = workspace_kind::given_dirty;
      EXPECT_EQ(run(c, set.where).output.memory(), run(c, threads).output.memory()) << set.name << ", seed " << seed;
    }
  }
}

}  // namespace
}  // namespace crestmax_test
