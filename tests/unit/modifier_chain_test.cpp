// How modifiers compose: order, masks last, off values, user-defined ones.
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>
#include <vector>

#include "support/random.hpp"

namespace crestmax_test {
namespace {

using crestmax::score_position;

struct doubled {
  template <class T>
  T operator()(T score, score_position) const {
    return 2 * score;
  }
};
struct plus_one {
  template <class T>
  T operator()(T score, score_position) const {
    return score + 1;
  }
};
struct odd_keys_only {
  bool visible(score_position at) const { return at.key % 2 == 1; }
  crestmax::visibility classify(crestmax::score_range) const { return crestmax::visibility::partial; }
};
// Tells what it was told.
struct key_reporter {
  template <class T>
  T operator()(T, score_position at) const {
    return static_cast<T>(((at.sequence * 10 + at.head) * 10 + at.query) * 1000 + at.key);
  }
};
struct nothing {};

template <class Chain>
std::vector<float> modified(const Chain& chain, std::vector<float> scores) {
  const crestmax::row_position row{0, 5, 5};
  const auto view = crestmax::view_of<float>(chain);
  const crestmax::score_block<float> block{
      scores.data(), 0, &row, 1, 0, 0, 1, static_cast<index_type>(scores.size())};
  view.modify(view.context, block);
  view.mask(view.context, block);
  return scores;
}

TEST(ModifierConcepts, AcceptWhatIsAModifier) {
  EXPECT_TRUE(crestmax::score_modifier<doubled>);
  EXPECT_FALSE(crestmax::mask_modifier<doubled>);
  EXPECT_TRUE(crestmax::mask_modifier<odd_keys_only>);
  EXPECT_TRUE(crestmax::mask_modifier<crestmax::causal>);
  EXPECT_TRUE(crestmax::sink_modifier<crestmax::attention_sinks>);
  EXPECT_FALSE(crestmax::modifier<nothing>);
  EXPECT_FALSE(crestmax::modifier<int>);
}

TEST(ModifierChain, ActsFromLeftToRight) {
  EXPECT_EQ(modified(crestmax::chain(doubled{}, plus_one{}), {3}), (std::vector<float>{7}));
  EXPECT_EQ(modified(crestmax::chain(plus_one{}, doubled{}), {3}), (std::vector<float>{8}));
}

TEST(ModifierChain, MasksActLastWhereverTheyStand) {
  const float hidden = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(modified(crestmax::chain(odd_keys_only{}, plus_one{}), {1, 1}), (std::vector<float>{hidden, 2}));
  EXPECT_EQ(modified(crestmax::chain(plus_one{}, odd_keys_only{}), {1, 1}), (std::vector<float>{hidden, 2}));
}

TEST(ModifierChain, MasksReplaceNanInsteadOfAddingToIt) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(modified(crestmax::chain(odd_keys_only{}), {nan, 4})[0], -std::numeric_limits<float>::infinity());
}

TEST(ModifierChain, TheBarConcatenatesModifiersAndChains) {
  const auto chain =
      crestmax::causal{} | crestmax::soft_cap{30.0f} | (crestmax::sliding_window{4, 4} | crestmax::causal{});
  EXPECT_EQ(std::tuple_size_v<decltype(chain.parts)>, 4u);
  EXPECT_EQ(std::get<1>(chain.parts).cap, 30.0f);
}

TEST(ModifierChain, AnInactiveModifierIsAsIfAbsent) {
  const auto view =
      crestmax::view_of<float>(crestmax::chain(crestmax::soft_cap{}, crestmax::causal{false},
                                               crestmax::sliding_window{}, crestmax::attention_sinks{}));
  EXPECT_FALSE(view.changes_scores());
  EXPECT_FALSE(view.masks);
  EXPECT_FALSE(view.sinks);
  EXPECT_EQ(modified(crestmax::chain(crestmax::soft_cap{}, crestmax::causal{false}), {50}),
            (std::vector<float>{50}));
}

TEST(ModifierChain, SeveralMasksHideWhatAnyOfThemHides) {
  const auto chain = crestmax::causal{} | crestmax::sliding_window{2, -1};
  const auto view = crestmax::view_of<float>(chain);
  using crestmax::visibility;
  const auto classify = [&](index_type first_key, index_type last_key) {
    return view.classify(view.context, {0, 0, 5, 5, 0, first_key, last_key});
  };
  EXPECT_EQ(classify(3, 5), visibility::all);
  EXPECT_EQ(classify(0, 2), visibility::none);
  EXPECT_EQ(classify(6, 9), visibility::none);
  EXPECT_EQ(classify(2, 4), visibility::partial);
  const auto hull = view.reachable(view.context, {0, 0, 5, 5, 0, 0, 9});
  EXPECT_EQ(hull.begin, 3);
  EXPECT_EQ(hull.end, 6);
}

TEST(ModifierChain, SeveralSinksAddTheirWeights) {
  const float one[1] = {1.0f};
  const float two[1] = {2.0f};
  const auto chain = crestmax::attention_sinks{one} | crestmax::attention_sinks{two};
  const auto view = crestmax::view_of<double>(chain);
  EXPECT_NEAR(view.sink(view.context, 0), std::log(std::exp(1.0) + std::exp(2.0)), 1e-12);
}

TEST(ModifierChain, ReportsTheFirstBadModifier) {
  const float slopes[1] = {0.5f};
  const auto chain = crestmax::soft_cap{-1.0f} | crestmax::alibi{slopes};
  EXPECT_EQ(crestmax::check_modifiers(chain, {1, 1, 1, 3}).code, crestmax::status_code::bad_option);
}

TEST(UserModifiers, AreToldSequenceHeadAndPositions) {
  // One key is visible per row, so that the LSE is the modified score itself.
  constexpr index_type batch = 2, q_len = 3, heads = 4, kv_len = 7;
  std::vector<float> query(batch * q_len * heads, 1.0f);
  std::vector<float> key(batch * kv_len * heads, 1.0f);
  std::vector<float> output(batch * q_len * heads);
  std::vector<double> lse(output.size());
  const crestmax::tensor<float> q(query.data(), {batch, q_len, heads, 1});
  const crestmax::tensor<float> k(key.data(), {batch, kv_len, heads, 1});
  const auto status =
      crestmax::attention(q, k, k, crestmax::tensor<float>(output.data(), {batch, q_len, heads, 1}),
                          {.lse = crestmax::row_tensor<double>(lse.data(), {batch, q_len, heads})},
                          key_reporter{} | crestmax::sliding_window{0, 0});
  ASSERT_TRUE(status.ok()) << status.message();
  for (index_type b = 0; b < batch; ++b) {
    for (index_type i = 0; i < q_len; ++i) {
      for (index_type h = 0; h < heads; ++h) {
        const index_type position = i + kv_len - q_len;
        const auto score = static_cast<double>(((b * 10 + h) * 10 + position) * 1000 + position);
        EXPECT_NEAR(lse[static_cast<std::size_t>((b * q_len + i) * heads + h)], score, 1e-6 * score);
      }
    }
  }
}

TEST(UserModifiers, AMaskOfTheUsersOwnHidesKeys) {
  float query[1] = {1};
  float key[4] = {1, 2, 3, 4};
  float value[4] = {10, 20, 10, 20};
  float output[1] = {};
  const auto status = crestmax::attention(crestmax::tensor<float>(query, {1, 1, 1, 1}),
                                          crestmax::tensor<float>(key, {1, 4, 1, 1}),
                                          crestmax::tensor<float>(value, {1, 4, 1, 1}),
                                          crestmax::tensor<float>(output, {1, 1, 1, 1}), {}, odd_keys_only{});
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_NEAR(output[0], 20.0f, 1e-5f);
}

TEST(UserModifiers, OrderShowsInTheResult) {
  float query[1] = {1};
  float key[2] = {3, 1};
  float value[2] = {1, 0};
  const auto share = [&](const auto& modifiers) {
    float output[1] = {};
    const auto status = crestmax::attention(
        crestmax::tensor<float>(query, {1, 1, 1, 1}), crestmax::tensor<float>(key, {1, 2, 1, 1}),
        crestmax::tensor<float>(value, {1, 2, 1, 1}), crestmax::tensor<float>(output, {1, 1, 1, 1}),
        {.scale = 1.0}, modifiers);
    EXPECT_TRUE(status.ok()) << status.message();
    return static_cast<double>(output[0]);
  };
  const auto expected = [](double difference) { return 1 / (1 + std::exp(-difference)); };
  EXPECT_NEAR(share(doubled{} | crestmax::soft_cap{2.0f}), expected(2 * std::tanh(3.0) - 2 * std::tanh(1.0)),
              1e-6);
  EXPECT_NEAR(share(crestmax::soft_cap{2.0f} | doubled{}), expected(4 * std::tanh(1.5) - 4 * std::tanh(0.5)),
              1e-6);
}

// A backend with kernels of its own asks what a chain is made of.
TEST(ModifierKinds, OfTheLibraryAreKnownAndOthersAreCustom) {
  using crestmax::modifier_kind;
  EXPECT_EQ(crestmax::kind_of_modifier(crestmax::causal{}), modifier_kind::causal);
  EXPECT_EQ(crestmax::kind_of_modifier(crestmax::soft_cap{}), modifier_kind::soft_cap);
  EXPECT_EQ(crestmax::kind_of_modifier(crestmax::additive_bias<float>{}), modifier_kind::additive_bias);
  EXPECT_EQ(crestmax::kind_of_modifier(odd_keys_only{}), modifier_kind::custom);
}

TEST(ModifierKinds, OfAChainAreThoseOfItsActiveModifiers) {
  using crestmax::modifier_kind;
  const auto chain = crestmax::soft_cap{0} | crestmax::causal{} | odd_keys_only{} | crestmax::sliding_window{3, 3};
  EXPECT_TRUE(crestmax::has_active(chain, modifier_kind::causal));
  EXPECT_FALSE(crestmax::has_active(chain, modifier_kind::soft_cap));
  EXPECT_EQ(crestmax::first_active(chain, modifier_kind::causal), modifier_kind::custom);
  EXPECT_EQ(crestmax::first_active(chain, modifier_kind::custom), modifier_kind::causal);
  EXPECT_EQ(crestmax::first_active(crestmax::no_modifiers{}, modifier_kind::none), modifier_kind::none);
}

TEST(ModifierKinds, OfACausalModifierThatIsOffAreNone) {
  const auto chain = crestmax::as_chain(crestmax::causal{false});
  EXPECT_FALSE(crestmax::has_active(chain, crestmax::modifier_kind::causal));
  EXPECT_EQ(crestmax::first_active(chain, crestmax::modifier_kind::none), crestmax::modifier_kind::none);
}

}  // namespace
}  // namespace crestmax_test
