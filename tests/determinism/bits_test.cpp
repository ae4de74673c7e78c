// A row's bits are a function of its own sequence: not of threads, batch, memory layout or workspace.
#include <gtest/gtest.h>

#include "compare.hpp"
#include "support/random_case.hpp"

namespace crestmax_test {
namespace {

testing::AssertionResult same(const attention_case& a, const attention_result& ra,
                              const attention_result& rb) {
  return same_rows(a, ra, 0, a, rb);
}

// A random call, some of them with a coverage that drops tiles.
attention_case some_case(std::uint64_t seed, const random_limits& limits) {
  attention_case c = random_case(seed, limits);
  const auto kind = c.options.softmax.kind;
  const bool fixed =
      kind == crestmax::softmax_kind::sampled_max || kind == crestmax::softmax_kind::anchor_shift;
  if (fixed && seed % 3 == 0) c.options.coverage = crestmax::above(3);
  if (fixed && seed % 7 == 0) c.options.coverage = crestmax::plateaus;
  return c;
}

constexpr random_limits limits{.most_queries = 120, .most_keys = 900, .most_products = 4e6};

std::vector<std::uint64_t> seeds(std::uint64_t first, index_type count) {
  std::vector<std::uint64_t> result;
  for (index_type i = 0; i < cases(count); ++i) result.push_back(first + static_cast<std::uint64_t>(i));
  return result;
}

TEST(Bits, DoNotDependOnThreadsOrTheOrderOfItems) {
  for (const std::uint64_t seed : seeds(100, 400)) {
    const attention_case c = some_case(seed, limits);
    const attention_result expected = run(c);
    for (const int threads : {1, 2, 3, 4}) {
      const surroundings s{.executor = {executor_kind::shuffled_threads, threads, seed}};
      ASSERT_TRUE(same(c, expected, run(c, s))) << "seed " << seed << ", " << threads << " threads";
    }
  }
}

TEST(Bits, DoNotDependOnThreadsWhereKeysAreSplit) {
  for (const std::uint64_t seed : seeds(200, 150)) {
    attention_case c = random_case(seed, {.most_queries = 8, .most_keys = 4000, .most_products = 4e6});
    c.options.tiles.splits = 2 + static_cast<index_type>(seed % 9);
    const attention_result expected = run(c);
    for (const int threads : {2, 4}) {
      const surroundings s{.executor = {executor_kind::shuffled_threads, threads, seed}};
      ASSERT_TRUE(same(c, expected, run(c, s))) << "seed " << seed << ", " << threads << " threads";
    }
  }
}

#if defined(_OPENMP)
TEST(Bits, DoNotDependOnOpenMp) {
  for (const std::uint64_t seed : seeds(300, 200)) {
    const attention_case c = some_case(seed, limits);
    const attention_result expected = run(c);
    for (const int threads : {1, 2, 4}) {
      ASSERT_TRUE(same(c, expected, run(c, {.executor = {executor_kind::openmp, threads}})))
          << "seed " << seed;
    }
  }
}
#endif

TEST(Bits, DoNotDependOnThePortableBackendsThreads) {
  for (const std::uint64_t seed : seeds(400, 200)) {
    const attention_case c = some_case(seed, limits);
    const surroundings alone{.backend = backend_kind::portable};
    const surroundings threads{.backend = backend_kind::portable,
                               .executor = {executor_kind::shuffled_threads, 3, seed},
                               .workspace = workspace_kind::given_dirty};
    ASSERT_TRUE(same(c, run(c, alone), run(c, threads))) << "seed " << seed;
  }
}

TEST(Bits, DoNotDependOnTheWorkspace) {
  for (const std::uint64_t seed : seeds(500, 300)) {
    const attention_case c = some_case(seed, limits);
    const attention_result expected = run(c);
    for (const auto workspace : {workspace_kind::given_clean, workspace_kind::given_dirty}) {
      ASSERT_TRUE(same(c, expected, run(c, {.workspace = workspace}))) << "seed " << seed;
    }
  }
}

TEST(Bits, AreTheSameInEveryCall) {
  for (const std::uint64_t seed : seeds(600, 100)) {
    const attention_case c = some_case(seed, limits);
    const attention_result first = run(c);
    for (int i = 0; i < 3; ++i) {
      const attention_result again = run(c);
      ASSERT_TRUE(same(c, first, again)) << "seed " << seed;
      ASSERT_EQ(first.output.memory(), again.output.memory()) << "seed " << seed;
    }
  }
}

TEST(Bits, DoNotDependOnStrides) {
  for (const std::uint64_t seed : seeds(700, 200)) {
    attention_case c = some_case(seed, limits);
    if (c.pages) continue;
    const attention_result expected = run(c);
    for (const auto layout :
         {memory_layout::dense, memory_layout::heads_first, memory_layout::padded, memory_layout::reversed}) {
      attention_case other = c;
      other.query = c.query.copy(c.query.kind(), layout);
      other.key = c.key.copy(c.key.kind(), layout);
      other.value = c.value.copy(c.value.kind(), layout);
      other.output = c.output.copy(c.output.kind(), layout);
      ASSERT_TRUE(same(c, expected, run(other))) << "seed " << seed;
    }
  }
}

TEST(Bits, AreTheSameFromAPagedCache) {
  for (const std::uint64_t seed : seeds(800, 200)) {
    random_source random(seed);
    attention_case c = random_case(
        seed, {.most_queries = 60, .most_keys = 900, .most_products = 4e6, .allow_packed = false});
    if (c.pages) continue;
    const attention_result expected = run(c);
    for (const index_type page_size : {1, 7, 16, 256, 1000}) {
      const attention_case other = paged(c, page_size, random.chance(0.5), seed);
      ASSERT_TRUE(same(c, expected, run(other))) << "seed " << seed << ", pages of " << page_size;
    }
  }
}

// Heads that lie side by side are read in turn, run by run, where keys are split; those that lie apart one after the other.
struct turns_case {
  const char* name;
  index_type q_len;
  crestmax::softmax_method softmax;
  crestmax::coverage_mode coverage;
  double guard_limit;
};

class BitsInTurn : public testing::TestWithParam<turns_case> {};

TEST_P(BitsInTurn, AreThoseOfHeadsThatLieApart) {
  const turns_case& p = GetParam();
  for (const scalar_kind kind : {scalar_kind::float32, scalar_kind::bfloat16, scalar_kind::float16}) {
    attention_case c = normal_case(case_shape{.q_len = p.q_len, .kv_len = 2301, .q_heads = 16, .kv_heads = 8, .d_qk = 72,
                                              .d_v = 40, .layout = memory_layout::heads_first}.with_types(kind), 5);
    c.options.softmax = p.softmax;
    c.options.coverage = p.coverage;
    if (p.guard_limit >= 0) c.options.guard_limit = p.guard_limit;
    c.modifiers.causal.enabled = true;
    const attention_result expected = run(c);
    ASSERT_TRUE(expected.status.ok()) << expected.status.message();
    attention_case close = c;
    close.key = c.key.copy(kind, memory_layout::dense);
    close.value = c.value.copy(kind, memory_layout::dense);
    EXPECT_TRUE(same(c, expected, run(close))) << "token by token";
    for (const index_type page_size : {8, 16, 32}) {
      EXPECT_TRUE(same(c, expected, run(paged(c, page_size, false, 3)))) << "heads apart in pages of " << page_size;
      EXPECT_TRUE(same(c, expected, run(paged(close, page_size, false, 3)))) << "pages of " << page_size;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, BitsInTurn, testing::Values(
    turns_case{"SampledMax", 1, crestmax::sampled_max{}, crestmax::everything, -1},
    turns_case{"SampledMaxOfThreeQueries", 3, crestmax::sampled_max{}, crestmax::everything, -1},
    turns_case{"RunningMax", 2, crestmax::running_max{}, crestmax::everything, -1},
    turns_case{"Above", 2, crestmax::sampled_max{}, crestmax::above(1), -1},
    turns_case{"AllRowsFail", 1, crestmax::sampled_max{}, crestmax::everything, 0}),
    [](const auto& of) { return std::string(of.param.name); });

// Sequences of very different lengths, so that some are split over their keys and some are not.
attention_case mixed_batch(std::uint64_t seed) {
  random_source random(seed);
  attention_case c =
      normal_case({.q_len = 70, .kv_len = 26000, .q_heads = 4, .kv_heads = 2, .d_qk = 8, .d_v = 8}, seed);
  c.query_offsets = {0, 1, 41, 44, 45, 60};
  c.key_offsets = {0, 9000, 9100, 18000, 18003, 25500};
  c.modifiers.causal.enabled = random.chance(0.5);
  if (random.chance(0.3)) c.modifiers.scores.parts.emplace_back(crestmax::soft_cap{20.0f});
  c.options.softmax = random_method(random);
  return c;
}

TEST(Bits, OfASequenceDoNotDependOnItsBatch) {
  for (const std::uint64_t seed : seeds(900, 24)) {
    const attention_case batch = mixed_batch(seed);
    const attention_result together = run(batch, {.executor = {executor_kind::shuffled_threads, 2, seed}});
    for (std::size_t i = 0; i < 5; ++i) {
      const attention_case one = alone(batch, i);
      ASSERT_TRUE(same_rows(batch, together, static_cast<index_type>(i), one, run(one)))
          << "sequence " << i << ", seed " << seed << "\nmethod "
          << static_cast<int>(batch.options.softmax.kind);
    }
  }
}

TEST(Bits, OfAShortSequenceDoNotDependOnItsBatch) {
  for (const index_type n : {1, 5, 17, 32, 64}) {
    attention_case batch = normal_case({.q_len = 5 * n, .kv_len = 5 * n, .q_heads = 6, .kv_heads = 3, .d_qk = 24, .d_v = 40}, 8);
    batch.modifiers.causal.enabled = n % 2 == 1;
    for (std::int32_t i = 0; i <= 5; ++i) {
      batch.query_offsets.push_back(i * static_cast<std::int32_t>(n));
      batch.key_offsets.push_back(i * static_cast<std::int32_t>(n));
    }
    for (const int threads : {1, 2, 3, 7}) {
      const attention_result together = run(batch, {.executor = {executor_kind::shuffled_threads, threads, 9}});
      for (std::size_t i = 0; i < 5; ++i) {
        const attention_case one = alone(batch, i);
        ASSERT_TRUE(same_rows(batch, together, static_cast<index_type>(i), one, run(one))) << "sequence " << i << " of " << n << " queries";
      }
    }
  }
}

TEST(Bits, OfASequenceDoNotDependOnItsPlaceInTheBatch) {
  // The same sequence first, in the middle, and last, among strangers.
  random_source random(5);
  attention_case c = normal_case({.batch = 5, .q_len = 9, .kv_len = 700, .q_heads = 3, .kv_heads = 1}, 6);
  for (const index_type copy_at : {2, 4}) {
    for (test_tensor* t : {&c.query, &c.key, &c.value}) {
      t->for_each([&](index_type b, index_type i, index_type h, index_type d) {
        if (b == copy_at) t->set(b, i, h, d, t->at(0, i, h, d));
      });
    }
  }
  c.query_lengths = {9, 3, 9, 1, 9};
  c.key_lengths = {650, 700, 650, 2, 650};
  c.modifiers.causal.enabled = true;
  const attention_result result = run(c);
  ASSERT_TRUE(result.status.ok()) << result.status.message();
  for (index_type i = 0; i < 9; ++i) {
    for (index_type h = 0; h < 3; ++h) {
      for (index_type d = 0; d < c.d_v(); ++d) {
        ASSERT_EQ(result.output.at(0, i, h, d), result.output.at(2, i, h, d));
        ASSERT_EQ(result.output.at(0, i, h, d), result.output.at(4, i, h, d));
      }
    }
  }
}

TEST(Bits, OfASequenceDoNotDependOnOthersThatFailTheGuard) {
  attention_case c =
      normal_case({.batch = 2, .q_len = 1, .kv_len = 9000, .q_heads = 2, .d_qk = 4, .d_v = 4}, 8);
  const attention_result before = run(c);
  c.key.fill_row(1, 4000, 0, 200);  // the other sequence gets a spike
  const attention_result after = run(c);
  EXPECT_NE(before.report.rows_corrected, after.report.rows_corrected);
  for (index_type h = 0; h < 2; ++h) {
    for (index_type d = 0; d < 4; ++d) ASSERT_EQ(before.output.at(0, 0, h, d), after.output.at(0, 0, h, d));
  }
}

TEST(Bits, OfRaggedRowsBeyondTheirLengthsAreLeftAlone) {
  attention_case c = normal_case({.batch = 2, .q_len = 6, .kv_len = 50}, 9);
  c.query_lengths = {2, 5};
  const attention_result result = run(c);
  for (index_type i = 2; i < 6; ++i) EXPECT_TRUE(std::isnan(result.output.at(0, i, 0, 0)));
  EXPECT_TRUE(std::isnan(result.output.at(1, 5, 0, 0)));
  EXPECT_FALSE(std::isnan(result.output.at(1, 4, 0, 0)));
}

TEST(Bits, BetweenOutputRowsAreLeftAlone) {
  for (const auto layout : {memory_layout::padded, memory_layout::reversed, memory_layout::heads_first}) {
    const attention_case c = normal_case(
        {.batch = 2, .q_len = 5, .kv_len = 40, .q_heads = 2, .kv_heads = 2, .d_v = 5, .layout = layout}, 10);
    attention_result result = run(c);
    ASSERT_TRUE(result.status.ok());
    result.output.fill(not_a_number);
    // Every byte that is not an element is still 0xff; elements were overwritten with NaN just now.
    test_tensor untouched = c.output;
    untouched.fill(not_a_number);
    EXPECT_EQ(result.output.memory(), untouched.memory());
  }
}

}  // namespace
}  // namespace crestmax_test
