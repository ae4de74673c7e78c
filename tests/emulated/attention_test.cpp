// A cut-down set of calls for instruction emulators: every way through the kernels, every kind of tail, small shapes.
#include "sets.hpp"
#include "support/make_case.hpp"
#include "support/random_case.hpp"

namespace crestmax_test {
namespace {

using crestmax::instruction_set;

constexpr scalar_kind kinds[] = {scalar_kind::float32, scalar_kind::float64, scalar_kind::float16, scalar_kind::bfloat16};

// Rows held against the oracle: its float64 (in double, long double) arithmetic is emulated as well.
constexpr index_type compared_rows = 6;

void expect_exact(const attention_case& c) { expect_exact(c, compared_rows); }

// The same shape in every element type.
template <class Change>
void expect_exact_in_every_type(const case_shape& shape, Change&& change) {
  for (const scalar_kind kind : kinds) {
    attention_case c = normal_case(shape.with_types(kind), 11);
    change(c);
    expect_exact(c);
  }
}
void expect_exact_in_every_type(const case_shape& shape) {
  expect_exact_in_every_type(shape, [](attention_case&) {});
}

TEST(Emulated, CallsTakeTheInstructionSetThatIsToBeTested) {
  const attention_result result = run(normal_case({.q_len = 20, .kv_len = 40}, 1));
  ASSERT_TRUE(result.status.ok()) << result.status.message();
  EXPECT_STREQ(result.report.instruction_set, name(crestmax::cpu::machine_set()));
#if CRESTMAX_ARM_SETS
  EXPECT_GE(crestmax::cpu::machine_set(), instruction_set::neon);
#else
  EXPECT_GE(crestmax::cpu::machine_set(), instruction_set::avx512);
#endif
}

TEST(Emulated, PrefillIsExact) { expect_exact_in_every_type({.q_len = 30, .kv_len = 70, .d_qk = 64, .d_v = 64}); }

TEST(Emulated, PrefillOfSeveralStripsAndTilesIsExact) {
  expect_exact_in_every_type({.q_len = 61, .kv_len = 530, .d_qk = 16, .d_v = 24});
}

TEST(Emulated, CausalPrefillIsExact) {
  expect_exact_in_every_type({.q_len = 61, .kv_len = 300, .q_heads = 2, .kv_heads = 1, .d_qk = 32, .d_v = 32},
                             [](attention_case& c) { c.modifiers.causal.enabled = true; });
}

TEST(Emulated, DecodeOfAGroupOfHeadsIsExact) {
  expect_exact_in_every_type({.kv_len = 205, .q_heads = 8, .kv_heads = 2, .d_qk = 64, .d_v = 64});
}

TEST(Emulated, DecodeSplitOverItsKeysIsExact) {
  expect_exact_in_every_type({.kv_len = 500, .q_heads = 3, .kv_heads = 1, .d_qk = 32, .d_v = 40},
                             [](attention_case& c) { c.options.tiles.splits = 3; });
}

TEST(Emulated, DecodeFromPagesIsExact) {
  for (const scalar_kind kind : kinds) {
    const case_shape shape{.batch = 2, .q_len = 2, .kv_len = 130, .q_heads = 4, .kv_heads = 2, .d_qk = 32, .d_v = 32};
    attention_case c = normal_case(shape.with_types(kind), 12);
    c.modifiers.causal.enabled = true;
    expect_exact(paged(c, 16, false, 5));
  }
}

TEST(Emulated, PrefillFromPagesIsExact) {
  for (const scalar_kind kind : kinds) {
    attention_case c = normal_case(case_shape{.q_len = 40, .kv_len = 90, .d_qk = 16}.with_types(kind), 13);
    expect_exact(paged(c, 7, true, 6));
  }
}

TEST(Emulated, RowsThatAreCorrectedAreExact) {
  for (const index_type q_len : {1, 30}) {
    expect_exact_in_every_type({.q_len = q_len, .kv_len = 150, .d_qk = 24, .d_v = 24}, [](attention_case& c) {
      c.options.guard_limit = 0;
      const attention_result result = run(c);
      EXPECT_EQ(result.report.rows_corrected, result.report.rows);
    });
  }
}

TEST(Emulated, SpikesThatTheSampleMissesAreCorrected) {
  attention_case c = scores_case(20, 400, [](index_type j) { return j == 203 ? 70.0 : 0.01 * static_cast<double>(j % 9); });
  expect_exact(c);
  EXPECT_EQ(run(c).report.rows_corrected, 20);
}

TEST(Emulated, ForcedSamplesAreExact) {
  for (const index_type q_len : {2, 25}) {
    expect_exact_in_every_type({.q_len = q_len, .kv_len = 600, .d_qk = 16, .d_v = 16},
                               [](attention_case& c) { c.options.softmax = forced_sample(16, 32, 2); });
  }
}

TEST(Emulated, BaselinesAreExact) {
  for (const index_type q_len : {3, 25}) {
    attention_case c = normal_case({.q_len = q_len, .kv_len = 300, .d_qk = 16, .d_v = 16}, 14);
    c.options.softmax = crestmax::running_max{};
    expect_exact(c);
    c.options.softmax = crestmax::lazy_max{};
    expect_exact(c);
    c.options.softmax = crestmax::anchor_shift{};
    expect_exact(c);
  }
}

TEST(Emulated, WeightsOf16BitsAreExactWithinTheirRounding) {
  for (const auto weights : {crestmax::weight_type::float16, crestmax::weight_type::bfloat16}) {
    for (const index_type q_len : {2, 25}) {
      attention_case c = normal_case({.q_len = q_len, .kv_len = 200, .d_qk = 16, .d_v = 16}, 15);
      c.options.weights = weights;
      c.narrow_slack = 1;
      ASSERT_TRUE(is_exact(c, surroundings{}, 24));
    }
  }
}

TEST(Emulated, DroppedTilesAreBounded) {
  attention_case c = scores_case(20, 900, [](index_type j) { return j == 0 ? 0.0 : -14.0 + 0.1 * static_cast<double>(j % 7); });
  c.options.coverage = crestmax::above(8);
  c.options.tiles.key_tile = 64;
  c.wants_dropped_mass = true;
  const attention_result result = run(c);
  ASSERT_TRUE(result.status.ok()) << result.status.message();
  EXPECT_GT(result.report.pairs_skipped, 0);
  const double error = measure(c, result, some_rows(c, compared_rows)).error;
  for (const row_place& r : some_rows(c, compared_rows)) {
    EXPECT_LE(error, 2 * result_at(result.dropped_mass, r) + 1e-6);
  }
}

TEST(Emulated, PlateausAccountForEveryKey) {
  attention_case c = normal_case({.q_len = 4, .kv_len = 2000, .d_qk = 16, .d_v = 16}, 16);
  c.options.coverage = crestmax::plateaus;
  const attention_result result = run(c);
  ASSERT_TRUE(result.status.ok()) << result.status.message();
  EXPECT_GT(result.report.pairs_skipped, 0);
  EXPECT_EQ(result.report.pairs_accumulated + result.report.pairs_skipped, result.report.pairs_visible);
}

// Tails: lengths around the widths of vectors, panels, register tiles and key tiles.
TEST(Emulated, EveryTailOfKeysIsExact) {
  for (const index_type q_len : {1, 18}) {
    for (const index_type kv_len : {1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 63, 64, 65, 255, 257}) {
      const case_shape shape{.q_len = q_len, .kv_len = kv_len, .d_qk = 8, .d_v = 8};
      expect_exact(normal_case(shape, 17));
      expect_exact(normal_case(shape.with_types(scalar_kind::bfloat16), 17));
    }
  }
}

TEST(Emulated, EveryTailOfHeadDimsIsExact) {
  for (const index_type q_len : {1, 4, 18}) {
    for (const index_type d : {1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 36, 63, 65}) {
      for (const scalar_kind kind : {scalar_kind::float32, scalar_kind::bfloat16}) {
        const case_shape shape{.q_len = q_len, .kv_len = 37, .d_qk = d, .d_v = d + 1, .layout = memory_layout::padded};
        expect_exact(normal_case(shape.with_types(kind), 18));
      }
    }
  }
}

TEST(Emulated, EveryNumberOfRowsIsExact) {
  for (index_type q_len = 1; q_len <= 30; ++q_len) {
    expect_exact(normal_case({.q_len = q_len, .kv_len = 40, .d_qk = 8, .d_v = 8}, 19));
    expect_exact(normal_case(case_shape{.q_len = q_len, .kv_len = 40, .d_qk = 32, .d_v = 8}.with_types(scalar_kind::bfloat16), 19));
  }
}

TEST(Emulated, TailsInDoubleAreExact) {
  for (const index_type n : {1, 2, 3, 5, 9, 17, 33}) {
    const case_shape shape{.q_len = n, .kv_len = n + 4, .d_qk = n, .d_v = n};
    expect_exact(normal_case(shape.with_types(scalar_kind::float64), 20));
  }
}

void expect_random_calls_to_be_exact(std::uint64_t first, index_type count, instruction_set most) {
  const random_limits limits{.most_queries = 40, .most_keys = 300, .most_products = 3e5};
  for (std::uint64_t seed = first; seed < first + static_cast<std::uint64_t>(cases(count)); ++seed) {
    ASSERT_TRUE(is_exact(random_case(seed, limits), {.most = most}, 4)) << "seed " << seed;
  }
}

TEST(Emulated, RandomCallsWithRandomModifiersAreExact) {
  expect_random_calls_to_be_exact(70000, 60, instruction_set::widest);
}

TEST(Emulated, RandomCallsOnTheGenericSetAreExact) {
  expect_random_calls_to_be_exact(71000, 15, instruction_set::generic);
}

// The state in which subnormals count as zero and, on AArch64, float16 has no infinities.
std::uint64_t float_state() {
#if defined(__aarch64__)
  std::uint64_t state = 0;
  asm volatile("mrs %0, fpcr" : "=r"(state));
  return state;
#else
  return __builtin_ia32_stmxcsr();
#endif
}
void set_float_state(std::uint64_t state) {
#if defined(__aarch64__)
  asm volatile("msr fpcr, %0" : : "r"(state));
#else
  __builtin_ia32_ldmxcsr(static_cast<unsigned>(state));
#endif
}
#if defined(__aarch64__)
constexpr std::uint64_t unusual_state = (1u << 24) | (1u << 26);
#else
constexpr std::uint64_t unusual_state = 0x8040;
#endif

TEST(Emulated, FloatStateOfTheCallerIsNeitherUsedNorLost) {
  for (const scalar_kind kind : {scalar_kind::float32, scalar_kind::float16}) {
    attention_case c = normal_case(case_shape{.q_len = 20, .kv_len = 60}.with_types(kind), 22);
    const double size = kind == scalar_kind::float32 ? 0x1p-130 : 0x1p-20;
    c.value.for_each([&](index_type a, index_type j, index_type h, index_type d) { c.value.set(a, j, h, d, size * static_cast<double>(j % 5)); });
    c.value.fill_row(0, 7, 0, infinity);
    const attention_result expected = run(c);
    const std::uint64_t saved = float_state();
    set_float_state(saved | unusual_state);
    const attention_result given = run(c);
    const std::uint64_t after = float_state();
    set_float_state(saved);
    EXPECT_EQ(after & unusual_state, unusual_state);
    EXPECT_EQ(given.output.memory(), expected.output.memory());
  }
}

TEST(Emulated, ResultsDoNotDependOnTheBatchAround) {
  const attention_case c = normal_case({.batch = 3, .q_len = 5, .kv_len = 90, .q_heads = 2, .kv_heads = 1, .d_qk = 20, .d_v = 20}, 21);
  const attention_result whole = run(c);
  ASSERT_TRUE(whole.status.ok()) << whole.status.message();
  attention_case alone = empty_case({.q_len = 5, .kv_len = 90, .q_heads = 2, .kv_heads = 1, .d_qk = 20, .d_v = 20});
  const auto take = [](test_tensor& to, const test_tensor& from) {
    to.for_each([&](index_type, index_type b, index_type h, index_type d) { to.set(0, b, h, d, from.at(2, b, h, d)); });
  };
  take(alone.query, c.query);
  take(alone.key, c.key);
  take(alone.value, c.value);
  const attention_result part = run(alone);
  ASSERT_TRUE(part.status.ok()) << part.status.message();
  part.output.for_each([&](index_type, index_type b, index_type h, index_type d) {
    ASSERT_EQ(part.output.at(0, b, h, d), whole.output.at(2, b, h, d));
  });
}

}  // namespace
}  // namespace crestmax_test
