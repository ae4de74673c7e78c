// Causality, windows and masks of PyTorch's operators, as modifiers.
#include <gtest/gtest.h>

#include "support.hpp"

namespace crestmax_test {
namespace {

using crestmax::visibility;
using crestmax_torch::position_band;
using crestmax_torch::settings;
using crestmax_torch::view_of_mask;

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
  using axes = std::array<index_type, 4>;
  const stored<bool> mask({3, 1, 7});  // heads, q_len, kv_len
  const crestmax::mask_view view = view_of_mask(mask.described("mask"));
  EXPECT_EQ(view.extents, (axes{1, 3, 1, 7}));
  EXPECT_EQ((axes{view.strides[0], view.strides[1], 0, view.strides[3]}), (axes{0, 7, 0, 1}));
  const stored<bool> whole({2, 3, 4, 7});
  EXPECT_EQ(view_of_mask(whole.described("mask")).extents, (axes{2, 3, 4, 7}));
  EXPECT_EQ(view_of_mask(whole.described("mask")).strides, (axes{84, 28, 7, 1}));
  const stored<bool> one({1});
  EXPECT_EQ(view_of_mask(one.described("mask")).extents, (axes{1, 1, 1, 1}));
}

template <class T>
crestmax::mask_type type_of_mask() {
  const stored<T> mask({7});
  return view_of_mask(mask.described("mask")).type;
}

TEST(Masks, KeepTheirTypes) {
  using crestmax::mask_type;
  EXPECT_EQ(type_of_mask<bool>(), mask_type::boolean);
  EXPECT_EQ(type_of_mask<float>(), mask_type::float32);
  EXPECT_EQ(type_of_mask<double>(), mask_type::float64);
  EXPECT_EQ(type_of_mask<crestmax::float16>(), mask_type::float16);
  EXPECT_EQ(type_of_mask<crestmax::bfloat16>(), mask_type::bfloat16);
}

}  // namespace
}  // namespace crestmax_test
