// Prints, for random calls on every set of kernels that the machine runs, what they answer and a hash of every bit that they write:
// what tests/same_bits/compare holds two revisions to.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "support/instruction_sets.hpp"
#include "support/random_case.hpp"

namespace crestmax_test {
namespace {

class hash {
 public:
  void add(double x) {
    std::uint64_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    if (x != x) bits = 0x7ff8000000000000u;  // which NaN it is, is nobody's promise
    state_ = (state_ ^ bits) * 0x100000001b3u;
    state_ ^= state_ >> 29;
  }
  void add(const test_tensor& t) {
    if (t.extent(0) == 0) return;
    t.for_each([&](index_type i, index_type j, index_type k, index_type l) { add(t.at(i, j, k, l)); });
  }
  std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325u;
};

attention_case case_of(std::uint64_t seed) {
  attention_case c = random_case(seed);
  random_source random(seed ^ 0x9e3779b97f4a7c15u);
  if (random.chance(0.3)) {
    c.options.coverage = random.chance(0.5) ? crestmax::above(random.uniform(0.5, 16)) : crestmax::plateaus;
    if (random.chance(0.5)) c.options.lipschitz = random.uniform(0, 2);
  }
  c.options.diagnostics = random.chance(0.1);
  c.wants_dropped_mass = c.wants_row_max = random.chance(0.5);
  return c;
}

void print(const kernel_set& k, std::uint64_t seed) {
  const attention_result r = run(case_of(seed), k.with());
  hash h;
  h.add(r.output);
  h.add(r.lse);
  h.add(r.row_max);
  h.add(r.dropped_mass);
  const crestmax::report& n = r.report;
  for (const auto count : {n.rows, n.pairs_visible, n.pairs_sampled, n.pairs_crest, n.pairs_plateau, n.pairs_accumulated, n.pairs_skipped,
                           n.pairs_masked, n.bytes_read, n.rescales, n.rows_corrected}) {
    h.add(static_cast<double>(count));
  }
  for (const double x : {n.max_dropped_mass, n.max_dropped_estimate, n.max_undershoot_bound, n.lipschitz, n.max_undershoot}) h.add(x);
  std::printf("%s %llu %d %016llx\n", k.name, static_cast<unsigned long long>(seed), static_cast<int>(r.status.code),
              static_cast<unsigned long long>(h.value()));
}

}  // namespace
}  // namespace crestmax_test

int main(int count, char** arguments) {
  const std::uint64_t cases = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 1000;
  for (const auto& k : crestmax_test::every_kernel_set()) {
    if (!crestmax_test::machine_runs(k)) {
      std::printf("[note] not executed: this machine has no %s\n", k.name);
      continue;
    }
    for (std::uint64_t seed = 1; seed <= cases; ++seed) crestmax_test::print(k, seed);
  }
}
