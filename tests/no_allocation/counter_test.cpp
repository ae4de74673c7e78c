// The counter itself: if it could not count, the tests beside this one could not fail.
#include "counter.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

namespace crestmax_test {
namespace {

// The compiler may leave out an allocation whose result it can follow.
void* volatile escaped = nullptr;

template <class Allocate>
void expect_one_allocation(Allocate&& allocate) {
  EXPECT_EQ(count([&] { escaped = allocate(); }).allocations, 1);
  ASSERT_NE(escaped, nullptr);
}

struct alignas(128) wide {
  char bytes[128];
};

TEST(Counter, CountsMalloc) {
  expect_one_allocation([] { return std::malloc(10); });
  std::free(escaped);
}

TEST(Counter, CountsCalloc) {
  expect_one_allocation([] { return std::calloc(10, 10); });
  EXPECT_EQ(static_cast<char*>(escaped)[99], 0);
  std::free(escaped);
}

TEST(Counter, CountsRealloc) {
  escaped = std::malloc(10);
  expect_one_allocation([] { return std::realloc(escaped, 100000); });
  std::free(escaped);
}

TEST(Counter, CountsAlignedAlloc) {
  expect_one_allocation([] { return std::aligned_alloc(64, 128); });
  std::free(escaped);
}

TEST(Counter, CountsPosixMemalign) {
  expect_one_allocation([] {
    void* memory = nullptr;
    return posix_memalign(&memory, 64, 128) == 0 ? memory : nullptr;
  });
  std::free(escaped);
}

TEST(Counter, CountsMemalign) {
  expect_one_allocation([] { return memalign(64, 128); });
  std::free(escaped);
}

TEST(Counter, CountsOperatorNew) {
  expect_one_allocation([] { return new int(1); });
  delete static_cast<int*>(escaped);
}

TEST(Counter, CountsOperatorNewForArrays) {
  expect_one_allocation([] { return new int[10]; });
  delete[] static_cast<int*>(escaped);
}

TEST(Counter, CountsOperatorNewThatDoesNotThrow) {
  expect_one_allocation([] { return new (std::nothrow) int(1); });
  delete static_cast<int*>(escaped);
  expect_one_allocation([] { return new (std::nothrow) int[10]; });
  delete[] static_cast<int*>(escaped);
}

TEST(Counter, CountsOperatorNewForAlignedTypes) {
  expect_one_allocation([] { return new wide; });
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(escaped) % 128, 0u);
  delete static_cast<wide*>(escaped);
  expect_one_allocation([] { return new wide[2]; });
  delete[] static_cast<wide*>(escaped);
  expect_one_allocation([] { return new (std::nothrow) wide; });
  delete static_cast<wide*>(escaped);
  expect_one_allocation([] { return new (std::nothrow) wide[2]; });
  delete[] static_cast<wide*>(escaped);
}

TEST(Counter, CountsWhatTheLibrariesAllocate) {
  std::vector<std::unique_ptr<std::string>> kept;
  EXPECT_GE(count([&] { kept.push_back(std::make_unique<std::string>(100, 'x')); }).allocations, 3);
  escaped = nullptr;
  expect_one_allocation([] { return strdup("a string of the C library"); });
  std::free(escaped);
}

TEST(Counter, CountsOnOtherThreads) {
  std::atomic<bool> go{false};
  std::thread other([&] {
    while (!go) std::this_thread::yield();
    escaped = std::malloc(10);
  });
  const traces t = count([&] {
    go = true;
    other.join();
  });
  EXPECT_EQ(t.allocations, 1);
  EXPECT_EQ(t.threads, 0) << "the thread was there before";
  std::free(escaped);
}

TEST(Counter, CountsThreads) {
  const traces t = count([] {
    std::thread([] {}).join();
    std::thread([] {}).join();
  });
  EXPECT_EQ(t.threads, 2);
}

TEST(Counter, SeesLivingThreads) {
  const long before = living_threads();
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) std::this_thread::yield();
  });
  EXPECT_EQ(living_threads(), before + 1);
  stop = true;
  other.join();
}

TEST(Counter, DoesNotCountOutsideOfItsMarks) {
  escaped = std::malloc(10);
  begin_counting();
  EXPECT_EQ(end_counting().allocations, 0);
  std::free(escaped);
  escaped = std::malloc(10);
  EXPECT_EQ(count([] {}).allocations, 0);
  std::free(escaped);
}

TEST(Counter, DoesNotCountFreeing) {
  escaped = std::malloc(10);
  EXPECT_EQ(count([] { std::free(escaped); }).allocations, 0);
}

}  // namespace
}  // namespace crestmax_test
