#include "integer_ceiling.hpp"

#include <crestmax/backend/cpu/avx2_vectors.hpp>

#include "timing.hpp"

namespace crestmax_bench {

#if CRESTMAX_X86_SETS

namespace {

constexpr int heads = 4, keys = 16, numbers = 128;

struct cached_rows {
  alignas(64) std::uint8_t key[keys][numbers];
  alignas(64) std::uint8_t value[keys][numbers];
  alignas(64) std::int16_t query[heads][numbers];
  alignas(64) std::int16_t weight[heads][keys];
  alignas(64) float output[heads][numbers];
};

volatile float kept;  // results go here, so that no loop is removed

CRESTMAX_BEGIN_TARGET("avx2,fma,f16c")

using integers = crestmax::cpu::avx2::integers;
using vectors = integers::numbers;
constexpr crestmax::cpu::code_layout bytes = crestmax::cpu::code_layout::bytes;

__attribute__((noinline)) void score(const cached_rows& rows, float& sum) {
  vectors::vec all = vectors::broadcast(0);
  for (int j = 0; j < keys; ++j) {
    integers::sums sums[heads];
    CRESTMAX_UNROLL for (int i = 0; i < heads; ++i) sums[i] = integers::same(0);
    for (int k = 0; k < numbers; k += 32) {
      integers::words words[2];
      integers::widen<bytes>(rows.key[j] + k, words);
      CRESTMAX_UNROLL for (int w = 0; w < 2; ++w) {
        CRESTMAX_UNROLL for (int i = 0; i < heads; ++i) integers::add_products(sums[i], words[w], integers::load(rows.query[i] + k + 16 * w));
      }
    }
    CRESTMAX_UNROLL for (int i = 0; i < heads; ++i) vectors::add_product(all, 0.5f, integers::to_numbers(sums[i]));
  }
  sum = vectors::total(all);
}

__attribute__((noinline)) void multiply(cached_rows& rows) {
  for (int k = 0; k < numbers; k += 16) {
    integers::sums sums[heads][2];
    CRESTMAX_UNROLL for (int i = 0; i < heads; ++i) sums[i][0] = sums[i][1] = integers::same(0);
    for (int j = 0; j < keys; j += 2) {
      integers::words words[2];
      integers::pair<bytes>(rows.value[j] + k, rows.value[j + 1] + k, 0, words);
      CRESTMAX_UNROLL for (int i = 0; i < heads; ++i) {
        CRESTMAX_UNROLL for (int v = 0; v < 2; ++v) integers::add_products(sums[i][v], integers::two(rows.weight[i] + j), words[v]);
      }
    }
    CRESTMAX_UNROLL for (int i = 0; i < heads; ++i) {
      CRESTMAX_UNROLL for (int v = 0; v < 2; ++v) {
        vectors::vec output = vectors::load(rows.output[i] + k + 8 * v);
        vectors::add_product(output, 1e-6f, integers::to_numbers(sums[i][v]));
        vectors::store(rows.output[i] + k + 8 * v, output);
      }
    }
  }
}

CRESTMAX_END_TARGET

}  // namespace

double integer_ceiling() {
  if (!crestmax::cpu::machine_has(crestmax::instruction_set::avx2)) return 0;
  static cached_rows rows;
  for (int j = 0; j < keys; ++j) {
    for (int k = 0; k < numbers; ++k) rows.key[j][k] = rows.value[j][k] = static_cast<std::uint8_t>(7 * j + 13 * k);
  }
  for (auto& row : rows.query) std::fill_n(row, numbers, std::int16_t{1000});
  for (auto& row : rows.weight) std::fill_n(row, keys, std::int16_t{1000});
  constexpr int times = 20000;
  const double seconds = fastest_of(10, [&] {
    for (int i = 0; i < times; ++i) {
      float sum;
      score(rows, sum);
      multiply(rows);
      kept = sum + rows.output[0][0];
    }
  });
  return static_cast<double>(times) * 2 * keys * numbers / seconds * 1e-9;
}

#else

double integer_ceiling() { return 0; }

#endif

}  // namespace crestmax_bench
