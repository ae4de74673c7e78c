// How many workers a call is made for decides how grains are grouped into items, and no bit.
#include <gtest/gtest.h>

#include <array>
#include <crestmax/attention.hpp>
#include <set>

#include "compare.hpp"
#include "support/random_case.hpp"

namespace crestmax_test {
namespace {

using crestmax::scalar_kind;

attention_result for_workers(const attention_case& c, int workers, backend_kind backend = backend_kind::cpu) {
  return run(c, {.backend = backend, .executor = {executor_kind::serial, workers}});
}

// The groupings that calls for 1 to 256 workers have, by the first number of workers that has it.
std::vector<int> numbers_of_workers(const attention_case& c) {
  std::set<std::array<index_type, 4>> seen;
  std::vector<int> result;
  for (int workers = 1; workers <= 256; ++workers) {
    crestmax::problem p{.sequences = 1, .q_len = c.query.extent(1), .kv_len = c.key.extent(1), .q_heads = c.q_heads(),
                        .kv_heads = c.key.extent(2), .d_qk = c.query.extent(3), .d_v = c.value.extent(3),
                        .query_kind = c.query.kind(), .key_kind = c.key.kind(), .value_kind = c.value.kind(),
                        .output_kind = c.output.kind(), .workers = workers};
    std::vector<std::uint64_t> memory(crestmax::plan::bytes(1) / 8);
    crestmax::plan plan;
    const crestmax::status s = crestmax::make_plan(p, std::as_writable_bytes(std::span(memory)), plan, c.options);
    EXPECT_TRUE(s.ok()) << s.message();
    if (!s.ok()) break;
    const crestmax::plan_sequence& of = plan.sequences()[0];
    if (seen.insert({of.blocks_per_item, of.splits_per_item, of.parts, of.rows_per_part}).second) result.push_back(workers);
  }
  return result;
}

struct grouping_case {
  const char* name;
  case_shape shape;
  std::size_t least_groupings;
  bool causal = false;
  index_type splits = 0;
  double guard_limit = -1;
  crestmax::softmax_method softmax{};
};

class Groupings : public testing::TestWithParam<grouping_case> {};

attention_case make(const grouping_case& p, scalar_kind kind) {
  case_shape shape = p.shape;
  attention_case c = normal_case(shape.with_types(kind), 7);
  c.modifiers.causal.enabled = p.causal;
  c.options.tiles.splits = p.splits;
  c.options.softmax = p.softmax;
  if (p.guard_limit >= 0) c.options.guard_limit = p.guard_limit;
  return c;
}

TEST_P(Groupings, ChangeNoBit) {
  for (const scalar_kind kind : {scalar_kind::float32, scalar_kind::bfloat16, scalar_kind::float16}) {
    const attention_case c = make(GetParam(), kind);
    const std::vector<int> numbers = numbers_of_workers(c);
    EXPECT_GE(numbers.size(), GetParam().least_groupings) << "this test wants groupings";
    const attention_result expected = for_workers(c, 1);
    ASSERT_TRUE(expected.status.ok()) << expected.status.message();
    for (const int workers : numbers) {
      ASSERT_TRUE(same_rows(c, expected, 0, c, for_workers(c, workers))) << crestmax::name(kind) << ", " << workers << " workers";
    }
  }
}

TEST_P(Groupings, ChangeNoBitOnOtherKernels) {
  for (const backend_kind backend : {backend_kind::portable, backend_kind::tiles}) {
    const attention_case c = make(GetParam(), scalar_kind::bfloat16);
    const attention_result expected = for_workers(c, 1, backend);
    for (const int workers : {3, 16, 256}) {
      ASSERT_TRUE(same_rows(c, expected, 0, c, for_workers(c, workers, backend))) << workers << " workers";
    }
  }
}

// Values that are no finite numbers, hidden from most rows, and rows whose crest the anchors miss.
TEST_P(Groupings, ChangeNoBitOfRowsThatAreDoneAgain) {
  for (const scalar_kind kind : {scalar_kind::float32, scalar_kind::bfloat16}) {
    attention_case c = make(GetParam(), kind);
    const index_type keys = c.key.extent(1);
    c.value.set(0, keys - 2, 0, 1, std::numeric_limits<double>::infinity());
    c.key.fill_row(0, keys / 3, 0, 30);
    c.query.set(0, 0, 0, 0, 1e-40);
    const attention_result expected = for_workers(c, 1);
    for (const int workers : numbers_of_workers(c)) {
      ASSERT_TRUE(same_rows(c, expected, 0, c, for_workers(c, workers))) << crestmax::name(kind) << ", " << workers << " workers";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Groupings, testing::Values(
    grouping_case{"Decode", {.q_len = 1, .kv_len = 4301, .q_heads = 32, .kv_heads = 8, .d_qk = 72, .d_v = 40}, 5},
    grouping_case{"DecodeOfOneHead", {.q_len = 2, .kv_len = 5000, .q_heads = 4, .kv_heads = 1, .d_qk = 64, .d_v = 64}, 3, true},
    grouping_case{"DecodeWhereAllRowsFail", {.q_len = 1, .kv_len = 3000, .q_heads = 8, .kv_heads = 4, .d_qk = 64, .d_v = 64}, 4, false, 0, 0},
    grouping_case{"DecodeUnderARunningMaximum", {.q_len = 1, .kv_len = 3000, .q_heads = 8, .kv_heads = 4, .d_qk = 64, .d_v = 64}, 4, false, 0, -1,
                  crestmax::running_max{}},
    grouping_case{"DecodeWithASample", {.q_len = 1, .kv_len = 3000, .q_heads = 8, .kv_heads = 4, .d_qk = 64, .d_v = 64}, 4, false, 0, -1,
                  crestmax::sampled_max{.coarse = crestmax::choice::on}},
    grouping_case{"WideGroups", {.q_len = 1, .kv_len = 2500, .q_heads = 128, .kv_heads = 1, .d_qk = 72, .d_v = 64}, 4},
    grouping_case{"FewQueries", {.q_len = 50, .kv_len = 3333, .q_heads = 2, .kv_heads = 1, .d_qk = 64, .d_v = 64}, 3, true},
    grouping_case{"FewQueriesThatAllFail", {.q_len = 50, .kv_len = 2200, .q_heads = 2, .kv_heads = 1, .d_qk = 64, .d_v = 64}, 3, true, 0, 0},
    grouping_case{"Prefill", {.q_len = 300, .kv_len = 300, .q_heads = 4, .kv_heads = 2, .d_qk = 64, .d_v = 64}, 3, true},
    grouping_case{"PrefillWhereAllRowsFail", {.q_len = 200, .kv_len = 250, .q_heads = 4, .kv_heads = 2, .d_qk = 64, .d_v = 64}, 4, true, 0, 0},
    grouping_case{"PrefillUnderARunningMaximum", {.q_len = 200, .kv_len = 250, .q_heads = 4, .kv_heads = 2, .d_qk = 64, .d_v = 64}, 4, true, 0, -1,
                  crestmax::running_max{}},
    grouping_case{"PrefillInSplits", {.q_len = 150, .kv_len = 1500, .q_heads = 4, .kv_heads = 2, .d_qk = 64, .d_v = 64}, 4, true, 4},
    grouping_case{"PrefillInSplitsWhoseLastBlockHasFewerParts", {.q_len = 100, .kv_len = 1000, .q_heads = 17, .kv_heads = 1, .d_qk = 32, .d_v = 32}, 3, false, 3},
    grouping_case{"PrefillInSplitsUnderManyAnchors", {.q_len = 150, .kv_len = 700, .q_heads = 4, .kv_heads = 2, .d_qk = 64, .d_v = 64}, 2, true, 4, -1,
                  crestmax::anchor_shift{.nearest_keys = 300}},
    grouping_case{"PrefillWithASample", {.q_len = 200, .kv_len = 250, .q_heads = 4, .kv_heads = 2, .d_qk = 64, .d_v = 64}, 2, true, 0, -1,
                  crestmax::sampled_max{.coarse = crestmax::choice::on}}),
    [](const auto& of) { return std::string(of.param.name); });

TEST(Bits, DoNotDependOnTheNumberOfWorkers) {
  for (index_type i = 0; i < cases(300); ++i) {
    const auto seed = static_cast<std::uint64_t>(1100 + i);
    attention_case c = random_case(seed, {.most_queries = 300, .most_keys = 3000, .most_products = 2e7});
    if (seed % 5 == 0) c.options.tiles.splits = 2 + static_cast<index_type>(seed % 9);
    const attention_result expected = for_workers(c, 1);
    for (const int workers : {2, 5, 16, 64, 256}) {
      ASSERT_TRUE(same_rows(c, expected, 0, c, for_workers(c, workers))) << "seed " << seed << ", " << workers << " workers";
    }
  }
}

// Few items for many threads: whoever comes last merges.
TEST(Bits, DoNotDependOnWhoMergesSplits) {
  for (index_type i = 0; i < cases(40); ++i) {
    const auto seed = static_cast<std::uint64_t>(1500 + i);
    const attention_case c = normal_case({.batch = 2, .q_len = 1 + i % 3, .kv_len = 4000, .q_heads = 8, .kv_heads = 4, .d_qk = 32, .d_v = 32}, seed);
    const attention_result expected = for_workers(c, 1);
    for (const int threads : {2, 8}) {
      const surroundings s{.executor = {executor_kind::shuffled_threads, threads, seed}, .workspace = workspace_kind::given_dirty};
      ASSERT_TRUE(same_rows(c, expected, 0, c, run(c, s))) << "seed " << seed << ", " << threads << " threads";
    }
  }
}

}  // namespace
}  // namespace crestmax_test
