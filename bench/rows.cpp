// Decode with keys and values in the second cache, by query heads of one key-value head: what one more key costs, which is the slope
// between a short sequence and a longer one. All counts of rows in turn, medians over the rounds.
#include "rows.hpp"

#include <crestmax/crestmax.hpp>
#include <cstdio>
#include <random>
#include <stdexcept>
#include <string>

#include "machine.hpp"
#include "targets.hpp"
#include "timing.hpp"
#include "workload.hpp"

namespace crestmax_bench {

namespace {

using crestmax::instruction_set;
using crestmax::tensor;

constexpr index_type head_dim = 128, few_keys = 256, many_keys = 768;
constexpr index_type counts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 32};
constexpr std::size_t number_of_counts = std::size(counts);
constexpr index_type most_rows = counts[number_of_counts - 1];
constexpr int rounds = 60, calls = 3;

// Keys and values of one head, queries and outputs of many.
template <class Q, class KV>
class decoded_rows {
 public:
  explicit decoded_rows(instruction_set most)
      : most_(most), query_(filled<Q>(most_rows)), key_(filled<KV>(many_keys)), value_(filled<KV>(many_keys)), output_(filled<Q>(most_rows)),
        memory_(std::size_t{1} << 22) {}

  // Nanoseconds that one more key takes, of every count of rows.
  std::vector<double> nanoseconds() {
    std::vector<double> few[number_of_counts], many[number_of_counts], all;
    for (int round = 0; round < rounds; ++round) {
      for (std::size_t i = 0; i < number_of_counts; ++i) {
        for (int warm = 0; warm < 2; ++warm) call(counts[i], many_keys);
        few[i].push_back(seconds_of([&] { repeat(counts[i], few_keys); }) / calls);
        many[i].push_back(seconds_of([&] { repeat(counts[i], many_keys); }) / calls);
      }
    }
    for (std::size_t i = 0; i < number_of_counts; ++i) {
      all.push_back((median(many[i]) - median(few[i])) * 1e9 / static_cast<double>(many_keys - few_keys));
    }
    return all;
  }

 private:
  // Rows of random numbers, from the beginning of a page on.
  template <class T>
  static memory_block filled(index_type rows) {
    std::mt19937 source(1);
    std::normal_distribution<float> normal;
    memory_block block(static_cast<std::size_t>(rows * head_dim) * sizeof(T));
    for (index_type i = 0; i < rows * head_dim; ++i) numbers<T>(block)[i] = crestmax::convert<T>(normal(source));
    return block;
  }
  template <class T>
  static T* numbers(const memory_block& block) { return static_cast<T*>(static_cast<void*>(block.data())); }

  void repeat(index_type rows, index_type keys) {
    for (int i = 0; i < calls; ++i) call(rows, keys);
  }
  void call(index_type rows, index_type keys) {
    const std::array<index_type, 4> queries{1, 1, rows, head_dim}, cache{1, keys, 1, head_dim};
    crestmax::options options;
    options.workspace = {memory_.data(), memory_.size()};
    const crestmax::status s =
        crestmax::attention(tensor<const Q>(numbers<Q>(query_), queries), tensor<const KV>(numbers<KV>(key_), cache),
                            tensor<const KV>(numbers<KV>(value_), cache), tensor<Q>(numbers<Q>(output_), queries), options,
                            crestmax::backend::cpu(most_), crestmax::serial{});
    if (!s.ok()) throw std::runtime_error(s.message());
  }

  instruction_set most_;
  memory_block query_, key_, value_, output_, memory_;
};

struct measured_line {
  std::string where;
  instruction_set set;
  std::vector<double> nanoseconds;

  double of(index_type rows) const { return nanoseconds[static_cast<std::size_t>(rows - 1)]; }
};

template <class Q, class KV>
void add_line(std::vector<measured_line>& lines, const char* types, instruction_set set) {
  lines.push_back({std::string(crestmax::name(set)) + " " + types, set, decoded_rows<Q, KV>(set).nanoseconds()});
  std::printf("  %-24s", lines.back().where.c_str());
  for (const double ns : lines.back().nanoseconds) std::printf(" %5.1f", ns);
  std::printf("\n");
}

void print_bars(const measured_line& l) {
  const std::string where = "rows per key, " + l.where + ": ";
  if (l.set == instruction_set::avx2) {  // elsewhere memory, not the products of four rows, is what bounds a row
    print_target(where + "1 row / 4 rows", true, 0.5, l.of(1) / l.of(4), {});
    print_target(where + "2 rows / 4 rows", true, 0.75, l.of(2) / l.of(4), {});
  }
  double worst = 0;
  index_type at = 0;
  for (index_type rows = 1; rows <= 16; ++rows) {
    const index_type next = (rows + 3) / 4 * 4;
    if (rows == next || l.of(rows) / l.of(next) <= worst) continue;
    worst = l.of(rows) / l.of(next);
    at = rows;
  }
  print_target(where + "rows / next multiple of 4", true, 1.0, worst, std::to_string(at) + " rows");
}

}  // namespace

void print_row_targets() {
  stay_on_core(this_machine().cores[0]);
  std::printf("\nrows per key: decode, head_dim %d, second cache, one core: nanoseconds per key, %d to %d keys, medians of %d rounds\n  %-24s",
              static_cast<int>(head_dim), static_cast<int>(few_keys), static_cast<int>(many_keys), rounds, "");
  for (const index_type rows : counts) std::printf(" %5d", static_cast<int>(rows));
  std::printf("\n");
  std::vector<measured_line> lines;
  for (const instruction_set set : {instruction_set::neon, instruction_set::avx2, instruction_set::avx512}) {
    if (!crestmax::cpu::machine_has(set)) continue;
    add_line<float, float>(lines, "fp32", set);
    add_line<float, crestmax::float16>(lines, "fp16 cache", set);
    add_line<float, crestmax::bfloat16>(lines, "bf16 cache", set);
  }
  const instruction_set widest = crestmax::cpu::machine_set();
  if (crestmax::cpu::pairs_of_set(widest).registers) add_line<crestmax::bfloat16, crestmax::bfloat16>(lines, "bf16 in pairs", widest);
  for (const measured_line& l : lines) print_bars(l);
}

}  // namespace crestmax_bench
