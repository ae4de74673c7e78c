#include "table.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "ceilings.hpp"
#include "machine.hpp"

namespace crestmax_bench {

namespace {

std::string text_of(const char* format, double number) {
  char text[64];
  std::snprintf(text, sizeof text, format, number);
  return text;
}

std::string time_of(double seconds) {
  return seconds < 1e-3 ? text_of("%.1f us", seconds * 1e6)
         : seconds < 1  ? text_of("%.2f ms", seconds * 1e3)
                        : text_of("%.2f s", seconds);
}

}  // namespace

bool table_reporter::ReportContext(const Context&) {
  const machine& m = this_machine();
  std::printf("%s, %zu core%s, last-level cache %.0f MiB\n", m.processor.c_str(), m.cores.size(),
              m.cores.size() == 1 ? "" : "s", static_cast<double>(m.last_level_cache) / (1 << 20));
  std::fflush(stdout);
  return true;
}

void table_reporter::ReportRuns(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    const auto counter = [&](const char* name) {
      const auto found = run.counters.find(name);
      return found == run.counters.end() ? 0.0 : found->second.value;
    };
    const std::string name = run.run_name.function_name;
    const std::size_t slash = name.rfind('/');
    const std::string method = name.substr(slash + 1);
    // The label is: heading, a line break, the plan.
    const std::size_t line_break = run.report_label.find('\n');
    const std::string heading = run.report_label.substr(0, line_break);
    const std::string plan = line_break == std::string::npos ? "" : run.report_label.substr(line_break + 1);
    if (run.error_occurred) {
      std::printf("%s: %s\n", name.c_str(), run.error_message.c_str());
      continue;
    }
    if (name.rfind("ceiling/", 0) == 0) {
      if (heading_.empty()) std::printf("\nceilings\n");
      heading_ = "ceilings";
      std::printf("  %-34s %9.1f %s\n", method.c_str(), counter("rate"), run.report_label.c_str());
      continue;
    }
    const bool bytes = run.counters.count("gigabytes_per_second") != 0;
    if (heading != heading_) {
      std::printf("\n%s\n  meanwhile %.0f %% of the multiply-adds%s of the start; shares are of what was possible meanwhile\n",
                  heading.c_str(), 100 * counter("pace_of_multiply_adds"),
                  bytes ? text_of(" and %.0f %% of the reads", 100 * counter("pace_of_reads")).c_str() : "");
      std::printf("  %-14s %10s %8s %8s %12s %8s   %s\n", "method", "time", bytes ? "GB/s" : "GFLOP/s", "ceiling",
                  "/running_max", "error", "plan");
      heading_ = heading;
    }
    std::printf("  %-14s %10s %8.1f %6.1f %% %12s %8.1e   %s\n", method.c_str(),
                time_of(counter("median_seconds")).c_str(),
                counter(bytes ? "gigabytes_per_second" : "gflops"), 100 * counter("share_of_ceiling"),
                text_of("%.3f", counter("vs_running_max")).c_str(), counter("error"), plan.c_str());
    const auto remark = [&](const char* key, const char* format) {
      if (run.counters.count(key) != 0)
        std::printf("  %-14s     %s\n", "", text_of(format, counter(key)).c_str());
    };
    remark("share_of_pairs", "%.3f of the peak of products of pairs");
    remark("vs_anchor_shift", "%.3f of the time of anchor_shift");
    remark("speedup_over_exact", "%.2f times as fast as exact (sampled_max)");
    remark("kv_bytes_share", "%.3f of the key and value bytes of exact");
  }
  std::fflush(stdout);
}

}  // namespace crestmax_bench
