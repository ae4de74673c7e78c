// A set's kernels as a backend, planned as for a wider set: that of its pairs.
#pragma once

#include <crestmax/crestmax.hpp>

namespace crestmax_test {

template <class Kernels, crestmax::instruction_set Set>
struct policy_planned_for : crestmax::cpu::policy<Kernels> {
  template <class T>
  crestmax::tile_geometry geometry(const crestmax::head_shape& p) const {
    return crestmax::cpu::geometry_of<Kernels, T>(p, Set);
  }
};

}  // namespace crestmax_test
