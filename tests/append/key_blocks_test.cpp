// Blocks of keys that share their scales by channel.
#include <gtest/gtest.h>

#include "test_cache.hpp"

namespace crestmax_test {
namespace {

constexpr auto f32 = scalar_kind::float32, f16 = scalar_kind::float16, bf16 = scalar_kind::bfloat16;

cache_facts blocks_of(scalar_kind kind, beside what, scalar_kind stored = f32, scalar_kind open = f16) {
  return {.kind = kind, .what = what, .stored = stored, .pages = 4, .page_size = 16, .heads = 2, .dim = 40, .group = 1, .keys = 8, .open = open};
}

class KeyBlocks : public ::testing::TestWithParam<cache_facts> {
 protected:
  // Rows of one sequence, whose keys lie from slot 16 on, appended so many at a time.
  void append_in_steps(test_cache& cache, const test_rows& rows, const std::vector<index_type>& steps, const crestmax::append_options& options = {}) {
    crestmax_test::append_in_steps(cache, rows, steps, 16, options);
  }
  crestmax::append_options options_of(test_cache& cache) { return {.coding = cache.coding(), .sequences = test_cache::sequences}; }
};
INSTANTIATE_TEST_SUITE_P(OfEveryKind, KeyBlocks,
                         ::testing::Values(blocks_of(scalar_kind::uint8, beside::minimums), blocks_of(scalar_kind::uint8, beside::zero_points, f16),
                                           blocks_of(scalar_kind::uint4, beside::minimums, f16, bf16), blocks_of(scalar_kind::uint4, beside::zero_points),
                                           blocks_of(scalar_kind::int8, beside::scales, bf16), blocks_of(scalar_kind::float8_e4m3, beside::scales)));

// Half a step of a channel's codes, and what rounding numbers and offsets adds.
double channel_error(test_cache& cache, index_type slot, index_type head, index_type i) {
  const double scale = cache.scale(slot, head, i);
  const double places = cache.facts().open == bf16 ? 0x1p-8 : 0x1p-11;
  const double coarse = cache.facts().kind == scalar_kind::float8_e4m3 ? 16.0 : 0.5;
  return scale * coarse * 1.001 + 4 * places;
}

TEST_P(KeyBlocks, HoldEachNumberToHalfAStepOfItsChannel) {
  for (const auto set : all_sets) {
    test_cache cache(GetParam());
    const test_rows rows(f32, 16, GetParam());
    append_in_steps(cache, rows, {16}, {.most = set});
    for (index_type key = 0; key < 16; ++key) {
      for (index_type head = 0; head < 2; ++head) {
        const auto row = cache.row(16 + key, head);
        for (index_type i = 0; i < GetParam().dim; ++i) {
          ASSERT_NEAR(row[static_cast<std::size_t>(i)], rows.at(key, head, i), channel_error(cache, 16 + key, head, i)) << key << " " << i;
        }
      }
    }
  }
}

TEST_P(KeyBlocks, HaveAScaleThatJustHoldsTheirChannel) {
  test_cache cache(GetParam());
  const test_rows rows(f32, 8, GetParam());
  append_in_steps(cache, rows, {8});
  const double steps = GetParam().kind == scalar_kind::uint8 ? 255 : GetParam().kind == scalar_kind::uint4 ? 15 : GetParam().kind == scalar_kind::int8 ? 127 : 448;
  for (index_type i = 0; i < GetParam().dim; ++i) {
    double least = infinity, largest = -infinity;
    for (index_type key = 0; key < 8; ++key) {
      least = std::min(least, rounded_to(GetParam().open, rows.at(key, 0, i)));
      largest = std::max(largest, rounded_to(GetParam().open, rows.at(key, 0, i)));
    }
    const double expected = (GetParam().what == beside::scales ? std::max(largest, -least) : largest - least) / steps;
    EXPECT_NEAR(cache.scale(16, 0, i), expected, expected * 0x1p-7 + 0x1p-10 / steps);
  }
}

TEST_P(KeyBlocks, ThatAreNotFullAreOpenRows) {
  test_cache cache(GetParam());
  const test_rows rows(f32, 11, GetParam());
  append_in_steps(cache, rows, {11});
  for (index_type key = 8; key < 11; ++key) {
    const auto row = cache.open_row(2, key, 1);
    for (index_type i = 0; i < GetParam().dim; ++i) EXPECT_EQ(row[static_cast<std::size_t>(i)], rounded_to(GetParam().open, rows.at(key, 1, i)));
  }
}

TEST_P(KeyBlocks, AreTheSameInHoweverManyCallsTheirTokensCome) {
  for (const scalar_kind kind : {f32, f16, bf16}) {
    const test_rows rows(kind, 21, GetParam());
    test_cache at_once(GetParam());
    append_in_steps(at_once, rows, {21});
    for (const auto& steps : {std::vector<index_type>{3, 4, 1, 13}, std::vector<index_type>(21, 1), std::vector<index_type>{20, 1}, std::vector<index_type>{7, 14}}) {
      test_cache cache(GetParam());
      append_in_steps(cache, rows, steps);
      for (index_type key = 0; key < 16; ++key) EXPECT_EQ(cache.row(16 + key, 1), at_once.row(16 + key, 1));
      for (index_type key = 16; key < 21; ++key) EXPECT_EQ(cache.open_row(2, key, 0), at_once.open_row(2, key, 0));
    }
  }
}

TEST_P(KeyBlocks, OfManySequencesAreTheSameByAnyNumberOfWorkers) {
  cache_facts f = GetParam();
  f.pages = 40;
  const index_type counts[] = {100, 3, 17, 90};  // of sequences that begin on pages 0, 10, 20, 30, key 5
  std::vector<std::int64_t> slots;
  std::vector<std::int32_t> sequence;
  for (int s = 0; s < 4; ++s) {
    slots.push_back(-1);
    sequence.push_back(-7);
    for (index_type i = 0; i < counts[s]; ++i) {
      slots.push_back(s * 160 + 5 + i);
      sequence.push_back(s);
    }
  }
  const test_rows rows(f32, static_cast<index_type>(slots.size()), f);
  test_cache serially(f);
  append_all(serially, rows, slots, {.sequence_of = sequence});
  for (const int threads : {2, 7}) {
    test_cache cache(f);
    append_all(cache, rows, slots, {.sequence_of = sequence}, {executor_kind::shuffled_threads, threads, 1});
    EXPECT_EQ(cache.memory(), serially.memory());
  }
}

TEST_P(KeyBlocks, KeepANumberThatIsNotFiniteFromItsChannel) {
  for (const double poison : {not_a_number, infinity, -infinity}) {
    test_cache cache(GetParam()), expected(GetParam());
    test_rows rows(f32, 8, GetParam());
    rows.set(3, 0, 5, 0.0);
    append_in_steps(expected, rows, {8});
    rows.set(3, 0, 5, poison);
    append_in_steps(cache, rows, {4});
    EXPECT_EQ(std::isnan(cache.open_row(2, 3, 0)[5]), std::isnan(poison));
    append_in_steps(cache, rows, {8});
    for (const index_type key : {0, 1, 2, 4, 5, 6, 7}) EXPECT_EQ(cache.row(16 + key, 0), expected.row(16 + key, 0)) << key;
  }
}

TEST_P(KeyBlocks, OpenAgainWithTheNumbersOfTheirCodes) {
  test_cache cache(GetParam());
  const test_rows rows(f32, 19, GetParam());
  append_in_steps(cache, rows, {19});
  std::vector<std::vector<double>> read;
  for (index_type key = 8; key < 13; ++key) read.push_back(cache.row(16 + key, 1));
  const crestmax::status s = run_truncate(cache.view(), {.sequence = 2, .from = 19, .to = 13, .slot = 16 + 13}, options_of(cache));
  ASSERT_TRUE(s.ok()) << s.message();
  for (index_type key = 8; key < 13; ++key) {
    const auto open = cache.open_row(2, key, 1);
    for (std::size_t i = 0; i < open.size(); ++i) EXPECT_EQ(open[i], rounded_to(GetParam().open, read[static_cast<std::size_t>(key - 8)][i]));
  }
}

TEST_P(KeyBlocks, ThatWereCutAndWrittenAgainAreWithinTwoSteps) {
  test_cache cache(GetParam());
  const test_rows rows(f32, 16, GetParam());
  append_in_steps(cache, rows, {16});
  ASSERT_TRUE(run_truncate(cache.view(), {.sequence = 2, .from = 16, .to = 13, .slot = 16 + 13}, options_of(cache)).ok());
  crestmax::append_options options = options_of(cache);
  const std::vector<std::int32_t> sequence(3, 2);
  options.sequence_of = sequence;
  crestmax::token_rows last = rows.view();
  last.data = static_cast<const float*>(last.data) + 13 * last.strides[0];
  last.extents[0] = 3;
  ASSERT_TRUE(run_append(last, cache.view(), slots_from(16 + 13, 3), options).ok());
  for (index_type key = 8; key < 16; ++key) {
    const auto row = cache.row(16 + key, 0);
    for (index_type i = 0; i < GetParam().dim; ++i) {
      EXPECT_NEAR(row[static_cast<std::size_t>(i)], rows.at(key, 0, i), 2.5 * channel_error(cache, 16 + key, 0, i)) << key;
    }
  }
}

TEST_P(KeyBlocks, ThatAreOpenAnywayAreNotTouchedByACut) {
  test_cache cache(GetParam());
  const test_rows rows(f32, 14, GetParam());
  append_in_steps(cache, rows, {14});
  const auto before = cache.memory();
  ASSERT_TRUE(run_truncate(cache.view(), {.sequence = 2, .from = 14, .to = 10, .slot = 16 + 10}, options_of(cache)).ok());
  ASSERT_TRUE(run_truncate(cache.view(), {.sequence = 2, .from = 14, .to = 8, .slot = 16 + 8}, options_of(cache)).ok());
  EXPECT_EQ(cache.memory(), before);
}

TEST_P(KeyBlocks, GoOnInACopyOfTheirSequence) {
  test_cache cache(GetParam());
  const test_rows rows(f32, 11, GetParam());
  append_in_steps(cache, rows, {11});
  const crestmax::page_copy copy{1, 3};
  ASSERT_TRUE(run_copy_pages(cache.view(), {&copy, 1}, options_of(cache)).ok());
  ASSERT_TRUE(run_copy_open_rows(cache.view(), 2, 0, options_of(cache)).ok());
  for (index_type key = 0; key < 8; ++key) EXPECT_EQ(cache.row(48 + key, 1), cache.row(16 + key, 1));
  for (index_type key = 8; key < 11; ++key) EXPECT_EQ(cache.open_row(0, key, 1), cache.open_row(2, key, 1));
}

// Appends rows of sequence 2 from a slot on.
void append_rows(test_cache& cache, const test_rows& rows, std::int64_t first) {
  const std::vector<std::int32_t> sequence(static_cast<std::size_t>(rows.tokens()), 2);
  append_all(cache, rows, slots_from(first, rows.tokens()), {.sequence_of = sequence});
}

// The code of the largest float16 stands for a number that is half a step larger.
TEST(KeyBlocksOfTheLargestNumbers, OpenAgainWithFiniteNumbers) {
  test_cache cache(blocks_of(scalar_kind::uint4, beside::minimums, f16));
  test_rows rows(f32, 8, cache.facts());
  for (index_type key = 0; key < 8; ++key) {
    for (index_type head = 0; head < 2; ++head) {
      for (index_type i = 0; i < cache.facts().dim; ++i) rows.set(key, head, i, key == 0 ? -65504.0 : 65504.0);
    }
  }
  append_rows(cache, rows, 0);
  ASSERT_GE(cache.row(1, 0)[0], 65520.0);
  const crestmax::status s = run_truncate(cache.view(), {.sequence = 2, .from = 8, .to = 5, .slot = 5}, {.coding = cache.coding(), .sequences = test_cache::sequences});
  ASSERT_TRUE(s.ok()) << s.message();
  for (index_type key = 1; key < 5; ++key) {
    for (const double x : cache.open_row(2, key, 1)) ASSERT_EQ(x, 65504.0);
  }
}

// Rows behind the last whole block have neither scales nor codes.
TEST(KeyBlocksOfACacheThatEndsInsideOne, AreTheWholeOnes) {
  cache_facts facts = blocks_of(scalar_kind::uint8, beside::minimums);
  facts.page_size = 12;
  test_cache cache(facts);
  append_rows(cache, test_rows(f32, 12, facts), 36);
  const crestmax::append_options options{.coding = cache.coding(), .sequences = test_cache::sequences};
  const crestmax::page_copy copy{3, 2};
  ASSERT_TRUE(run_copy_pages(cache.view(), {&copy, 1}, options).ok());
  for (index_type key = 0; key < 8; ++key) EXPECT_EQ(cache.row(24 + key, 1), cache.row(36 + key, 1));
  const auto before = cache.memory();
  const crestmax::status s = run_truncate(cache.view(), {.sequence = 2, .from = 16, .to = 9, .slot = 36 + 9}, options);
  EXPECT_EQ(s.code, crestmax::status_code::bad_index);
  EXPECT_NE(std::string(s.message()).find("truncation.slot"), std::string::npos) << s.message();
  EXPECT_EQ(cache.memory(), before);
}

}  // namespace
}  // namespace crestmax_test
