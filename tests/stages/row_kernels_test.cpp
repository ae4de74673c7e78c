// What sets do to rows for modifiers, against the C library in double.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "tables.hpp"

namespace crestmax_test {
namespace {

using crestmax::index_type;

// Numbers that begin at a line of the cache, with room for whole vectors behind them.
template <class T>
class memory_of_rows {
 public:
  explicit memory_of_rows(const std::vector<T>& x) : count_(x.size()), lines_(x.size() / per_line + 5) { std::copy(x.begin(), x.end(), data()); }
  T* data() { return lines_[0].numbers; }
  std::vector<T> numbers() { return {data(), data() + count_}; }

 private:
  static constexpr std::size_t per_line = 64 / sizeof(T);
  struct alignas(64) line {
    T numbers[per_line];
  };
  std::size_t count_;
  std::vector<line> lines_;
};
using row_memory = memory_of_rows<float>;

template <class T>
std::vector<T> capped_row(const crestmax::row_kernels<T>& kernels, const std::vector<T>& x, T cap) {
  memory_of_rows<T> row(x);
  kernels.soft_cap(row.data(), static_cast<index_type>(x.size()), T(1), cap);
  return row.numbers();
}

// The largest error in units of the last place of the exact result, over every `step`th number of either sign between these.
template <class T>
double worst_error_of_cap(const crestmax::row_kernels<T>& kernels, T from, T to, std::uint64_t step, T cap) {
  using wide = std::conditional_t<sizeof(T) == 4, double, long double>;
  using pattern = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  std::vector<T> x;
  for (std::uint64_t bits = std::bit_cast<pattern>(from); bits <= std::bit_cast<pattern>(to); bits += step) {
    x.push_back(std::bit_cast<T>(static_cast<pattern>(bits)));
    x.push_back(-x.back());
  }
  const std::vector<T> got = capped_row(kernels, x, cap);
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const wide exact = static_cast<wide>(cap) * std::tanh(static_cast<wide>(x[i]) / static_cast<wide>(cap));
    const wide ulp = std::ldexp(wide(1), std::max(std::ilogb(exact), std::numeric_limits<T>::min_exponent - 1) + 1 - std::numeric_limits<T>::digits);
    worst = std::max(worst, static_cast<double>(std::fabs(static_cast<wide>(got[i]) - exact) / ulp));
  }
  return worst;
}

class RowKernels : public OnTables {
 protected:
  const crestmax::row_kernels<float>& kernels() const { return GetParam().table->rows; }
  const crestmax::row_kernels<double>& kernels_of_double() const {
    using crestmax::instruction_set;
#if CRESTMAX_X86_SETS
    if (GetParam().planned_for == instruction_set::avx2) return crestmax::cpu::avx2::kernels::table<double>().rows;
    if (GetParam().planned_for == instruction_set::avx512) return crestmax::cpu::avx512::kernels::table<double>().rows;
#endif
#if CRESTMAX_ARM_SETS
    if (GetParam().planned_for == instruction_set::neon) return crestmax::cpu::neon::kernels::table<double>().rows;
#endif
#if !defined(CRESTMAX_TEST_EMULATED)
    if (GetParam().planned_for == instruction_set::portable) return crestmax::cpu::portable::kernels::table<double>().rows;
#endif
    return crestmax::cpu::generic::kernels::table<double>().rows;
  }
  std::vector<float> capped(const std::vector<float>& x, float cap) const { return capped_row(kernels(), x, cap); }
};
INSTANTIATE_TEST_SUITE_P(Tables, RowKernels, ::testing::ValuesIn(every_table()), name_of_table);

TEST_P(RowKernels, CapWithinEightUnitsOfTheLastPlace) {
  for (const float cap : {1.0f, 30.0f, 50.0f, 0.37f, 1e6f}) {
    EXPECT_LE(worst_error_of_cap(kernels(), 0x1p-60f * cap, 1000.0f * cap, 4099, cap), 8.0) << cap;
  }
}

TEST_P(RowKernels, CapsOfTheWholeRangeAreAsExact) {
  for (const float cap : {0x1p-60f, 0x1p-20f, 0x1p40f, 0x1p60f}) {
    EXPECT_LE(worst_error_of_cap(kernels(), 0x1p-60f * cap, 100.0f * cap, 40009, cap), 8.0) << cap;
  }
}

TEST_P(RowKernels, CapDoublesWithinEightUnitsOfTheLastPlace) {
  for (const double cap : {0x1p-60, 0.37, 1.0, 30.0, 50.0, 0x1p60}) {
    EXPECT_LE(worst_error_of_cap(kernels_of_double(), 0x1p-60 * cap, 1000 * cap, 0x10000d1f2a3b5, cap), 8.0) << cap;
    EXPECT_LE(worst_error_of_cap(kernels_of_double(), 0x1p-4 * cap, 40 * cap, 0x3a3b5d1f2a5, cap), 8.0) << cap;
  }
}

TEST_P(RowKernels, CapsOfDoublesAreExactInTheLimits) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> got = capped_row<double>(kernels_of_double(), {infinity, -infinity, 1e300, -1e300, 0.0, -0.0}, 30.0);
  EXPECT_EQ(got, (std::vector<double>{30, -30, 30, -30, 0, -0.0}));
}

