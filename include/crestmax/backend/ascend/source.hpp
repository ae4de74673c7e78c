// Which kernel a call needs, and the few lines of source that make it: the kernel is a template, compiled at run time.
#pragma once

#include <cstdint>
#include <cstdio>
#include <span>

#include "../../tensor.hpp"
#include "tiling.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace npu {

// Atlas A2 and A3 (910B, 910C), or 950.
using generation = crestmax::ascend::device;
// As compilers call them.
constexpr const char* architecture(generation g) { return g == generation::atlas_2201 ? "dav-2201" : "dav-3510"; }

// What a device is, as far as calls need to know.
struct device_properties {
  npu::generation generation = npu::generation::atlas_2201;
  std::int32_t cube_cores = 0;
};

// What a kernel is compiled for.
struct kernel_key {
  npu::generation generation;
  scalar_kind element;  // float16 or bfloat16
  index_type d_qk;
  index_type d_v;
  bool causal;
  friend constexpr bool operator==(const kernel_key&, const kernel_key&) = default;
};

// The name of the entry point, such as crestmax_2201_float16_128_64_causal. `text` has room for 64 characters.
inline void write_name(const kernel_key& key, std::span<char> text) {
  std::snprintf(text.data(), text.size(), "crestmax_%s_%s_%d_%d_%s", crestmax::ascend::name(key.generation),
                crestmax::name(key.element),
                static_cast<int>(key.d_qk), static_cast<int>(key.d_v), key.causal ? "causal" : "full");
}

// The source of one kernel; returns its length, which is more than `text` can hold if it was cut. The arguments travel
// as words: entry points are documented to take basic types, not structs.
inline std::size_t write_source(const kernel_key& key, std::size_t words, std::span<char> text) {
  char entry[64];
  write_name(key, entry);
  std::size_t length = 0;
  const auto add = [&](const char* format, auto... values) {
    const std::size_t room = length < text.size() ? text.size() - length : 0;
    const int written = std::snprintf(room > 0 ? text.data() + length : nullptr, room, format, values...);
    length += written > 0 ? static_cast<std::size_t>(written) : 0;
  };
  // The chip's own header need not have the calls of the other generation.
  add("#define CRESTMAX_ASCEND_TARGET %s\n#include <crestmax/backend/ascend/kernel.hpp>\n", crestmax::ascend::name(key.generation));
  add("extern \"C\" __global__ __mix__(1, 2) void %s(", entry);
  for (std::size_t i = 0; i < words; ++i) add("%suint64_t w%zu", i > 0 ? ", " : "", i);
  add("%s", ") {\n  const uint64_t words[] = {");
  for (std::size_t i = 0; i < words; ++i) add("%sw%zu", i > 0 ? ", " : "", i);
  add("};\n  static_assert(sizeof(words) == sizeof(crestmax::ascend::kernel_arguments), \"%s\");\n", "made for other headers");
  add("%s", "  crestmax::ascend::kernel_arguments arguments;\n"
            "  for (unsigned i = 0; i < sizeof(words) / sizeof(uint64_t); ++i) {\n"
            "    reinterpret_cast<uint64_t*>(&arguments)[i] = words[i];\n"
            "  }\n");
  add("  crestmax::ascend::attention_kernel<crestmax::ascend::kernel_traits<%s, %d, %d, %s, "
      "crestmax::ascend::target_%s>>(arguments);\n}\n",
      key.element == scalar_kind::float16 ? "half" : "bfloat16_t", static_cast<int>(key.d_qk),
      static_cast<int>(key.d_v), key.causal ? "true" : "false",
      crestmax::ascend::name(key.generation));
  return length;
}

}  // namespace npu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
