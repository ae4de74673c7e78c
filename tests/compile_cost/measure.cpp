// measure NAME TIMES MEGABYTES COMMAND... --yardstick COMMAND...: holds what a compiler costs against two bars, how many times as long as
// the yardstick it takes and how much memory. Time is the processor's, so that what else the machine does counts little; memory is the peak
// of the largest process. What disturbs a run only adds to it: past its bar, both commands are run again, up to four times in all, and the
// fastest of each stands. 0 is no bar. The NAME - is a test of this program itself, and no note.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

double seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); }

struct cost {
  double processor = 1e9;  // seconds
  double megabytes = 0;
};

// Runs a command to its end, and keeps the least time that it took and the most memory; false if it failed.
bool run(char** command, cost& result) {
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
  result.processor = std::min(result.processor, seconds(use.ru_utime) + seconds(use.ru_stime));
  result.megabytes = std::max(result.megabytes, static_cast<double>(use.ru_maxrss) / 1024);  // Linux counts kilobytes
  return WIFEXITED(state) && WEXITSTATUS(state) == 0;
}

bool holds(const char* what, double given, double bar) {
  if (bar <= 0 || given <= bar) return true;
  std::printf("too much %s: the bar is %g\n", what, bar);
  return false;
}

}  // namespace

int main(int count, char** arguments) {
  char** yardstick = arguments + std::min(count, 4);
  while (*yardstick != nullptr && std::strcmp(*yardstick, "--yardstick") != 0) ++yardstick;
  if (count < 5 || yardstick + 1 >= arguments + count) {
    std::fprintf(stderr, "usage: measure NAME TIMES MEGABYTES COMMAND... --yardstick COMMAND...\n");
    return 2;
  }
  const double time_bar = std::atof(arguments[2]);
  *yardstick++ = nullptr;  // where the command ends
  cost measured, of_yardstick;
  double times = 0;
  for (int tries = 0; tries < 4; ++tries) {
    if (!run(yardstick, of_yardstick) || !run(arguments + 4, measured)) {
      std::printf("the command failed\n");
      return 2;
    }
    times = measured.processor / of_yardstick.processor;
    if (time_bar <= 0 || times <= time_bar) break;
  }
  std::printf("%scompiling %s: %.2f s of processor time, %.2f times the yardstick's %.2f s, %.0f MB\n",
              std::strcmp(arguments[1], "-") == 0 ? "" : "[note] ", arguments[1], measured.processor, times, of_yardstick.processor,
              measured.megabytes);
  const bool time_holds = holds("time", times, time_bar);
  return holds("memory", measured.megabytes, std::atof(arguments[3])) && time_holds ? 0 : 1;
}
