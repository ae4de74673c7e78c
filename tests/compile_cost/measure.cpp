// measure NAME SECONDS MEGABYTES COMMAND...: runs a compiler and holds its cost against two bars.
// Time is the processor's, so that what else the machine does counts little; memory is the peak of the
// largest process. Past a bar is said, past twice the bar is a failure: machines differ, and a shared one
// is slow. 0 is no bar. The NAME - is a test of this program itself, and no note.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

double seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); }

// Says how a measurement stands to its bar; false past twice the bar.
bool holds(const char* mark, double given, double bar, const char* unit) {
  if (bar <= 0 || given <= bar) return true;
  const bool failure = given > 2 * bar;
  std::printf("%sthat is past the bar of %g %s%s\n", mark, bar, unit,
              failure ? " by more than twice: too much" : ", within twice of it: accepted on a slow or shared machine");
  return !failure;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 5) {
    std::fprintf(stderr, "usage: measure NAME SECONDS MEGABYTES COMMAND...\n");
    return 2;
  }
  const double time_bar = std::atof(arguments[2]);
  const double memory_bar = std::atof(arguments[3]);
  const auto began = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) {
    execvp(arguments[4], arguments + 4);
    std::perror(arguments[4]);
    _exit(127);
  }
  int state = 0;
  rusage use{};
  if (child < 0 || wait4(child, &state, 0, &use) != child) {
    std::perror("measure");
    return 2;
  }
  if (!WIFEXITED(state) || WEXITSTATUS(state) != 0) {
    std::printf("the command failed\n");
    return 2;
  }
  const double processor = seconds(use.ru_utime) + seconds(use.ru_stime);
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const double megabytes = static_cast<double>(use.ru_maxrss) / 1024;  // Linux counts kilobytes
  const char* mark = std::strcmp(arguments[1], "-") == 0 ? "" : "[note] ";
  std::printf("%scompiling %s: %.1f s of processor time (%.1f s elapsed), %.0f MB\n", mark, arguments[1], processor,
              elapsed, megabytes);
  const bool time_holds = holds(mark, processor, time_bar, "s");
  const bool memory_holds = holds(mark, megabytes, memory_bar, "MB");
  return time_holds && memory_holds ? 0 : 1;
}
