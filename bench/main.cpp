// crestmax_bench [--short | --bars | --all | --modifiers | --masks | --rows | --encoders | --encodings | --dial | --append | --threads] [--benchmark_... options of Google Benchmark]
//
// Every line of a race is a benchmark of its own, so that filters, reporters and JSON work as usual.
// The lines of one race are measured together, in turns, when the first of them is asked for; each
// then reports its median.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include "append.hpp"
#include "ceilings.hpp"
#include "encoders.hpp"
#include "dial.hpp"
#include "encodings.hpp"
#include "grid.hpp"
#include "mask_targets.hpp"
#include "modifiers.hpp"
#include "rows.hpp"
#include "table.hpp"
#include "targets.hpp"
#include "threads.hpp"

namespace crestmax_bench {

namespace {

struct race_entry {
  grid_entry grid;
  std::optional<race_result> result;

  const race_result& measured() {
    if (!result) {
      std::fprintf(stderr, "measuring %s ...\n", grid.of.title().c_str());
      result = run_race(grid.of, grid.settings);
    }
    return *result;
  }
};

void report_line(benchmark::State& state, race_entry& entry, const std::string& method) {
  const race_result& race = entry.measured();
  const line_result* line = race.find(method);
  if (line == nullptr) return state.SkipWithError("did not run");
  const double seconds = line->median_seconds();
  for (auto _ : state) state.SetIterationTime(seconds);
  const shape& s = race.of;
  const ceilings& c = measured_ceilings();
  if (s.phase == "decode") {
    const double rate = s.kv_bytes() * 1e-9 / seconds;
    state.counters["gigabytes_per_second"] = rate;
    state.counters["share_of_ceiling"] = race.share_of_reads(method);
  } else {
    const double rate = s.flops() * 1e-9 / seconds;
    state.counters["gflops"] = rate;
    state.counters["share_of_ceiling"] = race.share_of_multiply_adds(method);
    const double pairs = std::max(c.pair_products, c.tile_products);
    const bool brain = s.query_kind == scalar_kind::bfloat16 && s.kv_kind == scalar_kind::bfloat16;
    if (brain && pairs > 0 && !s.all_cores) state.counters["share_of_pairs"] = rate / pairs;
  }
  const pace meanwhile = race.median_pace();
  state.counters["pace_of_multiply_adds"] = meanwhile.multiply_adds;
  state.counters["pace_of_reads"] = meanwhile.reads;
  state.counters["median_seconds"] = seconds;
  state.counters["rounds"] = static_cast<double>(line->seconds.size());
  state.counters["error"] = line->error;
  state.counters["rows_corrected_share"] = line->rows_corrected_share;
  state.counters["vs_running_max"] = race.ratio(method, "running_max");
  if (method == "forced") state.counters["vs_anchor_shift"] = race.ratio(method, "anchor_shift");
  if (method == "plateaus" || method == "above(12)") {
    state.counters["speedup_over_exact"] = race.ratio("sampled_max", method);
    state.counters["kv_bytes_share"] = line->kv_bytes_read / race.find("sampled_max")->kv_bytes_read;
  }
  state.SetLabel(s.title() + "\n" + line->plan);
}

void report_rate(benchmark::State& state, double rate, const std::string& label) {
  for (auto _ : state) state.SetIterationTime(1e-9);
  state.counters["rate"] = rate;
  state.SetLabel(label);
}

void once(benchmark::internal::Benchmark* b) {
  b->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);
}

void register_ceilings() {
  const auto add = [](const std::string& name, auto rate, auto label) {
    once(benchmark::RegisterBenchmark(("ceiling/" + name).c_str(), [rate, label](benchmark::State& state) {
      const ceilings& c = measured_ceilings();
      report_rate(state, rate(c), label(c));
    }));
  };
  const auto streams = [](const read_rate& r) {
    return "GB/s, " + std::to_string(r.streams) + " streams a core, " +
           (r.prefetched ? "prefetched" : "not prefetched");
  };
  for (std::size_t i = 0; i < 3; ++i) {
    const auto at = [i](const ceilings& c) {
      return i < c.widths.size() ? c.widths[i] : multiply_add_rate{};
    };
    add(
        "multiply_add_" + std::to_string(128 << i) + "_bits",
        [at](const ceilings& c) { return at(c).gflops; },
        [at](const ceilings& c) {
          return at(c).gflops > 0
                     ? "GFLOP/s, fp32, one core, " + std::to_string(at(c).accumulators) + " accumulators"
                     : std::string("GFLOP/s: not in the compile flags");
        });
  }
  add(
      "multiply_add_all_cores", [](const ceilings& c) { return c.multiply_add_all_cores; },
      [](const ceilings& c) {
        char text[80];
        std::snprintf(text, sizeof text, "GFLOP/s, all cores at once: %.2f times one core",
                      c.multiply_add_all_cores / c.multiply_add.gflops);
        return std::string(text);
      });
  const auto add_pairs = [&](const char* name, double ceilings::* rate, const char* how) {
    add(
        name, [rate](const ceilings& c) { return c.*rate; },
        [rate, how](const ceilings& c) {
          char text[80];
          if (c.*rate > 0) std::snprintf(text, sizeof text, "GFLOP/s, bfloat16, one core, %s: %.2f times fp32", how, c.*rate / c.multiply_add.gflops);
          else std::snprintf(text, sizeof text, "GFLOP/s: not on this machine");
          return std::string(text);
        });
  };
  add_pairs("pairs_in_registers", &ceilings::pair_products, "pairs");
  add_pairs("pairs_in_tiles", &ceilings::tile_products, "tiles");
  add(
      "read_one_core", [](const ceilings& c) { return c.read.gigabytes; },
      [streams](const ceilings& c) { return streams(c.read); });
  add(
      "read_all_cores", [](const ceilings& c) { return c.read_all_cores.gigabytes; },
      [streams](const ceilings& c) { return streams(c.read_all_cores); });
  add(
      "exp_library", [](const ceilings& c) { return c.exp_library; },
      [](const ceilings&) { return std::string("1e9/s, fp32, one core, the kernels' own"); });
  add(
      "exp_eigen", [](const ceilings& c) { return c.exp_eigen; },
      [](const ceilings&) { return std::string("1e9/s, fp32, one core"); });
}

void register_race(race_entry& entry) {
  std::vector<std::string> lines;
  if (!entry.grid.of.paged && !entry.grid.of.token_major) lines.push_back(materialised_name);
  for (const method& m : library_methods()) {
    if (takes_part(m, entry.grid.of)) lines.push_back(m.name);
  }
  for (const std::string& line : lines) {
    once(benchmark::RegisterBenchmark(
        (entry.grid.of.name() + "/" + line).c_str(),
        [&entry, line](benchmark::State& state) { report_line(state, entry, line); }));
  }
}

}  // namespace

}  // namespace crestmax_bench

