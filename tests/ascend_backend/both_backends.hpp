// Test bodies that run on the CPU and on the Ascend kernel, on a model of its device.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "run_on_ascend.hpp"
#include "support/contract.hpp"
#include "support/make_case.hpp"

namespace crestmax_test {

struct backend_and_type {
  const char* name;
  backend_kind backend;
  scalar_kind element;
  int device = 2201;

  surroundings where() const {
    surroundings s;
    s.backend = backend;
    s.device = device;
    return s;
  }
  bool on_device() const { return backend == backend_kind::ascend; }
};

class OnBothBackends : public ::testing::TestWithParam<backend_and_type> {
 protected:
  // What both serve: one 16-bit type for tensors and weights, LSE in float32.
  attention_case served(attention_case c) const {
    c.options.weights = GetParam().element == scalar_kind::float16 ? crestmax::weight_type::float16
                                                                   : crestmax::weight_type::bfloat16;
    c.row_kind = scalar_kind::float32;
    return c;
  }
  attention_case normal(const case_shape& shape, std::uint64_t seed = 1) const {
    return served(normal_case(shape.with_types(GetParam().element), seed));
  }
  // A case whose scores are given, as scores_case() makes it, of head dims that the device serves.
  template <class Score>
  attention_case scored(index_type q_len, index_type kv_len, Score&& score) const {
    return served(scores_case(q_len, kv_len, score, GetParam().element, 64, 64));
  }
  testing::AssertionResult exact(const attention_case& c, index_type most_rows = 48) const {
    return is_exact(c, GetParam().where(), most_rows);
  }
  attention_result result_of(const attention_case& c) const { return run(c, GetParam().where()); }
};

#define CRESTMAX_ON_BOTH_BACKENDS(suite)                                                                      \
  INSTANTIATE_TEST_SUITE_P(                                                                                   \
      , suite,                                                                                                \
      ::testing::Values(backend_and_type{"CpuFloat16", backend_kind::cpu, scalar_kind::float16},              \
                        backend_and_type{"CpuBfloat16", backend_kind::cpu, scalar_kind::bfloat16},            \
                        backend_and_type{"AscendFloat16", backend_kind::ascend, scalar_kind::float16},        \
                        backend_and_type{"AscendBfloat16", backend_kind::ascend, scalar_kind::bfloat16}),     \
      [](const auto& tested) { return std::string(tested.param.name); })

}  // namespace crestmax_test
