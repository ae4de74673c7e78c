// The Ascend path: one launch of the device kernel per call, on the caller's stream. Built only with Huawei's CANN
// toolkit (CRESTMAX_WITH_CANN); without it every call is answered with a status, never silently by the CPU.
#pragma once

#include <array>
#include <bit>

#include "request.hpp"
#include "runtime.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace backend {

// A Device is what launches: CANN's (runtime.hpp), or in tests the model of one.
//   status describe(npu::device_properties&) const       which device it is, or why there is none
//   kernel                                               a compiled kernel
//   status prepare(npu::kernel_key, words, kernel&) const    compiles it, or finds it
//   status launch(kernel, blocks, span of words) const   enqueues it with these words as its parameters
//   status read(to, from, bytes) const                   waits for all that is enqueued, then copies from the device
template <class Device>
struct basic_ascend {
  static constexpr bool is_device = true;
  Device device{};

  const char* name() const { return "ascend"; }
  const char* instruction_set(const plan_header& h) const {
    return npu::architecture(static_cast<npu::generation>(h.tiles.kernels));
  }

  // Nothing of a problem or of options that the kernel does not serve is passed over.
  status available(const problem& p, const options& o) const {
    npu::device_properties properties;
    if (status s = device.describe(properties); !s.ok()) return s;
    if (status s = npu::check_options(p, o); !s.ok()) return s;
    return npu::check_sizes(p, o, properties);
  }
  template <class T>
  tile_geometry geometry(const head_shape& p) const {
    npu::device_properties properties;
    if (!device.describe(properties).ok()) return {1, 16, 1, 1, 16};  // available() has said so
    return npu::geometry(p, properties.generation);
  }
  template <class T>
  std::size_t worker_bytes(const plan_header&) const { return 0; }
  template <class T>
  std::size_t shared_bytes(const plan_header& h, index_type) const {
    npu::device_properties properties;
    if (!device.describe(properties).ok()) return 0;
    return npu::workspace(npu::problem_of(h), properties).total;
  }

  // Pointers and strides; and the kernel is compiled, if it is the first of its kind.
  status accepts(const device_call& call) const {
    npu::device_properties properties;
    if (status s = device.describe(properties); !s.ok()) return s;
    const std::size_t needed = npu::workspace(call.shape, properties).total;
    if (call.workspace.size.shared < needed) {
      return error(status_code::mismatch, "plan", "a workspace for this device, bytes:", static_cast<index_type>(needed),
                   static_cast<index_type>(call.workspace.size.shared));
    }
    if (npu::is_empty(call.shape)) return success();
    crestmax::ascend::kernel_arguments unused{};
    if (status s = npu::arguments_of(call, properties, unused); !s.ok()) return s;
    typename Device::kernel kernel{};
    return device.prepare(npu::key_of(call.shape, properties), npu::argument_words, kernel);
  }

  status launch(const device_call& call) const {
    if (npu::is_empty(call.shape)) return success();
    npu::device_properties properties;
    if (status s = device.describe(properties); !s.ok()) return s;
    typename Device::kernel kernel{};
    if (status s = device.prepare(npu::key_of(call.shape, properties), npu::argument_words, kernel); !s.ok()) return s;
    crestmax::ascend::kernel_arguments arguments{};
    if (status s = npu::arguments_of(call, properties, arguments); !s.ok()) return s;
    auto words = std::bit_cast<std::array<std::uint64_t, npu::argument_words>>(arguments);
    return device.launch(kernel, static_cast<std::uint32_t>(arguments.blocks), words);
  }

  // Sums the kernel's counters, a record per vector core, some at a time: nothing is allocated.
  status collect(const device_call& call, report& r) const {
    if (npu::is_empty(call.shape)) return success();
    npu::device_properties properties;
    if (status s = device.describe(properties); !s.ok()) return s;
    const std::int32_t cores = 2 * npu::workspace(call.shape, properties).blocks;
    npu::call_counters sums;
    constexpr std::int32_t most = 32;
    for (std::int32_t core = 0; core < cores; core += most) {
      crestmax::ascend::core_counters records[most];
      const std::int32_t count = std::min(most, cores - core);
      const std::byte* at = call.workspace.memory + static_cast<std::size_t>(core) * sizeof records[0];
      if (status s = device.read(records, at, static_cast<std::size_t>(count) * sizeof records[0]); !s.ok()) return s;
      for (std::int32_t i = 0; i < count; ++i) sums.add(records[i], (core + i) % 2 == 0);
    }
    npu::fill_report(call, sums, r);
    return success();
  }
};

#if defined(CRESTMAX_WITH_CANN)
using ascend = basic_ascend<cann::stream_device>;
#else
// What a build without the toolkit has in its place.
struct no_device {
  using kernel = int;
  status describe(npu::device_properties&) const {
    return error_text(status_code::unavailable, "backend::ascend", "a build with the CANN toolkit",
                      "one that was built without CANN");
  }
  status prepare(const npu::kernel_key&, std::size_t, kernel&) const { return nowhere(); }
  status launch(kernel, std::uint32_t, std::span<std::uint64_t>) const { return nowhere(); }
  status read(void*, const void*, std::size_t) const { return nowhere(); }

 private:
  status nowhere() const {
    npu::device_properties unused;
    return describe(unused);
  }
};
using ascend = basic_ascend<no_device>;
#endif

}  // namespace backend

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
