// The headers behind macros that other libraries leave behind. What the headers include of the standard library and others has been
// included before: that is not theirs to defend.
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <random>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#define min(a, b) an error
#define max(a, b) an error
#define check(condition) an error
#define far an error
#define near an error
#define small an error
#define I an error

#include <crestmax/backend/cpu/avx2.hpp>
#include <crestmax/backend/cpu/avx512.hpp>
#include <crestmax/backend/cpu/generic.hpp>
#include <crestmax/backend/cpu/neon.hpp>
#include <crestmax/backend/cpu/portable.hpp>
#include <crestmax/crestmax.hpp>
#include <crestmax/interop/dlpack.hpp>
#include <crestmax/interop/eigen.hpp>
#include <crestmax/interop/mdspan.hpp>
#include <crestmax/interop/span.hpp>
#include <crestmax/stages/pipeline.hpp>
#include <crestmax/throwing.hpp>

#if !defined(min) || !defined(max) || !defined(check) || !defined(far) || !defined(near) || !defined(small) || !defined(I)
#error "the headers took a macro away from the program"
#endif

crestmax::status attend(crestmax::tensor<float> x, crestmax::tensor<float> to) {
  return crestmax::attention(x, x, x, to, {}, crestmax::causal{} | crestmax::alibi{});
}