TEST_P(RowKernels, CapsAreExactInTheLimits) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> got = capped({infinity, -infinity, 3e38f, -3e38f, 0.0f, -0.0f}, 30.0f);
  EXPECT_EQ(got, (std::vector<float>{30, -30, 30, -30, 0, -0.0f}));
}

TEST_P(RowKernels, CapsKeepNan) {
  const std::vector<float> got = capped({1, std::numeric_limits<float>::quiet_NaN(), 2}, 30.0f);
  EXPECT_TRUE(std::isnan(got[1]));
  EXPECT_FALSE(std::isnan(got[0]) || std::isnan(got[2]));
}

// Wherever a number stands and whatever stands beside it: which panel a key is in depends on the batch.
TEST_P(RowKernels, CapANumberAlikeWhereverItStands) {
  const float x = 17.3f;
  const float alone = capped({x}, 30.0f)[0];
  for (std::size_t count = 1; count < 150; ++count) {
    for (const float y : capped(std::vector<float>(count, x), 30.0f)) ASSERT_EQ(y, alone) << count;
  }
}

TEST_P(RowKernels, MultiplyByTheScaleFirst) {
  row_memory capped_row({2.0f}), ramped({2.0f}), summed({2.0f});
  const float three = 3.0f;
  kernels().soft_cap(capped_row.data(), 1, 1000.0f, 4.0f);
  kernels().add_ramp(ramped.data(), 1, 0.25f, 1.0f, 7.0f, 1.0f);
  kernels().add_numbers(summed.data(), 1, 0.25f, crestmax::scalar_kind::float32, &three, 1, 1.0f);
  EXPECT_EQ(capped_row.numbers()[0], 4.0f);
  EXPECT_EQ(ramped.numbers()[0], 7.5f);
  EXPECT_EQ(summed.numbers()[0], 3.5f);
}

TEST_P(RowKernels, RampsAddASlopeTimesADistance) {
  for (const index_type count : {1, 7, 16, 33, 100}) {
    row_memory x(std::vector<float>(static_cast<std::size_t>(count), 1.5f));
    kernels().add_ramp(x.data(), count, 1.0f, -0.125f, -1000.0f, 3.0f);
    for (index_type i = 0; i < count; ++i) {
      const double exact = 1.5 - 0.125 * (-1000.0 + 3.0 * static_cast<double>(i));
      ASSERT_EQ(static_cast<double>(x.data()[i]), exact) << i << " of " << count;
    }
  }
}

