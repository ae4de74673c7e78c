// crestmax_bench_kernels [float] [double]: every entry of every table of kernels that this machine can execute, one core.
#include <cstdio>
#include <cstring>

#include "../ceilings.hpp"
#include "../timing.hpp"
#include "entries.hpp"

namespace crestmax_bench {
namespace {

using crestmax::instruction_set;

// A set, and what it multiplies here.
template <class T>
struct column {
  const char* name;
  instruction_set set;
  const crestmax::cpu::kernel_table<T>* table;
  bool pairs;
  bool tiles;

  bool runs(const timed_entry<T>& e) const {
    return e.is_there(*table) && (e.of == factors::numbers || (e.of == factors::pairs ? pairs : tiles));
  }
};

// From narrow to wide: each is to be at least as fast as those before.
template <class T>
std::vector<column<T>> columns_here() {
  namespace cpu = crestmax::cpu;
  std::vector<column<T>> all = {
    {"portable", instruction_set::portable, &cpu::portable::kernels::table<T>(), true, false},
    {"generic", instruction_set::generic, &cpu::generic::kernels::table<T>(), false, false},
#if CRESTMAX_X86_SETS
    {"avx2", instruction_set::avx2, &cpu::avx2::kernels::table<T>(), false, false},
    {"avx512", instruction_set::avx512, &cpu::avx512::kernels::table<T>(), cpu::machine_has(instruction_set::avx512_bf16),
     cpu::machine_has(instruction_set::amx)},
#endif
#if CRESTMAX_ARM_SETS
    {"neon", instruction_set::neon, &cpu::neon::kernels::table<T>(), cpu::machine_has(instruction_set::neon_bf16), false},
#endif
  };
  std::erase_if(all, [](const column<T>& c) { return c.set > instruction_set::generic && !cpu::machine_has(c.set); });
  return all;
}

// Steps that wait for each other, one a cycle: how long a cycle is just now.
double seconds_of_a_cycle() {
  constexpr long steps = 20000;
  long sum = 0, addend = 1;
  asm volatile("" : "+r"(addend));
  const double seconds = seconds_of([&] {
    for (long i = 0; i < steps; i += 8) {
      for (int j = 0; j < 8; ++j) {
        sum += addend;
        asm volatile("" : "+r"(sum));
      }
    }
  });
  return seconds / static_cast<double>(steps);
}

struct timing {
  double cycles;   // per element, the fastest of all rounds
  double seconds;  // per element
};

// Rounds of some tenths of a millisecond. A set's calls follow each other, so that what they work on is in the first caches.
template <class T>
timing time_of(const timed_entry<T>& e, const column<T>& c) {
  const bool in_tiles = e.of == factors::tiles && std::strncmp(e.name.c_str(), "tiles.", 6) == 0;
  if (in_tiles) c.table->open_tiles();
  e.call(*c.table);
  long calls = 1;
  const auto round = [&] {
    return seconds_of([&] {
      for (long i = 0; i < calls; ++i) e.call(*c.table);
    });
  };
  while (round() < 2e-4) calls *= 2;
  timing best{1e300, 1e300};
  for (int i = 0; i < 9; ++i) {
    const double cycle = std::min(seconds_of_a_cycle(), seconds_of_a_cycle());
    const double seconds = round() / static_cast<double>(calls) / e.elements;
    best = {std::min(best.cycles, seconds / cycle), std::min(best.seconds, seconds)};
  }
  if (in_tiles) c.table->close_tiles();
  return best;
}

// The share of what the machine can do at most; 0 where nobody knows.
template <class T>
double share_of_ceiling(const timed_entry<T>& e, const column<T>& c, double seconds) {
  const ceilings& most = measured_ceilings();
  const double width = 4.0 / sizeof(T);
  if (e.ceiling == bound::exponentials && e.of == factors::numbers) return 1e-9 / seconds / (most.exp_eigen * width);
  if (e.ceiling != bound::multiply_adds || c.set <= instruction_set::generic) return 0;
  const double peak = e.of == factors::tiles   ? most.tile_products
                      : e.of == factors::pairs ? most.pair_products
                                               : width * multiply_add_peak(most, c.set);
  return peak > 0 ? 2e-9 / seconds / peak : 0;
}

template <class T>
void print_table(const char* type) {
  kernel_work<T> work;
  list_of_entries<T> list(work);
  list.add_all();
  const std::vector<column<T>> columns = columns_here<T>();
  std::printf("\n%s: cycles per element; behind it how many times as fast as portable, and the share of the ceiling, or of Eigen's exp\n%-32s %-13s", type, "",
              "");
  for (const column<T>& c : columns) std::printf("%25s", c.name);
  std::printf("\n");
  for (const timed_entry<T>& e : list.entries()) {
    double portable = 0, narrower = 1e300;
    std::string line;
    for (const column<T>& c : columns) {
      char cell[64] = "";
      if (c.runs(e)) {
        const timing t = time_of(e, c);
        if (c.set == instruction_set::portable) portable = t.cycles;
        const double share = share_of_ceiling(e, c, t.seconds);
        char times[16] = "", percent[16] = "";
        if (portable > 0 && c.set != instruction_set::portable) std::snprintf(times, sizeof times, "%.1fx", portable / t.cycles);
        if (share > 0) std::snprintf(percent, sizeof percent, "%.0f %%", 100 * share);
        // Slower than a narrower set: somebody should look.
        const bool slow = t.cycles > 1.15 * narrower;
        std::snprintf(cell, sizeof cell, "%9.3g%c %7s %6s", t.cycles, slow ? '!' : ' ', times, percent);
        narrower = std::min(narrower, t.cycles);
      }
      char padded[64];
      std::snprintf(padded, sizeof padded, "%25s", cell);
      line += padded;
    }
    if (line.find_first_not_of(' ') != line.npos) std::printf("%-32s %-13s%s\n", e.name.c_str(), e.element, line.c_str());
  }
}

}  // namespace
}  // namespace crestmax_bench

int main(int count, char** arguments) {
  using namespace crestmax_bench;
  const auto asked = [&](const char* name) {
    for (int i = 1; i < count; ++i) {
      if (std::strcmp(arguments[i], name) == 0) return true;
    }
    return count == 1;
  };
  stay_on_core(this_machine().cores.front());
  std::printf("%s, a cycle of %.3f ns\n!: slower than a narrower set\n", this_machine().processor.c_str(), 1e9 * seconds_of_a_cycle());
  if (asked("float")) print_table<float>("float");
  if (asked("double")) print_table<double>("double");
}
