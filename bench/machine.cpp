#include "machine.hpp"

#include <fstream>

#if defined(__linux__)
#include <sched.h>
#include <unistd.h>
#endif

namespace crestmax_bench {

namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

// The system's files tell the part of a shared cache that this core reaches; sysconf may tell the
// whole package's.
std::size_t find_last_level_cache() {
  std::size_t largest = 0;
  for (int i = 0; i < 8; ++i) {
    const std::string size =
        first_line("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(i) + "/size");
    if (size.empty()) continue;
    const std::size_t unit = size.back() == 'M' ? 1 << 20 : size.back() == 'K' ? 1 << 10 : 1;
    largest = std::max(largest, unit * static_cast<std::size_t>(std::stoul(size)));
  }
#if defined(_SC_LEVEL3_CACHE_SIZE)
  if (largest == 0) {
    for (const int level : {_SC_LEVEL3_CACHE_SIZE, _SC_LEVEL2_CACHE_SIZE}) {
      const long size = sysconf(level);
      if (size > 0) return static_cast<std::size_t>(size);
    }
  }
#endif
  return largest > 0 ? largest : std::size_t{32} << 20;
}

std::vector<int> find_cores() {
  std::vector<int> cores;
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &set)) cores.push_back(core);
    }
  }
#endif
  if (cores.empty()) {
    const int count = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    for (int core = 0; core < count; ++core) cores.push_back(core);
  }
  return cores;
}

}  // namespace

const machine& this_machine() {
  static const machine found{processor_name(), find_cores(), find_last_level_cache()};
  return found;
}

void stay_on_core([[maybe_unused]] int core) {
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof set, &set);
#endif
}

team::team(int workers) : workers_(workers) {
  const machine& m = this_machine();
  stay_on_core(m.cores[0]);
  for (int worker = 1; worker < workers_; ++worker) {
    threads_.emplace_back([this, worker, core = m.cores[static_cast<std::size_t>(worker) % m.cores.size()]] {
      stay_on_core(core);
      for (int seen = 0;;) {
        round_.wait(seen);
        seen = round_.load();
        if (stop_) return;
        take_items(worker);
        if (busy_.fetch_sub(1) == 1) busy_.notify_one();
      }
    });
  }
}

team::~team() {
  stop_ = true;
  round_.fetch_add(1);
  round_.notify_all();
  for (std::thread& t : threads_) t.join();
}

void team::take_items(int worker) {
  for (std::ptrdiff_t item; (item = next_.fetch_add(1)) < count_;) call_(job_, item, worker);
}

void team::start_and_wait(std::ptrdiff_t count) {
  count_ = count;
  next_.store(0);
  busy_.store(workers_ - 1);
  round_.fetch_add(1);
  round_.notify_all();
  take_items(0);
  for (int left; (left = busy_.load()) != 0;) busy_.wait(left);
}

}  // namespace crestmax_bench
