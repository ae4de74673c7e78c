// Copies of pages.
#include <gtest/gtest.h>

#include "test_cache.hpp"

namespace crestmax_test {
namespace {

class Pages : public ::testing::TestWithParam<cache_facts> {};
INSTANTIATE_TEST_SUITE_P(OfEveryKind, Pages,
                         ::testing::Values(cache_facts{.kind = scalar_kind::float16, .pages = 5, .heads_first = true}, cache_facts{.kind = scalar_kind::q5_0, .pages = 5, .gap = 3},
                                           cache_facts{.kind = scalar_kind::int8, .what = beside::scales, .stored = scalar_kind::float16, .pages = 5},
                                           cache_facts{.kind = scalar_kind::uint4, .what = beside::minimums, .pages = 5, .page_size = 100, .group = 32},
                                           cache_facts{.kind = scalar_kind::planes16, .what = beside::minimums, .pages = 5, .page_size = 128, .dim = 40}));

std::vector<double> page(test_cache& cache, index_type number) {
  std::vector<double> all;
  for (index_type key = 0; key < cache.facts().page_size; ++key) {
    for (index_type head = 0; head < cache.facts().heads; ++head) {
      for (const double x : cache.row(number * cache.facts().page_size + key, head)) all.push_back(x);
    }
  }
  return all;
}
test_cache full_cache(const cache_facts& f) {
  test_cache cache(f);
  append_all(cache, test_rows(scalar_kind::float32, f.pages * f.page_size, f), slots_from(0, f.pages * f.page_size));
  return cache;
}

TEST_P(Pages, AreCopiedWithWhatStandsBesideThemInTheOrderOfTheList) {
  test_cache cache = full_cache(GetParam()), before = full_cache(GetParam());
  const std::vector<crestmax::page_copy> copies{{0, 1}, {1, 2}, {4, 0}, {3, 3}};
  const crestmax::status s = run_copy_pages(cache.view(), copies, {.coding = cache.coding()});
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_EQ(page(cache, 1), page(before, 0));
  EXPECT_EQ(page(cache, 2), page(before, 0));
  EXPECT_EQ(page(cache, 0), page(before, 4));
  EXPECT_EQ(page(cache, 3), page(before, 3));
  EXPECT_EQ(page(cache, 4), page(before, 4));
}

TEST_P(Pages, AreCopiedAlikeByAnyNumberOfWorkers) {
  test_cache cache = full_cache(GetParam()), other = full_cache(GetParam());
  const std::vector<crestmax::page_copy> copies{{2, 1}, {1, 4}, {0, 2}};
  ASSERT_TRUE(run_copy_pages(cache.view(), copies, {.coding = cache.coding()}).ok());
  ASSERT_TRUE(run_copy_pages(other.view(), copies, {.coding = other.coding()}, {executor_kind::shuffled_threads, 4, 9}).ok());
  EXPECT_EQ(cache.memory(), other.memory());
}

TEST_P(Pages, ThatThereAreNotAreRefusedAndNothingIsCopied) {
  test_cache cache = full_cache(GetParam());
  const auto before = cache.memory();
  for (const crestmax::page_copy wrong : {crestmax::page_copy{5, 0}, crestmax::page_copy{0, 5}, crestmax::page_copy{-1, 0}}) {
    const std::vector<crestmax::page_copy> copies{{0, 1}, wrong};
    const crestmax::status s = run_copy_pages(cache.view(), copies, {.coding = cache.coding()});
    EXPECT_EQ(s.code, crestmax::status_code::bad_index);
    EXPECT_NE(std::string(s.message()).find("copies, entry 1"), std::string::npos) << s.message();
    EXPECT_EQ(cache.memory(), before);
  }
}

TEST_P(Pages, OfRowsWithoutBlocksOfKeysNeedNothingDoneWhenASequenceIsCut) {
  test_cache cache = full_cache(GetParam());
  const auto before = cache.memory();
  const crestmax::status s = run_truncate(cache.view(), {.from = 9, .to = 3, .slot = 3}, {.coding = cache.coding()});
  EXPECT_TRUE(s.ok()) << s.message();
  EXPECT_EQ(cache.memory(), before);
}

TEST(PagesOfNoRows, OrOfNoNumbersAreCopiedByDoingNothing) {
  const std::vector<crestmax::page_copy> copies{{0, 1}};
  for (const cache_facts& f : {cache_facts{.kind = scalar_kind::int8, .page_size = 0}, cache_facts{.kind = scalar_kind::int8, .dim = 0}}) {
    const crestmax::status s = run_copy_pages(test_cache(f).view(), copies);
    EXPECT_TRUE(s.ok()) << s.message();
  }
}

}  // namespace
}  // namespace crestmax_test
