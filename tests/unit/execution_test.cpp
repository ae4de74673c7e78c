#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <crestmax/execution.hpp>
#if defined(CRESTMAX_TEST_TBB)
#include <crestmax/interop/tbb.hpp>
#endif
#include <vector>

#include "support/executors.hpp"

namespace crestmax_test {
namespace {

// Every item once, workers in range, none of them twice at a time.
template <class Executor>
void expect_a_lawful_executor(const Executor& run_on, index_type count) {
  std::vector<std::atomic<int>> seen(static_cast<std::size_t>(count));
  std::vector<std::atomic<int>> busy(static_cast<std::size_t>(run_on.workers()));
  std::atomic<int> trouble{0};
  run_on.run(count, [&](index_type item, int worker) {
    if (worker < 0 || worker >= run_on.workers()) {
      ++trouble;
      return;
    }
    if (busy[static_cast<std::size_t>(worker)]++ != 0) ++trouble;
    ++seen[static_cast<std::size_t>(item)];
    --busy[static_cast<std::size_t>(worker)];
  });
  EXPECT_EQ(trouble, 0);
  for (const auto& times : seen) ASSERT_EQ(times, 1);
}

struct not_an_executor {
  int workers() const { return 1; }
};

TEST(Executors, SerialIsLawful) {
  EXPECT_EQ(crestmax::serial{}.workers(), 1);
  for (const index_type count : {0, 1, 100}) expect_a_lawful_executor(crestmax::serial{}, count);
}

TEST(Executors, SerialRunsInOrderOnTheCallingThread) {
  std::vector<index_type> order;
  crestmax::serial{}.run(4, [&](index_type item, int) { order.push_back(item); });
  EXPECT_EQ(order, (std::vector<index_type>{0, 1, 2, 3}));
}

#if defined(_OPENMP)
TEST(Executors, OpenMpIsLawful) {
  for (const int threads : {1, 2, 4}) {
    for (const index_type count : {0, 1, 100}) {
      expect_a_lawful_executor(crestmax::openmp{threads}, count);
      expect_a_lawful_executor(crestmax::openmp{threads, true}, count);
    }
  }
}

TEST(Executors, OpenMpWorkersKeepTheirItems) {
  const crestmax::openmp run_on{3, true};
  std::vector<int> first(50), second(50);
  for (std::vector<int>* of : {&first, &second}) {
    run_on.run(50, [&](index_type item, int worker) { (*of)[static_cast<std::size_t>(item)] = worker; });
  }
  EXPECT_EQ(first, second);
  EXPECT_TRUE(std::is_sorted(first.begin(), first.end()));
}

TEST(Executors, OpenMpHasAtLeastOneWorker) { EXPECT_EQ(crestmax::openmp{0}.workers(), 1); }
#endif

#if defined(CRESTMAX_TEST_TBB)
TEST(Executors, OneTbbIsLawful) {
  for (const int threads : {1, 3}) {
    tbb::task_arena arena(threads);
    for (const index_type count : {0, 1, 100}) {
      expect_a_lawful_executor(crestmax::tbb_executor(arena), count);
      expect_a_lawful_executor(crestmax::tbb_executor(arena, true), count);
    }
  }
}

TEST(Executors, OneTbbGivesEachWorkerARunOfItemsThatItKeeps) {
  tbb::task_arena arena(3);
  const crestmax::tbb_executor run_on(arena, true);
  std::vector<int> workers(50);
  run_on.run(50, [&](index_type item, int worker) { workers[static_cast<std::size_t>(item)] = worker; });
  int changes = 0;
  for (std::size_t i = 1; i < workers.size(); ++i) changes += workers[i] != workers[i - 1];
  EXPECT_LT(changes, run_on.workers());
}
#endif

TEST(Executors, TheTestsOwnPoolIsLawful) {
  for (const int threads : {1, 2, 4}) {
    expect_a_lawful_executor(test_executor{executor_kind::shuffled_threads, threads, 1}, 100);
  }
}

TEST(Executors, AreCheckedByTheConcept) {
  EXPECT_TRUE(crestmax::executor<crestmax::serial>);
  EXPECT_TRUE(crestmax::executor<const crestmax::serial>);
  EXPECT_TRUE(crestmax::executor<test_executor>);
  EXPECT_FALSE(crestmax::executor<not_an_executor>);
}

}  // namespace
}  // namespace crestmax_test
