// Mask tensors and their maps: what they say of tiles and rows against what the mask says of keys, how maps are built, and which are refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "support/executors.hpp"
#include "support/mask_tensors.hpp"

namespace crestmax_test {
namespace {

using crestmax::mask_type;
using crestmax::score_range;
using crestmax::status_code;
using crestmax::visibility;

constexpr mask_type every_type[] = {mask_type::boolean, mask_type::float32, mask_type::float64, mask_type::float16, mask_type::bfloat16};
constexpr index_type queries = 50, keys = 150, offset = 7;

made_mask patterned(mask_memory& memory, mask_type type, mask_pattern pattern, const mask_axes& extents = {1, 1, queries, keys},
                    mask_layout layout = mask_layout::dense) {
  random_source random(static_cast<std::uint64_t>(pattern) + 1);
  return make_mask(memory, type, extents, layout, [&](index_type s, index_type h, index_type q, index_type k) {
    return number_of(pattern, random, s, h, q, k);
  });
}

// What the numbers say of a range.
visibility by_numbers(const plain_mask& mask, const score_range& r) {
  index_type seen = 0, hidden = 0;
  for (index_type q = r.first_query; q <= r.last_query; ++q) {
    for (index_type k = r.first_key; k <= r.last_key; ++k) ++(mask.at(r.sequence, r.head, q - r.query_offset, k) > -infinity ? seen : hidden);
  }
  return seen == 0 ? visibility::none : hidden == 0 ? visibility::all : visibility::partial;
}

score_range random_range(random_source& random) {
  const index_type q = random.integer(0, queries - 1), k = random.integer(0, keys - 1);
  return {0, 0, offset + q, offset + random.integer(q, queries - 1), offset, k, random.integer(k, keys - 1)};
}

// None and all are true wherever they are said. `exact`: partial is, too.
void expect_true_answers(const made_mask& made, bool exact) {
  random_source random(5);
  for (int i = 0; i < 2000; ++i) {
    const score_range range = random_range(random);
    const visibility truth = by_numbers(made.plain, range);
    const visibility given = made.tensor.classify(range);
    if (exact || given != visibility::partial) {
      ASSERT_EQ(given, truth) << "queries " << range.first_query - offset << ".." << range.last_query - offset << ", keys " << range.first_key << ".."
                              << range.last_key;
    }
    const crestmax::key_interval hull = made.tensor.reachable(range);
    for (index_type q = range.first_query; q <= range.last_query; ++q) {
      for (index_type k = 0; k < keys; ++k) {
        if (made.plain.at(0, 0, q - offset, k) > -infinity) {
          ASSERT_TRUE(hull.begin <= k && k < hull.end) << q << " " << k;
        }
      }
    }
  }
}

TEST(MaskTensor, SaysOfTilesNothingThatIsNotTrueOfTheirKeys) {
  for (const mask_type type : every_type) {
    for (const mask_pattern pattern : every_pattern) {
      mask_memory memory;
      expect_true_answers(patterned(memory, type, pattern), false);
    }
  }
}

TEST(MaskTensor, WhoseRowsSeeIntervalsSaysAllThatIsTrue) {
  for (const mask_pattern pattern : {mask_pattern::all, mask_pattern::nothing, mask_pattern::triangle, mask_pattern::padding, mask_pattern::window}) {
    mask_memory memory;
    expect_true_answers(patterned(memory, mask_type::float16, pattern), true);
  }
}

TEST(MaskTensor, ReachesNoFurtherThanItsRowsSee) {
  mask_memory memory;
  const made_mask made = patterned(memory, mask_type::boolean, mask_pattern::triangle);
  for (index_type first = 0; first < queries; ++first) {
    for (index_type last = first; last < queries; ++last) {
      const crestmax::key_interval hull = made.tensor.reachable({0, 0, offset + first, offset + last, offset, 0, keys - 1});
      ASSERT_EQ(hull.begin, 0);
      ASSERT_EQ(hull.end, last + 1);
    }
  }
}

TEST(MaskTensor, KnowsWhetherItHidesOrAddsAnything) {
  mask_memory memory[4];
  const made_mask zeros = patterned(memory[0], mask_type::float32, mask_pattern::all);
  const made_mask triangle = patterned(memory[1], mask_type::float32, mask_pattern::triangle);
  const made_mask numbers = patterned(memory[2], mask_type::bfloat16, mask_pattern::numbers);
  const made_mask biases = make_mask(memory[3], mask_type::float64, {1, 1, 3, 3}, mask_layout::dense, [](auto...) { return 2.0; });
  EXPECT_TRUE(!zeros.tensor.hides_keys() && !zeros.tensor.changes_scores());
  EXPECT_TRUE(triangle.tensor.hides_keys() && !triangle.tensor.changes_scores());
  EXPECT_TRUE(numbers.tensor.hides_keys() && numbers.tensor.changes_scores());
  EXPECT_TRUE(!biases.tensor.hides_keys() && biases.tensor.changes_scores());
}

TEST(MaskTensor, IsOffByDefault) { EXPECT_FALSE(crestmax::mask_tensor().active()); }

TEST(MaskTensor, TakesAnyByteButZeroForTrue) {
  const std::uint8_t bytes[4] = {1, 0, 2, 255};
  alignas(8) std::byte map[256];
  const crestmax::mask_view view(crestmax::tensor<const std::uint8_t>(bytes, {1, 1, 1, 4}));
  ASSERT_TRUE(crestmax::build_mask_map(view, map).ok());
  const crestmax::mask_tensor mask(view, map);
  for (index_type k = 0; k < 4; ++k) EXPECT_EQ(mask.visible({0, 0, 0, 0, k}), k != 1);
}

TEST(MaskTensor, TakesNegativeZerosForZeros) {
  const float zeros[3] = {-0.0f, 0.0f, -0.0f};
  alignas(8) std::byte map[256];
  const crestmax::mask_view view(crestmax::tensor<const float>(zeros, {1, 1, 1, 3}));
  ASSERT_TRUE(crestmax::build_mask_map(view, map).ok());
  EXPECT_FALSE(crestmax::mask_tensor(view, map).changes_scores());
}

TEST(MaskTensor, DoesNotTakeTheLowestNumberOfAnotherTypeForItsOwn) {
  const float lowest_half = -65504.0f;
  alignas(8) std::byte map[256];
  const crestmax::mask_view view(crestmax::tensor<const float>(&lowest_half, {1, 1, 1, 1}));
  ASSERT_TRUE(crestmax::build_mask_map(view, map).ok());
  EXPECT_TRUE(crestmax::mask_tensor(view, map).visible({0, 0, 0, 0, 0}));
}

class MaskMap : public ::testing::Test {
 protected:
  std::vector<float> entries = std::vector<float>(2 * 3 * 40 * 70, 0.0f);
  crestmax::mask_view mask{crestmax::tensor<const float>(entries.data(), {2, 3, 40, 70})};
  std::vector<std::uint64_t> words = std::vector<std::uint64_t>(2000);
  std::span<std::byte> memory = std::as_writable_bytes(std::span(words));

