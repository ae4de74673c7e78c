// clang-format off: Eigen before whatever includes it as well
#include "eigen_core.hpp"
// clang-format on

#include <crestmax/backend/cpu/avx2.hpp>
#include <crestmax/backend/cpu/avx512.hpp>
#include <crestmax/backend/cpu/generic.hpp>
#include <crestmax/backend/cpu/neon.hpp>
#include <crestmax/crestmax.hpp>
#include <cstring>
#include <memory>
#include <utility>

#include "ceilings.hpp"
#include "machine.hpp"
#include "memory.hpp"
#include "timing.hpp"

namespace crestmax_bench {

namespace {

template <int Bytes>
struct vector_of {
  typedef float type __attribute__((vector_size(Bytes)));
};

// Widest vectors that the compile flags allow; wider ones would be split and spilled.
#if defined(__AVX512F__)
constexpr int widest = 64;
#elif defined(__AVX__)
constexpr int widest = 32;
#else
constexpr int widest = 16;
#endif

volatile float keep;  // results go here, so that no loop is removed

// `Count` independent chains of x = x * a + b: enough of them hide the latency of one.
template <int Bytes, int Count>
__attribute__((noinline)) void multiply_add_loop(long steps, float a, float b) {
  using vector = typename vector_of<Bytes>::type;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    vector x[Count] = {(vector{} + static_cast<float>(I))...};
    const vector factor = vector{} + a;
    const vector addend = vector{} + b;
    for (long s = 0; s < steps; ++s) ((x[I] = x[I] * factor + addend), ...);
    keep = (x[I][0] + ...);
  }
  (std::make_index_sequence<Count>{});
}

template <int Bytes>
void add_loops(std::vector<multiply_add_rate>& all) {
  if constexpr (Bytes <= widest) {
    all.push_back({Bytes, 8, 0, multiply_add_loop<Bytes, 8>});
    all.push_back({Bytes, 10, 0, multiply_add_loop<Bytes, 10>});
    all.push_back({Bytes, 12, 0, multiply_add_loop<Bytes, 12>});
    all.push_back({Bytes, 14, 0, multiply_add_loop<Bytes, 14>});
#if defined(__AVX512VL__) || defined(__aarch64__)
    all.push_back({Bytes, 16, 0, multiply_add_loop<Bytes, 16>});
    all.push_back({Bytes, 20, 0, multiply_add_loop<Bytes, 20>});
    all.push_back({Bytes, 24, 0, multiply_add_loop<Bytes, 24>});
#endif
  }
}

// All workers at once, `flops` each.
double gflops_of(const multiply_add_rate& rate, team& workers, double flops, int tries) {
  const int count = workers.workers();
  const long steps = static_cast<long>(flops / rate.flops_per_step());
  const double seconds = fastest_of(tries, [&] { workers.run(count, [&](auto, int) { rate.loop(steps, 0.999f, 0.001f); }); });
  return rate.flops_per_step() * static_cast<double>(steps) * count / seconds * 1e-9;
}

void measure_multiply_add(ceilings& c) {
  std::vector<multiply_add_rate> loops;
  add_loops<16>(loops);
  add_loops<32>(loops);
  add_loops<64>(loops);
  c.multiply_add = {};
  team alone(1);
  for (multiply_add_rate rate : loops) {
    rate.gflops = gflops_of(rate, alone, 4e8, 5);
    if (c.widths.empty() || c.widths.back().vector_bytes != rate.vector_bytes) c.widths.push_back(rate);
    else if (rate.gflops > c.widths.back().gflops) c.widths.back() = rate;
    if (rate.gflops > c.multiply_add.gflops) c.multiply_add = rate;
  }
  c.multiply_add.gflops = std::max(c.multiply_add.gflops, gflops_of(c.multiply_add, alone, 4e8, 10));
  team everyone(static_cast<int>(this_machine().cores.size()));
  c.multiply_add_all_cores = gflops_of(c.multiply_add, everyone, 4e9, 5);
}

#if CRESTMAX_X86_SETS

CRESTMAX_BEGIN_TARGET("avx512f,avx512bf16")
__attribute__((noinline)) void pair_loop(long steps) {
  constexpr int count = 24;
  __m512 sums[count];
  CRESTMAX_UNROLL for (int i = 0; i < count; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512i halves = _mm512_set1_epi16(0x3f00);
  for (long s = 0; s < steps; ++s) {
    CRESTMAX_UNROLL for (int i = 0; i < count; ++i) sums[i] = _mm512_dpbf16_ps(sums[i], (__m512bh)halves, (__m512bh)halves);
  }
  CRESTMAX_UNROLL for (int i = 1; i < count; ++i) sums[0] = _mm512_add_ps(sums[0], sums[i]);
  keep = _mm512_reduce_add_ps(sums[0]);
}
CRESTMAX_END_TARGET

CRESTMAX_BEGIN_TARGET("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,amx-tile,amx-bf16")
__attribute__((noinline)) void tile_loop(long steps) {
  using tiles = crestmax::cpu::avx512::amx::hardware_tiles;
  tiles::configure(crestmax::cpu::avx512::amx::tile_layout{});
  for (long s = 0; s < steps; ++s) {
    tiles::product<0, 4, 6>();
    tiles::product<1, 4, 7>();
    tiles::product<2, 5, 6>();
    tiles::product<3, 5, 7>();
  }
  tiles::release();
}
CRESTMAX_END_TARGET

#elif CRESTMAX_ARM_SETS

#if defined(__clang__)
CRESTMAX_BEGIN_TARGET("bf16")
#else
CRESTMAX_BEGIN_TARGET("+bf16")
#endif
__attribute__((noinline)) void pair_loop(long steps) {
  constexpr int count = 24;
  float32x4_t sums[count];
  CRESTMAX_UNROLL for (int i = 0; i < count; ++i) sums[i] = vdupq_n_f32(static_cast<float>(i));
  const uint16x8_t halves = vdupq_n_u16(0x3f00);
  using primitives = crestmax::cpu::neon::neon_bf16::primitives;
  for (long s = 0; s < steps; ++s) {
    CRESTMAX_UNROLL for (int i = 0; i < count; ++i) sums[i] = primitives::with_products(sums[i], halves, halves);
  }
  CRESTMAX_UNROLL for (int i = 1; i < count; ++i) sums[0] = vaddq_f32(sums[0], sums[i]);
  keep = vaddvq_f32(sums[0]);
}
CRESTMAX_END_TARGET

#endif

#if CRESTMAX_X86_SETS || CRESTMAX_ARM_SETS

void measure_pairs(ceilings& c) {
  const auto gflops = [](auto loop, double flops_per_step) {
    const long steps = static_cast<long>(4e9 / flops_per_step);
    return flops_per_step * static_cast<double>(steps) / fastest_of(10, [&] { loop(steps); }) * 1e-9;
  };
  using crestmax::instruction_set;
#if CRESTMAX_X86_SETS
  if (crestmax::cpu::machine_set() >= instruction_set::avx512_bf16) c.pair_products = gflops(pair_loop, 24.0 * 16 * 4);
  if (crestmax::cpu::machine_set() >= instruction_set::amx) c.tile_products = gflops(tile_loop, 4.0 * 16 * 16 * 32 * 2);
#else
  if (crestmax::cpu::machine_has(instruction_set::neon_bf16)) c.pair_products = gflops(pair_loop, 24.0 * 4 * 4);
#endif
}

#else

void measure_pairs(ceilings&) {}

#endif

// Reads `bytes` as `Streams` consecutive pieces side by side, four cache lines of each in turn.
template <int Streams, bool Prefetch>
__attribute__((noinline)) void read_loop(const std::byte* memory, std::size_t bytes) {
  using vector = typename vector_of<widest>::type;
  constexpr std::size_t stretch = 256;
  constexpr std::size_t ahead = 2048;
  const std::size_t piece = bytes / Streams / stretch * stretch;
  vector sum[Streams] = {};
  for (std::size_t at = 0; at < piece; at += stretch) {
    for (int s = 0; s < Streams; ++s) {
      const std::byte* from = memory + static_cast<std::size_t>(s) * piece + at;
      if constexpr (Prefetch) {
        for (std::size_t line = 0; line < stretch; line += 64) __builtin_prefetch(from + ahead + line);
      }
      for (std::size_t i = 0; i < stretch; i += widest) {
        sum[s] += *reinterpret_cast<const vector*>(from + i);
      }
    }
  }
  vector total{};
  for (const vector& one : sum) total += one;
  keep = total[0];
}

// Every worker reads a part of its own.
double gigabytes_of(const read_rate& rate, team& readers, const std::byte* memory, std::size_t bytes, int tries) {
  const int count = readers.workers();
  const std::size_t part = bytes / static_cast<std::size_t>(count) / 4096 * 4096;
  const double seconds = fastest_of(tries, [&] {
    readers.run(count, [&](auto item, int) { rate.loop(memory + part * static_cast<std::size_t>(item), part); });
  });
  return static_cast<double>(part) * count / seconds * 1e-9;
}

read_rate best_read(const std::byte* memory, std::size_t bytes, int cores) {
  const read_rate loops[] = {
      {1, false, 0, read_loop<1, false>}, {1, true, 0, read_loop<1, true>}, {2, false, 0, read_loop<2, false>},
      {2, true, 0, read_loop<2, true>},   {3, false, 0, read_loop<3, false>}, {3, true, 0, read_loop<3, true>},
      {4, false, 0, read_loop<4, false>}, {4, true, 0, read_loop<4, true>}, {6, false, 0, read_loop<6, false>},
      {6, true, 0, read_loop<6, true>},   {8, false, 0, read_loop<8, false>}, {8, true, 0, read_loop<8, true>},
  };
  team readers(cores);
  read_rate best{};
  for (read_rate rate : loops) {
    rate.gigabytes = gigabytes_of(rate, readers, memory, bytes, 4);
    if (rate.gigabytes > best.gigabytes) best = rate;
  }
  return best;
}

memory_block zeros(std::size_t bytes) {
  memory_block memory(bytes);
  std::memset(memory.data(), 0, bytes);
  return memory;
}

void measure_reading(ceilings& c) {
  const memory_block memory = zeros(8 * this_machine().last_level_cache);
  c.read = best_read(memory.data(), memory.size(), 1);
  c.read_all_cores = best_read(memory.data(), memory.size(), static_cast<int>(this_machine().cores.size()));
}

// The exponential of the kernels that calls run on.
void library_exp(const float* from, float* to, long count) {
  using crestmax::instruction_set;
  namespace cpu = crestmax::cpu;
#if CRESTMAX_X86_SETS
  if (cpu::machine_set() >= instruction_set::avx512) {
    using primitives = cpu::avx512::primitives<float>;
    return cpu::avx512::weights_of<primitives>(from, to, count, cpu::avx512::make_weight_constants<primitives>(1.0f, 2));
  }
  if (cpu::machine_set() == instruction_set::avx2) {
    using primitives = cpu::avx2::primitives<float>;
    return cpu::avx2::weights_of<primitives>(from, to, count, cpu::avx2::make_weight_constants<primitives>(1.0f, 2));
  }
#endif
#if CRESTMAX_ARM_SETS
  if (cpu::machine_has(instruction_set::neon)) {
    using primitives = cpu::neon::primitives<float>;
    return cpu::neon::weights_of<primitives>(from, to, count, cpu::neon::make_weight_constants<primitives>(1.0f, 2));
  }
#endif
  using primitives = cpu::generic::primitives<float>;
  cpu::generic::weights_of<primitives>(from, to, count, cpu::generic::make_weight_constants<primitives>(1.0f, 2));
}

// Exponentials of 4096 numbers in the first cache, by the kernels' own function and by Eigen's.
void measure_exp(ceilings& c) {
  constexpr long count = 4096;
  constexpr int rounds = 1000;
  alignas(64) static float from[count];
  alignas(64) static float to[count];
  for (long i = 0; i < count; ++i) from[i] = -20.0f * static_cast<float>(i) / static_cast<float>(count);
  const double library = fastest_of(5, [&] {
    for (int round = 0; round < rounds; ++round) {
      library_exp(from, to, count);
      asm volatile("" : : "r"(to) : "memory");
    }
  });
  const double eigen = fastest_of(5, [&] {
    for (int round = 0; round < rounds; ++round) {
      Eigen::Map<Eigen::ArrayXf, Eigen::Aligned64> out(to, count);
      out = Eigen::Map<const Eigen::ArrayXf, Eigen::Aligned64>(from, count).exp();
      asm volatile("" : : "r"(to) : "memory");
    }
  });
  c.exp_library = 1e-9 * count * rounds / library;
  c.exp_eigen = 1e-9 * count * rounds / eigen;
}

}  // namespace

ceilings measure_ceilings() {
  ceilings c{};
  stay_on_core(this_machine().cores[0]);
  measure_multiply_add(c);
  measure_pairs(c);
  measure_reading(c);
  measure_exp(c);
  return c;
}

double multiply_add_peak(const ceilings& c, crestmax::instruction_set most) {
  if (most > crestmax::instruction_set::avx2) return c.multiply_add.gflops;
  double peak = 0;
  for (const multiply_add_rate& rate : c.widths) {
    if (rate.vector_bytes <= 32) peak = std::max(peak, rate.gflops);
  }
  return peak;
}

const ceilings& measured_ceilings() {
  static const ceilings measured = measure_ceilings();
  return measured;
}

pace pace_now(team& workers, std::span<const std::byte> memory) {
  const ceilings& c = measured_ceilings();
  const bool alone = workers.workers() == 1;
  pace now{gflops_of(c.multiply_add, workers, 1e9, 2) / (alone ? c.multiply_add.gflops : c.multiply_add_all_cores), 1};
  if (memory.empty()) return now;
  const read_rate& rate = alone ? c.read : c.read_all_cores;
  now.reads = gigabytes_of(rate, workers, memory.data(), memory.size(), 1) / rate.gigabytes;
  return now;
}

double multiply_adds_now(int cores) {
  team workers(cores);
  return gflops_of({widest, 10, 0, multiply_add_loop<widest, 10>}, workers, 4e9, 2);
}

void stream_rows(const std::byte* from, std::size_t read, std::byte* to, std::size_t written, std::size_t rows) {
  using vector = typename vector_of<widest>::type;
  constexpr std::size_t step = sizeof(vector);
  vector sum{};
  for (std::size_t row = 0; row < rows; ++row, from += read, to += written) {
    for (std::size_t i = 0; i + step <= read; i += step) {
      vector x;
      std::memcpy(&x, from + i, step);
      sum += x;
    }
    const vector made{};
    for (std::size_t i = 0; i + step <= written; i += step) std::memcpy(to + i, &made, step);
    if (written >= step) std::memcpy(to + written - step, &made, step);
  }
  keep = sum[0];
}

}  // namespace crestmax_bench
