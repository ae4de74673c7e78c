// New rows of 8 heads of 128 into a cache of every kind, beside a loop that reads as many bytes and writes as many: shares of its bandwidth. Rows that lie in
// memory (a prompt of 32,768 tokens), and a batch of 64 that lie in the second cache as a projection leaves them; slots of the cache in either are
// what it has. In turns, medians over the rounds.
#include "append.hpp"

#include <crestmax/append.hpp>
#include <cstdio>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>

#include "ceilings.hpp"
#include "machine.hpp"
#include "memory.hpp"
#include "targets.hpp"
#include "timing.hpp"

namespace crestmax_bench {

namespace {

using crestmax::index_type;
using crestmax::scalar_kind;

constexpr index_type heads = 8, head_dim = 128, in_page = 64, tokens = 32768, in_batch = 64;
constexpr int rounds = 9;

struct appended {
  scalar_kind rows;
  scalar_kind cache;
  bool offsets = false;
  index_type keys = 1;
  bool searches = false;  // over scales: no bar
};
constexpr appended cases[] = {{scalar_kind::float32, scalar_kind::float32},
                              {scalar_kind::float32, scalar_kind::float16},
                              {scalar_kind::float32, scalar_kind::bfloat16},
                              {scalar_kind::float32, scalar_kind::q8_0},
                              {scalar_kind::float16, scalar_kind::q8_0},
                              {scalar_kind::float32, scalar_kind::q4_0},
                              {scalar_kind::float16, scalar_kind::q4_0},
                              {scalar_kind::float32, scalar_kind::q4_1},
                              {scalar_kind::float32, scalar_kind::q5_0},
                              {scalar_kind::float32, scalar_kind::q5_1},
                              {scalar_kind::float32, scalar_kind::iq4_nl, false, 1, true},
                              {scalar_kind::float32, scalar_kind::int8},
                              {scalar_kind::bfloat16, scalar_kind::int8},
                              {scalar_kind::float32, scalar_kind::float8_e4m3},
                              {scalar_kind::bfloat16, scalar_kind::float8_e4m3},
                              {scalar_kind::float32, scalar_kind::float8_e5m2},
                              {scalar_kind::float32, scalar_kind::uint8, true},
                              {scalar_kind::float32, scalar_kind::uint4, true},
                              {scalar_kind::float32, scalar_kind::uint8, true, 64},
                              {scalar_kind::float32, scalar_kind::uint4, true, 64},
                              {scalar_kind::float32, scalar_kind::planes16, true},
                              {scalar_kind::float32, scalar_kind::planes16, true, 64}};

std::string title(const appended& a) {
  std::string text = std::string(crestmax::name(a.rows)) + " into " + crestmax::name(a.cache);
  if (a.keys > 1) text += " by channel";
  return text;
}

// Memory for one case: rows, a cache, what stands beside it.
class append_case {
 public:
  explicit append_case(const appended& a)
      : of_(a),
        rows_(static_cast<std::size_t>(tokens * heads * head_dim * crestmax::size_of(a.rows))),
        cache_(static_cast<std::size_t>(tokens * heads * row_bytes())), beside_(static_cast<std::size_t>(tokens * heads * 4) * sizeof(float)),
        open_(static_cast<std::size_t>(64 * heads * head_dim * 2)), slots_(static_cast<std::size_t>(tokens)), sequence_of_(slots_.size(), 0) {
    std::mt19937 source(1);
    std::normal_distribution<float> normal;
    std::vector<float> row(static_cast<std::size_t>(heads * head_dim) * 64);
    for (float& x : row) x = normal(source);
    const std::int64_t part = static_cast<std::int64_t>(row.size());
    const std::int64_t slot = 0;
    for (index_type t = 0; t < tokens; t += 64) {  // rows of another kind are made by what is measured
      const crestmax::token_rows from(row.data(), scalar_kind::float32, {1, 1, part}, {part, part, 1});
      const crestmax::tensor_view to(rows_.data() + static_cast<std::size_t>(t * heads * head_dim * crestmax::size_of(a.rows)), a.rows, {1, 1, 1, part},
                                     {part, part, part, 1});
      if (const auto s = crestmax::append(from, to, {&slot, 1}); !s) throw std::runtime_error(s.message());
    }
    std::iota(slots_.begin(), slots_.end(), 0);
    std::memset(cache_.data(), 0, cache_.size());
    std::memset(beside_.data(), 0, beside_.size());
  }

  index_type row_bytes() const {
    return crestmax::is_encoded(of_.cache) ? crestmax::row_bytes_of(of_.cache, head_dim) : head_dim * crestmax::size_of(of_.cache);
  }
  index_type read_bytes() const { return head_dim * crestmax::size_of(of_.rows); }
  // With scales and offsets.
  index_type written_bytes() const {
    if (!crestmax::may_have_coding(of_.cache)) return row_bytes();
    const index_type numbers = of_.offsets ? 2 : 1;
    return row_bytes() + 4 * (of_.keys > 1 ? numbers * head_dim / of_.keys : numbers);
  }

