// Cases of the tests as calls of the C interface, in each of the ways that it offers.
#pragma once

#include <crestmax/c/crestmax.h>

#include <atomic>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "support/attention_case.hpp"

namespace crestmax_test {

inline crestmax_type type_of(scalar_kind kind) {
  switch (kind) {
    case scalar_kind::float32: return CRESTMAX_FLOAT32;
    case scalar_kind::float64: return CRESTMAX_FLOAT64;
    case scalar_kind::float16: return CRESTMAX_FLOAT16;
    case scalar_kind::bfloat16: return CRESTMAX_BFLOAT16;
    default: return CRESTMAX_Q8_0 + static_cast<crestmax_type>(kind) - static_cast<crestmax_type>(scalar_kind::q8_0);
  }
}

// Zeroed memory aligned as the C interface wants it.
class aligned_bytes {
 public:
  explicit aligned_bytes(std::size_t bytes = 0) : owned_(bytes + CRESTMAX_ALIGNMENT), size_(bytes) {}
  crestmax_memory memory() {
    const auto address = reinterpret_cast<std::uintptr_t>(owned_.data());
    return {owned_.data() + (CRESTMAX_ALIGNMENT - address % CRESTMAX_ALIGNMENT), size_};
  }

 private:
  std::vector<std::byte> owned_;
  std::size_t size_;
};

// A case's tensors, options and modifiers as C has them. The case, and where its outputs go, must outlive it.
class c_call {
 public:
  c_call(const attention_case& c, attention_result& result);
  c_call(const c_call&) = delete;
  c_call& operator=(const c_call&) = delete;

  crestmax_tensors tensors;
  crestmax_options options;
  crestmax_report report{};

 private:
  void take_modifiers(const attention_case& c);
  void take_mask(const crestmax::mask_view& m);
  void take_placed(const placed_modifiers& m);
  void take_options(const attention_case& c);

  struct ripple_of {
    float height;
    bool in_double;
  };
  static double ripple_score(void* user, double score, const crestmax_position* at);

  crestmax_pages pages_{};
  crestmax_positions positions_{};
  std::vector<crestmax_modifier> modifiers_;
  std::deque<ripple_of> ripples_;
  aligned_bytes map_;
};

enum class way {
  one_call,      // crestmax_attention, on the calling thread
  parallel_for,  // crestmax_attention, over threads of the test's own
  items,         // attached, and every item run by hand
  team,          // attached, and run by a team that meets at a barrier
};
std::string name_of(way w);

// Makes the call; of the ways with threads, by so many.
attention_result run_in_c(const attention_case& c, way w, int workers = 1, crestmax_report* report = nullptr);

// Calls body(i) on n threads at once, the calling one among them.
void on_threads(int n, const std::function<void(int)>& body);

// A barrier of so many threads behind a function of C.
class team_barrier {
 public:
  explicit team_barrier(int threads) : threads_(threads) {}
  static void wait(void* user) { static_cast<team_barrier*>(user)->wait(); }

 private:
  void wait();

  int threads_;
  std::atomic<int> waiting_{0};
  std::atomic<int> rounds_{0};
};

}  // namespace crestmax_test
