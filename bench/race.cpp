#include "race.hpp"

#include <algorithm>
#include <cmath>

#include "timing.hpp"
#include "verify.hpp"

namespace crestmax_bench {

namespace {

struct contender {
  line_result result;
  std::unique_ptr<runner> run;
};

std::vector<contender> enter(const workload& w, team& workers) {
  std::vector<contender> all;
  const reference truth(w);
  const auto add = [&](const std::string& name, bool exact, std::unique_ptr<runner> run) {
    contender c;
    c.result.method = name;
    c.run = std::move(run);
    c.result.plan = c.run->plan();
    c.run->run(0);
    c.result.error = truth.error();
    if (exact && !(c.result.error <= truth.tolerance())) c.result.trouble = "wrong result";
    const crestmax::report r = c.run->report();
    c.result.kv_bytes_read = static_cast<double>(r.bytes_read);
    const double rows = static_cast<double>(std::max<std::int64_t>(1, r.rows));
    c.result.rows_corrected_share = static_cast<double>(r.rows_corrected) / rows;
    if (name == "all_rows_fail" && r.rows_corrected < r.rows) c.result.trouble = "some rows passed the guard";
    if (name == "forced" && r.pairs_sampled == 0) c.result.trouble = "no sample was taken";
    all.push_back(std::move(c));
  };
  // The textbook's Eigen products are over contiguous heads.
  if (!w.of.paged && !w.of.token_major) add(materialised_name, true, make_materialised(w, workers));
  for (const method& m : library_methods()) {
    if (takes_part(m, w.of)) add(m.name, m.exact, make_runner(w, m, workers));
  }
  return all;
}

// One sample is a pass over all copies, or as many calls as fill some milliseconds.
double sample(contender& c, int copies, int passes) {
  return seconds_of([&] {
           for (int pass = 0; pass < passes; ++pass) {
             for (int copy = 0; copy < copies; ++copy) c.run->run(copy);
           }
         }) /
         (passes * copies);
}

// What the pace of a round is measured on: keys of the race itself, as memory that was not touched for a while has its page
// tables out of the caches and reads at half the speed. A part of the first half, since a pass that just ended may have
// left the end in a cache; another one each round.
std::span<const std::byte> part_of_keys(const workload& w, std::size_t round) {
  const std::size_t half = w.key.size() / 2;
  const std::size_t part = std::min(half, std::size_t{64} << 20);
  return {w.key.data() + round % (half / part) * part, part};
}

}  // namespace

// Partial coverage has a point only where many keys can be skipped; a capture says how wrong it is.
bool takes_part(const method& m, const shape& s) {
  return m.exact || s.kv_len >= 16384 || s.data != "random";
}

double line_result::median_seconds() const { return median(seconds); }

const line_result* race_result::find(const std::string& method) const {
  for (const line_result& line : lines) {
    if (line.method == method) return &line;
  }
  return nullptr;
}

double race_result::ratio(const std::string& method, const std::string& other) const {
  const line_result* a = find(method);
  const line_result* b = find(other);
  if (a == nullptr || b == nullptr) return 0;
  std::vector<double> ratios;
  for (std::size_t i = 0; i < a->seconds.size(); ++i) ratios.push_back(a->seconds[i] / b->seconds[i]);
  return median(ratios);
}

// `work` of a call in billions, of a peak of billions per second that goes up and down with the pace.
double race_result::share(const std::string& method, double work, double peak, double pace::* of_peak) const {
  const line_result* line = find(method);
  if (line == nullptr) return 0;
  std::vector<double> shares;
  for (std::size_t i = 0; i < paces.size(); ++i) shares.push_back(work / line->seconds[i] / (peak * paces[i].*of_peak));
  return median(shares);
}

double race_result::share_of_multiply_adds(const std::string& method) const {
  const ceilings& c = measured_ceilings();
  // The textbook's products are not held to a set: they are as wide as this build.
  const double alone = method == materialised_name ? c.multiply_add.gflops : multiply_add_peak(c, of.most);
  return share(method, of.flops() * 1e-9, of.all_cores ? c.multiply_add_all_cores : alone, &pace::multiply_adds);
}

double race_result::share_of_reads(const std::string& method) const {
  const ceilings& c = measured_ceilings();
  return share(method, of.kv_bytes() * 1e-9, (of.all_cores ? c.read_all_cores : c.read).gigabytes, &pace::reads);
}

pace race_result::median_pace() const {
  std::vector<double> multiply_adds, reads;
  for (const pace& p : paces) {
    multiply_adds.push_back(p.multiply_adds);
    reads.push_back(p.reads);
  }
  return {median(multiply_adds), median(reads)};
}

race_result run_race(const shape& s, const race_settings& settings) {
  const machine& m = this_machine();
  team workers(s.all_cores ? static_cast<int>(m.cores.size()) : 1);
  // Decode reads keys and values from memory: cycle through more of them than any cache holds.
  const bool cold = s.phase == "decode";
  const workload w = make_workload(s, cold ? 8.0 * static_cast<double>(m.last_level_cache) : 0.0);
  std::vector<contender> contenders = enter(w, workers);
  constexpr double least_sample = 0.02;
  std::vector<int> passes;
  for (contender& c : contenders) {
    const double pass = sample(c, w.copies, 1) * w.copies;
    passes.push_back(std::max(1, static_cast<int>(std::ceil(least_sample / pass))));
  }
  race_result result;
  result.of = s;
  const double end = now() + settings.seconds;
  for (std::size_t round = 0; round < static_cast<std::size_t>(settings.least_rounds) || now() < end;
       ++round) {
    result.paces.push_back(pace_now(workers, cold ? part_of_keys(w, round) : std::span<const std::byte>{}));
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      // Nobody always runs behind the same neighbour's caches: rounds go forth and back.
      const std::size_t at = round % 2 == 0 ? i : contenders.size() - 1 - i;
      contenders[at].result.seconds.push_back(sample(contenders[at], w.copies, passes[at]));
    }
  }
  for (contender& c : contenders) result.lines.push_back(std::move(c.result));
  return result;
}

}  // namespace crestmax_bench
