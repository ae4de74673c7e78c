// The model of an Ascend device in the place of one: backend::basic_ascend runs on it as it would on CANN's.
#pragma once

#include <ascend_model/run.hpp>
#include <crestmax/backend/ascend/backend.hpp>

namespace crestmax_test {

using device_kernel = void (*)(const crestmax::ascend::kernel_arguments&);

// The kernels that this program has instantiated; null for others.
device_kernel find_kernel(const crestmax::npu::kernel_key& key);

// What launches leave behind for tests.
struct device_log {
  int launches = 0;
  ascend_model::outcome last;
};

struct model_device {
  crestmax::npu::generation generation = crestmax::npu::generation::atlas_2201;
  std::int32_t cores = 2;
  device_log* log = nullptr;

  using kernel = device_kernel;

  crestmax::status describe(crestmax::npu::device_properties& properties) const {
    properties = {generation, cores};
    return crestmax::success();
  }
  crestmax::status prepare(const crestmax::npu::kernel_key& key, std::size_t, kernel& k) const;
  // Runs at once. What the model objects to is a status, and goes to stderr in whole.
  crestmax::status launch(kernel k, std::uint32_t blocks, std::span<std::uint64_t> words) const;
  crestmax::status read(void* to, const void* from, std::size_t bytes) const;

  // Head dims of the launch, from prepare(): the arguments do not have them.
  mutable crestmax::npu::kernel_key prepared{};
};

}  // namespace crestmax_test
