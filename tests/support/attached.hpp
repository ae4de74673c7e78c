// A call attached to a plan and a workspace of its own, for tests that look at one from inside.
#pragma once

#include <gtest/gtest.h>

#include <crestmax/attention.hpp>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

namespace crestmax_test {

// What a bad plan or workspace leaves is seen by ready().
template <class Tensors, class Chain = crestmax::no_modifiers, class Backend = crestmax::backend::automatic>
class attached_call {
 public:
  attached_call(const Tensors& tensors, crestmax::options options, const Chain& chain, const Backend& backend, int workers = 1)
      : plan_memory_(crestmax::plan::bytes(crestmax::problem_of(tensors, options).sequences) / 8 + 1) {
    const crestmax::status planned = crestmax::make_plan(crestmax::problem_of(tensors, options),
                                                         std::as_writable_bytes(std::span(plan_memory_)), plan, options, chain, backend);
    EXPECT_TRUE(planned.ok()) << planned.message();
    const std::size_t bytes = plan.workspace().total(workers);
    workspace_.reset(static_cast<std::byte*>(std::aligned_alloc(crestmax::workspace_size::alignment, bytes)));
    std::memset(workspace_.get(), 0xff, bytes);
    options.workspace = workspace_span_ = {workspace_.get(), bytes};
    call_ = std::make_unique<call_type>(crestmax::attach(plan, workers, tensors, options, chain, backend));
    EXPECT_TRUE(call_->ready().ok()) << call_->ready().message();
    EXPECT_TRUE(call_->begin().ok());
  }

  const auto* operator->() const { return call_.get(); }
  std::span<std::byte> plan_memory() { return std::as_writable_bytes(std::span(plan_memory_)).first(plan.memory().size()); }

  std::span<const std::byte> workspace() const { return workspace_span_; }

  crestmax::plan plan;

 private:
  using call_type = decltype(crestmax::attach(crestmax::plan{}, 1, std::declval<const Tensors&>(), std::declval<const crestmax::options&>(),
                                              std::declval<const Chain&>(), std::declval<const Backend&>()));
  struct release {
    void operator()(std::byte* p) const { std::free(p); }
  };

  std::vector<std::uint64_t> plan_memory_;
  std::unique_ptr<std::byte, release> workspace_;
  std::span<std::byte> workspace_span_;
  std::unique_ptr<call_type> call_;
};

}  // namespace crestmax_test
