// A program that writes `using namespace crestmax` beside the headers of C, of POSIX and of Eigen.
#include <arpa/inet.h>
#include <complex.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <inttypes.h>
#include <math.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <search.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include <Eigen/Dense>
#include <crestmax/crestmax.hpp>
#include <crestmax/interop/dlpack.hpp>
#include <crestmax/interop/eigen.hpp>
#include <crestmax/interop/span.hpp>
#include <crestmax/throwing.hpp>

using namespace crestmax;

// Names of the library, as its users write them.
status attend(float* q, float* k, float* v, float* out, index_type length) {
  tensor query{q, {1, length, 8, 64}};
  tensor key{k, {1, length, 8, 64}};
  tensor value{v, {1, length, 8, 64}};
  tensor output{out, {1, length, 8, 64}};
  report what_was_done;
  options wanted{.softmax = sampled_max{.stride = 16}, .coverage = above(12.0), .report = &what_was_done};
  if (status s = attention(query, key, value, output, wanted, causal{} | soft_cap{30.0f} | sliding_window{100, 0}); !s) return s;
  wanted.coverage = plateaus;
  wanted.softmax = running_max{};
  const scalar_kind kind = kind_of<bfloat16>;
  return kind == scalar_kind::bfloat16 ? attention(query, key, value, output, wanted, alibi{}, backend::cpu{}, serial{})
                                       : attention(query, key, value, output);
}

// Names of the system, which must stay what they were.
int ask_the_system(const char* text, struct sockaddr* address) {
  const char* at = index(text, 'x');
  const int connected = bind(0, address, 0) + listen(0, 1) + select(0, nullptr, nullptr, nullptr, nullptr);
  const double number = round(1.5) + exp(1.0) + log(2.0) + fabs(-1.0) + floor(0.5);
  return (at != nullptr ? 1 : 0) + connected + static_cast<int>(number) + static_cast<int>(time(nullptr)) + remove(text) + access(text, 0);
}
