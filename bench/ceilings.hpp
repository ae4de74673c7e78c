// What this machine can do at most, measured by this binary: no number of a data sheet.
#pragma once

#include <crestmax/backend/cpu/features.hpp>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "machine.hpp"

namespace crestmax_bench {

// fp32 multiply-adds in registers only.
struct multiply_add_rate {
  int vector_bytes;
  int accumulators;
  double gflops;
  void (*loop)(long steps, float a, float b);
  double flops_per_step() const { return 2.0 * accumulators * vector_bytes / 4; }
};

// Reading memory of at least 8 times the last-level cache.
struct read_rate {
  int streams;
  bool prefetched;
  double gigabytes;  // 1e9 bytes per second
  void (*loop)(const std::byte* memory, std::size_t bytes);
};

struct ceilings {
  std::vector<multiply_add_rate> widths;  // the best number of accumulators of each vector width
  multiply_add_rate multiply_add;         // the best of all, one core
  double multiply_add_all_cores;          // GFLOP/s, all cores at once
  double pair_products;                   // GFLOP/s of pairs of bfloat16 in registers, one core; 0: not on this machine
  double tile_products;                   // the same in tiles
  read_rate read;                         // one core
  read_rate read_all_cores;
  double exp_library;  // 1e9 exponentials per second, one core, in the first cache
  double exp_eigen;
};

// GFLOP/s, one core, of the multiply-adds that an instruction set has: 256-bit vectors may reach half of what 512-bit ones do.
double multiply_add_peak(const ceilings& c, crestmax::instruction_set most);

// Measures; takes a few seconds.
ceilings measure_ceilings();

// Measured on first use.
const ceilings& measured_ceilings();

// How fast this machine is just now, as shares of its ceilings: clocks rise and fall, and virtual machines share memory.
struct pace {
  double multiply_adds;
  double reads;
};

// The best loops of the ceilings again, by so many workers, in some hundredths of a second. `reads` is that of `memory`, or 1
// if there is none.
pace pace_now(team& workers, std::span<const std::byte> memory);

// Reads rows and writes others, so many bytes each, one after the other: no more than memory has to do where something is made of rows.
void stream_rows(const std::byte* from, std::size_t read, std::byte* to, std::size_t written, std::size_t rows);

// GFLOP/s of fp32 multiply-adds of so many cores at once, measured in some hundredths of a second: whether a machine is
// undisturbed, and whether two virtual cores are two real ones just now.
double multiply_adds_now(int cores);

}  // namespace crestmax_bench
