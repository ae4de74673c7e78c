// The Ascend path. Built only with Huawei's CANN toolkit; without it every call is answered with a
// status, never silently by the CPU.
#pragma once

#include "../../error.hpp"
#include "../concept.hpp"

CRESTMAX_BEGIN_NAMESPACE

namespace backend {

struct ascend {
  const char* name() const { return "ascend"; }
  const char* instruction_set(const plan_header&) const { return "none"; }
  status available(const problem&, const options&) const {
    return error_text(status_code::unavailable, "backend::ascend",
                      "a build with the CANN toolkit", "one that was built without CANN");
  }
  template <class T>
  tile_geometry geometry(const problem&) const { return {1, 16, 1, 1, 16}; }
  template <class T>
  std::size_t worker_bytes(const plan_header&) const { return 0; }
  template <class T>
  std::size_t shared_bytes(const plan_header&, index) const { return 0; }
  template <class T>
  void begin(const call_data<T>&, int) const {}
  template <class T>
  void run(const call_data<T>&, index, index, int) const {}
  template <class T>
  void collect(const call_data<T>&, int, report&) const {}
};

}  // namespace backend

CRESTMAX_END_NAMESPACE
