// Anchors of blocks that are multiplied in tiles.
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>
#include <vector>

#include "support/tiled.hpp"

namespace crestmax_test {
namespace {

using crestmax::bfloat16;
using crestmax::index_type;

index_type keys_taken_as_anchors(crestmax::coverage_mode coverage) {
  constexpr index_type rows = 40, keys = 1600, d = 32;
  std::vector<bfloat16> key(keys * d), output(rows * d);
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = crestmax::to_bfloat16(static_cast<float>(i % 7));
  std::vector<bfloat16> query(key.begin(), key.begin() + rows * d);
  const auto view = [](std::vector<bfloat16>& numbers, index_type count) {
    return crestmax::tensor<bfloat16>(numbers.data(), {1, count, 1, d});
  };
  crestmax::report report;
  EXPECT_TRUE(crestmax::attention(view(query, rows), view(key, keys), view(key, keys), view(output, rows),
                                  {.softmax = crestmax::anchor_shift{}, .coverage = coverage, .report = &report},
                                  crestmax::no_modifiers{}, tiled_backend{})
                  .ok());
  return report.pairs_crest / rows;
}

// The first tile of 512 keys, and the two that the last 40 positions and the 31 before them touch, of which the last has 64.
TEST(AnchorsInTiles, AreWholeTilesOfKeys) { EXPECT_EQ(keys_taken_as_anchors(crestmax::everything), 512 + 512 + 64); }
// One run of 32 at the start, and the three that the last 40 positions and the 31 before them touch.
TEST(AnchorsInTiles, AreShortRunsWhereOtherKeysAreLeftOut) { EXPECT_EQ(keys_taken_as_anchors(crestmax::plateaus), 32 + 96); }
}  // namespace
}  // namespace crestmax_test
