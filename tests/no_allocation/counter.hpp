// Counts what the program asks of the allocator and how many threads it starts, while told to.
#pragma once

namespace crestmax_test {

struct traces {
  long allocations = 0;  // calls of malloc and its like, and of every operator new
  long threads = 0;      // calls of pthread_create
};

// Counting covers all threads of the program, from begin to end.
void begin_counting();
traces end_counting();

// Threads that the program has now, as the system knows them.
long living_threads();

template <class F>
traces count(F&& f) {
  begin_counting();
  f();
  return end_counting();
}

}  // namespace crestmax_test
