// The machine that the numbers are about, and threads that stay on their cores.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

namespace crestmax_bench {

struct machine {
  std::string processor;
  std::vector<int> cores;        // numbers of the cores that this process may use
  std::size_t last_level_cache;  // bytes that one core can reach
};

const machine& this_machine();

// Keeps the calling thread on one core where the system can do that.
void stay_on_core(int core);

// An executor over threads that each stay on a core of their own; the caller is the first worker. With
// one worker it is a plain loop.
class team {
 public:
  explicit team(int workers);
  ~team();
  team(const team&) = delete;
  team& operator=(const team&) = delete;

  int workers() const { return workers_; }

  template <class Body>
  void run(std::ptrdiff_t count, Body&& body) {
    if (workers_ == 1) {
      for (std::ptrdiff_t item = 0; item < count; ++item) body(item, 0);
      return;
    }
    job_ = &body;
    call_ = [](void* job, std::ptrdiff_t item, int worker) {
      (*static_cast<std::remove_reference_t<Body>*>(job))(item, worker);
    };
    start_and_wait(count);
  }

 private:
  void start_and_wait(std::ptrdiff_t count);
  void take_items(int worker);

  int workers_;
  std::vector<std::thread> threads_;
  void* job_ = nullptr;
  void (*call_)(void* job, std::ptrdiff_t item, int worker) = nullptr;
  std::ptrdiff_t count_ = 0;
  std::atomic<std::ptrdiff_t> next_{0};
  std::atomic<int> round_{0};
  std::atomic<int> busy_{0};
  bool stop_ = false;
};

// Lends a team to calls, which take executors by value.
struct lent_team {
  team* lent;
  int workers() const { return lent->workers(); }
  template <class Body>
  void run(std::ptrdiff_t count, Body&& body) const {
    lent->run(count, body);
  }
};

}  // namespace crestmax_bench
