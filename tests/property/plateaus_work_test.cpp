// Coverage plateaus is there to do little: what it asks a mask, its longest possible work beside keys, does not grow with the length.
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>
#include <vector>

namespace crestmax_test {
namespace {

using crestmax::index_type;

// Hides the keys below `first`, and counts the keys that it is asked about.
struct counting_mask {
  index_type first;
  index_type* asked;
  bool visible(crestmax::score_position at) const {
    ++*asked;
    return at.key >= first;
  }
  crestmax::visibility classify(crestmax::score_range r) const {
    *asked += (r.last_key - r.first_key) / r.key_step + 1;
    if (r.first_key >= first) return crestmax::visibility::all;
    return r.last_key < first ? crestmax::visibility::none : crestmax::visibility::partial;
  }
};

struct answer {
  index_type asked = 0;
  float dropped = 0;
};

// One query on keys that are all equal; all but the last 4096 are hidden.
answer plateaus_of(index_type kv_len, index_type stride) {
  constexpr index_type d = 4;
  std::vector<float> query(d, 1.0f), output(d), key(static_cast<std::size_t>(kv_len * d), 0.5f);
  answer result;
  float dropped[1] = {-1};
  const crestmax::tensor<float> q(query.data(), {1, 1, 1, d}), k(key.data(), {1, kv_len, 1, d}), out(output.data(), {1, 1, 1, d});
  const auto s = crestmax::attention(q, k, k, out,
                                     {.softmax = crestmax::sampled_max{.stride = stride, .radius = 8, .windows = 2},
                                      .coverage = crestmax::plateaus,
                                      .dropped_mass = crestmax::row_tensor<float>(dropped, {1, 1, 1}),
                                      .lipschitz = 0},
                                     counting_mask{kv_len - 4096, &result.asked}, crestmax::backend::portable{});
  EXPECT_TRUE(s.ok()) << s.message();
  result.dropped = dropped[0];
  return result;
}

TEST(PlateausOfMasks, AskAboutNoMoreOfALongStrideThanOfAShortOne) {
  constexpr index_type kv_len = 1 << 20;
  EXPECT_LT(plateaus_of(kv_len, 1024).asked, kv_len / 50);
  EXPECT_LT(plateaus_of(kv_len, 256).asked, kv_len / 20);
}

TEST(PlateausOfMasks, KnowHiddenStridesOfFewKeysForHidden) {
  const answer few = plateaus_of(1 << 14, 64);
  EXPECT_GT(few.dropped, 0.9f);  // of the 4096 keys that are seen
  EXPECT_LE(few.dropped, 1.0f);
}

}  // namespace
}  // namespace crestmax_test
