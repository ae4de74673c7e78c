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
      std::printf("\n%s\n  %-14s %10s %8s %8s %12s %8s   %s\n", heading.c_str(), "method", "time",
                  bytes ? "GB/s" : "GFLOP/s", "ceiling", "/running_max", "error", "plan");
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
    remark("vs_anchor_shift", "%.3f of the time of anchor_shift");
    remark("speedup_over_exact", "%.2f times as fast as exact (sampled_max)");
    remark("kv_bytes_share", "%.3f of the key and value bytes of exact");
  }
  std::fflush(stdout);
}

bool print_targets(const std::vector<race_result>& races) {
  struct target {
    std::string what;
    std::string bar;
    double worst;
    bool met;
    std::string where;
  };
  std::vector<target> targets;
  // Over all races that `of` gives a positive number for: the largest, or the smallest.
  const auto add = [&](const char* what, const char* format, double bar, bool at_most, auto of) {
    target t{what, (at_most ? "at most " : "at least ") + text_of(format, bar), 0, true, ""};
    for (const race_result& race : races) {
      const double value = of(race);
      if (value <= 0 || (!t.where.empty() && (at_most ? value <= t.worst : value >= t.worst))) continue;
      t.worst = value;
      t.where = race.of.name();
    }
    t.met = at_most ? t.worst <= bar : t.worst >= bar;
    if (!t.where.empty()) targets.push_back(t);
  };
  const auto is_prefill = [](const shape& s) { return s.phase == "prefill"; };
  add("prefill fp32, head_dim 128, 4096 keys, one core: share of the multiply-add peak", "%.2f", 0.30, false,
      [&](const race_result& r) {
        const bool asked = is_prefill(r.of) && r.of.kv_kind == scalar_kind::float32 && r.of.head_dim == 128 &&
                           r.of.kv_len == 4096 && !r.of.all_cores && r.find("sampled_max") != nullptr;
        return asked ? r.of.flops() * 1e-9 / r.find("sampled_max")->median_seconds() /
                           measured_ceilings().multiply_add.gflops
                     : 0.0;
      });
  add("sampled_max / running_max, time", "%.2f", 1.02, true,
      [](const race_result& r) { return r.ratio("sampled_max", "running_max"); });
  add("forced / anchor_shift, time, prefill of 4096 keys and more", "%.2f", 1.10, true,
      [&](const race_result& r) {
        return is_prefill(r.of) && r.of.kv_len >= 4096 ? r.ratio("forced", "anchor_shift") : 0.0;
      });
  add("all rows fail the guard / running_max, time", "%.2f", 2.30, true,
      [](const race_result& r) { return r.ratio("all_rows_fail", "running_max"); });
  add("plateaus, prefill of 16384 keys: times as fast as exact", "%.1f", 3.0, false,
      [&](const race_result& r) {
        return is_prefill(r.of) && r.of.kv_len == 16384 ? r.ratio("sampled_max", "plateaus") : 0.0;
      });
  add("plateaus, decode of 16384 keys: times as fast as exact", "%.1f", 4.0, false,
      [&](const race_result& r) {
        return !is_prefill(r.of) && r.of.kv_len == 16384 ? r.ratio("sampled_max", "plateaus") : 0.0;
      });
  if (!targets.empty()) std::printf("\ntargets, worst of the shapes above\n");
  for (const target& t : targets) {
    std::printf("  %-80s %-14s measured %.3f  %s\n  %-80s at %s\n", t.what.c_str(), t.bar.c_str(), t.worst,
                t.met ? "met" : "MISSED", "", t.where.c_str());
  }
  bool right = true;
  for (const race_result& race : races) {
    for (const line_result& line : race.lines) {
      if (line.trouble.empty()) continue;
      std::printf("WRONG: %s/%s: %s (error %.1e)\n", race.of.name().c_str(), line.method.c_str(),
                  line.trouble.c_str(), line.error);
      right = false;
    }
  }
  return right;
}

}  // namespace crestmax_bench
