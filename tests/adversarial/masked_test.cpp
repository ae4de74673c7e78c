// Keys that a row must not see, and rows that see none.
#include "support/contract.hpp"
#include "support/make_case.hpp"
#include "support/oracle.hpp"

namespace crestmax_test {
namespace {

std::vector<crestmax::softmax_method> all_methods() {
  return {crestmax::sampled_max{}, forced_sample(16, 32, 4), crestmax::anchor_shift{},
          crestmax::running_max{}, crestmax::lazy_max{}};
}

// Hides the keys for which hidden(query, key) is true.
template <class Hidden>
void hide(attention_case& c, Hidden&& hidden) {
  const index_type q_len = c.query.extent(1);
  const index_type kv_len = c.key.extent(1);
  auto& table = c.keep(std::vector<std::uint8_t>(static_cast<std::size_t>(q_len * kv_len)));
  for (index_type q = 0; q < q_len; ++q) {
    for (index_type k = 0; k < kv_len; ++k) table[static_cast<std::size_t>(q * kv_len + k)] = hidden(q, k) ? 0 : 1;
  }
  c.modifiers.mask =
      crestmax::boolean_mask(crestmax::tensor<const std::uint8_t>(table.data(), {1, 1, q_len, kv_len}));
}

TEST(MaskedCrest, IsFoundElsewhere) {
  // Anchors, and every sampled key, are hidden; what is visible lies in between, high or low.
  for (const double height : {-100.0, 0.0, 50.0, 1000.0}) {
    attention_case c =
        scores_case(4, 1500, [&](index_type j) { return height + 0.01 * static_cast<double>(j % 50); });
    hide(c, [](index_type, index_type k) { return k < 64 || k > 1400 || k % 16 == 8; });
    for (const auto& method : all_methods()) {
      c.options.softmax = method;
      ASSERT_TRUE(is_exact(c)) << height;
    }
  }
}

TEST(MaskedCrest, OfSomeRowsOnlyIsFoundElsewhere) {
  attention_case c = normal_case({.q_len = 20, .kv_len = 900, .q_heads = 2}, 6);
  hide(c, [](index_type q, index_type k) { return q % 2 == 0 ? k < 500 || k > 560 : k > 300; });
  for (const auto& method : all_methods()) {
    c.options.softmax = method;
    ASSERT_TRUE(is_exact(c));
  }
}

TEST(MaskedCrest, WithOneVisibleKeyAnywhereIsThatKey) {
  for (index_type seen = 0; seen < 600; seen += 7) {
    attention_case c = scores_case(2, 600, [](index_type j) { return static_cast<double>(j % 11) * 30 - 150; });
    hide(c, [&](index_type, index_type k) { return k != seen; });
    for (const auto& method : all_methods()) {
      c.options.softmax = method;
      const attention_result result = run(c);
      ASSERT_TRUE(result.status.ok());
      for (index_type k = 0; k < c.d_v(); ++k) {
        const double value = c.value.at(0, seen, 0, k);
        ASSERT_NEAR(result.output.at(0, 1, 0, k), value, 1e-6 * std::fabs(value)) << "visible key " << seen;
      }
    }
  }
}

TEST(HiddenKeys, MayHoldAnything) {
  for (const double poison : {not_a_number, infinity, -infinity, 3e38}) {
    for (const index_type splits : {0, 3}) {
      attention_case c = normal_case({.q_len = 12, .kv_len = 700}, 7);
      c.options.tiles.splits = splits;
      hide(c, [](index_type q, index_type k) { return (k * 7 + q) % 5 == 0 || k == 100; });
      // Key 100 is hidden from all rows, in a tile where other keys are visible.
      c.key.fill_row(0, 100, 0, poison);
      c.value.fill_row(0, 100, 0, poison);
      for (const auto& method : all_methods()) {
        c.options.softmax = method;
        ASSERT_TRUE(is_exact(c)) << poison;
        ASSERT_TRUE(is_exact(c, {.backend = backend_kind::portable})) << poison;
      }
    }
  }
}

TEST(HiddenKeys, OfCausalTilesMayHoldAnything) {
  // Keys after a query's position are poisoned; each row is its own call's last query.
  attention_case c = normal_case({.q_len = 100, .kv_len = 300}, 8);
  c.modifiers.causal.enabled = true;
  const attention_result clean = run(c);
  for (index_type k = 260; k < 300; ++k) {
    c.key.fill_row(0, k, 0, not_a_number);
    c.value.fill_row(0, k, 0, not_a_number);
  }
  const attention_result poisoned = run(c);
  for (index_type q = 0; q < 100; ++q) {
    for (index_type k = 0; k < c.d_v(); ++k) {
      // Query q stands at 200 + q and sees the poison from position 260 on.
      if (q + 200 < 260) {
        ASSERT_NEAR(poisoned.output.at(0, q, 0, k), clean.output.at(0, q, 0, k), 1e-6) << q;
      } else {
        ASSERT_TRUE(std::isnan(poisoned.output.at(0, q, 0, k))) << q;
      }
    }
  }
}

TEST(HiddenKeys, PastTheLengthMayHoldAnything) {
  for (const bool with_pages : {false, true}) {
    attention_case c = normal_case({.batch = 2, .q_len = 5, .kv_len = 300}, 9);
    c.key_lengths = {37, 270};
    for (index_type b = 0; b < 2; ++b) {
      for (index_type k = c.key_lengths[static_cast<std::size_t>(b)]; k < 300; ++k) {
        c.key.fill_row(b, k, 0, not_a_number);
        c.value.fill_row(b, k, 0, not_a_number);
      }
    }
    if (with_pages) c = paged(c, 16, false, 3);  // the rest of a last page is NaN as well
    for (const auto& method : all_methods()) {
      c.options.softmax = method;
      ASSERT_TRUE(is_exact(c)) << with_pages;
    }
  }
}

TEST(VisibleKeys, ThatHoldNanPoisonTheirRowsOnly) {
  for (const auto& method : all_methods()) {
    attention_case c = normal_case({.q_len = 10, .kv_len = 500}, 10);
    c.options.softmax = method;
    hide(c, [](index_type q, index_type k) { return q < 5 && k == 222; });
    c.key.fill_row(0, 222, 0, not_a_number);
    const attention_result result = run(c);
    ASSERT_TRUE(is_exact(c, result, 64));
    EXPECT_TRUE(std::isnan(result.output.at(0, 7, 0, 0)));
    EXPECT_TRUE(std::isnan(result.lse.at(0, 7, 0, 0)));
    EXPECT_TRUE(std::isfinite(result.output.at(0, 2, 0, 0)));
  }
}

TEST(VisibleKeys, UnderAQueryThatHoldsNanPoisonItsRowWhereKeysAreSplit) {
  for (const auto& method : all_methods()) {
    attention_case c = normal_case({.q_len = 2, .kv_len = 9000, .d_qk = 4, .d_v = 4}, 12);
    c.options.softmax = method;
    c.query.set(0, 1, 0, 2, not_a_number);
    const attention_result result = run(c);
    ASSERT_TRUE(is_exact(c, result, 2));
    EXPECT_TRUE(std::isnan(result.output.at(0, 1, 0, 0)));
    EXPECT_TRUE(std::isfinite(result.output.at(0, 0, 0, 0)));
  }
}

TEST(VisibleKeys, WithSpecialValuesHaveTheEffectOfThePlainFormula) {
  for (const double special : {not_a_number, infinity, -infinity}) {
    for (const index_type place : {0, 100, 300, 499}) {
      for (const auto& method : all_methods()) {
        attention_case c = normal_case({.q_len = 4, .kv_len = 500}, 11);
        c.options.softmax = method;
        c.value.set(0, place, 0, 3, special);
        const attention_result result = run(c);
        ASSERT_TRUE(is_exact(c, result, 64)) << special << " at " << place;
        ASSERT_FALSE(std::isfinite(result.output.at(0, 0, 0, 3)));
        ASSERT_TRUE(std::isfinite(result.output.at(0, 0, 0, 2)));
      }
    }
  }
}

TEST(VisibleKeys, WithInfiniteScoresHaveTheEffectOfThePlainFormula) {
  for (const index_type place : {0, 100, 300, 499}) {
    for (const auto& method : all_methods()) {
      attention_case c = scores_case(2, 500, [&](index_type j) { return j == place ? infinity : 0.0; });
      c.key.fill_row(0, place, 0, infinity);
      c.query.fill(1);
      c.options.softmax = method;
      ASSERT_TRUE(is_exact(c)) << place;
      c.key.fill_row(0, place, 0, -infinity);  // no weight
      ASSERT_TRUE(is_exact(c)) << place;
    }
  }
}

TEST(VisibleKeys, WhoseWeightUnderflowsAreStillRead) {
  // exp(-200) is 0 in float; 0 * inf is NaN, in the plain formula and here.
  for (const auto& method : all_methods()) {
    attention_case c = scores_case(2, 500, [](index_type j) { return j == 300 ? -200.0 : 0.0; });
    c.value.set(0, 300, 0, 2, infinity);
    c.options.softmax = method;
    EXPECT_TRUE(is_exact(c));
    // The same beside a hidden key that makes its tile a partial one.
    hide(c, [](index_type, index_type k) { return k == 310; });
    c.value.fill_row(0, 310, 0, not_a_number);
    EXPECT_TRUE(is_exact(c));
  }
}

TEST(VisibleKeys, OfASplitWhoseWeightsAllUnderflowAreStillRead) {
  for (const double low : {-80.0, -95.0, -200.0}) {
    for (const double value : {infinity, not_a_number}) {
      attention_case c = scores_case(1, 4096, [&](index_type j) { return j < 2048 ? 0.0 : low; });
      c.value.set(0, 3000, 0, 2, value);
      c.options.tiles.splits = 4;
      const attention_result result = run(c);
      ASSERT_TRUE(result.status.ok()) << result.status.message();
      const row_place row = rows_of(c).front();
      EXPECT_FALSE(std::isfinite(result_at(result.output, row, 2))) << low;
      EXPECT_TRUE(std::isfinite(result_at(result.output, row, 1))) << low;
    }
  }
}

TEST(VisibleKeys, WithoutWeightAreNotRead) {
  // A bias of -inf leaves a key without weight, whatever its value is.
  attention_case c = normal_case({.q_len = 3, .kv_len = 400}, 12);
  auto& bias = c.keep(std::vector<float>(400, 0.0f));
  bias[50] = bias[210] = -std::numeric_limits<float>::infinity();
  c.modifiers.scores.parts.emplace_back(
      crestmax::additive_bias<float>(crestmax::tensor<const float>(bias.data(), {1, 1, 1, 400})));
  c.value.fill_row(0, 210, 0, not_a_number);
  for (const auto& method : all_methods()) {
    c.options.softmax = method;
    EXPECT_TRUE(is_exact(c)) << static_cast<int>(method.kind);
  }
}

TEST(RowsWithoutKeys, AreZeroWithAnLseOfMinusInfinity) {
  for (const auto& method : all_methods()) {
    attention_case c = normal_case({.q_len = 6, .kv_len = 300}, 13);
    c.options.softmax = method;
    hide(c, [](index_type q, index_type) { return q % 2 == 0; });
    const attention_result result = run(c);
    ASSERT_TRUE(is_exact(c, result, 64));
    EXPECT_EQ(result.output.at(0, 2, 0, 5), 0.0);
    EXPECT_EQ(result.lse.at(0, 2, 0, 0), -infinity);
  }
}

TEST(RowsWithoutKeys, HaveTheLseOfTheirSink) {
  for (const auto& method : all_methods()) {
    attention_case c = normal_case({.q_len = 6, .kv_len = 300, .q_heads = 2}, 14);
    c.options.softmax = method;
    c.modifiers.sinks.logits = c.keep(std::vector<float>{1.25f, -3.0f});
    hide(c, [](index_type q, index_type) { return q % 2 == 0; });
    const attention_result result = run(c);
    ASSERT_TRUE(is_exact(c, result, 64));
    EXPECT_EQ(result.output.at(0, 2, 1, 5), 0.0);
    EXPECT_EQ(result.lse.at(0, 2, 0, 0), 1.25);
    EXPECT_EQ(result.lse.at(0, 2, 1, 0), -3.0);
  }
}

TEST(RowsWithoutKeys, AreNotNanWhenValuesAre) {
  attention_case c = normal_case({.q_len = 2, .kv_len = 100}, 15);
  hide(c, [](index_type q, index_type) { return q == 0; });
  c.value.fill_row(0, 10, 0, not_a_number);
  const attention_result result = run(c);
  EXPECT_EQ(result.output.at(0, 0, 0, 0), 0.0);
  EXPECT_TRUE(std::isnan(result.output.at(0, 1, 0, 0)));
}

TEST(CausalRows, BeforeTheFirstKeyAreZero) {
  for (const auto& method : all_methods()) {
    attention_case c = normal_case({.q_len = 50, .kv_len = 20, .q_heads = 3, .kv_heads = 1}, 16);
    c.options.softmax = method;
    c.modifiers.causal.enabled = true;
    const attention_result result = run(c);
    ASSERT_TRUE(is_exact(c, result, 200));
    for (index_type q = 0; q < 30; ++q) ASSERT_EQ(result.lse.at(0, q, 1, 0), -infinity);
    ASSERT_GT(result.lse.at(0, 30, 1, 0), -infinity);
  }
}

TEST(EmptySequences, GiveZeroRows) {
  attention_case c = normal_case({.batch = 3, .q_len = 4, .kv_len = 30}, 17);
  c.key_lengths = {30, 0, 7};
  const attention_result result = run(c);
  ASSERT_TRUE(is_exact(c, result, 64));
  EXPECT_EQ(result.output.at(1, 2, 0, 0), 0.0);
  EXPECT_EQ(result.lse.at(1, 2, 0, 0), -infinity);
}

TEST(EmptySequences, WithoutKeysAtAllGiveZeroRows) {
  attention_case c = normal_case({.q_len = 4, .kv_len = 0}, 18);
  const attention_result result = run(c);
  ASSERT_TRUE(result.status.ok()) << result.status.message();
  EXPECT_EQ(result.output.at(0, 3, 0, 0), 0.0);
  EXPECT_EQ(result.lse.at(0, 3, 0, 0), -infinity);
}

TEST(Sinks, FarAboveAllScoresAreExact) {
  for (const double logit : {-1e4, -30.0, 0.0, 30.0, 80.0, 100.0, 1e4}) {
    for (const auto& method : all_methods()) {
      attention_case c = normal_case({.q_len = 4, .kv_len = 300}, 19);
      c.options.softmax = method;
      c.modifiers.sinks.logits = c.keep(std::vector<float>{static_cast<float>(logit)});
      ASSERT_TRUE(is_exact(c)) << logit;
    }
  }
}

}  // namespace
}  // namespace crestmax_test
