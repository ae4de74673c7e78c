#include "team.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>

namespace {

// Three stages, which note when they ran and on which worker.
struct noted {
  static constexpr int threads = 2;
  std::array<std::int64_t, 3> counts;
  mutable std::array<std::atomic<int>, 3> done{};
  mutable std::atomic<bool> early{false};
  mutable std::atomic<bool> strange_worker{false};

  std::int64_t stages() const { return 3; }
  std::int64_t items(std::int64_t stage) const { return counts[static_cast<std::size_t>(stage)]; }
  void run(std::int64_t stage, std::int64_t, int worker) const {
    const auto s = static_cast<std::size_t>(stage);
    if (s > 0 && done[s - 1] != counts[s - 1]) early = true;
    if (worker < 0 || worker >= threads) strange_worker = true;
    ++done[s];
  }
};

TEST(Team, RunsEveryItemOfAStageBeforeTheNext) {
  for (const std::array<std::int64_t, 3> counts : {std::array<std::int64_t, 3>{7, 1, 50}, {1, 1, 1}, {0, 3, 0}, {64, 64, 64}}) {
    const noted work{counts};
    adapter::run_in_team(noted::threads, adapter::work_of(work));
    for (std::size_t s = 0; s < 3; ++s) EXPECT_EQ(work.done[s], counts[s]);
    EXPECT_FALSE(work.early);
    EXPECT_FALSE(work.strange_worker);
  }
}

TEST(Team, OfOneRunsOnTheCallersThread) {
  const noted work{{3, 3, 3}};
  adapter::run_in_team(1, adapter::work_of(work));
  for (std::size_t s = 0; s < 3; ++s) EXPECT_EQ(work.done[s], 3);
}

}  // namespace