template <class Stored>
void expect_sums(const crestmax::row_kernels<float>& kernels) {
  for (const index_type distance : {0, 1, 3}) {
    for (const index_type count : {1, 7, 16, 33, 100}) {
      row_memory x(std::vector<float>(static_cast<std::size_t>(count), 0.5f));
      std::vector<Stored> of;
      for (index_type i = 0; i < (count - 1) * distance + 1; ++i) of.push_back(crestmax::convert<Stored>(static_cast<float>(i) * 0.25f));
      kernels.add_numbers(x.data(), count, 1.0f, crestmax::kind_of<Stored>, of.data(), distance, -0.5f);
      for (index_type i = 0; i < count; ++i) {
        ASSERT_EQ(static_cast<double>(x.data()[i]), 0.5 - 0.5 * crestmax::convert<double>(of[static_cast<std::size_t>(i * distance)]))
            << i << " of " << count << " at " << distance;
      }
    }
  }
}

TEST_P(RowKernels, AddNumbersOfEveryTypeAtEveryDistance) {
  expect_sums<float>(kernels());
  expect_sums<double>(kernels());
  expect_sums<crestmax::float16>(kernels());
  expect_sums<crestmax::bfloat16>(kernels());
}

// Entries that hide and that do not, at every distance, over rows of numbers and of NaN.
template <class Entry>
void expect_hidden(const crestmax::row_kernels<float>& kernels, crestmax::mask_type type, const std::vector<Entry>& hide, const std::vector<Entry>& show) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  for (const index_type distance : {0, 1, 3}) {
    for (const index_type count : {1, 7, 16, 33, 100}) {
      const auto size = static_cast<std::size_t>(count);
      std::vector<Entry> of;
      for (index_type i = 0; i < (count - 1) * distance + 1; ++i) {
        const auto at = static_cast<std::size_t>(i);
        of.push_back(i % 3 == 0 ? hide[at / 3 % hide.size()] : show[at % show.size()]);
      }
      std::vector<float> before(size);
      for (std::size_t i = 0; i < size; ++i) before[i] = i % 5 == 2 ? nan : static_cast<float>(i);
      row_memory x(before);
      kernels.hide(x.data(), count, type, of.data(), distance);
      for (std::size_t i = 0; i < size; ++i) {
        const bool hidden = static_cast<index_type>(i) * distance % 3 == 0;
        const float expected = hidden ? -std::numeric_limits<float>::infinity() : before[i];
        ASSERT_EQ(std::bit_cast<std::uint32_t>(x.data()[i]), std::bit_cast<std::uint32_t>(expected)) << i << " of " << count << " at " << distance;
      }
    }
  }
}

template <class Half>
std::vector<Half> halves(std::initializer_list<std::uint16_t> bits) {
  std::vector<Half> all;
  for (const std::uint16_t b : bits) all.push_back({b});
  return all;
}

TEST_P(RowKernels, HideByEntriesOfEveryTypeWhateverTheScoresAre) {
  constexpr float lowest = std::numeric_limits<float>::lowest();
  constexpr float infinite = std::numeric_limits<float>::infinity();
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr double low = std::numeric_limits<double>::lowest();
  using crestmax::mask_type;
  expect_hidden<std::uint8_t>(kernels(), mask_type::boolean, {0}, {1, 2, 128, 255});
  expect_hidden<float>(kernels(), mask_type::float32, {lowest, -infinite}, {0, -0.0f, 1, infinite, nan, std::nextafter(lowest, 0.0f)});
  expect_hidden<double>(kernels(), mask_type::float64, {low, -std::numeric_limits<double>::infinity()}, {0, 1, std::nextafter(low, 0.0), -1e300});
  expect_hidden(kernels(), mask_type::float16, halves<crestmax::float16>({0xfbff, 0xfc00}), halves<crestmax::float16>({0, 0x8000, 0xfbfe, 0x7c00, 0xfe00}));
  expect_hidden(kernels(), mask_type::bfloat16, halves<crestmax::bfloat16>({0xff7f, 0xff80}), halves<crestmax::bfloat16>({0, 0x8000, 0xff7e, 0x7f80, 0xffc0}));
}

}  // namespace
}  // namespace crestmax_test
