// Two builds of the headers in one process, timed in turn: how fast is the new one beside the old?
#include <dlfcn.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <set>

#include "lines.hpp"

namespace crestmax_paired {
namespace {

// What the project holds itself to.
constexpr double least_mean = 0.99;
constexpr double least_median = 0.97;

struct settings {
  const char* libraries[2] = {nullptr, nullptr};  // old, new
  int pairs = 20;
  double seconds = 0.5;  // that a line takes of each side
  std::string filter;
  std::set<std::string> only;       // names of lines; empty: all
  const char* slow_file = nullptr;  // gets the names of lines that are too slow
};

[[noreturn]] void fail(const char* what, const char* why) {
  std::fprintf(stderr, "paired: %s: %s\n", what, why);
  std::exit(2);
}

settings read(int count, char** arguments) {
  settings s;
  int libraries = 0;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    const bool is_option = argument.starts_with("--");
    if (!is_option) {
      if (libraries == 2) fail(arguments[i], "a third library");
      s.libraries[libraries++] = arguments[i];
      continue;
    }
    if (i + 1 == count) fail(arguments[i], "no value follows, or it is unknown");
    const char* value = arguments[++i];
    if (argument == "--pairs") s.pairs = std::atoi(value);
    else if (argument == "--seconds") s.seconds = std::atof(value);
    else if (argument == "--filter") s.filter = value;
    else if (argument == "--slow-to") s.slow_file = value;
    else if (argument == "--only-of") {
      std::ifstream names(value);
      for (std::string name; std::getline(names, name);) s.only.insert(name);
    } else fail(arguments[i - 1], "unknown");
  }
  if (libraries != 2) fail("libraries", "two are needed, the old and the new");
  if (s.pairs < 1 || !(s.seconds > 0)) fail("--pairs, --seconds", "positive numbers are needed");
  return s;
}

run_type load(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) fail(path, dlerror());
  void* found = dlsym(library, run_name);
  if (found == nullptr) fail(path, dlerror());
  return reinterpret_cast<run_type>(found);
}

void stay_on_one_core() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  const int core = sched_getcpu();
  if (core < 0) return;
  CPU_SET(static_cast<std::size_t>(core), &cores);
  sched_setaffinity(0, sizeof cores, &cores);
}

// Of this thread's processor time: what other programs take of the core is left out.
double seconds_now() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double seconds_of(run_type run, const call& c, int calls) {
  const double began = seconds_now();
  for (int i = 0; i < calls; ++i) {
    if (const char* trouble = run(c)) fail("a call", trouble);
  }
  return (seconds_now() - began) / calls;
}

double quantile(std::vector<double> numbers, double share) {
  std::sort(numbers.begin(), numbers.end());
  const double place = share * static_cast<double>(numbers.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const double above = numbers[std::min(below + 1, numbers.size() - 1)];
  return numbers[below] + (place - static_cast<double>(below)) * (above - numbers[below]);
}

struct timing {
  double seconds = 0;          // the old side's median
  std::vector<double> ratios;  // of speeds, new over old, one for each pair
  bool same_bits = false;
};

// Within a pair both sides follow each other closely, there and back, and pairs take turns in which goes first: a machine that
// becomes slower or faster does so for both.
timing time(const line& l, const run_type (&run)[2], const settings& s) {
  line_memory memory(l);
  timing result;
  std::vector<std::byte> outputs[2];
  double longest = 0;
  for (int side = 0; side < 2; ++side) {
    seconds_of(run[side], memory.bound(), 1);  // pages and caches
    outputs[side] = memory.output();
    longest = std::max(longest, seconds_of(run[side], memory.bound(), 1));
  }
  result.same_bits = outputs[0] == outputs[1];
  const int calls = std::max(1, static_cast<int>(s.seconds / s.pairs / longest / 2));
  std::vector<double> old;
  for (int pair = 0; pair < s.pairs; ++pair) {
    double took[2] = {0, 0};
    const int first = pair % 2;
    for (const int side : {first, 1 - first, 1 - first, first}) took[side] += seconds_of(run[side], memory.bound(), calls) / 2;
    result.ratios.push_back(took[0] / took[1]);
    old.push_back(took[0]);
  }
  result.seconds = quantile(old, 0.5);
  return result;
}

bool is_wanted(const line& l, const settings& s) {
  return l.name.find(s.filter) != std::string::npos && (s.only.empty() || s.only.contains(l.name));
}

void print(const line& l, const timing& t, bool is_slow) {
  std::printf("%-34s %11.2f %8.3f   %.3f .. %.3f  %-7s%s\n", l.name.c_str(), 1e6 * t.seconds, quantile(t.ratios, 0.5),
              quantile(t.ratios, 0.25), quantile(t.ratios, 0.75), t.same_bits ? "same" : "differ",
              l.is_exempt ? "  exempt" : is_slow ? "  SLOWER" : "");
  std::fflush(stdout);
}

int main_of(const settings& s) {
  stay_on_one_core();
  const run_type run[2] = {load(s.libraries[0]), load(s.libraries[1])};
  std::printf("%-34s %11s %8s   %-14s  %s\n", "line", "old us", "new/old", "its quartiles", "bits");
  std::vector<std::string> slow;
  double logarithms = 0;
  int counted = 0;
  for (const line& l : every_line()) {
    if (!is_wanted(l, s)) continue;
    const timing t = time(l, run, s);
    const double median = quantile(t.ratios, 0.5);
    const bool is_slow = !l.is_exempt && median < least_median;
    print(l, t, is_slow);
    if (l.is_exempt) continue;
    if (is_slow) slow.push_back(l.name);
    logarithms += std::log(median);
    ++counted;
  }
  const double mean = counted == 0 ? 1 : std::exp(logarithms / counted);
  const bool mean_holds = mean >= least_mean;
  std::printf("geometric mean of %d lines: %.4f (at least %.2f%s); lines under %.2f: %zu\n", counted, mean, least_mean,
              mean_holds ? "" : ": MISSED", least_median, slow.size());
  if (s.slow_file != nullptr) {
    std::ofstream names(s.slow_file);
    for (const std::string& name : slow) names << name << '\n';
  }
  return mean_holds ? slow.empty() ? 0 : 3 : 1;
}

}  // namespace
}  // namespace crestmax_paired

int main(int count, char** arguments) { return crestmax_paired::main_of(crestmax_paired::read(count, arguments)); }
