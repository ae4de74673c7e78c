// A single high score: every height, at every position relative to stride, tile, split and anchors. The
// sample must be free to miss it; the result must not.
#include "support/contract.hpp"
#include "support/make_case.hpp"

namespace crestmax_test {
namespace {

std::vector<crestmax::softmax_method> fixed_shift_methods() {
  return {crestmax::sampled_max{},  forced_sample(16, 32, 4),
          forced_sample(8, 1, 0),   forced_sample(40, 64, 64),
          crestmax::anchor_shift{}, crestmax::anchor_shift{.margin = 0, .first_keys = 1, .nearest_keys = 0}};
}

attention_case spike_case(index_type kv_len, index_type place, double height, scalar_kind kind = scalar_kind::float32) {
  random_source random(99);
  return scores_case(
      2, kv_len, [&](index_type j) { return j == place ? height : random.uniform(-1, 1); }, kind);
}

// Positions around what the library cuts keys by: runs of 32, tiles of 256, strides, windows, the ends.
std::vector<index_type> telling_positions(index_type kv_len) {
  std::vector<index_type> places{0,  1,  3,  4,   5,   7,   8,   9,   15,  16,  17,  31,  32,  33, 47,
                            63, 64, 65, 100, 255, 256, 257, 287, 288, 289, 300, 511, 512, 513};
  for (const index_type back : {1, 2, 16, 31, 32, 33, 34, 64, 65, 66}) places.push_back(kv_len - back);
  return places;
}

TEST(Spikes, OfEveryHeightAtEveryTellingPositionAreExact) {
  constexpr index_type kv_len = 700;
  for (const double height : {2.0, 10.0, 11.5, 24.0, 27.0, 29.0, 60.0, 88.0, 90.0, 130.0, 1000.0, 1e4}) {
    for (const index_type place : telling_positions(kv_len)) {
      attention_case c = spike_case(kv_len, place, height);
      for (const auto& method : fixed_shift_methods()) {
        c.options.softmax = method;
        ASSERT_TRUE(is_exact(c, surroundings{}, 1)) << "height " << height << " at " << place;
      }
    }
  }
}

TEST(Spikes, AtEveryPositionOfAStrideAndATileAreExact) {
  attention_case c = spike_case(600, 0, 0);
  c.options.softmax = forced_sample(16, 4, 1);
  c.options.tiles.key_tile = 64;
  for (index_type place = 130; place < 330; ++place) {
    const double before = c.key.at(0, place, 0, 0);
    for (const double height : {15.0, 35.0, 200.0}) {
      c.key.set(0, place, 0, 0, height);
      ASSERT_TRUE(is_exact(c, surroundings{}, 1)) << "height " << height << " at " << place;
    }
    c.key.set(0, place, 0, 0, before);
  }
}

TEST(Spikes, AreExactForBaselinesToo) {
  for (const double height : {10.0, 90.0, 1e4}) {
    for (const index_type place : {0, 255, 256, 699}) {
      attention_case c = spike_case(700, place, height);
      c.options.softmax = crestmax::running_max{};
      ASSERT_TRUE(is_exact(c)) << height << " at " << place;
      c.options.softmax = crestmax::lazy_max{};
      ASSERT_TRUE(is_exact(c)) << height << " at " << place;
    }
  }
}

TEST(Spikes, AreExactOnThePortableBackend) {
  for (const double height : {10.0, 28.0, 90.0, 1e4}) {
    for (const index_type place : {0, 5, 255, 256, 300, 668, 699}) {
      attention_case c = spike_case(700, place, height);
      for (const auto& method : fixed_shift_methods()) {
        c.options.softmax = method;
        ASSERT_TRUE(is_exact(c, {.backend = backend_kind::portable}, 1)) << height << " at " << place;
      }
    }
  }
}

TEST(Spikes, AreExactInDouble) {
  for (const double height : {10.0, 28.0, 90.0, 800.0, 1e4}) {
    for (const index_type place : {0, 5, 255, 300, 699}) {
      attention_case c = spike_case(700, place, height, scalar_kind::float64);
      for (const auto& method : fixed_shift_methods()) {
        c.options.softmax = method;
        ASSERT_TRUE(is_exact(c, surroundings{}, 1)) << height << " at " << place;
      }
    }
  }
}

TEST(Spikes, AreExactInEverySplit) {
  attention_case c = spike_case(4000, 0, 0);
  c.options.tiles.splits = 7;
  for (const double height : {12.0, 40.0, 500.0}) {
    for (index_type place = 0; place < 4000; place += 331) {
      const double before = c.key.at(0, place, 0, 0);
      c.key.set(0, place, 0, 0, height);
      ASSERT_TRUE(is_exact(c, surroundings{}, 1)) << height << " at " << place;
      c.key.set(0, place, 0, 0, before);
    }
  }
}

TEST(Spikes, InSeveralPlacesAreExact) {
  random_source random(4);
  for (int round = 0; round < 200; ++round) {
    attention_case c = spike_case(random.integer(40, 1500), 0, 1);
    for (index_type i = random.integer(1, 6); i > 0; --i) {
      c.key.set(0, random.integer(0, c.key.extent(1) - 1), 0, 0,
                random.uniform(0, random.pick({30.0, 100.0, 1e4})));
    }
    c.options.softmax = fixed_shift_methods()[static_cast<std::size_t>(random.integer(0, 5))];
    ASSERT_TRUE(is_exact(c, surroundings{}, 1)) << "round " << round;
  }
}

// Two keys share the weight, far above a crest that missed both: their weights are exp(20 and more), and
// a rounding of that exponent would show.
TEST(Spikes, PairsFarAboveTheCrestKeepTheirRatio) {
  random_source random(12);
  for (int round = 0; round < 400; ++round) {
    const double height = random.uniform(14, 27);
    attention_case c = spike_case(512, 200, height);
    c.key.set(0, 233, 0, 0, height - random.uniform(0, 1.5));
    c.value.fill(0);
    c.value.fill_row(0, 200, 0, 1);
    c.value.fill_row(0, 233, 0, -1);
    c.options.softmax = crestmax::anchor_shift{};
    ASSERT_TRUE(is_exact(c, surroundings{}, 1)) << "round " << round << ", height " << height;
  }
}

TEST(Spikes, InOneRowOfABlockLeaveTheOthersAlone) {
  // Row 5 has its own key, 300, at a height that the guard catches.
  attention_case c = normal_case({.q_len = 40, .kv_len = 600, .d_qk = 8, .d_v = 8}, 21);
  for (index_type k = 0; k < 8; ++k) c.query.set(0, 5, 0, k, 0);
  c.key.for_each([&](index_type a, index_type j, index_type h, index_type d) {
    if (d == 0) c.key.set(a, j, h, d, j == 300 ? 50 : 0);
  });
  c.query.for_each([&](index_type a, index_type i, index_type h, index_type d) {
    if (d == 0) c.query.set(a, i, h, d, i == 5 ? 5 : 0);
  });
  const attention_result result = run(c);
  EXPECT_TRUE(is_exact(c, result, 64));
  EXPECT_EQ(result.report.rows_corrected, 1);
}

TEST(Spikes, OfDifferentRowsInDifferentPlacesAreExact) {
  // Row i looks along dimension i % 64, in which one key of its own stands out.
  constexpr index_type rows = 200, kv_len = 1500, d = 64;
  random_source random(31);
  for (const double height : {8.0, 25.0, 40.0, 300.0}) {
    attention_case c = empty_case({.q_len = rows, .kv_len = kv_len, .d_qk = d, .d_v = 8});
    c.query.for_each([&](index_type, index_type i, index_type, index_type k) { c.query.set(0, i, 0, k, k == i % d ? 1 : 0); });
    c.key.fill_normal(random, 0.5);
    c.value.fill_normal(random);
    for (index_type k = 0; k < d; ++k)
      c.key.set(0, random.integer(0, kv_len - 1), 0, k, height * random.uniform(0.5, 1));
    c.options.scale = 1.0;
    for (const auto& method : fixed_shift_methods()) {
      for (const bool causal : {false, true}) {
        c.options.softmax = method;
        c.modifiers.causal.enabled = causal;
        ASSERT_TRUE(is_exact(c, surroundings{}, 80)) << "height " << height << ", causal " << causal;
      }
    }
  }
}

TEST(Spikes, ThatTheGuardCatchesAreReportedAsCorrected) {
  const attention_case c = spike_case(700, 300, 60);
  EXPECT_EQ(run(c).report.rows_corrected, 2);
  const attention_case harmless = spike_case(700, 300, 15);
  EXPECT_EQ(run(harmless).report.rows_corrected, 0);
}

}  // namespace
}  // namespace crestmax_test
