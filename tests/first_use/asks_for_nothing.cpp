// A program that could call attention and does not: it has asked its system for nothing. Its one call, made at the end, asks.
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <crestmax/crestmax.hpp>
#include <cstdio>
#include <vector>

namespace {

constexpr long tiles = 1l << 18;  // XFEATURE_MASK_XTILEDATA
constexpr int not_executed = 77;  // as ctest is told

// The mask that arch_prctl answers to one of its questions; 0 where it knows none.
long ask(long question) {
  unsigned long mask = 0;
  return syscall(SYS_arch_prctl, question, &mask) == 0 ? static_cast<long>(mask) : 0;
}
long supported() { return ask(0x1021); }  // ARCH_GET_XCOMP_SUPP
long permitted() { return ask(0x1022); }  // ARCH_GET_XCOMP_PERM

bool takes_small_signal_stack() {
  static char memory[2048];  // MINSIGSTKSZ of all x86 systems before tiles
  stack_t stack{}, before{};
  stack.ss_sp = memory;
  stack.ss_size = sizeof memory;
  if (sigaltstack(&stack, &before) != 0) return false;
  return sigaltstack(&before, nullptr) == 0;
}

bool attends() {
  std::vector<float> data(64, 1.0f), to(64);
  const crestmax::tensor<float> x(data.data(), {1, 8, 1, 8});
  return crestmax::attention(x, x, x, crestmax::tensor<float>(to.data(), {1, 8, 1, 8})).ok();
}

int fail(const char* what) {
  std::printf("%s\n", what);
  return 1;
}

}  // namespace

int main() {
  const bool small_stack_before = takes_small_signal_stack();
  if ((permitted() & tiles) != 0) return fail("tiles were asked for before any call");
  if (!attends()) return fail("the call failed");
  if ((supported() & tiles) == 0) {
    std::puts("[note] not executed: this machine has no tiles that a process could ask for");
    return not_executed;
  }
  if (!small_stack_before) return fail("a small signal stack was refused before any call");
  if (crestmax::cpu::machine_set() != crestmax::instruction_set::amx) {
    std::puts("[note] not executed: this machine refuses its tiles");
    return not_executed;
  }
  return (permitted() & tiles) != 0 ? 0 : fail("the call did not ask for tiles");
}
