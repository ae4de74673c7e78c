// Clock and order statistics.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace crestmax_bench {

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <class F>
double seconds_of(F&& f) {
  const double start = now();
  f();
  return now() - start;
}

// The fastest of several tries: for ceilings, where every disturbance slows down.
template <class F>
double fastest_of(int tries, F&& f) {
  double best = seconds_of(f);
  for (int i = 1; i < tries; ++i) best = std::min(best, seconds_of(f));
  return best;
}

inline double median(std::vector<double> numbers) {
  if (numbers.empty()) return 0;
  std::sort(numbers.begin(), numbers.end());
  const std::size_t middle = numbers.size() / 2;
  return numbers.size() % 2 == 1 ? numbers[middle] : (numbers[middle - 1] + numbers[middle]) / 2;
}

}  // namespace crestmax_bench
