// Executors that try to disturb: threads that take items in a shuffled order.
#pragma once

#include <atomic>
#include <crestmax/execution.hpp>
#include <functional>
#include <thread>
#include <vector>

#include "random.hpp"

namespace crestmax_test {

enum class executor_kind { serial, shuffled_threads, openmp, last_worker };

// One type for all executors, so that calls are compiled once.
struct test_executor {
  executor_kind kind = executor_kind::serial;
  int threads = 1;
  std::uint64_t seed = 0;

  int workers() const { return threads; }

  template <class Body>
  void run(index_type count, Body&& body) const {
    switch (kind) {
      case executor_kind::serial:
        return crestmax::serial{}.run(count, body);
      case executor_kind::shuffled_threads:
        return run_shuffled(count, body);
      case executor_kind::openmp:
        return run_openmp(count, body);
      case executor_kind::last_worker:
        for (index_type item = 0; item < count; ++item) body(item, threads - 1);
    }
  }

 private:
  void run_shuffled(index_type count, const std::function<void(index_type, int)>& body) const {
    std::vector<index_type> order(static_cast<std::size_t>(count));
    random_source random(seed + static_cast<std::uint64_t>(count));
    for (std::size_t i = 0; i < order.size(); ++i) {
      order[i] = static_cast<index_type>(i);
      std::swap(order[i], order[static_cast<std::size_t>(random.integer(0, static_cast<index_type>(i)))]);
    }
    std::atomic<std::size_t> next{0};
    const auto work = [&](int worker) {
      for (std::size_t i = next++; i < order.size(); i = next++) body(order[i], worker);
    };
    std::vector<std::thread> pool;
    for (int worker = 1; worker < threads; ++worker) pool.emplace_back(work, worker);
    work(0);
    for (std::thread& thread : pool) thread.join();
  }

  // Without OpenMP in the build, serially.
  void run_openmp(index_type count, const std::function<void(index_type, int)>& body) const;
};

}  // namespace crestmax_test
