// What the files in this folder have in common: tensors of one sequence, head and key; the half of a backend that plans.
#pragma once

#include <crestmax/crestmax.hpp>

inline float numbers[8];
inline const crestmax::tensor<const float> input(numbers, {1, 1, 1, 8});
inline const crestmax::tensor<float> output(numbers, {1, 1, 1, 8});

struct plans_calls {
  const char* name() const { return "mine"; }
  const char* instruction_set(const crestmax::plan_header&) const { return "none"; }
  crestmax::status available(const crestmax::problem&, const crestmax::options&) const { return crestmax::success(); }
  template <class T>
  crestmax::tile_geometry geometry(const crestmax::head_shape&) const { return {1, 16, 1, 16}; }
  template <class T>
  std::size_t worker_bytes(const crestmax::plan_header&) const { return 0; }
  template <class T>
  std::size_t shared_bytes(const crestmax::plan_header&, crestmax::index_type) const { return 0; }
};