int main(int argc, char** argv) {
  using namespace crestmax_bench;
  extent asked = extent::usual;
  std::vector<char*> rest;
  for (int i = 0; i < argc; ++i) {
    if (std::strcmp(argv[i], "--short") == 0) asked = extent::brief;
    else if (std::strcmp(argv[i], "--bars") == 0) asked = extent::bars;
    else if (std::strcmp(argv[i], "--all") == 0) asked = extent::all;
    else if (std::strcmp(argv[i], "--modifiers") == 0) return print_modifier_targets(), 0;
    else if (std::strcmp(argv[i], "--masks") == 0) return print_mask_targets(), 0;
    else if (std::strcmp(argv[i], "--rows") == 0) return print_row_targets(), 0;
    else if (std::strcmp(argv[i], "--encoders") == 0) return print_encoders(), 0;
    else if (std::strcmp(argv[i], "--encodings") == 0) return print_encoding_targets(i + 1 < argc ? argv[i + 1] : ""), 0;
    else if (std::strcmp(argv[i], "--dial") == 0) return print_dial_targets(), 0;
    else if (std::strcmp(argv[i], "--append") == 0) return print_append_targets(), 0;
    else if (std::strcmp(argv[i], "--threads") == 0) return print_thread_targets(), 0;
    else rest.push_back(argv[i]);
  }
  int count = static_cast<int>(rest.size());
  rest.push_back(nullptr);
  benchmark::Initialize(&count, rest.data());
  if (benchmark::ReportUnrecognizedArguments(count, rest.data())) return 2;
  register_ceilings();
  std::vector<std::unique_ptr<race_entry>> races;
  for (const grid_entry& grid : make_grid(asked)) {
    races.push_back(std::make_unique<race_entry>(race_entry{grid, std::nullopt}));
    register_race(*races.back());
  }
  table_reporter table;
  benchmark::RunSpecifiedBenchmarks(&table);
  std::vector<race_result> results;
  for (const auto& race : races) {
    if (race->result) results.push_back(*race->result);
  }
  const bool right = print_targets(results);
  if (asked == extent::bars) print_modifier_targets(), print_mask_targets(), print_row_targets();
  return right ? 0 : 1;
}
