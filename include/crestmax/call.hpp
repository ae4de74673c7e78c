// The data of one call as kernels see it: erased of element types, sources and modifier chains, so
// that a kernel is compiled once per compute type (float or double) and instruction set.
#pragma once

#include "kv_source.hpp"
#include "modifiers/view.hpp"
#include "plan.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// The caller's memory: one shared part, then the workers' parts.
struct workspace_view {
  std::byte* memory = nullptr;
  workspace_size size{};
  std::byte* shared() const { return memory; }
  std::byte* worker(int w) const {
    return memory + size.shared + size.per_worker * static_cast<std::size_t>(w);
  }
};

// What a call's types tell of the kernels that it can come to use. As it stands: of all of them.
struct call_needs {
  kind_set inputs;
  kind_set outputs;
  bool row_kernels = true;  // modifiers that act on rows
  friend constexpr bool operator==(const call_needs&, const call_needs&) = default;
};

template <class T>
struct call_data {
  crestmax::plan plan;
  tensor_view query;
  tensor_view output;  // data is written through
  kv_view kv;
  modifier_view<T> modifiers;
  row_output lse;
  row_output row_max;
  row_output dropped_mass;
  row_output output_error;
  workspace_view workspace;
  bool paged = false;  // how messages name keys and values
};

// The data of one call as a device takes it. Key and value are those of a contiguous source.
struct device_call {
  crestmax::plan plan;
  problem shape;  // that of the call: its modifiers may differ from those that the plan was made for
  tensor_view query;
  tensor_view key;
  tensor_view value;
  tensor_view output;  // data is written through
  row_output lse;
  workspace_view workspace;
};

// What an output is made of: it is written through.
template <class T>
concept output_scalar = number_scalar<T> && !std::is_const_v<T>;

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
