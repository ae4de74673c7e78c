#include "measure.hpp"

#include <cmath>
#include <crestmax/crestmax.hpp>
#include <cstdlib>
#include <ctime>
#include <memory>

namespace example {

namespace {

struct release {
  void operator()(std::byte* memory) const { std::free(memory); }
};

// Time that this thread spent on a core: what other programs take of a busy machine does not count.
double now() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// A head's call with all that it writes.
class head_call {
 public:
  head_call(const captured_model& m, index_type head, const way& w)
      : m_(m), head_(head), output_(static_cast<std::size_t>(m.queries() * m.d_v)),
        dropped_(static_cast<std::size_t>(m.queries())) {
    options_.softmax = w.softmax;
    options_.coverage = w.coverage;
    options_.tiles = w.tiles;
  }

  // The call's own memory, so that no allocation is timed.
  crestmax::status prepare() {
    std::size_t bytes = 0;
    const auto tensors = crestmax::tensors(query(), key(), value(), output());
    if (auto s = crestmax::workspace_bytes(tensors, 1, bytes, options_, causal()); !s) return s;
    bytes = (bytes + 63) / 64 * 64;
    memory_.reset(static_cast<std::byte*>(std::aligned_alloc(64, bytes)));
    options_.workspace = {memory_.get(), bytes};
    return {};
  }

  double seconds() {
    const double start = now();
    if (!crestmax::attention(query(), key(), value(), output(), options_, causal())) std::abort();  // was checked
    return now() - start;
  }

  // The same with everything that the library can tell about it.
  crestmax::status run_reporting(bool diagnostics, crestmax::report& report) {
    crestmax::options o = options_;
    o.workspace = {};
    o.dropped_mass = crestmax::row_tensor<double>(dropped_.data(), {1, m_.queries(), 1});
    o.report = &report;
    o.diagnostics = diagnostics;
    return crestmax::attention(query(), key(), value(), output(), o, causal());
  }

  void compare(const reference& truth, outcome& result) const {
    for (std::size_t i = 0; i < output_.size(); ++i) {
      const double error = std::fabs(static_cast<double>(output_[i]) - truth.output[i]) / truth.value_max;
      result.error_max = std::max(result.error_max, error);
      result.error_sum += error;
    }
    result.error_count += static_cast<index_type>(output_.size());
  }

  // Which keys were left out? With values that are 1 in the column of a key's group and 0 elsewhere, a
  // column is exactly 0 where the whole group was skipped. Their float64 weight is what the row lost.
  crestmax::status weigh_lost(const reference& truth, std::vector<float>& group_values, outcome& result) {
    std::vector<float> shares(static_cast<std::size_t>(m_.queries() * truth.groups));
    crestmax::options o = options_;
    o.workspace = {};
    const crestmax::tensor<float> values{group_values.data(), {1, m_.tokens, 1, truth.groups}};
    const crestmax::tensor<float> to{shares.data(), {1, m_.queries(), 1, truth.groups}};
    if (auto s = crestmax::attention(query(), key(), values, to, o, causal()); !s) return s;
    const auto groups = static_cast<std::size_t>(truth.groups);
    for (std::size_t i = 0; i < dropped_.size(); ++i) {
      double lost = 0;
      for (std::size_t g = i * groups; g < (i + 1) * groups; ++g) {
        if (shares[g] == 0) lost += truth.group_weight[g];
      }
      result.lost_max = std::max(result.lost_max, lost);
      result.lost_sum += lost;
      result.said_lost_sum += dropped_[i];
      const bool rigorous = options_.coverage.kind != crestmax::coverage_kind::plateaus;
      result.rows_beyond_report += rigorous && lost > dropped_[i] + 1e-30;
    }
    return {};
  }

 private:
  crestmax::tensor<const float> query() const {
    return {m_.query_row(head_, m_.first_query), {1, m_.queries(), 1, m_.d_qk}};
  }
  crestmax::tensor<const float> key() const { return {m_.key_row(head_, 0), {1, m_.tokens, 1, m_.d_qk}}; }
  crestmax::tensor<const float> value() const { return {m_.value_row(head_, 0), {1, m_.tokens, 1, m_.d_v}}; }
  crestmax::tensor<float> output() { return {output_.data(), {1, m_.queries(), 1, m_.d_v}}; }
  crestmax::causal causal() const { return {m_.causal}; }

  const captured_model& m_;
  index_type head_;
  crestmax::options options_;
  std::vector<float> output_;
  std::vector<double> dropped_;
  std::unique_ptr<std::byte, release> memory_;
};

void add(const crestmax::report& r, outcome& o) {
  const auto pairs = [](std::int64_t n) { return static_cast<double>(n); };
  o.rows += r.rows;
  o.instruction_set = r.instruction_set;
  o.visible += pairs(r.pairs_visible);
  o.sampled += pairs(r.pairs_sampled);
  o.refined += pairs(r.pairs_plateau);
  o.accumulated += pairs(r.pairs_accumulated);
  o.skipped += pairs(r.pairs_skipped);
  o.corrected += r.rows_corrected;
  o.reported_lost = std::max(o.reported_lost, r.max_dropped_mass);
  o.undershoot = std::max(o.undershoot, r.max_undershoot);
  o.sampling_bound = std::max(o.sampling_bound, r.max_sampling_bound);
  o.rows_above_bound += r.rows_above_bound;
}

double median(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  const std::size_t middle = numbers.size() / 2;
  return numbers.size() % 2 == 1 ? numbers[middle] : (numbers[middle - 1] + numbers[middle]) / 2;
}

}  // namespace

std::string measure(const captured_model& m, index_type head, const reference& truth, const std::vector<way>& ways,
                    int repeats, bool diagnostics, std::vector<outcome>& outcomes) {
  std::vector<head_call> calls;
  for (const way& w : ways) {
    if (auto s = calls.emplace_back(m, head, w).prepare(); !s) return w.name + ": " + s.message();
  }
  std::vector<float> group_values(static_cast<std::size_t>(m.tokens * truth.groups));
  for (index_type j = 0; j < m.tokens; ++j) group_values[static_cast<std::size_t>(j * truth.groups + j / group_size)] = 1;
  std::vector<std::vector<double>> times(ways.size()), ratios(ways.size());
  for (int repeat = 0; repeat < repeats; ++repeat) {
    for (std::size_t i = 0; i < calls.size(); ++i) {
      times[i].push_back(calls[i].seconds());
      ratios[i].push_back(times[i].back() / times[0].back());
    }
  }
  for (std::size_t i = 0; i < calls.size(); ++i) {
    crestmax::report report;
    if (auto s = calls[i].run_reporting(diagnostics, report); !s) return ways[i].name + ": " + s.message();
    outcomes[i].heads += 1;
    outcomes[i].seconds += median(times[i]);
    outcomes[i].time_ratio += median(ratios[i]);
    add(report, outcomes[i]);
    calls[i].compare(truth, outcomes[i]);
    if (auto s = calls[i].weigh_lost(truth, group_values, outcomes[i]); !s) return ways[i].name + ": " + s.message();
  }
  return "";
}

}  // namespace example
