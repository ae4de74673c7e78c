// Where rows go, and that nothing else is written.
#include <gtest/gtest.h>

#include "test_cache.hpp"

namespace crestmax_test {
namespace {

constexpr auto f32 = scalar_kind::float32, f16 = scalar_kind::float16, bf16 = scalar_kind::bfloat16;

class Slots : public ::testing::TestWithParam<cache_facts> {};
INSTANTIATE_TEST_SUITE_P(OfEveryKind, Slots,
                         ::testing::Values(cache_facts{.kind = f32, .gap = 2}, cache_facts{.kind = f16, .dim = 37}, cache_facts{.kind = bf16, .heads_first = true},
                                           cache_facts{.kind = scalar_kind::float64}, cache_facts{.kind = scalar_kind::q8_0, .gap = 5},
                                           cache_facts{.kind = scalar_kind::q4_1, .heads_first = true}, cache_facts{.kind = scalar_kind::iq4_nl, .heads = 1},
                                           cache_facts{.kind = scalar_kind::int8, .what = beside::scales, .gap = 1},
                                           cache_facts{.kind = scalar_kind::float8_e4m3, .what = beside::scales, .stored = f16, .heads_first = true},
                                           cache_facts{.kind = scalar_kind::uint4, .what = beside::zero_points, .dim = 96, .group = 32},
                                           cache_facts{.kind = scalar_kind::uint8, .what = beside::minimums, .page_size = 1, .heads = 3},
                                           cache_facts{.kind = scalar_kind::planes16, .what = beside::minimums, .page_size = 64, .gap = 3},
                                           cache_facts{.kind = scalar_kind::planes16, .what = beside::minimums, .stored = bf16, .page_size = 70, .dim = 42, .heads_first = true}));

// How far a number may be from what was put in.
double tolerance(scalar_kind kind) {
  switch (kind) {
    case scalar_kind::float64: case scalar_kind::float32: return 0;
    case scalar_kind::float16: return 0x1p-9;
    case scalar_kind::bfloat16: return 0x1p-6;
    case scalar_kind::q8_0: case scalar_kind::int8: case scalar_kind::uint8: return 0.03;
    case scalar_kind::planes16: return 1e-4;
    case scalar_kind::float8_e4m3: return 0.3;
    default: return 0.6;
  }
}

TEST_P(Slots, TakeTheRowsOfTheirTokens) {
  test_cache cache(GetParam());
  const test_rows rows(f32, 3, GetParam());
  const std::int64_t last = GetParam().pages * GetParam().page_size - 1;
  const std::vector<std::int64_t> slots{last, 0, last / 2};
  append_all(cache, rows, slots);
  for (index_type t = 0; t < 3; ++t) {
    for (index_type head = 0; head < GetParam().heads; ++head) {
      const auto row = cache.row(slots[static_cast<std::size_t>(t)], head);
      for (index_type i = 0; i < GetParam().dim; ++i) ASSERT_NEAR(row[static_cast<std::size_t>(i)], rows.at(t, head, i), tolerance(GetParam().kind));
    }
  }
}

TEST_P(Slots, ThatAreNegativeAreLeftOut) {
  test_cache cache(GetParam()), expected(GetParam());
  const test_rows rows(f32, 2, GetParam());
  append_all(cache, rows, {-1, 1});
  append_all(expected, rows, {2, 1});
  for (index_type head = 0; head < GetParam().heads; ++head) EXPECT_EQ(cache.row(1, head), expected.row(1, head));
  test_cache none(GetParam());
  append_all(none, rows, {-1, std::numeric_limits<std::int64_t>::min()});
  EXPECT_EQ(none.memory(), test_cache(GetParam()).memory());
}

TEST_P(Slots, LeaveEveryOtherByteAlone) {
  test_cache cache(GetParam());
  const auto before = cache.memory();
  const test_rows rows(f32, 1, GetParam());
  append_all(cache, rows, {1});
  std::size_t changed = 0;
  const auto after = cache.memory();
  for (std::size_t i = 0; i < after.size(); ++i) changed += after[i] != before[i];
  const cache_facts& f = GetParam();
  const index_type groups = f.group == 0 ? 1 : f.dim / f.group;
  const index_type beside_row = f.what == beside::nothing ? 0 : groups * bytes_of(f.stored) * (f.what == beside::scales ? 1 : 2);
  EXPECT_GT(changed, 0u);
  EXPECT_LE(changed, static_cast<std::size_t>(f.heads * (plain_row_bytes(f.kind, f.dim) + beside_row)));
}

TEST_P(Slots, AreFilledAlikeByAnyNumberOfWorkersInAnyOrder) {
  cache_facts f = GetParam();
  f.pages = 300;
  const test_rows rows(bf16, 280, f);
  std::vector<std::int64_t> slots = slots_from(7, 280);
  std::swap(slots[3], slots[200]);
  test_cache serially(f);
  append_all(serially, rows, slots);
  for (const int threads : {2, 5}) {
    test_cache cache(f);
    append_all(cache, rows, slots, {}, {executor_kind::shuffled_threads, threads, 3});
    EXPECT_EQ(cache.memory(), serially.memory());
  }
}

TEST_P(Slots, AreFilledAlikeOutOfRowsOfAnyLayout) {
  const test_rows rows(f32, 4, GetParam()), apart(f32, 4, GetParam(), memory_layout::padded), backwards(f32, 4, GetParam(), memory_layout::reversed);
  test_cache cache(GetParam()), other(GetParam()), third(GetParam());
  const std::vector<std::int64_t> slots{2, 0, -1, 1};
  append_all(cache, rows, slots);
  append_all(other, apart, slots);
  append_all(third, backwards, slots);
  EXPECT_EQ(cache.memory(), other.memory());
  EXPECT_EQ(cache.memory(), third.memory());
}

TEST(Append, WithoutTokensWritesNothing) {
  const cache_facts f;
  test_cache cache(f);
  append_all(cache, test_rows(f32, 0, f), {});
  EXPECT_EQ(cache.memory(), test_cache(f).memory());
}

TEST(Append, RoundsNumbersOnceWhereverTheyCome) {
  const scalar_kind kinds[] = {f32, scalar_kind::float64, f16, bf16};
  for (const scalar_kind to : kinds) {
    for (const scalar_kind from : kinds) {
      for (const auto set : all_sets) {
        const cache_facts f{.kind = to, .dim = 70};
        test_cache cache(f);
        test_rows rows(from, 1, f);
        rows.set(0, 0, 0, infinity);
        rows.set(0, 0, 1, -0.0);
        rows.set(0, 0, 2, 1e5);
        rows.set(0, 0, 3, 0x1.801p-15);
        rows.set(0, 0, 4, 1 + 0x1p-11 + 0x1p-40);
        rows.set(0, 0, 5, 3e-8);
        rows.set(0, 0, 6, 1.00390625);
        append_all(cache, rows, {0}, {.most = set});
        for (index_type i = 0; i < f.dim; ++i) {
          ASSERT_EQ(cache.row(0, 0)[static_cast<std::size_t>(i)], rounded_to(to, rows.at(0, 0, i))) << crestmax::name(from) << " to " << crestmax::name(to) << i;
        }
        rows.set(0, 0, 7, not_a_number);
        append_all(cache, rows, {0}, {.most = set});
        ASSERT_TRUE(std::isnan(cache.row(0, 0)[7]));
      }
    }
  }
}

// A scale and a zero point ahead of the codes of each row, in one piece of memory.
TEST(Append, TakesScalesInsideOfTheRows) {
  constexpr index_type dim = 16, row = 8 + dim, heads = 2, page_size = 4;
  std::vector<float> memory(2 * page_size * heads * row / 4, -1.0f);
  std::byte* const bytes = reinterpret_cast<std::byte*>(memory.data());
  const std::array<index_type, 4> steps{page_size * heads * row, heads * row, row, 1}, in_floats{steps[0] / 4, steps[1] / 4, steps[2] / 4, 1};
  const crestmax::tensor_view cache(bytes + 8, scalar_kind::uint8, {2, page_size, heads, dim}, steps);
  crestmax::row_coding coding;
  coding.scales = {memory.data(), in_floats};
  coding.offsets = {memory.data() + 1, in_floats};
  const cache_facts f{.heads = heads, .dim = dim};
  const test_rows rows(f32, 1, f);
  const std::int64_t slot = 5;
  const crestmax::status s = run_append(rows.view(), cache, {&slot, 1}, {.coding = coding});
  ASSERT_TRUE(s.ok()) << s.message();
  for (index_type i = 0; i < dim; ++i) EXPECT_NEAR(cached_row(cache, coding, 1, 1, 1)[static_cast<std::size_t>(i)], rows.at(0, 1, i), 0.02);
  EXPECT_EQ(memory[0], -1.0f);
}

}  // namespace
}  // namespace crestmax_test
