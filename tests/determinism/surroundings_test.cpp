// A sequence's bits whatever stands around it, with lengths on both sides of everything that the planner decides by length.
#include "compare.hpp"
#include "support/instruction_sets.hpp"

namespace crestmax_test {
namespace {

struct lengths {
  std::vector<std::int32_t> queries;
  std::vector<std::int32_t> keys;
};

std::vector<std::int32_t> offsets_of(const std::vector<std::int32_t>& lengths) {
  std::vector<std::int32_t> offsets{0};
  for (const std::int32_t n : lengths) offsets.push_back(offsets.back() + n);
  return offsets;
}

// The sequences end to end, and behind them rows that belong to none.
attention_case packed(const lengths& l, case_shape shape, index_type rows_behind) {
  const std::vector<std::int32_t> queries = offsets_of(l.queries), keys = offsets_of(l.keys);
  shape.batch = 1;
  shape.q_len = queries.back() + rows_behind;
  shape.kv_len = keys.back() + rows_behind;
  attention_case c = normal_case(shape, 11);
  c.query_offsets = queries;
  c.key_offsets = keys;
  return c;
}

// The sequences in a batch of buffers with `rows_behind` rows more than the longest has queries, and a few keys more.
attention_case padded(const lengths& l, case_shape shape, index_type rows_behind) {
  shape.batch = static_cast<index_type>(l.queries.size());
  shape.q_len = *std::max_element(l.queries.begin(), l.queries.end()) + rows_behind;
  shape.kv_len = *std::max_element(l.keys.begin(), l.keys.end()) + 5;
  attention_case c = normal_case(shape, 12);
  c.query_lengths = l.queries;
  c.key_lengths = l.keys;
  return c;
}

class BitsOnEverySet : public OnEverySet {
 protected:
  // Every sequence of the call has the bits that it has in a call of its own.
  static void expect_same(const attention_case& c) {
    const attention_result together = run(c, GetParam().with());
    for (std::size_t i = 0; i < sequences_of(c).size(); ++i) {
      const attention_case one = alone(c, i);
      ASSERT_TRUE(same_rows(c, together, static_cast<index_type>(i), one, run(one, GetParam().with()))) << "sequence " << i;
    }
  }
  static void expect_same_in_all_surroundings(const lengths& l, const case_shape& shape, const crestmax::options& options,
                                              bool causal) {
    for (attention_case c : {packed(l, shape, 3), padded(l, shape, 1100)}) {
      c.options = options;
      c.modifiers.causal.enabled = causal;
      c.wants_dropped_mass = options.coverage.kind != crestmax::coverage_kind::everything;
      expect_same(c);
    }
  }
};

// Of two heads that share one key-value head: blocks have 288, 480 or 832 rows, and are long from 1664 rows on.
TEST_P(BitsOnEverySet, OfASequenceDoNotDependOnTheBatchWhateverItsBlocks) {
  const lengths l{{831, 3, 832, 833, 240, 241, 144, 145, 1}, {200, 100, 70, 71, 300, 100, 299, 100, 40}};
  for (const scalar_kind kind : {scalar_kind::bfloat16, scalar_kind::float32}) {
    const case_shape shape = case_shape{.q_heads = 2, .kv_heads = 1, .d_qk = 16, .d_v = 16}.with_types(kind);
    expect_same_in_all_surroundings(l, shape, {}, false);
  }
}

// A sequence is long by its own rows, beside shorter ones and beside longer ones.
TEST_P(BitsOnEverySet, OfALongSequenceDoNotDependOnShorterOnes) {
  const case_shape shape = case_shape{.q_heads = 4, .kv_heads = 1, .d_qk = 16, .d_v = 16}.with_types(scalar_kind::bfloat16);
  expect_same_in_all_surroundings({{415, 600}, {415, 600}}, shape, {}, true);
  expect_same_in_all_surroundings({{416, 100}, {420, 110}}, shape, {}, true);
  expect_same_in_all_surroundings({{417, 1}, {430, 40}}, shape, {}, true);
}

// Eight heads are swept together, so that splits have 512 keys, in calls of at most 16 queries.
TEST_P(BitsOnEverySet, OfASequenceDoNotDependOnTheBatchWhetherItIsSplitOrNot) {
  const lengths l{{1, 16, 17, 2, 3, 1}, {1023, 1024, 1025, 512, 511, 1}};
  const case_shape shape{.q_heads = 8, .kv_heads = 8, .d_qk = 16, .d_v = 16};
  expect_same_in_all_surroundings(l, shape.with_types(scalar_kind::bfloat16), {}, true);
  expect_same_in_all_surroundings(l, shape.with_types(scalar_kind::float32), {.tiles = {.splits = 3}}, true);
}

// Narrow weights take the sample in sequences of more than 1024 keys.
TEST_P(BitsOnEverySet, OfASequenceDoNotDependOnTheBatchWhetherItIsSampledOrNot) {
  const case_shape shape{.q_heads = 2, .kv_heads = 1, .d_qk = 8, .d_v = 8};
  expect_same_in_all_surroundings({{20, 20, 1, 1, 20}, {1023, 1024, 1025, 1024, 1025}}, shape,
                                  {.weights = crestmax::weight_type::float16}, false);
}

// Of a sequence whose samples are summed over stretches, beside one whose blocks are larger.
TEST_P(BitsOnEverySet, OfASequenceDoNotDependOnTheBatchWhateverItSamples) {
  const case_shape shape = case_shape{.d_qk = 8, .d_v = 8}.with_types(scalar_kind::bfloat16);
  const crestmax::sampled_max method{.stride = 1, .radius = 8, .windows = 4, .first_keys = 0, .nearest_keys = 0};
  expect_same_in_all_surroundings({{480, 1664}, {8000, 40}}, shape, {.softmax = method, .coverage = crestmax::plateaus}, false);
}

INSTANTIATE_TEST_SUITE_P(Sets, BitsOnEverySet, testing::ValuesIn(every_kernel_set()), name_of_set);

}  // namespace
}  // namespace crestmax_test
