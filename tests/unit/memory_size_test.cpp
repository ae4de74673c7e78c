#include <gtest/gtest.h>

#include <crestmax/backend/cpu/block.hpp>
#include <crestmax/backend/cpu/partials.hpp>

namespace crestmax_test {
namespace {

using crestmax::memory_size;
constexpr std::size_t largest = memory_size::largest;

TEST(MemorySize, CountsWhatFits) {
  EXPECT_EQ((memory_size(3) * memory_size(5) + memory_size(2)).value(), 17u);
  EXPECT_EQ(memory_size(65).rounded_up(64).value(), 128u);
  EXPECT_EQ(memory_size(64).rounded_up(64).value(), 64u);
  EXPECT_FALSE(memory_size(largest - 1).is_too_large());
}

TEST(MemorySize, SticksAtTheLargest) {
  EXPECT_EQ(memory_size(largest).value(), largest);
  EXPECT_EQ(memory_size(std::numeric_limits<std::uint64_t>::max()).value(), largest);
  EXPECT_EQ((memory_size(largest) + memory_size(1)).value(), largest);
  EXPECT_EQ((memory_size(largest) + memory_size(largest)).value(), largest);
  EXPECT_EQ((memory_size(largest / 2 + 1) * memory_size(2)).value(), largest);
  EXPECT_EQ(memory_size(largest - 1).rounded_up(64).value(), largest);
  EXPECT_TRUE((memory_size(largest - 1) + memory_size(1)).is_too_large());
}

TEST(MemorySize, OfNothingIsNothing) {
  EXPECT_EQ((memory_size(largest) * memory_size(0)).value(), 0u);
  EXPECT_EQ((memory_size(0) * memory_size(largest)).value(), 0u);
  EXPECT_EQ(memory_size(0).rounded_up(64).value(), 0u);
}

TEST(MemorySize, OfAWorkspaceForManyWorkersSticks) {
  const crestmax::workspace_size size{64, largest / 4, 1000};
  EXPECT_LT(size.total(3), largest);
  EXPECT_EQ(size.total(5), largest);
  EXPECT_EQ(size.total(std::numeric_limits<int>::max()), largest);
}

TEST(MemorySize, OfAPlanForManySequencesSticks) {
  EXPECT_EQ(crestmax::plan::bytes(std::numeric_limits<crestmax::index_type>::max()), largest);
}

TEST(MemorySize, OfPiecesOfAnArenaSticks) {
  crestmax::cpu::arena memory(nullptr);
  memory.take<double>(7);
  EXPECT_EQ(memory.used(), 64u);
  memory.take<double>(crestmax::index_type{1} << 62);
  memory.take<double>(crestmax::index_type{1} << 62);
  EXPECT_EQ(memory.used(), largest);
}

TEST(MemorySize, OfPartialStatesSticks) {
  crestmax::plan_header h{};
  h.shape.d_v = 65536;
  h.split_rows = 4096;
  EXPECT_EQ(crestmax::cpu::shared_bytes<double>(h, crestmax::index_type{1} << 40), largest);
}

}  // namespace
}  // namespace crestmax_test
