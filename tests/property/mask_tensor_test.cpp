// Calls under mask tensors: every type, pattern, layout and shape against the oracle, which knows the mask's numbers alone.
#include "support/contract.hpp"
#include "support/make_case.hpp"

namespace crestmax_test {
namespace {

using crestmax::mask_type;

constexpr mask_type every_type[] = {mask_type::boolean, mask_type::float32, mask_type::float64, mask_type::float16, mask_type::bfloat16};

// Puts a mask of these extents on a case.
made_mask put_mask(attention_case& c, mask_type type, const mask_axes& extents, mask_pattern pattern, mask_layout layout = mask_layout::dense,
                   const mask_axes& full = {1, 1, 1, 1}) {
  random_source random(static_cast<std::uint64_t>(extents[2] * 1000 + extents[3]));
  const auto number = [&](index_type s, index_type h, index_type q, index_type k) { return number_of(pattern, random, s, h, q, k); };
  const made_mask made = make_mask(c.keep(mask_memory{}), type, extents, layout, number, full);
  EXPECT_TRUE(made.is_made());
  c.modifiers.set_mask(made);
  return made;
}

// Every key that no query sees holds NaN, and its value.
void poison_hidden_keys(attention_case& c) {
  for (index_type b = 0; b < c.key.extent(0); ++b) {
    for (index_type k = 0; k < c.key.extent(1); ++k) {
      bool seen = false;
      for (index_type q = 0; q < c.query.extent(1); ++q) {
        for (index_type h = 0; h < c.q_heads(); ++h) seen |= c.modifiers.plain.at(b, h, q, k) > -infinity;
      }
      for (index_type h = 0; !seen && h < c.kv_heads(); ++h) {
        c.key.fill_row(b, k, h, not_a_number);
        c.value.fill_row(b, k, h, not_a_number);
      }
    }
  }
}

TEST(MaskTensors, OfEveryTypeAndPatternAreExact) {
  for (const mask_type type : every_type) {
    for (const mask_pattern pattern : every_pattern) {
      attention_case c = normal_case({.q_len = 100, .kv_len = 333, .q_heads = 2, .kv_heads = 1, .d_qk = 24, .d_v = 20}, 3);
      put_mask(c, type, {1, 2, 100, 333}, pattern);
      poison_hidden_keys(c);
      ASSERT_TRUE(is_exact(c)) << crestmax::name(type) << ", pattern " << static_cast<int>(pattern);
    }
  }
}

TEST(MaskTensors, OfEveryLayoutAreExact) {
  for (const mask_layout layout : {mask_layout::dense, mask_layout::keys_first, mask_layout::padded, mask_layout::reversed}) {
    for (const mask_type type : {mask_type::boolean, mask_type::float32}) {
      attention_case c = normal_case({.batch = 2, .q_len = 40, .kv_len = 100, .q_heads = 3, .kv_heads = 3}, 4);
      put_mask(c, type, {2, 3, 40, 100}, mask_pattern::numbers, layout);
      ASSERT_TRUE(is_exact(c)) << static_cast<int>(layout);
    }
  }
}

TEST(MaskTensors, AreBroadcastAlongEveryAxisByExtentsOrStrides) {
  const mask_axes full{2, 4, 33, 90};
  for (int broadcast = 0; broadcast < 16; ++broadcast) {
    mask_axes extents = full;
    for (std::size_t i = 0; i < 4; ++i) extents[i] = (broadcast >> i & 1) != 0 ? 1 : full[i];
    for (const mask_axes& expanded : {mask_axes{1, 1, 1, 1}, full}) {
      attention_case c = normal_case({.batch = 2, .q_len = 33, .kv_len = 90, .q_heads = 4, .kv_heads = 2}, 5);
      put_mask(c, mask_type::float16, extents, mask_pattern::numbers, mask_layout::dense, expanded);
      ASSERT_TRUE(is_exact(c)) << broadcast;
    }
  }
}

TEST(MaskTensors, AreExactOnEveryTypeOfCall) {
  for (const scalar_kind kind : {scalar_kind::float32, scalar_kind::float64, scalar_kind::float16, scalar_kind::bfloat16}) {
    for (const mask_type type : every_type) {
      attention_case c = normal_case(case_shape{.q_len = 150, .kv_len = 300, .q_heads = 2, .kv_heads = 2, .d_qk = 64, .d_v = 64}.with_types(kind), 6);
      put_mask(c, type, {1, 1, 150, 300}, mask_pattern::window);
      ASSERT_TRUE(is_exact(c)) << crestmax::name(kind) << " " << crestmax::name(type);
    }
  }
}

TEST(MaskTensors, AreExactUnderFewQueriesAndSplits) {
  for (const mask_pattern pattern : every_pattern) {
    attention_case c = normal_case({.q_len = 2, .kv_len = 3000, .q_heads = 8, .kv_heads = 2, .d_qk = 32, .d_v = 32}, 7);
    put_mask(c, mask_type::bfloat16, {1, 1, 2, 3000}, pattern);
    c.options.tiles.splits = 3;
    ASSERT_TRUE(is_exact(c)) << static_cast<int>(pattern);
  }
}

TEST(MaskTensors, AreExactWhereKeysAreSampled) {
  for (const mask_pattern pattern : {mask_pattern::triangle, mask_pattern::blocks, mask_pattern::numbers}) {
    attention_case c = normal_case({.q_len = 120, .kv_len = 900, .q_heads = 1, .kv_heads = 1}, 8);
    put_mask(c, mask_type::float32, {1, 1, 120, 900}, pattern);
    c.options.softmax = forced_sample(7, 20, 3);
    ASSERT_TRUE(is_exact(c)) << static_cast<int>(pattern);
  }
}

TEST(MaskTensors, OfPackedSequencesCountFromEachSequencesFirstQueryAndKey) {
  attention_case c = normal_case({.q_len = 60, .kv_len = 120, .q_heads = 2, .kv_heads = 1}, 9);
  c.query_offsets = {0, 25, 30, 60};
  c.key_offsets = {0, 40, 100, 120};
  put_mask(c, mask_type::float32, {3, 1, 30, 60}, mask_pattern::numbers);
  EXPECT_TRUE(is_exact(c));
}

TEST(MaskTensors, ComposeWithOtherModifiers) {
  attention_case c = normal_case({.q_len = 70, .kv_len = 130, .q_heads = 2, .kv_heads = 2}, 10);
  put_mask(c, mask_type::float16, {1, 2, 70, 130}, mask_pattern::numbers);
  c.modifiers.causal.enabled = true;
  c.modifiers.window = {50, -1};
  c.modifiers.scores.parts.emplace_back(ripple{2});
  c.modifiers.scores.parts.emplace_back(crestmax::soft_cap{5});
  EXPECT_TRUE(is_exact(c));
}

TEST(MaskTensors, AddTheirNumbersTimesTheFactorOfAHead) {
  attention_case c = normal_case({.q_len = 70, .kv_len = 130, .q_heads = 3, .kv_heads = 1}, 11);
  put_mask(c, mask_type::float32, {1, 1, 70, 130}, mask_pattern::numbers);
  const std::vector<float> factors{0.5f, 2.0f, -1.0f};
  c.modifiers.tensor.factors = factors;
  EXPECT_TRUE(is_exact(c));
}

TEST(MaskTensors, MayBeginBeforeTheFirstKeyOfACall) {
  attention_case c = normal_case({.q_len = 50, .kv_len = 200, .q_heads = 1, .kv_heads = 1}, 12);
  const made_mask whole = put_mask(c, mask_type::float32, {1, 1, 50, 237}, mask_pattern::numbers);
  auto& numbers = c.keep(std::vector<double>());
  for (index_type q = 0; q < 50; ++q) {
    for (index_type k = 0; k < 200; ++k) numbers.push_back(whole.plain.at(0, 0, q, k + 37));
  }
  c.modifiers.plain = {numbers.data(), {1, 1, 50, 200}};
  c.modifiers.tensor.first_key = 37;
  EXPECT_TRUE(is_exact(c));
}

TEST(MaskTensors, ThatRepeatServeHeadsAndSequencesInTurn) {
  attention_case c = normal_case({.batch = 4, .q_len = 20, .kv_len = 70, .q_heads = 6, .kv_heads = 3}, 13);
  const made_mask made = put_mask(c, mask_type::float16, {2, 3, 20, 70}, mask_pattern::numbers);
  auto& numbers = c.keep(std::vector<double>());
  for (index_type s = 0; s < 4; ++s) {
    for (index_type h = 0; h < 6; ++h) {
      for (index_type q = 0; q < 20; ++q) {
        for (index_type k = 0; k < 70; ++k) numbers.push_back(made.plain.at(s % 2, h % 3, q, k));
      }
    }
  }
  c.modifiers.plain = {numbers.data(), {4, 6, 20, 70}};
  c.modifiers.tensor.repeats_heads_and_sequences = true;
  EXPECT_TRUE(is_exact(c));
}

bool same_numbers(const test_tensor& a, const test_tensor& b) { return a.memory() == b.memory(); }

TEST(MaskTensors, OfALowerTriangleGiveTheBitsOfCausal) {
  for (const index_type n : {1, 40, 300, 1000}) {
    for (const scalar_kind kind : {scalar_kind::float32, scalar_kind::bfloat16}) {
      attention_case c = normal_case(case_shape{.q_len = n, .kv_len = n, .q_heads = 2, .kv_heads = 1, .d_qk = 64, .d_v = 64}.with_types(kind), 14);
      attention_case by_position = c;
      by_position.modifiers.causal.enabled = true;
      put_mask(c, mask_type::boolean, {1, 1, n, n}, mask_pattern::triangle);
      EXPECT_TRUE(same_numbers(run(c).output, run(by_position).output)) << n;
    }
  }
}

TEST(MaskTensors, ThatHideAndAddNothingGiveTheBitsOfACallWithoutThem) {
  attention_case c = normal_case({.q_len = 200, .kv_len = 300, .q_heads = 2, .kv_heads = 2, .d_qk = 64, .d_v = 64}, 15);
  const attention_result without = run(c);
  put_mask(c, mask_type::float32, {1, 1, 200, 300}, mask_pattern::all);
  const attention_result with = run(c);
  EXPECT_TRUE(same_numbers(with.output, without.output));
  EXPECT_EQ(with.report.pairs_masked, 0);
}

TEST(MaskTensors, AreServedByAKeptMapAgainAndAgain) {
  attention_case c = normal_case({.q_len = 90, .kv_len = 200, .q_heads = 2, .kv_heads = 1}, 16);
  const made_mask made = put_mask(c, mask_type::float32, {1, 1, 90, 200}, mask_pattern::numbers);
  const std::vector<std::byte> map(made.map.begin(), made.map.end());
  const attention_result first = run(c);
  for (int layer = 0; layer < 3; ++layer) ASSERT_TRUE(same_numbers(run(c).output, first.output));
  EXPECT_TRUE(std::equal(map.begin(), map.end(), made.map.begin()));
}

TEST(MaskTensors, ThatHideARowGiveItZerosByEitherNumber) {
  for (const mask_type type : every_type) {
    attention_case c = normal_case({.q_len = 4, .kv_len = 50, .q_heads = 1, .kv_heads = 1}, 17);
    const auto number = [](index_type, index_type, index_type q, index_type) { return q == 0 || q == 3 ? -infinity : 0.0; };
    c.modifiers.set_mask(make_mask(c.keep(mask_memory{}), type, {1, 1, 4, 50}, mask_layout::dense, number));
    const attention_result result = run(c);
    for (const index_type q : {0, 3}) {  // -inf, the lowest number
      EXPECT_EQ(result.lse.at(0, q, 0, 0), -infinity) << crestmax::name(type);
      for (index_type k = 0; k < 16; ++k) EXPECT_EQ(result.output.at(0, q, 0, k), 0.0);
    }
    EXPECT_TRUE(std::isfinite(result.lse.at(0, 1, 0, 0)));
  }
}

TEST(MaskTensors, PassANanOnToItsRowAlone) {
  attention_case c = normal_case({.q_len = 60, .kv_len = 50, .q_heads = 1, .kv_heads = 1}, 18);
  const auto number = [](index_type, index_type, index_type q, index_type k) { return q == 30 && k == 20 ? not_a_number : k <= q ? 0.0 : -infinity; };
  c.modifiers.set_mask(make_mask(c.keep(mask_memory{}), mask_type::float32, {1, 1, 60, 50}, mask_layout::dense, number));
  const attention_result result = run(c);
  for (index_type q = 0; q < 60; ++q) EXPECT_EQ(std::isnan(result.output.at(0, q, 0, 0)), q == 30) << q;
}

// A map is read as it is: whatever a writer makes of it, nothing but results changes.
TEST(MaskTensors, WithASpoiltMapStayInTheirMemory) {
  attention_case c = normal_case({.q_len = 90, .kv_len = 400, .q_heads = 2, .kv_heads = 1}, 19);
  const made_mask made = put_mask(c, mask_type::float32, {1, 1, 90, 400}, mask_pattern::numbers);
  random_source random(20);
  const auto first = static_cast<std::ptrdiff_t>(sizeof(crestmax::mask_map_layout::header));
  for (int round = 0; round < 40; ++round) {
    for (auto at = made.map.begin() + first; at != made.map.end(); ++at) *at = static_cast<std::byte>(random.bits() & 0xff);
    if (round % 4 == 0) std::fill(made.map.begin() + first, made.map.end(), static_cast<std::byte>(round % 8 == 0 ? 0x80 : 0x7f));
    c.options.tiles.splits = round % 3;
    if (round % 2 == 1) c.options.softmax = forced_sample();
    const attention_result result = run(c, {.memory = placing::before_a_guard_page});
    ASSERT_TRUE(result.status.ok()) << result.status.message();
    ASSERT_TRUE(result.outside_is_untouched);
  }
}

}  // namespace
}  // namespace crestmax_test
