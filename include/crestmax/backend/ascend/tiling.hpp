// From a call's shape and a target to what the kernel needs: tile sizes, blocks, scratch, and the kernel's arguments; or a
// refusal that names the argument, what is expected and what was given. Host code, shared by runtime and tests.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "../../config.hpp"
#include "../../scalar_types.hpp"
#include "../../status.hpp"
#include "schedule.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_VERSION

namespace ascend {

enum class device : std::int32_t { atlas_2201, atlas_3510 };
constexpr const char* name(device d) { return d == device::atlas_2201 ? "2201" : "3510"; }
constexpr target_sizes sizes_of(device d) { return d == device::atlas_2201 ? target_2201::sizes : target_3510::sizes; }
constexpr device_layout layout_for(device d, std::int32_t d_qk, std::int32_t d_v) {
  return d == device::atlas_2201 ? layout_for<target_2201>(d_qk, d_v) : layout_for<target_3510>(d_qk, d_v);
}

struct tiling_request {
  device on = device::atlas_2201;
  scalar_kind element = scalar_kind::float16;  // of query, key, value, output and weights: float16 or bfloat16
  bool causal = false;
  std::int64_t batch = 1, q_len = 0, kv_len = 0, q_heads = 1, kv_heads = 1, d_qk = 0, d_v = 0;
  tensor_arguments query{}, key{}, value{}, output{}, lse{};  // an address of 0 is not checked
  std::int64_t cores = 1;  // cube cores that the launch may take
  double scale = 0;        // 0: 1 / sqrt(d_qk)
  // The crest. The stride is halved until one descriptor can hold it; below 4 no sample is taken.
  std::int64_t sample_stride = 16, windows = 4;
  bool has_margin = false;
  double margin = 0;  // nats; default -8 ln 2 for float16 (of -7.9..0), which loses small weights otherwise, 2 ln 2 for bfloat16 (0..21)
  // Limits of the guard, by default those that prove a row right. Lower the first to send every row to the correction.
  double guard_tile_limit = 0;
};

struct tiling {
  device on;
  scalar_kind element;
  bool causal;
  device_layout layout;
  kernel_arguments arguments;  // complete but for scratch and counters
  std::int32_t blocks;         // cube cores to launch, with two vector cores each
  std::uint64_t scratch_bytes;   // of global memory, 512-byte aligned; need not be initialised
  std::uint64_t counters_bytes;  // 64-byte aligned
};

// Empty where nothing is refused.
struct refusal {
  std::string argument, expected, given;
  status_code code = status_code::unsupported;
  explicit operator bool() const { return !argument.empty(); }
  std::string text() const { return argument + ": expected " + expected + ", given " + given; }
};

inline namespace CRESTMAX_BUILD {

// `made` is complete where the refusal is empty.
inline refusal make_tiling(const tiling_request& r, tiling& made) {
  const auto number = [](std::int64_t n) { return std::to_string(n); };
  if (r.element != scalar_kind::float16 && r.element != scalar_kind::bfloat16) {
    return {"query", "float16 or bfloat16", crestmax::name(r.element)};
  }
  if (r.d_qk > 256 || r.d_v > 256 || !head_dims_served(static_cast<std::int32_t>(r.d_qk), static_cast<std::int32_t>(r.d_v))) {
    return {"head_dim", "d_qk/d_v of 64/64, 128/128, 192/128 or 256/256", number(r.d_qk) + "/" + number(r.d_v)};
  }
  constexpr std::int64_t most = std::int64_t{1} << 24;
  const std::pair<const char*, std::int64_t> extents[] = {
      {"batch", r.batch}, {"q_len", r.q_len}, {"q_heads", r.q_heads}, {"kv_heads", r.kv_heads}, {"cores", r.cores}};
  for (const auto& [argument, extent] : extents) {
    if (extent < 1 || extent > most) return {argument, "1 to " + number(most), number(extent)};
  }
  if (r.kv_len < 0 || r.kv_len > most) return {"kv_len", "0 to " + number(most), number(r.kv_len)};
  if (r.q_heads % r.kv_heads != 0) return {"q_heads", "a multiple of kv_heads " + number(r.kv_heads), number(r.q_heads)};
  const device_layout layout = layout_for(r.on, static_cast<std::int32_t>(r.d_qk), static_cast<std::int32_t>(r.d_v));
  if (!fits(layout, sizes_of(r.on))) return {"head_dim", "tiles that fit the target", number(r.d_qk) + "/" + number(r.d_v)};
  const std::int64_t heads = r.batch * r.q_heads;
  if (heads > most) return {"q_heads", "at most " + number(most) + " heads in all sequences", number(heads)};
  const std::int64_t tiles = heads * ((r.q_len + layout.query_tile - 1) / layout.query_tile);
  if (tiles > most) return {"q_len", "at most " + number(most) + " query tiles in all", number(tiles)};

  struct named {
    const char* name;
    const tensor_arguments& tensor;
    std::int64_t dim, most_row_stride;
    bool read, present;
  };
  // What goes to L1 as fractals has 16 bits for its row stride; DataCopyPad 32 bits for a gap in bytes.
  const named tensors[] = {{"query", r.query, r.d_qk, 65535, true, true},
                           {"key", r.key, r.d_qk, 65535, true, r.kv_len > 0},
                           {"value", r.value, r.d_v, 65535, true, r.kv_len > 0},
                           {"output", r.output, r.d_v, std::int64_t{1} << 30, false, true}};
  for (const named& t : tensors) {
    if (!t.present) continue;
    if (t.tensor.address % 32 != 0) {
      return {t.name, "an address that is a multiple of 32 bytes", "one that is " + number(static_cast<std::int64_t>(t.tensor.address % 32)) + " past it",
              status_code::misaligned};
    }
    const std::int64_t strides[] = {t.tensor.row_stride, t.tensor.head_stride, t.tensor.batch_stride};
    for (const std::int64_t stride : strides) {
      if (stride % 16 != 0) return {t.name, "strides that are multiples of 16 elements (32 bytes)", number(stride), status_code::bad_stride};
    }
    if (t.tensor.row_stride < t.dim || t.tensor.row_stride > t.most_row_stride) {
      return {t.name, "a row stride of " + number(t.dim) + " to " + number(t.most_row_stride) + " elements",
              number(t.tensor.row_stride), status_code::bad_stride};
    }
  }
  if (r.lse.address % 4 != 0) return {"lse", "an address that is a multiple of 4 bytes", number(static_cast<std::int64_t>(r.lse.address % 4)) + " past one", status_code::misaligned};
  if (r.lse.address != 0 && (r.lse.row_stride < 1 || r.lse.row_stride > std::int64_t{1} << 29)) {
    return {"lse", "a row stride of 1 to " + number(std::int64_t{1} << 29) + " elements", number(r.lse.row_stride), status_code::bad_stride};
  }
  const double scale = equals(r.scale, 0.0) ? 1 / std::sqrt(static_cast<double>(r.d_qk)) : r.scale;
  if (!(scale >= 1e-9 && scale <= 1e9)) return {"scale", "a number from 1e-9 to 1e9", std::to_string(r.scale)};
  if (r.sample_stride < 0 || r.sample_stride > 1024) return {"stride", "0 to 1024 keys", number(r.sample_stride)};
  if (r.windows < 0 || r.windows > most_windows || r.windows % 2 != 0) {
    return {"windows", "an even number, at most " + number(most_windows), number(r.windows)};
  }

  std::int64_t stride = r.sample_stride;
  while (stride * r.key.row_stride > 65535) stride /= 2;
  if (stride < 4) stride = 0;
  constexpr double ln2 = 0.693147180559945309417232121458;
  const bool is_half = r.element == scalar_kind::float16;
  const double margin = r.has_margin ? r.margin : (is_half ? -8 : 2) * ln2;
  // The correction has no guard, so that its own weights, e^-margin and less, may not leave the type's range: where scores are so
  // large that float32 rounds the margin, -7.9 becomes -8 at most; above 0 float16 loses more small weights than the plain formula.
  if (is_half && !(margin >= -7.9 && margin <= 0)) return {"margin", "-7.9 to 0 nats for float16", std::to_string(margin)};
  if (!is_half && !(margin >= 0 && margin <= 21)) return {"margin", "0 to 21 nats for bfloat16", std::to_string(margin)};

  made = {};
  made.on = r.on;
  made.element = r.element;
  made.causal = r.causal;
  made.layout = layout;
  made.blocks = static_cast<std::int32_t>(r.cores < tiles ? r.cores : tiles);
  made.scratch_bytes = static_cast<std::uint64_t>(made.blocks) * layout.scratch_bytes;
  made.counters_bytes = static_cast<std::uint64_t>(made.blocks) * 2 * sizeof(core_counters);
  kernel_arguments& a = made.arguments;
  a.query = r.query;
  a.key = r.key;
  a.value = r.value;
  a.output = r.output;
  a.lse = r.lse;
  a.batch = static_cast<std::int32_t>(r.batch);
  a.q_len = static_cast<std::int32_t>(r.q_len);
  a.kv_len = static_cast<std::int32_t>(r.kv_len);
  a.q_heads = static_cast<std::int32_t>(r.q_heads);
  a.kv_heads = static_cast<std::int32_t>(r.kv_heads);
  a.blocks = made.blocks;
  a.sample_stride = static_cast<std::int32_t>(stride);
  a.windows = static_cast<std::int32_t>(r.windows);
  a.scale = static_cast<float>(scale);
  a.margin = static_cast<float>(margin);
  // A saturated half is 65504, which no other sum of a tile of passing weights may reach.
  a.guard_tile_limit = !equals(r.guard_tile_limit, 0.0) ? static_cast<float>(r.guard_tile_limit) : is_half ? 65504.0f : 0x1p40f;
  a.guard_least_sum = static_cast<float>(std::exp(-margin) / 2);
  return {};
}

}  // namespace CRESTMAX_BUILD

}  // namespace ascend

CRESTMAX_END_VERSION

#include "../../names_back.inc"
