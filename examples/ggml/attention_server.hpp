// Serves attention operators one after another, and keeps what the next one may use: masks as read, plans and workspace.
#pragma once

#include <algorithm>
#include <vector>

#include "attention_operator.hpp"
#include "kept_masks.hpp"
#include "kept_plans.hpp"
#include "visible_keys.hpp"

namespace adapter {

class attention_server {
 public:
  void set_threads(int threads) { threads_ = std::max(1, threads); }

  // Computes an operator that is not refused (see refusal()). A status other than ok says what was wrong; then nothing is written.
  crestmax::status serve(const attention_operator& o);

  const kept_masks& masks() const { return masks_; }
  const kept_plans& plans() const { return plans_; }

 private:
  struct aligned_line {
    alignas(crestmax::workspace_size::alignment) std::byte bytes[crestmax::workspace_size::alignment];
  };

  // Memory that grows, and never shrinks.
  std::span<std::byte> workspace(std::size_t bytes);

  kept_plans::found plan_for(const crestmax::problem& problem, const visible_keys& keys, float scale);
  std::span<const float> slopes(const attention_operator& o);  // ALiBi's, one per query head

  int threads_ = 1;
  kept_masks masks_;
  kept_plans plans_;
  std::vector<aligned_line> workspace_;
  std::vector<float> slopes_;
  plan_key key_;
};

}  // namespace adapter
