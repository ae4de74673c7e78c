#include "targets.hpp"

#include <algorithm>
#include <cstdio>

#include "ceilings.hpp"

namespace crestmax_bench {

namespace {

using crestmax::instruction_set;

// Share of what the machine can do at most: multiply-adds in prefill; in decode the lower of what memory delivers and
// what multiply-adds allow.
double share(const race_result& r, const char* method) {
  const double flops = r.share_of_multiply_adds(method);
  return r.of.phase == "prefill" ? flops : std::max(flops, r.share_of_reads(method));
}

class bars {
 public:
  explicit bars(const std::vector<race_result>& races) : races_(races) {}

  // Over all races that `of` gives a positive number for: the smallest, or the largest.
  template <class F>
  void at_least(const std::string& what, double bar, F&& of) { add(what, bar, false, of); }
  template <class F>
  void at_most(const std::string& what, double bar, F&& of) { add(what, bar, true, of); }

  void print() const {
    if (!lines_.empty()) std::printf("\nbars: the worst of the shapes above\n");
    for (const line& l : lines_) print_target(l.what, l.most, l.bar, l.worst, l.where);
    for (const std::string& what : absent_) std::printf("  %-66s not on this machine\n", what.c_str());
    if (!absent_.empty()) {
      std::printf("  tests/run executes the kernels that this machine lacks: AVX-512 in an emulator, those of tiles on a plain engine\n");
    }
  }
  void absent(const std::string& what) { absent_.push_back(what); }

 private:
  struct line {
    std::string what;
    double bar;
    bool most;
    double worst;
    std::string where;
  };

  template <class F>
  void add(const std::string& what, double bar, bool most, F& of) {
    line l{what, bar, most, 0, ""};
    for (const race_result& race : races_) {
      const double value = of(race);
      if (value <= 0 || (!l.where.empty() && (most ? value <= l.worst : value >= l.worst))) continue;
      l.worst = value;
      l.where = race.of.name();
    }
    if (!l.where.empty()) lines_.push_back(l);
  }