  std::size_t bytes() const {
    std::size_t needed = 0;
    EXPECT_TRUE(crestmax::mask_map_bytes(mask, needed).ok());
    return needed;
  }
  // What a call of this mask with the map of `memory` is told.
  static void expect_refused(const crestmax::mask_view& other, std::span<const std::byte> map, status_code code, const std::vector<std::string>& words) {
    const crestmax::status s = crestmax::mask_tensor(other, map).check({2, 40, 70, 3});
    EXPECT_EQ(s.code, code) << s.message();
    for (const std::string& word : words) EXPECT_NE(std::string(s.message()).find(word), std::string::npos) << word << " is not in: " << s.message();
  }
};

TEST_F(MaskMap, IsTheSameWhoeverBuildsIt) {
  random_source random(1);
  for (float& x : entries) x = random.chance(0.4) ? -std::numeric_limits<float>::infinity() : 0.0f;
  ASSERT_TRUE(crestmax::build_mask_map(mask, memory).ok());
  const std::vector<std::uint64_t> serially = words;
  std::fill(words.begin(), words.end(), 1);
  ASSERT_TRUE(crestmax::build_mask_map(mask, memory, test_executor{executor_kind::shuffled_threads, 3, 7}).ok());
  EXPECT_TRUE(std::equal(memory.begin(), memory.begin() + static_cast<std::ptrdiff_t>(bytes()), std::as_bytes(std::span(serially)).begin()));
}

TEST_F(MaskMap, TakesTheBytesThatItSaysAndNoMore) {
  const std::size_t needed = bytes();
  ASSERT_LT(needed, memory.size());
  std::fill(memory.begin(), memory.end(), std::byte{0x77});
  ASSERT_TRUE(crestmax::build_mask_map(mask, memory.first(needed)).ok());
  EXPECT_TRUE(std::all_of(memory.begin() + static_cast<std::ptrdiff_t>(needed), memory.end(), [](std::byte b) { return b == std::byte{0x77}; }));
  EXPECT_EQ(crestmax::build_mask_map(mask, memory.first(needed - 1)).code, status_code::workspace_too_small);
}

TEST_F(MaskMap, OfABroadcastMaskIsThatOfOneHead) {
  std::size_t one = 0, all = 0;
  EXPECT_TRUE(crestmax::mask_map_bytes({entries.data(), mask_type::float32, {1, 1, 40, 70}, {0, 0, 70, 1}}, one).ok());
  EXPECT_TRUE(crestmax::mask_map_bytes({entries.data(), mask_type::float32, {8, 32, 40, 70}, {0, 0, 70, 1}}, all).ok());
  EXPECT_EQ(one, all);
}

TEST_F(MaskMap, WithoutAnItemIsNotFinished) {
  crestmax::mask_map_builder builder(mask, memory);
  ASSERT_TRUE(builder.begin().ok());
  for (index_type item = 0; item < builder.items(); ++item) {
    if (item != 4) builder.run(item);
  }
  builder.run(-1);
  builder.run(builder.items());
  EXPECT_EQ(builder.finish().code, status_code::mismatch);
  expect_refused(mask, memory, status_code::mismatch, {"mask_tensor.map", "built"});
  builder.run(4);
  EXPECT_TRUE(builder.finish().ok());
  EXPECT_TRUE(crestmax::mask_tensor(mask, memory).check({2, 40, 70, 3}).ok());
}

TEST_F(MaskMap, IsNotBuiltBeforeItIsBegun) {
  const crestmax::mask_map_builder builder(mask, memory);
  EXPECT_EQ(builder.items(), 0);
  EXPECT_FALSE(builder.finish().ok());
}

TEST_F(MaskMap, ThatIsMissingShortOrMisalignedIsRefused) {
  expect_refused(mask, {}, status_code::null_pointer, {"mask_tensor.map", "null"});
  expect_refused(mask, memory.first(bytes() - 1), status_code::workspace_too_small, {"mask_tensor.map", std::to_string(bytes())});
  expect_refused(mask, memory.subspan(4), status_code::misaligned, {"mask_tensor.map"});
  EXPECT_EQ(crestmax::build_mask_map(mask, memory.subspan(1)).code, status_code::misaligned);
}

TEST_F(MaskMap, BuiltAgainAfterTheModifierWasMadeIsRefusedWhereItSaysSomethingElse) {
  const crestmax::mask_tensor too_early(mask, memory);
  ASSERT_TRUE(crestmax::build_mask_map(mask, memory).ok());
  const crestmax::mask_tensor in_time(mask, memory);
  ASSERT_TRUE(in_time.check({2, 40, 70, 3}).ok());
  entries[5] = 3;
  ASSERT_TRUE(crestmax::build_mask_map(mask, memory).ok());
  for (const crestmax::mask_tensor& tensor : {too_early, in_time}) {
    const crestmax::status s = tensor.check({2, 40, 70, 3});
    EXPECT_EQ(s.code, status_code::mismatch);
    EXPECT_NE(std::string(s.message()).find("mask_tensor.map"), std::string::npos) << s.message();
  }
  EXPECT_TRUE(crestmax::mask_tensor(mask, memory).check({2, 40, 70, 3}).ok());
}

TEST_F(MaskMap, OfAnotherShapeIsRefused) {
  ASSERT_TRUE(crestmax::build_mask_map({entries.data(), mask_type::float32, {2, 3, 40, 71}, {}}, memory).ok());
  const crestmax::mask_view other(entries.data(), mask_type::float32, {2, 3, 40, 70}, {});
  expect_refused(other, memory, status_code::mismatch, {"mask_tensor.map, axis 3", "extent 70", "given 71"});
}

TEST_F(MaskMap, OfOtherStridesIsRefused) {
  ASSERT_TRUE(crestmax::build_mask_map(mask, memory).ok());
  const crestmax::mask_view other(entries.data(), mask_type::float32, {2, 3, 40, 70}, {0, 0, 70, 1});
  expect_refused(other, memory, status_code::mismatch, {"mask_tensor.map, axis 0", "stride 0", "given 8400"});
}

TEST_F(MaskMap, OfAnotherTypeIsRefused) {
  ASSERT_TRUE(crestmax::build_mask_map({entries.data(), mask_type::float16, {2, 3, 40, 70}, mask.strides}, memory).ok());
  expect_refused(mask, memory, status_code::mismatch, {"mask_tensor.map", "type", "float16"});
}

TEST_F(MaskMap, ServesAMaskOfTheSameShapeElsewhere) {
  ASSERT_TRUE(crestmax::build_mask_map(mask, memory).ok());
  const std::vector<float> copy = entries;
  const crestmax::mask_view elsewhere(crestmax::tensor<const float>(copy.data(), {2, 3, 40, 70}));
  EXPECT_TRUE(crestmax::mask_tensor(elsewhere, memory).check({2, 40, 70, 3}).ok());
}

TEST_F(MaskMap, OfAMaskThatIsTooSmallForACallIsRefused) {
  ASSERT_TRUE(crestmax::build_mask_map(mask, memory).ok());
  crestmax::mask_tensor tensor(mask, memory);
  EXPECT_EQ(tensor.check({2, 41, 70, 3}).code, status_code::mismatch);
  EXPECT_EQ(tensor.check({2, 40, 71, 3}).code, status_code::mismatch);
  EXPECT_EQ(tensor.check({4, 40, 70, 3}).code, status_code::mismatch);
  EXPECT_EQ(tensor.check({2, 40, 70, 6}).code, status_code::mismatch);
  tensor.first_key = 1;
  EXPECT_EQ(tensor.check({2, 40, 70, 3}).code, status_code::mismatch);
  tensor.first_key = -1;
  EXPECT_EQ(tensor.check({2, 40, 70, 3}).code, status_code::bad_option);
}

TEST_F(MaskMap, RepeatsHeadsAndSequencesOnlyIfAskedTo) {
  ASSERT_TRUE(crestmax::build_mask_map(mask, memory).ok());
  crestmax::mask_tensor tensor(mask, memory);
  tensor.repeats_heads_and_sequences = true;
  EXPECT_TRUE(tensor.check({4, 40, 70, 6}).ok());
  EXPECT_EQ(tensor.check({4, 40, 70, 7}).code, status_code::mismatch);
}

TEST_F(MaskMap, OfABadMaskIsRefused) {
  std::size_t needed = 0;
  EXPECT_EQ(crestmax::mask_map_bytes({nullptr, mask_type::float32, {1, 1, 2, 2}, {}}, needed).code, status_code::null_pointer);
  EXPECT_EQ(crestmax::mask_map_bytes({entries.data(), mask_type::float32, {1, 1, -2, 2}, {}}, needed).code, status_code::bad_extent);
  EXPECT_EQ(crestmax::mask_map_bytes({entries.data(), mask_type::boolean, {1, 1, 1, index_type{1} << 31}, {0, 0, 0, 1}}, needed).code, status_code::bad_extent);
  EXPECT_EQ(crestmax::mask_map_bytes({entries.data(), mask_type::float32, {1, 1, 2, 2}, {0, 0, index_type{1} << 62, 1}}, needed).code, status_code::bad_stride);
  const auto* const odd = reinterpret_cast<const std::byte*>(entries.data()) + 1;
  EXPECT_EQ(crestmax::mask_map_bytes({odd, mask_type::float32, {1, 1, 2, 2}, {4, 4, 2, 1}}, needed).code, status_code::misaligned);
}

TEST_F(MaskMap, TooLargeToAddressIsRefused) {
  std::size_t needed = 0;
  const index_type most = index_type{1} << 39;
  const crestmax::mask_view huge(reinterpret_cast<const void*>(std::uintptr_t{1} << 62), mask_type::boolean, {most, 1 << 14, 1 << 14, 1 << 14}, {1, 1, 1, 1});
  EXPECT_EQ(crestmax::mask_map_bytes(huge, needed).code, status_code::too_large);
}

TEST_F(MaskMap, OfAMaskWithoutEntriesIsBuilt) {
  EXPECT_TRUE(crestmax::build_mask_map({entries.data(), mask_type::float32, {2, 3, 0, 70}, {}}, memory).ok());
}

}  // namespace
}  // namespace crestmax_test
