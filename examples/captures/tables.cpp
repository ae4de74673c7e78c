// The two tables on the terminal.
#include <algorithm>
#include <cstdio>

#include "results.hpp"

namespace example {

namespace {

const char* meaning(const kind_results& k) {
  if (k.kind == "sink") return "at least half of the weight lies on the first 4 keys";
  if (k.kind == "local") return "at least half of the weight lies near the query";
  return "the weight lies neither on the first keys nor near the query";
}

// A number, or a dash where there is none.
void cell(int width, const char* format, double number, bool shown = true) {
  char text[32] = "-";
  if (shown) std::snprintf(text, sizeof text, format, number);
  std::printf(" %*s", width, text);
}

void lost_cell(double lost, bool shown) { cell(7, lost == 0 ? "%.0f" : "%.0e", lost, shown); }

void print_line(const way& w, const outcome& o) {
  const bool fixed_shift = w.softmax.kind == crestmax::softmax_kind::sampled_max;
  const bool drops = w.coverage.kind != crestmax::coverage_kind::everything;
  std::printf("  %-31s", w.name.c_str());
  cell(6, "%.1f", o.milliseconds());
  cell(5, "%.2f", o.ratio());
  cell(9, "%.1e", o.error_max);
  cell(8, "%.1f", o.share(o.sampled), o.sampled > 0);
  cell(7, "%.1f", o.share(o.refined), o.sampled > 0);
  cell(7, "%.1f", o.share(o.accumulated));
  cell(7, "%.1f", o.share(o.skipped));
  std::printf(" %7lld", static_cast<long long>(o.corrected));
  cell(7, "%.1f", o.undershoot, fixed_shift);
  cell(5, "%.0f", o.sampling_bound, o.sampled > 0);
  lost_cell(o.lost_mean(), drops);
  lost_cell(o.said_lost_mean(), drops);
  lost_cell(o.lost_max, drops);
  lost_cell(o.reported_lost, w.coverage.kind == crestmax::coverage_kind::above);
  std::printf("\n");
}

void print_heading(const std::string& heads) {
  std::printf("\n  %-31s %12s %9s  %-31s %7s  %-12s  %s\n", heads.c_str(), "time", "error",
              "share of the visible keys, %", "rows", "undershoot", "weight lost by a row");
  std::printf("  %-31s %6s %5s %9s %8s %7s %7s %7s %7s %7s %5s %7s %7s %7s %7s\n", "", "ms", "ratio", "largest", "sampled",
              "refined", "accum.", "skipped", "redone", "largest", "bound", "mean", "said", "largest", "bound");
}

}  // namespace

double median_of(std::vector<double> numbers) {
  if (numbers.empty()) return 0;
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
  std::nth_element(numbers.begin(), middle, numbers.end());
  return *middle;
}

void print_methods(const std::vector<way>& ways, const std::vector<kind_results>& kinds) {
  std::printf("TABLE 1. Exact softmax against sampled max: prefill, head by head, in float32 on one thread, %s kernels.\n",
              kinds[0].table[0].instruction_set.c_str());
  std::string last;
  for (const kind_results& k : kinds) {
    if (k.model != last) {
      std::printf("\n%s: %s, %lld tokens, head_dim %lld\n", k.model.c_str(),
                  k.causal ? "text decoder (causal)" : "audio encoder (every query sees all keys)",
                  static_cast<long long>(k.tokens), static_cast<long long>(k.head_dim));
      last = k.model;
    }
    print_heading(k.kind + " heads (" + std::to_string(k.heads) + ")");
    for (std::size_t i = 0; i < ways.size(); ++i) print_line(ways[i], k.table[i]);
    std::printf("  (%s: %s)\n", k.kind.c_str(), meaning(k));
  }
  std::printf(R"(
How to read it
  forced       the sample is taken although the planner would not: stride 16, 4 windows of radius 32. The planner leaves
               it out of exact float32 calls, where anchors (the first 4 and the nearest 32 keys) suffice.
  above(tau)   values are read only of tiles in which some query of the block has a score above shift - tau
  plateaus     only anchors and windows are read: 8 windows per block of queries, or 2
  time         on the core, median of repeats; ratio to the first line of the same repeat, which is a running maximum in the same kernel
  error        |output - float64 reference| over the largest |value|: the worst number of all rows
  sampled      scored by the coarse sample; refined: in windows around the sample's peaks; accumulated: keys whose value
               joined the result (anchors and refined ones too); skipped: visible, but left out by the coverage
  redone       rows whose shift the guard found too low: the correction made them exact
  undershoot   nats by which the crest lies below the true maximum, in the worst row; bound: the largest L * 16 of a row,
               L being the largest difference of neighbouring scores in that row
  weight lost  share of a row's softmax weight on skipped keys, measured against float64: mean and worst row. said: the
               mean of what the library reports per row, for above(tau) a bound, for plateaus an estimate. bound: the
               worst row's, of above(tau). Plateaus have one only where the caller states how much neighbouring scores differ.
)");
}

void print_hypothesis(const std::vector<kind_results>& kinds) {
  std::fputs(R"(
TABLE 2. Are maxima clustered? Exact results do not rest on it; the sample and plateaus do.

                                    maximum stands at, % rows  plateau   L   L*16  range  rows % with undershoot > 2 nats   sample and
  model                     kind    first 4  near 32  between     keys nats  nats   nats  sample +windows  anchors     all   windows
)", stdout);
  for (const kind_results& k : kinds) {
    const row_shapes& s = k.shapes;
    const auto share = [&](index_type n) { return 100.0 * static_cast<double>(n) / static_cast<double>(s.rows); };
    const double step = median_of(s.step);
    std::printf("  %-25s %-6s %8.1f %8.1f %8.1f %8.0f %4.0f %5.0f %6.0f %7.1f %8.1f %8.1f %7.1f   %s\n", k.model.c_str(),
                k.kind.c_str(), share(s.top_is_first), share(s.top_is_near),
                share(s.rows - s.top_is_first - s.top_is_near), median_of(s.plateau), step,
                step * static_cast<double>(article_stride), median_of(s.range), share(s.low_sample), share(s.low_windows),
                share(s.low_anchors), share(s.low_all),
                share(s.low_windows) < 1 ? "find the maximum" : "MISS the maximum");
  }
  std::fputs(R"(
How to read it (rows with more than 64 visible keys; plateau, L, L*16 and range are medians over rows)
  plateau      keys in a row around the maximum whose scores are within 1 nat of it: 1 is an isolated spike
  L            the largest difference of neighbouring scores. A stride of 16 misses at most L*16 nats: true in every row, and
               of no use where it exceeds the range of all scores of the row
  undershoot   of every 16th key alone; with 4 windows refined around its peaks; of the anchors alone; of all three
  last column  without anchors, in more than 99 % of the rows or not
)", stdout);
}

}  // namespace example
