// measure NAME SECONDS MEGABYTES COMMAND... [--yardstick SECONDS COMMAND...]: runs a compiler and holds its cost against
// two bars. Time is the processor's, so that what else the machine does counts little; memory is the peak of the largest
// process. Past a bar is said, past twice the bar is a failure. Machines differ, and neighbours of a shared one slow it
// down: time past twice its bar is compared with the yardstick, compiled right after. Where that takes longer than its
// seconds, the failure begins as much later. 0 is no bar. The NAME - is a test of this program itself, and no note.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

double seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); }

// Says how a measurement stands to its bar; false past twice the bar.
bool holds(const char* mark, double given, double bar, const char* unit, double slowness) {
  if (bar <= 0 || given <= bar) return true;
  const bool failure = given > 2 * bar * slowness;
  std::printf("%sthat is past the bar of %g %s", mark, bar, unit);
  if (slowness > 1) std::printf(" on a machine whose yardstick takes %.1f times as long", slowness);
  std::printf("%s\n", failure ? " by more than twice: too much" : ", within twice of it: accepted on a slow or shared machine");
  return !failure;
}

struct cost {
  double processor;  // seconds
  double elapsed;    // seconds
  double megabytes;
};

// Runs a command to its end; false if it failed.
bool run(char** command, cost& result) {
  const auto began = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) {
    execvp(command[0], command);
    std::perror(command[0]);
    _exit(127);
  }
  int state = 0;
  rusage use{};
  if (child < 0 || wait4(child, &state, 0, &use) != child) {
    std::perror("measure");
    return false;
  }
  result.processor = seconds(use.ru_utime) + seconds(use.ru_stime);
  result.elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  result.megabytes = static_cast<double>(use.ru_maxrss) / 1024;  // Linux counts kilobytes
  return WIFEXITED(state) && WEXITSTATUS(state) == 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 5) {
    std::fprintf(stderr, "usage: measure NAME SECONDS MEGABYTES COMMAND...\n");
    return 2;
  }
  const double time_bar = std::atof(arguments[2]);
  const double memory_bar = std::atof(arguments[3]);
  char** yardstick = arguments + 4;
  while (*yardstick != nullptr && std::strcmp(*yardstick, "--yardstick") != 0) ++yardstick;
  const bool has_yardstick = yardstick + 2 < arguments + count;
  if (*yardstick != nullptr) *yardstick = nullptr;  // where the command ends
  cost measured{}, of_yardstick{};
  if (!run(arguments + 4, measured) ||
      (has_yardstick && time_bar > 0 && measured.processor > 2 * time_bar && !run(yardstick + 2, of_yardstick))) {
    std::printf("the command failed\n");
    return 2;
  }
  const double slowness = of_yardstick.processor > 0 ? std::max(1.0, of_yardstick.processor / std::atof(yardstick[1])) : 1.0;
  const char* mark = std::strcmp(arguments[1], "-") == 0 ? "" : "[note] ";
  std::printf("%scompiling %s: %.1f s of processor time (%.1f s elapsed), %.0f MB\n", mark, arguments[1], measured.processor,
              measured.elapsed, measured.megabytes);
  const bool time_holds = holds(mark, measured.processor, time_bar, "s", slowness);
  const bool memory_holds = holds(mark, measured.megabytes, memory_bar, "MB", 1);
  return time_holds && memory_holds ? 0 : 1;
}
