// What grains cost on the machine that costs/ was measured on, by instruction set. tests/simulator/run --measure makes it anew.
#pragma once

#include <algorithm>
#include <vector>

#include <crestmax/attention.hpp>

namespace crestmax_simulator {

using crestmax::index_type;

// Of a block of so many rows, in nanoseconds.
struct grain_cost {
  index_type d_qk, d_v, rows;
  double start;      // once, with its crest and its end
  double per_key;
  double per_split;  // beside its keys, merging among it
};

struct cost_table {
  const char* machine;
  crestmax::instruction_set set;
  index_type row_group, panel;
  std::vector<grain_cost> grains;  // in rising order of rows for each head dimension

  // Between two numbers of rows that were measured; of one row alone or a great many, in proportion. Blocks of a few rows
  // are read in place, larger ones are not: what lies between the two was not measured.
  grain_cost of(index_type d_qk, index_type d_v, index_type rows) const {
    const bool in_place = rows <= crestmax::planner::most_joined_rows;
    const grain_cost *below = nullptr, *above = nullptr;
    for (const grain_cost& g : grains) {
      if (g.d_qk != d_qk || g.d_v != d_v || (g.rows <= crestmax::planner::most_joined_rows) != in_place) continue;
      if (g.rows <= rows) below = &g;
      if (g.rows >= rows && above == nullptr) above = &g;
    }
    if (above == nullptr) above = below;
    if (below == nullptr) below = above;
    const double span = static_cast<double>(above->rows - below->rows);
    const double share = span > 0 ? std::clamp(static_cast<double>(rows - below->rows) / span, 0.0, 1.0) : 0;
    const auto mix = [&](double a, double b) { return a + (b - a) * share; };
    return {d_qk, d_v, rows, mix(below->start, above->start), mix(below->per_key, above->per_key), mix(below->per_split, above->per_split)};
  }
};

// The sets that were measured, narrowest first.
inline std::vector<cost_table> every_measured_cost() {
  using crestmax::instruction_set;
  return {
#include "costs/avx2.inc"
      ,
#include "costs/avx512.inc"
      ,
#include "costs/amx.inc"
  };
}

// Plans as the measured machine makes them, on any machine.
struct measured_backend {
  const cost_table* costs;

  const char* name() const { return "measured"; }
  const char* instruction_set(const crestmax::plan_header&) const { return crestmax::name(costs->set); }
  crestmax::status available(const crestmax::problem&, const crestmax::options&) const { return {}; }
  template <class T>
  crestmax::tile_geometry geometry(const crestmax::head_shape& p) const {
    crestmax::cpu::kernel_sizes<T> kernels{};
    kernels.row_group = costs->row_group;
    kernels.panel = costs->panel;
    kernels.reads_in_place = true;
    kernels.multiplies_pairs = crestmax::cpu::pairs_of_set(costs->set).registers;
    return crestmax::cpu::geometry_of(kernels, p, costs->set);
  }
  template <class T>
  std::size_t worker_bytes(const crestmax::plan_header&) const { return 0; }
  template <class T>
  std::size_t shared_bytes(const crestmax::plan_header&, index_type) const { return 0; }
};

}  // namespace crestmax_simulator