  void run(index_type count, team& workers) const {
    const crestmax::token_rows from(rows_.data(), of_.rows, {count, heads, head_dim}, {heads * head_dim, head_dim, 1});
    constexpr std::array<index_type, 4> extents{tokens / in_page, in_page, heads, head_dim};
    const crestmax::tensor_view to(cache_.data(), of_.cache, extents, crestmax::tensor<float>::dense_strides_of(of_.cache, extents));
    crestmax::append_options options;
    options.coding = coding();
    options.sequence_of = std::span(sequence_of_).first(of_.keys > 1 ? static_cast<std::size_t>(count) : 0);
    options.sequences = 1;
    const auto s = crestmax::append(from, to, std::span(slots_).first(static_cast<std::size_t>(count)), options, workers);
    if (!s) throw std::runtime_error(s.message());
  }
  void stream(index_type count, team& workers) const {
    constexpr index_type part = 32;  // tokens
    workers.run((count + part - 1) / part, [&](auto item, int) {
      const auto first = static_cast<std::size_t>(item * part * heads), number = static_cast<std::size_t>(part * heads);
      const auto read = static_cast<std::size_t>(read_bytes()), written = static_cast<std::size_t>(row_bytes());
      stream_rows(rows_.data() + first * read, read, cache_.data() + first * written, written, number);
    });
  }

 private:
  crestmax::row_coding coding() const {
    crestmax::row_coding c;
    if (!crestmax::may_have_coding(of_.cache)) return c;
    auto* const numbers = static_cast<float*>(static_cast<void*>(beside_.data()));
    const index_type in_head = of_.keys > 1 ? head_dim : 1, blocks = in_page / of_.keys;
    const std::array<index_type, 4> steps{blocks * heads * in_head, heads * in_head, in_head, 1};
    c.scales = {numbers, steps};
    if (of_.offsets) c.offsets = {numbers + tokens * heads * 2, steps};
    c.keys = of_.keys;
    c.group = of_.keys > 1 ? 1 : 0;
    c.offset = crestmax::offset_kind::minimum;
    c.open = {open_.data(), scalar_kind::float16, {64 * heads * head_dim, heads * head_dim, head_dim}};
    return c;
  }

  appended of_;
  memory_block rows_, cache_, beside_, open_;
  std::vector<std::int64_t> slots_;
  std::vector<std::int32_t> sequence_of_;
};

struct measured_append {
  double gigabytes;
  double share;  // of the loop's bandwidth
};

measured_append measure(const append_case& a, index_type count, team& workers) {
  const int calls = static_cast<int>(tokens / count / 4 + 1);
  std::vector<double> seconds, shares;
  for (int round = 0; round <= rounds; ++round) {
    const double streamed = seconds_of([&] { for (int i = 0; i < calls; ++i) a.stream(count, workers); }) / calls;
    const double own = seconds_of([&] { for (int i = 0; i < calls; ++i) a.run(count, workers); }) / calls;
    if (round == 0) continue;  // pages are new to the process
    seconds.push_back(own);
    // The loop leaves out what stands beside rows.
    const double more = static_cast<double>(a.read_bytes() + a.written_bytes()) / static_cast<double>(a.read_bytes() + a.row_bytes());
    shares.push_back(streamed * more / own);
  }
  const double bytes = static_cast<double>(count * heads * (a.read_bytes() + a.written_bytes()));
  return {bytes * 1e-9 / median(seconds), median(shares)};
}

}  // namespace

void print_append_targets() {
  stay_on_core(this_machine().cores[0]);
  team one(1), all(static_cast<int>(this_machine().cores.size()));
  std::printf("\nappend: %d heads of %d, into pages of %d: GB/s read and written, and the share of a loop that does no more than that\n  %-34s %16s %16s %16s\n",
              static_cast<int>(heads), static_cast<int>(head_dim), static_cast<int>(in_page), "", "32,768 tokens", "all cores", "64, in cache");
  std::vector<std::pair<const appended*, measured_append>> lines;
  for (const appended& a : cases) {
    const append_case c(a);
    const measured_append long_one = measure(c, tokens, one), long_all = measure(c, tokens, all), batch = measure(c, in_batch, one);
    std::printf("  %-34s %8.1f %5.0f %% %8.1f %5.0f %% %8.1f %5.0f %%\n", title(a).c_str(), long_one.gigabytes, 100 * long_one.share, long_all.gigabytes,
                100 * long_all.share, batch.gigabytes, 100 * batch.share);
    lines.emplace_back(&a, long_one);
  }
  for (const auto& [a, m] : lines) {
    if (!a->searches) print_target("append, " + title(*a) + ": share of its bandwidth", false, 0.6, m.share, {});
  }
}

}  // namespace crestmax_bench
