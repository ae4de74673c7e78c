// The stages run over every table of kernels that the machine can execute.
#pragma once

#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>
#include <ostream>
#include <string>
#include <vector>

#if !defined(CRESTMAX_TEST_EMULATED)
#include "support/tiled.hpp"
#endif

namespace crestmax_test {

struct table_under_test {
  const char* name;
  crestmax::instruction_set planned_for;  // or a wider set that shares the table
  const crestmax::cpu::kernel_table<float>* table;
  bool tiles = false;  // of plain C++
  const crestmax::cpu::kernel_table<double>* of_double = nullptr;

  bool runs_here() const {
    return planned_for == crestmax::instruction_set::portable || crestmax::cpu::machine_has(planned_for);
  }
};
inline void PrintTo(const table_under_test& t, std::ostream* to) { *to << t.name; }
inline std::string name_of_table(const ::testing::TestParamInfo<table_under_test>& info) { return info.param.name; }

template <class Kernels>
table_under_test own_table(const char* name) {
  return {name, Kernels::set, &Kernels::template table<float>(), false, &Kernels::template table<double>()};
}

// Every table as its own set plans for it.
inline std::vector<table_under_test> every_table() {
  std::vector<table_under_test> tables;
#if !defined(CRESTMAX_TEST_EMULATED)
  tables.push_back(own_table<crestmax::cpu::portable::kernels>("portable"));
  tables.push_back(own_table<crestmax::cpu::generic::kernels>("generic"));
#endif
#if CRESTMAX_X86_SETS
#if !defined(CRESTMAX_TEST_EMULATED)  // what every machine has is tested there
  tables.push_back(own_table<crestmax::cpu::avx2::kernels>("avx2"));
#endif
  tables.push_back(own_table<crestmax::cpu::avx512::kernels>("avx512"));
#endif
#if CRESTMAX_ARM_SETS
  tables.push_back(own_table<crestmax::cpu::neon::kernels>("neon"));
#endif
  return tables;
}

// Every way in which pairs of bfloat16 are multiplied.
inline std::vector<table_under_test> every_table_of_pairs() {
  using crestmax::instruction_set;
  std::vector<table_under_test> tables;
#if !defined(CRESTMAX_TEST_EMULATED)
  tables.push_back({"portable", instruction_set::portable, &crestmax::cpu::portable::kernels::table<float>()});
  tables.push_back({"plain_tiles", instruction_set::portable, &crestmax::cpu::tiled::kernels::table<float>(), true});
#endif
#if CRESTMAX_X86_SETS
  tables.push_back({"avx512_bf16", instruction_set::avx512_bf16, &crestmax::cpu::avx512::kernels::table<float>()});
  tables.push_back({"amx", instruction_set::amx, &crestmax::cpu::avx512::kernels::table<float>()});
#endif
#if CRESTMAX_ARM_SETS
  tables.push_back({"neon_bf16", instruction_set::neon_bf16, &crestmax::cpu::neon::kernels::table<float>()});
#endif
  return tables;
}

// A table as a backend, of float alone.
struct table_backend : crestmax::cpu::policy_base {
  table_under_test of;

  explicit table_backend(const table_under_test& t) : of(t) {}
  const char* instruction_set(const crestmax::plan_header&) const { return of.name; }
  crestmax::status available(const crestmax::problem&, const crestmax::options&) const { return crestmax::success(); }
  template <class T>
  crestmax::tile_geometry geometry(const crestmax::head_shape& p) const {
    if constexpr (std::is_same_v<T, double>) {
      return crestmax::cpu::geometry_of(crestmax::cpu::generic::kernels::table<T>(), p, crestmax::instruction_set::generic);
    } else {
      const crestmax::tile_geometry g = crestmax::cpu::geometry_of(*of.table, p, of.planned_for);
      return of.tiles ? crestmax::cpu::with_tiles(g, p) : g;
    }
  }
  template <class T>
  void run(const crestmax::call_data<T>& call, std::int64_t stage, std::int64_t item, int worker) const {
    if constexpr (std::is_same_v<T, float>) crestmax::cpu::run_item(*of.table, call, stage, item, worker);
  }
};

class OnTables : public ::testing::TestWithParam<table_under_test> {
 protected:
  void SetUp() override {
    if (!GetParam().runs_here()) GTEST_SKIP() << "[note] not executed: this machine has no " << GetParam().name;
  }
};

}  // namespace crestmax_test
