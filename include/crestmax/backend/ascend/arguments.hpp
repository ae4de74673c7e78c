// What the host hands to the device kernel: one trivially copyable struct, read by every core. C++17, and nothing
// but fixed-size integers: host and device compilers lay it out alike.
#pragma once

#include <cstdint>

#include "../../version.hpp"

CRESTMAX_BEGIN_VERSION

namespace ascend {

// Where a tensor (batch, len, heads, dim) lies: the innermost dimension is contiguous; strides in elements.
struct tensor_arguments {
  std::uint64_t address;  // device address; 32-byte aligned, and so are all strides (lse: 4 bytes). 0: absent (lse only)
  std::int64_t batch_stride;
  std::int64_t row_stride;
  std::int64_t head_stride;
};

// One record per vector core, that is two per block: written once, at the end of the launch. Keys count once per
// query tile that took them, modulo 2^32. Both cores of a block count its tiles and keys alike: take those of the first.
struct core_counters {
  std::uint32_t query_tiles;
  std::uint32_t corrected_tiles;  // tiles redone under a running maximum
  std::uint32_t failing_rows;     // rows of this core's half that failed their guard
  std::uint32_t keys_sampled;     // by the strided sample
  std::uint32_t keys_crest;       // anchors and plateau windows, scored for the crest
  std::uint32_t keys_swept;
  std::uint32_t keys_redone;      // by the correction
  std::uint32_t unused[9];
};

struct kernel_arguments {
  tensor_arguments query;   // (batch, q_len, q_heads, d_qk), Element
  tensor_arguments key;     // (batch, kv_len, kv_heads, d_qk), Element
  tensor_arguments value;   // (batch, kv_len, kv_heads, d_v), Element
  tensor_arguments output;  // (batch, q_len, q_heads, d_v), Element
  tensor_arguments lse;     // (batch, q_len, q_heads), float32, nats; address 0: not wanted
  std::uint64_t scratch;    // tiling::scratch_bytes of global memory, 512-byte aligned; need not be initialised
  std::uint64_t counters;   // 2 * tiling::blocks records of core_counters, 64-byte aligned
  std::int32_t batch;
  std::int32_t q_len;
  std::int32_t kv_len;
  std::int32_t q_heads;
  std::int32_t kv_heads;        // a divisor of q_heads
  std::int32_t blocks;          // cube cores that were launched; tiles go round them
  std::int32_t sample_stride;   // every how manieth key is sampled; 0: no sample, the crest comes from anchors
  std::int32_t windows;         // plateau windows per query tile: even, at most 8
  float scale;                  // of q.k; > 0
  float margin;                 // nats above the crest at which the shift lies; negative for fp16 weights
  float guard_tile_limit;       // a row passes if the sum of its weights over every key tile is below this
  float guard_least_sum;        // and its whole sum is at least this: e^-margin / 2
};

static_assert(sizeof(tensor_arguments) == 32 && sizeof(core_counters) == 64 && sizeof(kernel_arguments) == 224,
              "no padding: host and device agree on every byte");

}  // namespace ascend

CRESTMAX_END_VERSION
