// What stands in for compilers' own functions where there are none.
#include <crestmax/compiler.hpp>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace {

__extension__ using wide = __int128;

constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

// Numbers around every place where a sum or a product stops to fit.
std::vector<std::int64_t> telling_numbers() {
  std::vector<std::int64_t> numbers;
  for (const std::int64_t around : {least + 2, least / 2, -(std::int64_t{1} << 32), std::int64_t{0}, std::int64_t{1} << 32,
                                    std::int64_t{3037000499}, most / 3, most / 2, most - 2}) {
    for (std::int64_t step = -2; step <= 2; ++step) numbers.push_back(around + step);
  }
  return numbers;
}

// The exact result, which 128 bits hold, against what a function made of it.
template <class Exact, class Function>
void expect_true_answers(Exact&& exact, Function&& overflows) {
  for (const std::int64_t a : telling_numbers()) {
    for (const std::int64_t b : telling_numbers()) {
      const wide truth = exact(a, b);
      std::int64_t result = 0;
      ASSERT_EQ(overflows(a, b, result), truth < least || truth > most) << a << ", " << b;
      if (truth >= least && truth <= most) {
        ASSERT_EQ(result, static_cast<std::int64_t>(truth)) << a << ", " << b;
      }
    }
  }
}

TEST(Compiler, FindsProductsThatDoNotFitWithoutHelp) {
  expect_true_answers([](wide a, wide b) { return a * b; }, crestmax::compiler::plain::multiply_overflows);
}

TEST(Compiler, FindsSumsThatDoNotFitWithoutHelp) {
  expect_true_answers([](wide a, wide b) { return a + b; }, crestmax::compiler::plain::add_overflows);
}

TEST(Compiler, GivesMemoryAtTheAlignmentAskedFor) {
  for (const std::size_t alignment : {std::size_t{64}, std::size_t{128}, std::size_t{4096}}) {
    void* const memory = crestmax::compiler::allocate_aligned(alignment, 2 * alignment);
    ASSERT_NE(memory, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % alignment, 0u);
    crestmax::compiler::free_aligned(memory);
  }
}

}  // namespace
