#include "pictures.hpp"

#include <cmath>
#include <fstream>
#include <utility>

#include "crest.hpp"

namespace example {

namespace {

const char* const sort_names[] = {
    "the maximum is the first key", "the maximum is near the query",
    "the maximum is a spike that neither anchors nor sample see", "the maximum is a wide plateau",
    "the maximum is far from the anchors, and found by the sample"};

// Blocks of 16 queries and tiles of 64 keys have more to drop, and work less fast.
constexpr crestmax::tile_sizes small_tiles{.query_block = 16, .key_tile = 64};

// Leaves out the labels of points that are too close to one that has a label. Points in shares of a panel.
class point_labels {
 public:
  std::string at(double x, double y, const std::string& label) {
    const double height = 0.1 * std::log10(std::max(y, 1e-30));  // a panel has about ten decades
    for (const auto& [other_x, other_y] : taken_) {
      if (std::fabs(other_x - x) < 0.055 && std::fabs(other_y - height) < 0.055) return "-";
    }
    taken_.push_back({x, height});
    return label;
  }

 private:
  std::vector<std::pair<double, double>> taken_;
};

// The three curves of the dial.
constexpr bool (*curves[])(const way&) = {
    [](const way& w) { return w.coverage.kind == crestmax::coverage_kind::above && w.tiles.key_tile == 0; },
    [](const way& w) { return w.coverage.kind == crestmax::coverage_kind::above && w.tiles.key_tile != 0; },
    [](const way& w) { return w.coverage.kind == crestmax::coverage_kind::plateaus; }};

// How well a row shows what its sort stands for; 0: it does not.
double merit_of(std::size_t sort, const captured_model& m, const captured_head& h, index_type query,
                const row_facts& f, double crest) {
  const bool between = !f.top_is_first && !f.top_is_near;
  const bool far = between && f.top_key > 32 && std::abs(f.top_key - query) > 160;  // no anchor of its block
  switch (sort) {
    case 0: return m.causal && h.kind == "sink" && f.top_is_first ? f.step : 0;
    case 1: return m.causal && h.kind == "local" && f.top_is_near ? f.step : 0;
    case 2: return m.causal && between ? f.top - crest : 0;
    case 3: return !m.causal && between ? static_cast<double>(f.plateau) : 0;
    default: return !m.causal && far && f.top - crest < 0.01 ? static_cast<double>(f.plateau) : 0;
  }
}

}  // namespace

void picture_rows::consider(const captured_model& m, const captured_head& h, const reference& truth,
                            const std::vector<double>& crests) {
  for (std::size_t i = truth.rows.size() / 2; i < truth.rows.size(); ++i) {
    for (std::size_t sort = 0; sort < sort_count; ++sort) {
      const index_type query = m.first_query + static_cast<index_type>(i);
      const double merit = merit_of(sort, m, h, query, truth.rows[i], crests[i]);
      if (merit > best_[sort].merit) best_[sort] = {&m, h, query, truth.rows[i], merit};
    }
  }
}

std::string picture_rows::write(const std::string& folder) const {
  for (std::size_t sort = 0; sort < sort_count; ++sort) {
    const candidate& c = best_[sort];
    if (c.model == nullptr) continue;
    const std::vector<double> scores = score_row(*c.model, c.head.number, c.query);
    const crest_trace trace = trace_crest(*c.model, c.head.number, c.query, pictured);
    const std::string path = folder + "/row_" + std::to_string(sort + 1);
    std::ofstream row(path + ".tsv"), bands(path + "_bands.tsv"), script(path + ".gp");
    for (std::size_t j = 0; j < scores.size(); ++j) row << j << '\t' << scores[j] << '\n';
    row << "\n\n-1e9\t0\n";
    double sample_top = scores[0];
    for (const index_type key : trace.samples) {
      if (key >= static_cast<index_type>(scores.size())) continue;  // a sample of the block that this row does not see
      const double score = scores[static_cast<std::size_t>(key)];
      sample_top = key == trace.samples[0] ? score : std::max(sample_top, score);
      row << key << '\t' << score << '\n';
    }
    // One interval to the left of all keys, as gnuplot complains of lists that are empty.
    constexpr const char* left_of_all = "-1e9\t-1e9\n";
    bands << left_of_all;
    for (const auto& interval : trace.anchors) bands << interval.begin << '\t' << interval.end << '\n';
    bands << "\n\n" << left_of_all;
    for (const auto& interval : trace.plateaus) bands << interval.begin << '\t' << interval.end << '\n';
    const auto [low, high] = std::minmax_element(scores.begin(), scores.end());
    script << "name = '" << c.model->name << "'\nwhat = '" << sort_names[sort] << "'\nhead = " << c.head.model_head
           << "\nkind = '" << c.head.kind << "'\nquery = " << c.query << "\nkeys = " << scores.size()
           << "\nlow = " << *low << "\ntop = " << *high << "\ntop_key = " << c.facts.top_key
           << "\nplateau = " << c.facts.plateau << "\nsample_top = " << sample_top
           << "\ncrest = " << trace.crest << "\nshift = " << trace.shift << '\n';
    if (!row.flush() || !bands.flush() || !script.flush()) return "cannot write to " + folder;
  }
  return "";
}

std::vector<way> dial_ways() {
  std::vector<way> ways{{"exact", crestmax::running_max{}}};
  for (const index_type windows : {1, 2, 4, 8, 16, 32}) {
    ways.push_back({std::to_string(windows), crestmax::sampled_max{.windows = windows}, crestmax::plateaus});
  }
  for (const bool small : {false, true}) {
    const crestmax::tile_sizes tiles = small ? small_tiles : crestmax::tile_sizes{};
    for (const int tau : {2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16}) {
      ways.push_back({std::to_string(tau), crestmax::sampled_max{}, crestmax::above(tau), tiles});
    }
  }
  return ways;
}

std::string write_dial(const std::string& folder, const std::vector<way>& settings,
                       const std::vector<kind_results>& kinds) {
  std::ofstream file(folder + "/dial.tsv"), names(folder + "/dial.gp");
  names << "kinds = " << kinds.size() << "\narray names[" << kinds.size() << "]\n";
  for (std::size_t n = 0; n < kinds.size(); ++n) {
    names << "names[" << n + 1 << "] = '" << kinds[n].model << ", " << kinds[n].kind << " heads'\n";
    point_labels weight, time;
    for (const auto& belongs : curves) {
      for (std::size_t i = 0; i < settings.size(); ++i) {
        if (!belongs(settings[i])) continue;
        const outcome& o = kinds[n].dial[i];
        const std::string& name = settings[i].name;
        file << weight.at(o.share(o.accumulated) / 105, o.lost_mean(), name) << '\t'
             << time.at(o.ratio() / 2.2, o.error_mean(), name) << '\t' << o.share(o.accumulated) << '\t' << o.ratio()
             << '\t' << o.lost_mean() << '\t' << o.lost_max << '\t' << o.error_mean() << '\t' << o.error_max << '\n';
      }
      file << "\n\n";
    }
  }
  return file.flush() && names.flush() ? "" : "cannot write to " + folder;
}

}  // namespace example
