// The main job: sampled max against exact softmax on captured tensors.
//   crestmax_example_captures [--quick] DATA [PICTURES]
// DATA holds index.tsv and .npy files; what gnuplot draws goes to the folder PICTURES. --quick looks at the last
// 160 queries only. The exit code is 1 if a promise of the library is broken.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <unistd.h>

#include "../example.hpp"
#include "crest.hpp"
#include "pictures.hpp"
#include "results.hpp"

namespace example {

namespace {

using crestmax::sampled_max;

std::vector<way> table_ways() {
  return {{"exact softmax (running max)", crestmax::running_max{}},
          {"sampled max, everything", sampled_max{}},
          {"sampled max, everything, forced", pictured},
          {"sampled max, above(8)", sampled_max{}, crestmax::above(8)},
          {"sampled max, above(5)", sampled_max{}, crestmax::above(5)},
          {"sampled max, plateaus", sampled_max{}, crestmax::plateaus},
          {"sampled max, plateaus, 2 windows", sampled_max{.windows = 2}, crestmax::plateaus}};
}

// Shows that something happens; quiet when it is fast.
class progress {
 public:
  void show(const std::string& what, std::size_t done, std::size_t all) {
    if (std::chrono::duration<double>(clock::now() - last_).count() < 1.0) return;
    last_ = clock::now();
    shown_ = true;
    const char *start = terminal_ ? "\r\033[K" : "", *end = terminal_ ? "" : "\n";
    std::fprintf(stderr, "%s[%2zu of %zu heads] %s%s", start, done, all, what.c_str(), end);
  }
  ~progress() {
    if (shown_ && terminal_) std::fprintf(stderr, "\r\033[K");
  }

 private:
  using clock = std::chrono::steady_clock;
  clock::time_point last_ = clock::now();
  bool terminal_ = isatty(2) != 0, shown_ = false;
};

// `crests`: what the method finds for each row.
void add_shapes(const captured_model& m, index_type head, const reference& truth, const std::vector<double>& crests,
                row_shapes& shapes) {
  sampled_max without_anchors = pictured;
  without_anchors.first_keys = without_anchors.nearest_keys = 0;
  sampled_max alone = without_anchors;
  alone.windows = 0;
  const std::vector<double> sample = find_crests(m, head, alone), windows = find_crests(m, head, without_anchors);
  const std::vector<double> anchors = find_crests(m, head, crestmax::anchor_shift{});
  for (std::size_t i = 0; i < truth.rows.size(); ++i) {
    const row_facts& f = truth.rows[i];
    if (m.visible_keys(m.first_query + static_cast<index_type>(i)) <= 2 * nearest_keys) continue;
    ++shapes.rows;
    shapes.top_is_first += f.top_is_first;
    shapes.top_is_near += f.top_is_near;
    shapes.plateau.push_back(static_cast<double>(f.plateau));
    shapes.step.push_back(f.step);
    shapes.range.push_back(f.range);
    shapes.low_sample += f.top - sample[i] > large_undershoot;
    shapes.low_windows += f.top - windows[i] > large_undershoot;
    shapes.low_anchors += f.top - anchors[i] > large_undershoot;
    shapes.low_all += f.top - crests[i] > large_undershoot;
  }
}

kind_results& results_of(const captured_model& m, const std::string& kind, std::vector<kind_results>& kinds) {
  for (kind_results& k : kinds) {
    if (k.model == m.name && k.kind == kind) return k;
  }
  kind_results& k = kinds.emplace_back();
  k.model = m.name;
  k.kind = kind;
  k.causal = m.causal;
  k.tokens = m.tokens;
  k.head_dim = m.d_qk;
  k.table.resize(table_ways().size());
  k.dial.resize(dial_ways().size());
  return k;
}

// What the library promises, checked on every row. Returns the number of broken promises.
int check(const std::vector<way>& ways, const std::vector<kind_results>& kinds) {
  int broken = 0;
  const auto expect = [&](bool kept, const kind_results& k, const std::string& what) {
    if (kept) return;
    ++broken;
    std::printf("BROKEN: %s, %s heads: %s\n", k.model.c_str(), k.kind.c_str(), what.c_str());
  };
  for (const kind_results& k : kinds) {
    for (std::size_t i = 0; i < ways.size(); ++i) {
      const outcome& o = k.table[i];
      if (ways[i].coverage.kind == crestmax::coverage_kind::everything) {
        expect(o.error_max <= 3 * k.table[0].error_max + 2e-6, k, ways[i].name + " is not exact");
      }
      expect(o.rows_beyond_report == 0, k, ways[i].name + " lost more than its bound");
      expect(o.rows_above_bound == 0, k, ways[i].name + ": an undershoot above L * stride");
    }
    for (const outcome& o : k.dial) expect(o.rows_beyond_report == 0, k, "the dial lost more than its bound");
  }
  if (broken == 0) {
    std::printf(
        "\nChecked on every row: coverage everything is exact; no row of above(tau) lost more than its reported\n"
        "bound; no undershoot exceeds L * stride.\n");
  }
  return broken;
}

int run(const std::string& folder, const std::string& pictures, bool quick) {
  std::vector<captured_model> models;
  if (std::string trouble = read_models(folder, quick ? 160 : 0, models); !trouble.empty()) {
    return failed("captures", trouble.c_str());
  }
  std::size_t all = 0, done = 0;
  for (const captured_model& m : models) all += m.heads.size();
  const std::vector<way> ways = table_ways(), settings = pictures.empty() ? std::vector<way>{} : dial_ways();
  std::vector<kind_results> kinds;
  picture_rows rows;
  {
    progress bar;
    for (const captured_model& m : models) {
      for (const captured_head& h : m.heads) {
        const std::string name = m.name + " head " + std::to_string(h.model_head);
        bar.show(name + ": float64 reference", done, all);
        const reference truth = make_reference(m, h.number);
        kind_results& k = results_of(m, h.kind, kinds);
        ++k.heads;
        bar.show(name + ": methods", done, all);
        std::string trouble = measure(m, h.number, truth, ways, quick ? 1 : 9, true, k.table);
        bar.show(name + ": the dial", done, all);
        if (trouble.empty()) trouble = measure(m, h.number, truth, settings, quick ? 1 : 3, false, k.dial);
        if (!trouble.empty()) return failed("captures", trouble.c_str());
        bar.show(name + ": crests", done, all);
        const std::vector<double> crests = find_crests(m, h.number, pictured);
        add_shapes(m, h.number, truth, crests, k.shapes);
        rows.consider(m, h, truth, crests);
        ++done;
      }
    }
  }
  print_methods(ways, kinds);
  print_hypothesis(kinds);
  const int broken = check(ways, kinds);
  if (!pictures.empty()) {
    std::string trouble = rows.write(pictures);
    if (trouble.empty()) trouble = write_dial(pictures, settings, kinds);
    if (!trouble.empty()) return failed("captures", trouble.c_str());
  }
  return broken == 0 ? 0 : 1;
}

}  // namespace

}  // namespace example

int main(int count, char** arguments) {
  bool quick = false;
  std::vector<std::string> folders;
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(arguments[i], "--quick") == 0) quick = true;
    else folders.push_back(arguments[i]);
  }
  if (folders.empty() || folders.size() > 2) {
    return example::failed("usage", "crestmax_example_captures [--quick] DATA [PICTURES]");
  }
  return example::run(folders[0], folders.size() == 2 ? folders[1] : "", quick);
}
