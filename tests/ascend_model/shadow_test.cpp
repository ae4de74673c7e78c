// What a memory remembers, per 32 B with splits, against a memory of single bytes that keeps everything.
#include "src/shadow.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace crestmax_test {
namespace {

using ascend_model::access;
using ascend_model::epoch;
using ascend_model::shadow;
using ascend_model::trouble;

constexpr std::uint64_t size = 160;
constexpr int used_pipes = 6;

struct plain_memory {
  struct byte {
    bool written = false;
    std::uint32_t writer = 0;
    std::vector<std::uint32_t> readers;
  };
  std::vector<byte> bytes = std::vector<byte>(size);

  static bool ordered(std::uint32_t e, const access& by) { return e == 0 || by.seen->knows(e); }
  bool may_read(std::uint64_t offset, std::uint64_t count, const access& by) const {
    for (std::uint64_t i = offset; i < offset + count; ++i) {
      if (!bytes[i].written || !ordered(bytes[i].writer, by)) return false;
    }
    return true;
  }
  bool may_write(std::uint64_t offset, std::uint64_t count, const access& by) const {
    for (std::uint64_t i = offset; i < offset + count; ++i) {
      if (!ordered(bytes[i].writer, by)) return false;
      for (std::uint32_t r : bytes[i].readers) {
        if (epoch::pipe(r) != epoch::pipe(by.self) && !ordered(r, by)) return false;
      }
    }
    return true;
  }
  void read(std::uint64_t offset, std::uint64_t count, const access& by) {
    for (std::uint64_t i = offset; i < offset + count; ++i) bytes[i].readers.push_back(by.self);
  }
  void write(std::uint64_t offset, std::uint64_t count, const access& by) {
    for (std::uint64_t i = offset; i < offset + count; ++i) bytes[i] = {true, by.self, {}};
  }
};

// Pipes that issue instructions and now and then hear from each other, as flags would tell them.
struct random_pipes {
  std::mt19937 random;
  std::vector<ascend_model::clock> seen = std::vector<ascend_model::clock>(used_pipes);
  std::vector<std::uint32_t> issued = std::vector<std::uint32_t>(used_pipes);

  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); }
  void hear() {
    const std::size_t from = below(used_pipes), to = below(used_pipes);
    ascend_model::clock told = seen[from];
    told.at[from] = issued[from];
    seen[to].join(told);
  }
  access next(std::size_t pipe) {
    return {epoch::of(static_cast<int>(pipe), ++issued[pipe]), &seen[pipe], false};
  }
};

TEST(AShadow, DecidesAsAMemoryOfSingleBytes) {
  int refused = 0, allowed = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    random_pipes pipes{std::mt19937(seed)};
    plain_memory plain;
    shadow tested(size, false);
    for (int step = 0; step < 400; ++step) {
      for (std::size_t times = pipes.below(4); times > 0; --times) pipes.hear();
      // Even offsets and lengths: no element has one byte.
      const std::uint64_t offset = pipes.below(2) == 0 ? pipes.below(5) * 32 : pipes.below(size / 2) * 2;
      const std::uint64_t most = size - offset;
      const std::uint64_t count = pipes.below(2) == 0 && most >= 32 ? most / 32 * 32 : (pipes.below(most / 2) + 1) * 2;
      const bool reads = pipes.below(2) == 0;
      const access by = pipes.next(pipes.below(used_pipes));
      const bool fine = reads ? plain.may_read(offset, count, by) : plain.may_write(offset, count, by);
      if (!fine) {  // a kernel ends here; this test goes on as if the call had not been made
        shadow copy = tested;
        const auto verdict = reads ? copy.read(offset, count, by) : copy.write(offset, count, by);
        ASSERT_NE(verdict.what, trouble::none) << "seed " << seed << ", step " << step;
        ASSERT_GE(verdict.offset, offset);
        ASSERT_LT(verdict.offset, offset + count);
        ++refused;
        continue;
      }
      const auto verdict = reads ? tested.read(offset, count, by) : tested.write(offset, count, by);
      ASSERT_EQ(verdict.what, trouble::none) << "seed " << seed << ", step " << step;
      reads ? plain.read(offset, count, by) : plain.write(offset, count, by);
      ++allowed;
    }
  }
  EXPECT_GT(refused, 10000);
  EXPECT_GT(allowed, 10000);
}

TEST(AShadow, NamesTheFirstByteThatNothingHasWritten) {
  shadow s(64, false);
  const ascend_model::clock nothing;
  ASSERT_EQ(s.write(0, 38, {epoch::of(0, 1), &nothing, false}).what, trouble::none);
  ascend_model::clock all;
  all.at[0] = 1;
  const auto verdict = s.read(4, 40, {epoch::of(1, 1), &all, false});
  EXPECT_EQ(verdict.what, trouble::uninitialised);
  EXPECT_EQ(verdict.offset, 38u);
}

TEST(AShadow, ForgetsBytesAndNoOthers) {
  shadow s(64, true);
  const ascend_model::clock nothing;
  s.forget(10, 30);
  EXPECT_EQ(s.read(0, 10, {epoch::of(0, 1), &nothing, false}).what, trouble::none);
  EXPECT_EQ(s.read(40, 24, {epoch::of(0, 1), &nothing, false}).what, trouble::none);
  EXPECT_EQ(s.read(8, 4, {epoch::of(0, 1), &nothing, false}).offset, 10u);
  EXPECT_EQ(s.read(38, 4, {epoch::of(0, 1), &nothing, false}).offset, 38u);
}

}  // namespace
}  // namespace crestmax_test
