// The Ascend kernel on the host model, called with the cases that the CPU kernels are tested with.
#pragma once

#include <ascend_model/run.hpp>
#include <crestmax/backend/ascend/tiling_map.hpp>
#include <functional>
#include <string>
#include <vector>

#include "support/contract.hpp"
#include "support/make_case.hpp"

namespace crestmax_test {

// What a call on the device takes beside the case itself.
struct model_settings {
  crestmax::ascend::device on = crestmax::ascend::device::atlas_2201;
  index_type cores = 1;
  index_type sample_stride = 16;
  index_type windows = 4;
  std::optional<double> margin = std::nullopt;
  double guard_tile_limit = 0;          // see tiling_request
  double guard_least_sum = 0;           // 0: that of the tiling
  ascend_model::mutation mutation{};
  index_type padding = 0;                    // elements of NaN between rows, a multiple of 16; then no byte of them may be touched
};

struct model_result {
  attention_result attention;  // status ok where the model found no error
  ascend_model::outcome outcome;
  crestmax::ascend::tiling tiling;
  crestmax::ascend::core_counters counters{};  // of all blocks, first vector cores; failing rows of both
  std::vector<std::byte> bits;                 // output and LSE as written
  std::vector<float> scratch_output;           // the first block's last O, as it left L0C: rows of d_v
};

// Query, key, value and output of one 16-bit kind; causal or full, no other modifier.
crestmax::ascend::tiling_request request_of(const attention_case& c, const model_settings& s);
model_result run_on_model(const attention_case& c, const model_settings& s = {});

// The instance of the kernel for a tiling, bound to arguments.
std::function<void()> kernel_for(const crestmax::ascend::tiling& t, const crestmax::ascend::kernel_arguments& a);

// Runs a case on the model and holds the result against the contract: twice the plain formula's error with weights rounded
// as here, 1e-6 max |V|, and the rounding of the output.
testing::AssertionResult is_exact_on_model(const attention_case& c, const model_settings& s = {}, index_type most_rows = 64);
testing::AssertionResult result_is_exact(const attention_case& c, const model_result& result, index_type most_rows = 64);

// A case of one 16-bit kind, standard normal.
attention_case device_case(scalar_kind kind, index_type q_len, index_type kv_len, index_type d_qk, index_type d_v, bool causal, index_type q_heads = 1,
                           index_type kv_heads = 1, index_type batch = 1);

// One score per key, the same for all rows: scale 1, every query (1, 0, ...), key j (score(j), 0, ...); head dims of 64.
attention_case scored_case(scalar_kind kind, index_type q_len, index_type kv_len, const std::function<double(index_type)>& score, bool causal = false);

// Whether the long tier was asked for; prints a note where not.
bool long_tier(const char* what);

}  // namespace crestmax_test
