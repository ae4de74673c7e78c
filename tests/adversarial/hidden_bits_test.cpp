// What hidden keys and values hold changes no bit of any row that does not see them, on any way through the library.
#include <cstring>

#include "support/contract.hpp"
#include "support/instruction_sets.hpp"
#include "support/make_case.hpp"
#include "support/oracle.hpp"

namespace crestmax_test {
namespace {

bool same_bits(double x, double y) { return std::memcmp(&x, &y, sizeof x) == 0; }

bool sees(const attention_case& c, const row_place& r, const std::vector<index_type>& keys) {
  return std::any_of(keys.begin(), keys.end(), [&](index_type j) { return c.modifiers.visible(position_of(r, j)); });
}

// Runs a case with and without `poison` in some keys: rows that see none of them are the same in every bit, and at least
// `least` of them there are.
testing::AssertionResult are_without_effect(const attention_case& clean, const std::vector<index_type>& keys, double poison,
                                            const surroundings& s, index_type least, bool in_keys = true, bool in_values = true) {
  attention_case poisoned = clean;
  for (const index_type j : keys) {
    for (index_type h = 0; h < clean.kv_heads(); ++h) {
      if (in_keys) poisoned.key.fill_row(0, j, h, poison);
      if (in_values) poisoned.value.fill_row(0, j, h, poison);
    }
  }
  const attention_result expected = run(clean, s);
  const attention_result given = run(poisoned, s);
  if (!expected.status.ok() || !given.status.ok()) return testing::AssertionFailure() << given.status.message();
  index_type rows = 0, different = 0;
  for (const row_place& r : rows_of(clean)) {
    if (sees(clean, r, keys)) continue;
    ++rows;
    bool same = same_bits(result_at(expected.lse, r), result_at(given.lse, r));
    for (index_type k = 0; k < clean.d_v(); ++k) same &= same_bits(result_at(expected.output, r, k), result_at(given.output, r, k));
    if (clean.wants_dropped_mass) same &= same_bits(result_at(expected.dropped_mass, r), result_at(given.dropped_mass, r));
    different += !same;
  }
  if (rows < least) return testing::AssertionFailure() << "only " << rows << " rows do not see them";
  if (different == 0) return testing::AssertionSuccess();
  return testing::AssertionFailure() << different << " of " << rows << " rows differ with " << poison << (in_keys ? " in keys" : "")
                                     << (in_values ? " in values" : "") << "\n" << describe(clean);
}

// Hides the keys for which hidden(query, key) is true.
template <class Hidden>
void hide(attention_case& c, Hidden&& hidden) {
  const index_type q_len = c.query.extent(1), kv_len = c.key.extent(1);
  auto& table = c.keep(std::vector<std::uint8_t>(static_cast<std::size_t>(q_len * kv_len)));
  for (index_type q = 0; q < q_len; ++q) {
    for (index_type k = 0; k < kv_len; ++k) table[static_cast<std::size_t>(q * kv_len + k)] = hidden(q, k) ? 0 : 1;
  }
  c.modifiers.mask = crestmax::boolean_mask(crestmax::tensor<const std::uint8_t>(table.data(), {1, 1, q_len, kv_len}));
}

std::vector<scalar_kind> kinds() { return {scalar_kind::float32, scalar_kind::bfloat16, scalar_kind::float16}; }

class HiddenValues : public OnEverySet {
 protected:
  surroundings here() const { return GetParam().with(); }
};
INSTANTIATE_TEST_SUITE_P(Sets, HiddenValues, ::testing::ValuesIn(every_kernel_set()), name_of_set);

attention_case masked_case(index_type q_len, scalar_kind kind, bool from_all) {
  attention_case c = normal_case(case_shape{.q_len = q_len, .kv_len = 700, .q_heads = 2, .d_qk = 32, .d_v = 24}.with_types(kind), 7);
  hide(c, [&](index_type q, index_type k) {
    const bool poisoned = k == 0 || k == 100 || k == 333 || k == 690;
    return (k * 7 + q) % 5 == 0 || (poisoned && (from_all || q % 3 != 0));
  });
  return c;
}
const std::vector<index_type> poisoned_keys{0, 100, 333, 690};

TEST_P(HiddenValues, ChangeNoBitsOfWhatACoverageSaysItLost) {
  for (const double poison : {not_a_number, infinity, 1e30}) {
    for (const index_type q_len : {2, 40}) {
      attention_case c = masked_case(q_len, scalar_kind::float32, true);
      c.wants_dropped_mass = true;
      c.options.tiles.key_tile = 64;
      c.options.coverage = crestmax::above(1);
      ASSERT_TRUE(are_without_effect(c, poisoned_keys, poison, here(), q_len)) << "above";
      c.options.softmax = forced_sample(4, 16, 2);
      c.options.coverage = crestmax::plateaus;
      c.options.lipschitz = 0.5;
      ASSERT_TRUE(are_without_effect(c, poisoned_keys, poison, here(), q_len)) << "plateaus";
    }
  }
}

TEST_P(HiddenValues, UnderABooleanMaskChangeNoBits) {
  for (const scalar_kind kind : kinds()) {
    for (const index_type q_len : {2, 40, 130}) {
      attention_case c = masked_case(q_len, kind, false);
      c.options.tiles.splits = q_len == 2 ? 4 : 1;
      ASSERT_TRUE(are_without_effect(c, poisoned_keys, not_a_number, here(), q_len));
    }
  }
}

TEST_P(HiddenValues, UnderAMaskTensorChangeNoBits) {
  constexpr crestmax::mask_type types[] = {crestmax::mask_type::boolean, crestmax::mask_type::float32, crestmax::mask_type::float16};
  for (const scalar_kind kind : kinds()) {
    for (const crestmax::mask_type type : types) {
      for (const index_type q_len : {2, 130}) {
        attention_case c = masked_case(q_len, kind, false);
        const auto bools = c.modifiers.mask;
        const auto number = [&](index_type, index_type, index_type q, index_type k) { return !bools.visible({0, 0, q, q, k}) ? -infinity : q % 2 == 0 ? 0.0 : 0.5; };
        c.modifiers.set_mask(make_mask(c.keep(mask_memory{}), type, {1, 1, q_len, 700}, mask_layout::dense, number));
        c.modifiers.mask = {};
        c.options.tiles.splits = q_len == 2 ? 4 : 1;
        ASSERT_TRUE(are_without_effect(c, poisoned_keys, not_a_number, here(), q_len));
      }
    }
  }
}

TEST_P(HiddenValues, OfAnyKindChangeNoBits) {
  for (const index_type q_len : {2, 20}) {
    attention_case c = masked_case(q_len, scalar_kind::bfloat16, true);
    for (const double poison : {not_a_number, infinity, -infinity, 3e38}) {
      for (const bool in_keys : {true, false}) {
        ASSERT_TRUE(are_without_effect(c, poisoned_keys, poison, here(), q_len, in_keys, !in_keys));
      }
    }
  }
}

TEST_P(HiddenValues, OfHeadsThatTakeTurnsChangeNoBits) {
  for (const index_type splits : {1, 4}) {
    attention_case c = normal_case({.q_len = 2, .kv_len = 2301, .q_heads = 8, .kv_heads = 8, .d_qk = 32, .d_v = 24}, 5);
    hide(c, [](index_type, index_type k) { return k % 3 == 1; });
    c.options.tiles.splits = splits;
    ASSERT_TRUE(are_without_effect(c, {1, 700, 2200}, not_a_number, here(), 16));
  }
}

TEST_P(HiddenValues, ChangeNoBitsOfRowsThatAreCorrected) {
  for (const index_type q_len : {5, 60}) {
    for (const double limit : {0.0, 6.0, 40.0}) {
      for (const index_type splits : {1, 3}) {
        attention_case c = masked_case(q_len, q_len == 5 ? scalar_kind::float32 : scalar_kind::bfloat16, false);
        c.options.guard_limit = limit;
        c.options.tiles.splits = splits;
        ASSERT_TRUE(are_without_effect(c, poisoned_keys, not_a_number, here(), q_len, false, true)) << limit;
      }
    }
  }
}

TEST_P(HiddenValues, ChangeNoBitsUnderAnyMethodAndCoverage) {
  const crestmax::softmax_method methods[] = {crestmax::sampled_max{}, forced_sample(16, 32, 4), crestmax::anchor_shift{},
                                              crestmax::running_max{}, crestmax::lazy_max{}};
  for (const auto& method : methods) {
    for (const auto& coverage : {crestmax::everything, crestmax::above(3), crestmax::plateaus}) {
      if (coverage.kind != crestmax::coverage_kind::everything && &method >= methods + 3) continue;
      for (const index_type q_len : {3, 60}) {
        attention_case c = masked_case(q_len, scalar_kind::float32, false);
        c.options.softmax = method;
        c.options.coverage = coverage;
        ASSERT_TRUE(are_without_effect(c, poisoned_keys, not_a_number, here(), q_len));
      }
    }
  }
}

TEST_P(HiddenValues, UnderCausalMasksAndWindowsChangeNoBits) {
  for (const scalar_kind kind : kinds()) {
    for (const index_type q_len : {3, 100, 300}) {
      for (const bool window : {false, true}) {
        attention_case c = normal_case(case_shape{.q_len = q_len, .kv_len = 611, .q_heads = 2, .d_qk = 32, .d_v = 24}.with_types(kind), 8);
        c.modifiers.causal.enabled = true;
        std::vector<index_type> keys;
        for (index_type k = 611 - q_len / 2; k < 611; ++k) keys.push_back(k);
        if (window) {
          c.modifiers.window.left = 60;
          keys = {551 - q_len, 610};
        }
        ASSERT_TRUE(are_without_effect(c, keys, not_a_number, here(), q_len / 2)) << window;
      }
    }
  }
}

TEST_P(HiddenValues, OfPagesAndPastTheLengthChangeNoBits) {
  for (const index_type q_len : {1, 40}) {
    for (const bool with_pages : {false, true}) {
      attention_case c = normal_case({.q_len = q_len, .kv_len = 500, .q_heads = 2, .d_qk = 32, .d_v = 24}, 9);
      c.key_lengths = {333};
      attention_case poisoned = c;
      for (index_type k = 333; k < 500; ++k) {
        poisoned.key.fill_row(0, k, 0, not_a_number);
        poisoned.value.fill_row(0, k, 0, not_a_number);
      }
      if (with_pages) poisoned = paged(poisoned, 16, false, 3);
      const attention_result expected = run(c, here()), given = run(poisoned, here());
      ASSERT_TRUE(given.status.ok()) << given.status.message();
      EXPECT_EQ(expected.output.memory(), given.output.memory()) << with_pages;
    }
  }
}

TEST_P(HiddenValues, AreReadFromPagesWithoutEffect) {
  for (const index_type q_len : {2, 40}) {
    attention_case c = masked_case(q_len, scalar_kind::float32, true);
    attention_case poisoned = c;
    for (const index_type j : poisoned_keys) poisoned.value.fill_row(0, j, 0, not_a_number);
    for (const index_type page_size : {4, 64}) {
      const attention_result expected = run(paged(c, page_size, false, 3), here());
      const attention_result given = run(paged(poisoned, page_size, false, 3), here());
      ASSERT_TRUE(given.status.ok()) << given.status.message();
      EXPECT_EQ(expected.output.memory(), given.output.memory()) << page_size;
    }
  }
}

// The rows that do see such values get what the plain formula makes of them, output by output.
TEST_P(HiddenValues, ThatOtherRowsSeeHaveTheEffectOfThePlainFormulaThere) {
  for (const double special : {not_a_number, infinity, -infinity}) {
    for (const index_type q_len : {4, 40}) {
      for (const index_type splits : {1, 4}) {
        attention_case c = masked_case(q_len, scalar_kind::float32, false);
        c.options.tiles.splits = splits;
        c.value.set(0, 100, 0, 3, special);
        c.value.set(0, 333, 0, 3, -special);
        c.value.set(0, 333, 0, 5, special);
        ASSERT_TRUE(is_exact(c, here(), 80)) << special;
      }
    }
  }
}

TEST_P(HiddenValues, DoNotDecideHowTinyOnesAreMultiplied) {
  // A row that sees tiny values only, beside large ones that it does not see.
  attention_case c = normal_case(case_shape{.q_len = 40, .kv_len = 300, .d_qk = 32, .d_v = 16}.with_types(scalar_kind::bfloat16), 3);
  for (index_type k = 0; k < 300; ++k) {
    for (index_type d = 0; d < 16; ++d) c.value.set(0, k, 0, d, std::ldexp(c.value.at(0, k, 0, d), k % 2 == 0 ? -122 : 0));
  }
  hide(c, [](index_type q, index_type k) { return k % 2 != 0 && q < 20; });
  const attention_result result = run(c, here());
  ASSERT_TRUE(result.status.ok()) << result.status.message();
  for (const row_place& r : rows_of(c)) {
    if (r.query >= 20) continue;
    const oracle_row truth = oracle_of(c, r);
    for (index_type d = 0; d < 16; ++d) {
      ASSERT_NEAR(result_at(result.output, r, d), truth.output[static_cast<std::size_t>(d)], 0x1p-7 * truth.value_max) << r.query;
    }
  }
}

}  // namespace
}  // namespace crestmax_test
