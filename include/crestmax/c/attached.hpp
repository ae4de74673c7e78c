// A runnable of the C interface: one of C++, whatever its types, and what a team of threads needs to hand out its items.
#pragma once

#include <atomic>

#include "call.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace c {

template <class T, class Source>
using runnable_of = typename bound_call<T, Source, modifier_list, backend::cpu>::attached_call;
using any_runnable = std::variant<runnable_of<float, contiguous_view>, runnable_of<double, contiguous_view>,
                                  runnable_of<float, paged_view>, runnable_of<double, paged_view>>;

class attached {
 public:
  explicit attached(const any_runnable& call) : call_(call) {}

  // Calls f(runnable).
  template <class F>
  decltype(auto) visit(F&& f) const {
    if (const auto* r = std::get_if<1>(&call_)) return f(*r);
    if (const auto* r = std::get_if<2>(&call_)) return f(*r);
    if (const auto* r = std::get_if<3>(&call_)) return f(*r);
    return f(*std::get_if<0>(&call_));
  }

  status begin() {
    for (auto& next : next_item_) next.store(0, std::memory_order_relaxed);
    return visit([](const auto& r) { return r.begin(); });
  }

  // What thread ith of a team does, all of which do so; see crestmax_run_in_team. Its barrier orders what threads write.
  status run_in_team(int ith, int nth, void (*barrier)(void* user), void* user) {
    if (barrier == nullptr) return error_text(status_code::null_pointer, "barrier", "a function", "null");
    return visit([&](const auto& r) -> status {
      if (nth < 1 || nth > r.workers()) return error(status_code::bad_option, "nth", "1 to the workers attached for:", r.workers(), nth);
      if (ith < 0 || ith >= nth) return error(status_code::bad_index, "ith", "0 to below nth:", nth, ith);
      if (!r.ready().ok()) return r.ready();
      if (ith == 0) static_cast<void>(begin());
      barrier(user);
      for (index_type stage = 0; stage < std::min(r.stages(), std::ssize(next_item_)); ++stage) {
        std::atomic<index_type>& next = next_item_[stage];
        const index_type items = r.items(stage);
        for (index_type item; (item = next.fetch_add(1, std::memory_order_relaxed)) < items;) r.run(stage, item, ith);
        barrier(user);
      }
      return success();
    });
  }

 private:
  any_runnable call_;
  // Written by all threads: apart from what they read.
  alignas(workspace_size::alignment) std::atomic<index_type> next_item_[std::size(plan_header{}.items)]{};
};

}  // namespace c

CRESTMAX_END_NAMESPACE

// The caller's memory has no destructor to call.
static_assert(std::is_trivially_destructible_v<crestmax::c::attached>);
struct crestmax_runnable {
  crestmax::c::attached call;
};

#include "../names_back.inc"
