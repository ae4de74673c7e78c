// The encodings that have scales beside them: against a plain reading of what append() promises.
#include <gtest/gtest.h>

#include "test_cache.hpp"

namespace crestmax_test {
namespace {

constexpr auto f32 = scalar_kind::float32, f16 = scalar_kind::float16, bf16 = scalar_kind::bfloat16;

class Codes : public ::testing::TestWithParam<cache_facts> {};
INSTANTIATE_TEST_SUITE_P(WithScales, Codes,
                         ::testing::Values(cache_facts{scalar_kind::int8, beside::scales, f32}, cache_facts{scalar_kind::int8, beside::scales, f16},
                                           cache_facts{.kind = scalar_kind::int8, .what = beside::scales, .dim = 77, .gap = 3},
                                           cache_facts{.kind = scalar_kind::int8, .what = beside::scales, .stored = bf16, .dim = 600, .group = 300},
                                           cache_facts{scalar_kind::float8_e4m3, beside::scales, f32}, cache_facts{scalar_kind::float8_e4m3, beside::scales, bf16},
                                           cache_facts{.kind = scalar_kind::float8_e5m2, .what = beside::scales, .stored = f16, .dim = 96, .group = 32},
                                           cache_facts{scalar_kind::uint8, beside::minimums, f32}, cache_facts{scalar_kind::uint8, beside::minimums, bf16},
                                           cache_facts{scalar_kind::uint8, beside::zero_points, f32}, cache_facts{scalar_kind::uint8, beside::zero_points, f16},
                                           cache_facts{.kind = scalar_kind::uint8, .what = beside::zero_points, .dim = 50, .group = 20, .heads_first = true},
                                           cache_facts{.kind = scalar_kind::uint4, .what = beside::minimums, .stored = f16, .dim = 128, .group = 64},
                                           cache_facts{.kind = scalar_kind::uint4, .what = beside::zero_points, .dim = 70, .heads_first = true}));

// The numbers that codes of a row stand for.
std::vector<double> levels(test_cache& cache, index_type slot, index_type head, index_type i) {
  const cache_facts& f = cache.facts();
  std::vector<double> all;
  const int codes = f.kind == scalar_kind::uint4 ? 16 : 256;
  for (int code = 0; code < codes; ++code) {
    const auto byte = static_cast<std::byte>(code);
    const double x = with_coding(decode_number(f.kind, &byte, 0), cache.coding(), slot / f.page_size, slot % f.page_size, head, i);
    if (std::isfinite(x)) all.push_back(x);
  }
  return all;
}

TEST_P(Codes, AreTheNearestThatTheirScaleHas) {
  for (const scalar_kind kind : {f32, f16, scalar_kind::float64}) {
    for (const auto set : all_sets) {
      test_cache cache(GetParam());
      const test_rows rows(kind, 3, GetParam(), memory_layout::padded);
      append_all(cache, rows, slots_from(6, 3), {.most = set});
      for (index_type head = 0; head < GetParam().heads; ++head) {
        const auto row = cache.row(7, head);
        for (index_type i = 0; i < GetParam().dim; i += 7) {
          const double x = rows.at(1, head, i);
          double nearest = infinity, size = 0;
          for (const double level : levels(cache, 7, head, i)) {
            nearest = std::min(nearest, std::fabs(level - x));
            size = std::max(size, std::fabs(level));
          }
          ASSERT_LE(std::fabs(row[static_cast<std::size_t>(i)] - x), nearest + 1e-6 * size) << i;
        }
      }
    }
  }
}

double steps_of(scalar_kind kind) {
  return kind == scalar_kind::int8 ? 127 : kind == scalar_kind::uint8 ? 255 : kind == scalar_kind::uint4 ? 15 : kind == scalar_kind::float8_e4m3 ? 448 : 57344;
}
// What storing a scale may change of it: of small ones in float16, one unit.
double rounding_of(scalar_kind stored, double scale) { return stored == f32 ? 1e-6 : stored == bf16 ? 0x1p-7 : std::max(0x1p-10, 0x1p-24 / scale); }

TEST_P(Codes, HaveAScaleThatJustHoldsTheirLargestNumber) {
  test_cache cache(GetParam());
  const test_rows rows(f32, 1, GetParam());
  append_all(cache, rows, slots_from(0, 1));
  const cache_facts& f = GetParam();
  const double steps = steps_of(f.kind);
  const index_type group = f.group == 0 ? f.dim : f.group;
  for (index_type begin = 0; begin < f.dim; begin += group) {
    double least = infinity, largest = -infinity;
    for (index_type i = begin; i < std::min(f.dim, begin + group); ++i) {
      least = std::min(least, rows.at(0, 1, i));
      largest = std::max(largest, rows.at(0, 1, i));
    }
    const bool ranges = f.what != beside::scales;
    const double expected = (ranges ? largest - least : std::max(largest, -least)) / steps;
    const double rounding = rounding_of(f.stored, expected);
    // A minimum that is rounded down has its codes begin below.
    const double below = f.what == beside::minimums ? std::fabs(least) * rounding / steps : 0;
    EXPECT_NEAR(cache.scale(0, 1, begin / group), expected, expected * rounding + below);
  }
}

TEST_P(Codes, OfZerosAreZeros) {
  test_cache cache(GetParam());
  test_rows rows(f32, 1, GetParam());
  for (index_type i = 0; i < GetParam().dim; ++i) rows.set(0, 1, i, i % 2 == 0 ? 0.0 : -0.0);
  append_all(cache, rows, slots_from(0, 1));
  EXPECT_EQ(cache.scale(0, 1, 0), 0);
  for (const double x : cache.row(0, 1)) EXPECT_EQ(x, 0);
}

TEST_P(Codes, OfNumbersThatAreAllAlikeAreThatNumber) {
  for (const double number : {3.25, -3.25, 1e-3, 77.0}) {
    test_cache cache(GetParam());
    test_rows rows(f32, 1, GetParam());
    for (index_type i = 0; i < GetParam().dim; ++i) rows.set(0, 0, i, number);
    append_all(cache, rows, slots_from(0, 1));
    const double rounding = rounding_of(GetParam().stored, std::fabs(number) / steps_of(GetParam().kind));
    for (const double x : cache.row(0, 0)) EXPECT_NEAR(x, number, std::fabs(number) * rounding);
  }
}

TEST_P(Codes, OfAGroupThatIsNotFiniteReadAsNaNAndNoOthersDo) {
  const cache_facts& f = GetParam();
  const index_type group = f.group == 0 ? f.dim : f.group;
  for (const double poison : {not_a_number, infinity, -infinity}) {
    for (const auto set : all_sets) {
      test_cache cache(f);
      test_rows rows(f32, 2, f);
      rows.set(1, 0, f.dim - 1, poison);
      append_all(cache, rows, slots_from(0, 2), {.most = set});
      for (index_type i = 0; i < f.dim; ++i) {
        EXPECT_EQ(std::isnan(cache.row(1, 0)[static_cast<std::size_t>(i)]), i / group == (f.dim - 1) / group);
        EXPECT_FALSE(std::isnan(cache.row(1, 1)[static_cast<std::size_t>(i)]));
        EXPECT_FALSE(std::isnan(cache.row(0, 0)[static_cast<std::size_t>(i)]));
      }
    }
  }
}

TEST_P(Codes, OfAnySizeAreWithinTheirPrecision) {
  const cache_facts& f = GetParam();
  for (const double size : {0x1p-40, 0x1p-12, 0x1p14, 0x1p100}) {
    if (f.stored == f16 && (size < 0x1p-20 || size > 0x1p20)) continue;
    test_cache cache(f);
    test_rows rows(f32, 1, f);
    for (index_type i = 0; i < f.dim; ++i) rows.set(0, 0, i, rows.at(0, 0, i) * size);
    append_all(cache, rows, slots_from(0, 1));
    double largest = 0;
    for (index_type i = 0; i < f.dim; ++i) largest = std::max(largest, std::fabs(rows.at(0, 0, i)));
    const double step = f.kind == scalar_kind::uint4 ? 2.0 / 15 : f.kind == scalar_kind::float8_e5m2 ? 0.25 : 0.125;
    const double least_scale = f.stored == f16 ? 0x1p-24 * 127 : 0;
    for (index_type i = 0; i < f.dim; ++i) {
      EXPECT_NEAR(cache.row(0, 0)[static_cast<std::size_t>(i)], rows.at(0, 0, i), 0.6 * (largest * step + least_scale)) << size;
    }
  }
}

// Scales of the caller's.
class GivenScales : public ::testing::Test {
 protected:
  // What a number becomes in a cache of one scale.
  double kept(scalar_kind kind, float scale, double x, crestmax::instruction_set most, float offset = 0) {
    alignas(8) std::byte coded[2] = {};
    const float numbers[2] = {static_cast<float>(x), static_cast<float>(x)};
    const std::int64_t slot = 0;
    crestmax::row_coding coding;
    coding.scales = {&scale, std::array<index_type, 4>{}};
    coding.offsets = {&offset, std::array<index_type, 4>{}};
    const crestmax::tensor_view cache(coded, kind, {1, 1, 1, 2}, {2, 2, 2, 1});
    const crestmax::status s = run_append({numbers, f32, {1, 1, 2}, {2, 2, 1}}, cache, {&slot, 1}, {.coding = coding, .most = most});
    EXPECT_TRUE(s.ok()) << s.message();
    return cached_row(cache, coding, 0, 0, 0)[1];
  }
};

TEST_F(GivenScales, AreUsedAsTheyAre) {
  for (const auto set : all_sets) {
    EXPECT_EQ(kept(scalar_kind::int8, 0.5f, 3.2, set), 3.0);
    EXPECT_EQ(kept(scalar_kind::float8_e4m3, 2.0f, 7.0, set), 7.0);
    EXPECT_EQ(kept(scalar_kind::float8_e5m2, 0.25f, -0.75, set), -0.75);
    EXPECT_EQ(kept(scalar_kind::uint8, 0.5f, -3.2, set, 10.0f), -3.0);
    EXPECT_EQ(kept(scalar_kind::uint4, 1.0f, 4.4, set, 2.0f), 4.0);
  }
}

TEST_F(GivenScales, SaturateWhatIsPastTheirCodes) {
  for (const auto set : all_sets) {
    for (const double past : {1e5, 3e38, infinity}) {
      EXPECT_EQ(kept(scalar_kind::int8, 0.5f, past, set), 63.5);
      EXPECT_EQ(kept(scalar_kind::int8, 0.5f, -past, set), -64.0);
      EXPECT_EQ(kept(scalar_kind::float8_e4m3, 1.0f, past, set), 448.0);
      EXPECT_EQ(kept(scalar_kind::float8_e4m3, 1.0f, -past, set), -448.0);
      EXPECT_EQ(kept(scalar_kind::float8_e5m2, 1.0f, past, set), 57344.0);
      EXPECT_EQ(kept(scalar_kind::uint8, 1.0f, past, set, 3.0f), 252.0);
      EXPECT_EQ(kept(scalar_kind::uint8, 1.0f, -past, set, 3.0f), -3.0);
      EXPECT_EQ(kept(scalar_kind::uint4, 1.0f, past, set), 15.0);
    }
  }
}

TEST_F(GivenScales, KeepNaNInFloat8AndMakeItTheLargestCodeOfIntegers) {
  for (const auto set : all_sets) {
    for (const double none : {not_a_number, -not_a_number}) {
      EXPECT_TRUE(std::isnan(kept(scalar_kind::float8_e4m3, 1.0f, none, set)));
      EXPECT_TRUE(std::isnan(kept(scalar_kind::float8_e5m2, 1.0f, none, set)));
      EXPECT_EQ(kept(scalar_kind::int8, 1.0f, none, set), 127.0);
      EXPECT_EQ(kept(scalar_kind::uint8, 1.0f, none, set), 255.0);
    }
  }
}

TEST_F(GivenScales, RoundHalvesToEven) {
  for (const auto set : all_sets) {
    EXPECT_EQ(kept(scalar_kind::int8, 1.0f, 2.5, set), 2.0);
    EXPECT_EQ(kept(scalar_kind::int8, 1.0f, 3.5, set), 4.0);
    EXPECT_EQ(kept(scalar_kind::int8, 1.0f, -2.5, set), -2.0);
    EXPECT_EQ(kept(scalar_kind::uint8, 1.0f, 254.5, set), 254.0);
  }
}

// Every finite number of the format, the middle to the next one, and what lies beside the middle.
TEST_F(GivenScales, RoundFloat8ToNearestEvenEverywhere) {
  for (const scalar_kind kind : {scalar_kind::float8_e4m3, scalar_kind::float8_e5m2}) {
    const int last = kind == scalar_kind::float8_e4m3 ? 0x7e : 0x7b;
    const auto number = [&](int code) { return decode_float8(static_cast<unsigned>(code), kind == scalar_kind::float8_e4m3 ? 4 : 5, kind == scalar_kind::float8_e5m2); };
    for (const auto set : all_sets) {
      for (int code = 0; code < last; ++code) {
        const double low = number(code), high = number(code + 1), middle = (low + high) / 2;
        ASSERT_EQ(kept(kind, 1.0f, low, set), low);
        ASSERT_EQ(kept(kind, 1.0f, -high, set), -high);
        ASSERT_EQ(kept(kind, 1.0f, middle, set), code % 2 == 0 ? low : high) << code;
        ASSERT_EQ(kept(kind, 1.0f, std::nextafter(static_cast<float>(middle), 0.0f), set), low);
        ASSERT_EQ(kept(kind, 1.0f, std::nextafter(static_cast<float>(middle), 1e9f), set), high);
      }
    }
  }
}

}  // namespace
}  // namespace crestmax_test
