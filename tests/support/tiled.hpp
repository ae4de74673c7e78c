// An instruction set for tests: the kernels of AMX over tiles in plain C++, all else over the portable primitives. So
// the logic of tiles runs on any machine.
#pragma once

#include <crestmax/backend/cpu/policy.hpp>
#include <crestmax/backend/cpu/portable.hpp>

#include "plain_tiles.hpp"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::tiled {

struct pair_multiplies;

template <class T>
struct primitives : portable::vectors::primitives<T> {};
template <>
struct primitives<float> : portable::vectors::primitives<float> {
  using pairs = pair_multiplies;
};

inline constexpr instruction_set this_set = instruction_set::portable;

#include <crestmax/backend/cpu/text/multiply.inc>
#include <crestmax/backend/cpu/text/pairs.inc>
#include <crestmax/backend/cpu/text/tiles.inc>

struct pair_multiplies {
  using registers = register_pairs<primitives<float>>;
  using tiles = tile_pairs<primitives<float>, crestmax_test::plain_tiles>;
};

namespace filled {
#include <crestmax/backend/cpu/text/set.inc>
#include <crestmax/backend/cpu/text/table.inc>
}

// The table on tiles; kernels_tiled.cpp has it.
const kernel_table<float>& table_on_tiles();

struct kernels {
  static constexpr instruction_set set = this_set;
  // Doubles have no pairs: theirs are the portable kernels.
  template <class T>
  static const kernel_table<T>& table() {
    if constexpr (std::is_same_v<T, float>) return table_on_tiles();
    else return portable::kernels::table<T>();
  }
  template <class T>
  static const kernel_sizes<T>& sizes() { return table<T>(); }
};

}  // namespace cpu::tiled

CRESTMAX_END_NAMESPACE

namespace crestmax_test {

struct tiled_backend : crestmax::cpu::policy<crestmax::cpu::tiled::kernels> {
  const char* instruction_set(const crestmax::plan_header&) const { return "amx in plain C++"; }
  template <class T>
  crestmax::tile_geometry geometry(const crestmax::head_shape& p) const {
    return crestmax::cpu::with_tiles(policy::geometry<T>(p), p);
  }
};

}  // namespace crestmax_test
