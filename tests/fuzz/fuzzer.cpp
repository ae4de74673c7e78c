// The fuzzer of libFuzzer: clang -fsanitize=fuzzer.
#include <cstdio>
#include <cstdlib>

#include "body.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static crestmax_test::fuzz_statistics statistics;
  const std::string trouble = crestmax_test::trouble_of({data, size}, statistics);
  if (trouble.empty()) return 0;
  std::fprintf(stderr, "%s\n", trouble.c_str());
  std::abort();
}
