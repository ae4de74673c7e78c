// Every pair of instruction sets that this machine has: one narrows, the other attends, all agree.
#include <algorithm>
#include <cstdio>

#include "../check_attention.hpp"
#include "part.hpp"

namespace {

struct data {
  std::vector<float> q = consumer::fill(1), k = consumer::fill(2), v = consumer::fill(3);
};

bool failed(const mixed::part& a, const mixed::part& b, const char* what) {
  std::printf("%s and %s: %s\n", a.name, b.name, what);
  return true;
}

// b attends to keys and values that a narrowed; held against the same numbers widened by b.
int check_pair(const mixed::part& a, const mixed::part& b, bool generic, data d) {
  using consumer::view;
  std::vector<crestmax::float16> half(consumer::numbers);
  std::vector<crestmax::bfloat16> brain(consumer::numbers);
  std::transform(d.k.begin(), d.k.end(), half.begin(), a.to_float16);
  std::transform(d.v.begin(), d.v.end(), brain.begin(), a.to_bfloat16);
  for (std::size_t i = 0; i < consumer::numbers; ++i) {
    if (half[i] != b.to_float16(d.k[i]) && failed(a, b, "float16 differ")) return 1;
    if (brain[i] != b.to_bfloat16(d.v[i]) && failed(a, b, "bfloat16 differ")) return 1;
  }
  std::transform(half.begin(), half.end(), d.k.begin(), b.from_float16);
  std::transform(brain.begin(), brain.end(), d.v.begin(), b.from_bfloat16);

  std::vector<float> first(consumer::numbers), second(consumer::numbers);
  crestmax::report report;
  const auto narrow = b.attend_16(view<const float>(d.q.data()), view<const crestmax::float16>(half.data()),
                                  view<const crestmax::bfloat16>(brain.data()), view(first.data()), {.report = &report},
                                  generic);
  const auto wide = a.attend(view<const float>(d.q.data()), view<const float>(d.k.data()),
                             view<const float>(d.v.data()), view(second.data()), {}, generic);
  if (!narrow.ok() && failed(a, b, narrow.message())) return 1;
  if (!wide.ok() && failed(a, b, wide.message())) return 1;
  if (report.rows != consumer::length * consumer::heads && failed(a, b, "the report was not filled")) return 1;
  const double error = consumer::largest_error(d.q, d.k, d.v, first);
  const double other = consumer::largest_error(d.q, d.k, d.v, second);
  std::printf("%s and %s, %s: largest errors %g, %g\n", a.name, b.name, report.instruction_set, error, other);
  if (!(error < consumer::tolerance && other < consumer::tolerance)) return 1;

  // A status made by one is read by all.
  mixed::floats null(nullptr, {1, consumer::length, consumer::heads, consumer::dim});
  const auto bad = b.attend(null, view<const float>(d.k.data()), view<const float>(d.v.data()), view(first.data()), {},
                            generic);
  if (bad.code != crestmax::status_code::null_pointer && failed(a, b, bad.message())) return 1;
  return 0;
}

}  // namespace

int main() {
  __builtin_cpu_init();
  std::vector<const mixed::part*> parts = {&mixed::baseline()};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
    parts.push_back(&mixed::v3());
#ifdef WITH_V4
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
      parts.push_back(&mixed::v4());
    }
#else
    std::puts("[note] not linked here: units for x86-64-v4, which compiler or machine lacks");
#endif
  }
  int result = 0;
  for (const mixed::part* a : parts) {
    for (const mixed::part* b : parts) result |= check_pair(*a, *b, true, {}) | check_pair(*a, *b, false, {});
  }
  return result;
}
