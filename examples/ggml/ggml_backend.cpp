// A backend of ggml that serves FLASH_ATTN_EXT by crestmax: an accelerator device on the CPU's buffers, in a shared library that
// ggml loads by the path in GGML_BACKEND_PATH.
#include <cstdio>
#include <cstring>

#include <ggml-backend-impl.h>

#include "attention_server.hpp"
#include "ggml_compatibility.hpp"
#include "ggml_operator.hpp"

namespace adapter {

namespace {

attention_server& server_of(ggml_backend_t backend) { return *static_cast<attention_server*>(backend->context); }

const char* name() { return "crestmax"; }
const char* description() { return "crestmax: exact attention on the CPU"; }

void free_backend(ggml_backend_t backend) {
  delete static_cast<attention_server*>(backend->context);
  delete backend;
}

ggml_status compute(ggml_backend_t backend, ggml_cgraph* graph) {
  for (int i = 0; i < ggml_graph_n_nodes(graph); ++i) {
    const ggml_tensor* const node = ggml_graph_node(graph, i);
    if (node->op != GGML_OP_FLASH_ATTN_EXT || (node->flags & GGML_TENSOR_FLAG_COMPUTE) == 0) continue;
    const crestmax::status status = server_of(backend).serve(operator_of(*node));
    if (!status.ok()) {
      std::fprintf(stderr, "%s: %s: %s\n", name(), node->name, status.message());
      return GGML_STATUS_FAILED;
    }
  }
  return GGML_STATUS_SUCCESS;
}

void set_threads(ggml_backend_t backend, int threads) { server_of(backend).set_threads(threads); }

ggml_guid_t identity() {
  static ggml_guid guid{0x63, 0x72, 0x65, 0x73, 0x74, 0x6d, 0x61, 0x78, 0x2d, 0x61, 0x74, 0x74, 0x65, 0x6e, 0x64, 0x73};
  return &guid;
}

ggml_backend_t make_backend(ggml_backend_dev_t device, const char*) {
  ggml_backend_i calls{};
  calls.get_name = [](ggml_backend_t) { return name(); };
  calls.free = free_backend;
  calls.graph_compute = compute;
  return new ggml_backend{identity(), calls, device, new attention_server};
}

// Whatever this returns true for runs: see refusal().
bool supports(ggml_backend_dev_t, const ggml_tensor* node) {
  switch (static_cast<int>(node->op)) {
    case GGML_OP_NONE:
    case GGML_OP_RESHAPE:
    case GGML_OP_VIEW:
    case GGML_OP_PERMUTE:
    case GGML_OP_TRANSPOSE: return true;
    case GGML_OP_FLASH_ATTN_EXT: return refusal(operator_of(*node)) == nullptr;
    default: return false;
  }
}

void tell_memory(ggml_backend_dev_t, std::size_t* available, std::size_t* total) { *available = *total = 0; }

void tell_properties(ggml_backend_dev_t device, ggml_backend_dev_props* properties) {
  *properties = {};
  properties->name = name();
  properties->description = description();
  properties->type = GGML_BACKEND_DEVICE_TYPE_ACCEL;
  tell_memory(device, &properties->memory_free, &properties->memory_total);
  properties->caps.buffer_from_host_ptr = true;
}

ggml_backend_device_i device_calls() {
  ggml_backend_device_i calls{};
  calls.get_name = [](ggml_backend_dev_t) { return name(); };
  calls.get_description = [](ggml_backend_dev_t) { return description(); };
  calls.get_memory = tell_memory;
  calls.get_type = [](ggml_backend_dev_t) { return GGML_BACKEND_DEVICE_TYPE_ACCEL; };
  calls.get_props = tell_properties;
  calls.init_backend = make_backend;
  calls.get_buffer_type = [](ggml_backend_dev_t) { return ggml_backend_cpu_buffer_type(); };
  calls.buffer_from_host_ptr = [](ggml_backend_dev_t, void* data, std::size_t size, std::size_t) {
    return ggml_backend_cpu_buffer_from_ptr(data, size);
  };
  calls.supports_op = supports;
  calls.supports_buft = [](ggml_backend_dev_t, ggml_backend_buffer_type_t type) { return ggml_backend_buft_is_host(type); };
  return calls;
}

void* procedure(ggml_backend_reg_t, const char* wanted) {
  if (std::strcmp(wanted, "ggml_backend_set_n_threads") != 0) return nullptr;
  return reinterpret_cast<void*>(&set_threads);
}

ggml_backend_reg* registration() {
  static ggml_backend_device device{device_calls(), nullptr, nullptr};
  static ggml_backend_reg result = [] {
    ggml_backend_reg r{};
    r.api_version = GGML_BACKEND_API_VERSION;
    r.iface.get_name = [](ggml_backend_reg_t) { return name(); };
    r.iface.get_device_count = [](ggml_backend_reg_t) { return std::size_t{1}; };
    r.iface.get_device = [](ggml_backend_reg_t reg, std::size_t) {
      device.reg = reg;
      return &device;
    };
    r.iface.get_proc_address = procedure;
    return r;
  }();
  return &result;
}

}  // namespace

}  // namespace adapter

// What ggml calls when it has loaded the library. ggml itself compares the version of the backends' interface with its own, and
// names both where they differ.
extern "C" __attribute__((visibility("default"))) ggml_backend_reg_t ggml_backend_init(void);
ggml_backend_reg_t ggml_backend_init(void) {
  if (!adapter::suits_this_ggml()) return nullptr;
  return adapter::registration();
}