  const std::vector<race_result>& races_;
  std::vector<line> lines_;
  std::vector<std::string> absent_;
};

const race_result* find(const std::vector<race_result>& races, const shape& s) {
  for (const race_result& r : races) {
    if (r.of.name() == s.name()) return &r;
  }
  return nullptr;
}

// Prefill of n queries by n keys of one head, alone.
bool is_square(const shape& s, index_type n, bool causal, index_type head_dim) {
  return s.phase == "prefill" && s.q_len == n && s.kv_len == n && s.causal == causal && s.head_dim == head_dim && !s.all_cores &&
         s.q_heads == 1 && s.data == "random";
}

void add_prefill(bars& all, const std::vector<race_result>& races) {
  const struct { index_type n; bool causal; double wide, narrow; } shapes[] = {
      {4096, false, 0.88, 0.84}, {4096, true, 0.84, 0.79}, {1024, false, 0.85, 0.80}, {1024, true, 0.75, 0.68}};
  for (const auto& s : shapes) {
    for (const index_type head_dim : {128, 64}) {
      const auto asked = [&](const race_result& r) { return is_square(r.of, s.n, s.causal, head_dim); };
      const std::string where = std::to_string(s.n) + (s.causal ? " causal" : " full") + ", head_dim " + std::to_string(head_dim);
      for (const instruction_set set : {instruction_set::avx2, instruction_set::widest}) {
        const std::string name = crestmax::name(set == instruction_set::widest ? crestmax::cpu::machine_set() : set);
        all.at_least("prefill fp32 " + where + ", " + name + ": share of the peak", head_dim == 128 ? s.wide : s.narrow,
                     [&](const race_result& r) {
                       const bool mine = asked(r) && r.of.kv_kind == scalar_kind::float32 && r.of.most == set;
                       return mine ? share(r, "sampled_max") : 0.0;
                     });
      }
      if (!crestmax::cpu::machine_has(instruction_set::avx512)) all.absent("prefill fp32 " + where + ", avx512: share of the peak");
      all.at_most("prefill 16 bit " + where + ": points of share behind fp32", 0.05, [&](const race_result& r) {
        if (!asked(r) || r.of.kv_kind == scalar_kind::float32) return 0.0;
        shape same = r.of;
        same.query_kind = same.kv_kind = scalar_kind::float32;
        const race_result* wide = find(races, same);
        return wide == nullptr ? 0.0 : std::max(1e-9, share(*wide, "sampled_max") - share(r, "sampled_max"));
      });
    }
  }
  all.at_least("prefill, 8 heads: all cores / one core", 1.9, [&](const race_result& r) {
    if (r.of.phase != "prefill" || !r.of.all_cores) return 0.0;
    shape same = r.of;
    same.all_cores = false;
    const race_result* one = find(races, same);
    return one == nullptr ? 0.0 : one->find("sampled_max")->median_seconds() / r.find("sampled_max")->median_seconds();
  });
}

void add_decode(bars& all) {
  const struct { const char* name; bool token_major, paged; index_type heads; double fp32, narrow; } layouts[] = {
      {"heads apart", false, false, 32, 0.85, 0.80},
      {"token-major", true, false, 32, 0.85, 0.80},
      {"paged", false, true, 32, 0.85, 0.80},
      {"8 heads on 8", false, false, 8, 0.85, 0.85}};
  for (const bool all_cores : {false, true}) {
    for (const auto& l : layouts) {
      for (const bool narrow : {false, true}) {
        const std::string what = std::string("decode ") + (narrow ? "16 bit, " : "fp32, ") + l.name +
                                 (all_cores ? ", all cores" : ", one core") + ": share of the lower ceiling";
        all.at_least(what, narrow ? l.narrow : l.fp32, [&](const race_result& r) {
          const bool mine = r.of.phase == "decode" && r.of.token_major == l.token_major && r.of.paged == l.paged &&
                            r.of.q_heads == l.heads && r.of.all_cores == all_cores &&
                            (r.of.kv_kind != scalar_kind::float32) == narrow;
          return mine ? share(r, "sampled_max") : 0.0;
        });
      }
    }
  }
}

// Products of pairs in tiles: shares of their own peak, which is of zeros.
void add_tiles(bars& all) {
  const double peak = measured_ceilings().tile_products;
  if (peak == 0) return all.absent("prefill bf16 4096 full in tiles: share of the tiles' peak");
  const auto asked = [](const race_result& r, index_type head_dim) {
    return is_square(r.of, 4096, false, head_dim) && r.of.kv_kind == scalar_kind::bfloat16 &&
           r.of.query_kind == scalar_kind::bfloat16 && r.of.most == instruction_set::widest;
  };
  const auto share_of_tiles = [&](const race_result& r, const char* method) {
    const line_result* line = r.find(method);
    return line == nullptr ? 0.0 : r.of.flops() * 1e-9 / line->median_seconds() / peak;
  };
  for (const index_type head_dim : {128, 64}) {
    const std::string where = "prefill bf16 4096 full, head_dim " + std::to_string(head_dim);
    all.at_least(where + ", tiles: share of their peak", head_dim == 128 ? 0.45 : 0.35, [&](const race_result& r) {
      return asked(r, head_dim) ? share_of_tiles(r, "sampled_max") : 0.0;
    });
  }
  const std::string where = "prefill bf16 4096 full, head_dim 128, tiles: ";
  all.at_least(where + "running_max, share", 0.25,
               [&](const race_result& r) { return asked(r, 128) ? share_of_tiles(r, "running_max") : 0.0; });
  all.at_least(where + "sampled_max beside it", 1.15,
               [&](const race_result& r) { return asked(r, 128) ? r.ratio("running_max", "sampled_max") : 0.0; });
}

void add_method(bars& all) {
  const auto is_prefill = [](const shape& s) { return s.phase == "prefill"; };
  for (const char* baseline : {"running_max", "lazy_max", "anchor_shift"}) {
    all.at_most(std::string("sampled_max / ") + baseline + ", time", 1.01,
                [&](const race_result& r) { return r.ratio("sampled_max", baseline); });
  }
  all.at_most("forced / anchor_shift, time, prefill of 4096 keys and more", 1.08, [&](const race_result& r) {
    return is_prefill(r.of) && r.of.kv_len >= 4096 ? r.ratio("forced", "anchor_shift") : 0.0;
  });
  all.at_most("forced / anchor_shift, time, decode of 16384 keys and more", 1.08, [&](const race_result& r) {
    return !is_prefill(r.of) && r.of.kv_len >= 16384 ? r.ratio("forced", "anchor_shift") : 0.0;
  });
  all.at_most("all rows fail the guard / running_max, time", 2.30,
              [](const race_result& r) { return r.ratio("all_rows_fail", "running_max"); });
  all.at_least("plateaus, prefill of 16384 keys: times as fast as exact", 3.0, [&](const race_result& r) {
    return is_prefill(r.of) && r.of.kv_len == 16384 ? r.ratio("sampled_max", "plateaus") : 0.0;
  });
  for (const index_type kv_len : {16384, 65536}) {
    const std::string keys = std::to_string(kv_len);
    all.at_least("plateaus, decode of " + keys + " keys: times as fast as exact", kv_len == 16384 ? 4.0 : 8.0,
                 [&](const race_result& r) {
                   return !is_prefill(r.of) && r.of.kv_len == kv_len ? r.ratio("sampled_max", "plateaus") : 0.0;
                 });
  }
  all.at_most("plateaus, decode of 65536 keys: share of the bytes of exact", 0.1, [&](const race_result& r) {
    const line_result* part = r.find("plateaus");
    const line_result* whole = r.find("sampled_max");
    const bool asked = !is_prefill(r.of) && r.of.kv_len == 65536 && part != nullptr && whole != nullptr;
    return asked ? part->kv_bytes_read / whole->kv_bytes_read : 0.0;
  });
}

}  // namespace

std::vector<crestmax::instruction_set> sets_to_measure() {
  std::vector<crestmax::instruction_set> sets;
  for (const auto set : {crestmax::instruction_set::avx2, crestmax::cpu::machine_set()}) {
    if (crestmax::cpu::machine_has(set) && (sets.empty() || sets.back() != set)) sets.push_back(set);
  }
  return sets;
}

void print_target(const std::string& what, bool most, double bar, double measured, const std::string& where) {
  const bool met = most ? measured <= bar : measured >= bar;
  std::printf("  %-66s %s %.3f  measured %.3f  %-6s  %s\n", what.c_str(), most ? "<=" : ">=", bar, measured, met ? "met" : "MISSED",
              where.c_str());
}

bool print_targets(const std::vector<race_result>& races) {
  bars all(races);
  add_prefill(all, races);
  add_tiles(all);
  add_decode(all);
  add_method(all);
  all.print();
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
