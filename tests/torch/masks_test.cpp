// Causality, windows and masks of PyTorch's operators, as modifiers.
#include <gtest/gtest.h>

#include "support.hpp"

namespace crestmax_test {
namespace {

using crestmax::visibility;
using crestmax_torch::bool_mask_of;
using crestmax_torch::mask_steps;
using crestmax_torch::number_mask_of;
using crestmax_torch::position_band;
using crestmax_torch::settings;

struct lengths {
  index_type q_len, kv_len;
};
constexpr lengths shapes[] = {{1, 1}, {1, 9}, {6, 6}, {4, 9}, {9, 4}};

// Whether query i sees key j, by the words of the settings.
bool sees(const settings& s, lengths n, index_type i, index_type j) {
  const index_type own = s.causal == 1 ? i : i + n.kv_len - n.q_len;
  if (s.causal != 0 && j > own) return false;
  if (s.window_left >= 0 && j < own - s.window_left) return false;
  return s.window_right < 0 || j <= own + s.window_right;
}

template <class Check>
void for_all_settings(Check&& check) {
  for (const lengths n : shapes) {
    for (const std::int64_t causal : {0, 1, 2}) {
      for (const std::int64_t left : {-1, 0, 2, 100}) {
        for (const std::int64_t right : {-1, 0, 3, 100}) {
          SCOPED_TRACE(testing::Message() << n.q_len << " x " << n.kv_len << ", causal " << causal << ", left " << left << ", right " << right);
          settings s;
          s.causal = causal;
          s.window_left = left;
          s.window_right = right;
          check(s, n, crestmax_torch::band_of(s));
        }
      }
    }
  }
}

crestmax::score_range range_of(lengths n, index_type first_query, index_type last_query, index_type first_key, index_type last_key) {
  const index_type offset = n.kv_len - n.q_len;
  return {0, 0, first_query + offset, last_query + offset, offset, first_key, last_key};
}

TEST(Bands, SeeWhatTheirSettingsSay) {
  for_all_settings([](const settings& s, lengths n, const position_band& band) {
    for (index_type i = 0; i < n.q_len; ++i) {
      for (index_type j = 0; j < n.kv_len; ++j) {
        EXPECT_EQ(!band.active() || band.visible({0, 0, i + n.kv_len - n.q_len, i, j}), sees(s, n, i, j)) << i << ", " << j;
      }
    }
  });
}

TEST(Bands, ClassifyRangesAsTheirPairsAre) {
  for_all_settings([](const settings& s, lengths n, const position_band& band) {
    for (index_type last_query = 0; last_query < n.q_len; ++last_query) {
      for (index_type last_key = 0; last_key < n.kv_len; ++last_key) {
        bool all = true;
        bool any = false;
        for (index_type i = last_query / 2; i <= last_query; ++i) {
          for (index_type j = last_key / 2; j <= last_key; ++j) {
            all &= sees(s, n, i, j);
            any |= sees(s, n, i, j);
          }
        }
        const visibility found = band.classify(range_of(n, last_query / 2, last_query, last_key / 2, last_key));
        EXPECT_EQ(found == visibility::all, all);
        EXPECT_FALSE(any && found == visibility::none);
      }
    }
  });
}

TEST(Bands, ReachJustTheKeysThatAQuerySees) {
  static_assert(crestmax::interval_mask<position_band>);
  for_all_settings([](const settings& s, lengths n, const position_band& band) {
    for (index_type i = 0; i < n.q_len; ++i) {
      const crestmax::key_interval keys = band.reachable(range_of(n, i, i, 0, n.kv_len - 1));
      for (index_type j = 0; j < n.kv_len; ++j) EXPECT_EQ(j >= keys.begin && j < keys.end, sees(s, n, i, j)) << i << ", " << j;
    }
  });
}

TEST(Bands, WithoutLimitsAreNotActive) { EXPECT_FALSE(crestmax_torch::band_of({}).active()); }

TEST(Bands, OfEnormousWindowsDoNotOverflow) {
  settings s;
  s.window_left = s.window_right = std::numeric_limits<std::int64_t>::max();
  const crestmax::key_interval keys = crestmax_torch::band_of(s).reachable(range_of({4, 9}, 0, 3, 0, 8));
  EXPECT_EQ(keys.begin, 0);
  EXPECT_GE(keys.end, 9);
}

TEST(KeysInReach, EndAtTheLastQueryThatStandsAtTheFirstKey) {
  settings s;
  EXPECT_EQ(crestmax_torch::keys_in_reach(s, 4, 9), 9);
  s.causal = 2;
  EXPECT_EQ(crestmax_torch::keys_in_reach(s, 4, 9), 9);
  s.causal = 1;
  EXPECT_EQ(crestmax_torch::keys_in_reach(s, 4, 9), 4);
  EXPECT_EQ(crestmax_torch::keys_in_reach(s, 9, 4), 4);
}

TEST(Masks, BroadcastFromTheRight) {
  const stored<bool> mask({3, 1, 7});  // heads, q_len, kv_len
  EXPECT_EQ(mask_steps(mask.described("mask")).of, (std::array<index_type, 4>{0, 7, 0, 1}));
  const stored<bool> whole({2, 3, 4, 7});
  EXPECT_EQ(mask_steps(whole.described("mask")).of, (std::array<index_type, 4>{84, 28, 7, 1}));
  const stored<bool> one({1});
  EXPECT_EQ(mask_steps(one.described("mask")).of, (std::array<index_type, 4>{}));
}

TEST(Masks, AreActiveWhereTheyAreGiven) {
  const stored<bool> flags({7});
  const stored<float> numbers({7});
  EXPECT_FALSE(bool_mask_of({}).active() || number_mask_of({}).active());
  EXPECT_TRUE(bool_mask_of(flags.described("mask")).active());
  EXPECT_FALSE(number_mask_of(flags.described("mask")).active());
  EXPECT_TRUE(number_mask_of(numbers.described("mask")).active());
  EXPECT_FALSE(bool_mask_of(numbers.described("mask")).active());
}

template <class T>
void expect_hides_no_number_but_the_lowest(double lowest) {
  const auto shows = [](double number) { return crestmax_torch::shows(crestmax::convert<T>(number)); };
  EXPECT_FALSE(shows(-std::numeric_limits<double>::infinity()));
  EXPECT_FALSE(shows(lowest));
  EXPECT_TRUE(shows(lowest * 0.99));
  EXPECT_TRUE(shows(0));
  EXPECT_TRUE(shows(std::nan("")));
}

TEST(Masks, OfNumbersHideWhereTheyAreInfiniteOrLowest) {
  expect_hides_no_number_but_the_lowest<float>(std::numeric_limits<float>::lowest());
  expect_hides_no_number_but_the_lowest<double>(std::numeric_limits<double>::lowest());
  expect_hides_no_number_but_the_lowest<crestmax::float16>(-65504);
  expect_hides_no_number_but_the_lowest<crestmax::bfloat16>(-0x1.fep127);
}

template <class T>
void expect_numbers_are_added() {
  stored<T> mask({1, 2});
  mask.at(0, 1) = crestmax::convert<T>(0.25f);
  const auto table = number_mask_of(mask.described("mask"));
  EXPECT_EQ(table(1.0f, {0, 0, 0, 0, 1}), 1.25f);
  EXPECT_EQ(table(1.0, {5, 3, 0, 2, 1}), 1.25);
}

TEST(Masks, OfNumbersOfEveryTypeAreAdded) {
  expect_numbers_are_added<float>();
  expect_numbers_are_added<double>();
  expect_numbers_are_added<crestmax::float16>();
  expect_numbers_are_added<crestmax::bfloat16>();
}

TEST(Masks, ClassifyRangesAsTheirEntriesAre) {
  const stored<bool> mask({5, 9});
  for (index_type i = 0; i < 5; ++i) {
    for (index_type j = 0; j < 9; ++j) mask.at(i, j) = (i * 7 + j * j) % 5 != 0;
  }
  const stored<float> numbers({5, 9});
  for (std::size_t i = 0; i < mask.count; ++i) numbers.numbers[i] = mask.numbers[i] ? 1.0f : -std::numeric_limits<float>::infinity();
  const auto flags = bool_mask_of(mask.described("mask"));
  const auto added = number_mask_of(numbers.described("mask"));
  constexpr index_type offset = 4;
  for (index_type last_query = 0; last_query < 5; ++last_query) {
    for (index_type last_key = 0; last_key < 9; ++last_key) {
      for (const index_type step : {1, 3}) {
        int seen = 0;
        int pairs = 0;
        for (index_type i = last_query / 2; i <= last_query; ++i) {
          for (index_type j = last_key % step; j <= last_key; j += step, ++pairs) seen += mask.at(i, j) ? 1 : 0;
        }
        const visibility expected = seen == 0 ? visibility::none : seen == pairs ? visibility::all : visibility::partial;
        const crestmax::score_range range{0, 0, last_query / 2 + offset, last_query + offset, offset, last_key % step, last_key, step};
        EXPECT_EQ(flags.classify(range), expected);
        EXPECT_EQ(added.classify(range), expected);
      }
    }
  }
}

}  // namespace
}  // namespace crestmax_test
