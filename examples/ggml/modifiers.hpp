// ggml's slopes and sinks for modifiers of crestmax.
#pragma once

#include <cmath>
#include <limits>
#include <span>

#include <crestmax/modifiers.hpp>

namespace adapter {

using crestmax::index_type;

// ALiBi's slopes as ggml has them: a geometric series, and a second one for the heads behind the largest power of two. Source:
// Press et al. 2022.
class head_slopes {
 public:
  head_slopes() = default;
  head_slopes(float max_bias, index_type heads) : is_flat_(!(max_bias > 0)) {
    while (2 * first_ <= heads) first_ *= 2;
    first_base_ = std::exp2(-max_bias / static_cast<float>(first_));
    second_base_ = std::exp2(-max_bias / 2 / static_cast<float>(first_));
  }
  float operator()(index_type head) const {
    if (is_flat_) return 1;
    return head < first_ ? std::pow(first_base_, static_cast<float>(head + 1))
                         : std::pow(second_base_, static_cast<float>(2 * (head - first_) + 1));
  }

 private:
  bool is_flat_ = true;
  index_type first_ = 1;
  float first_base_ = 1;
  float second_base_ = 1;
};

// A logit without a value for every head. Of any size: -inf is a sink that takes nothing.
struct head_sinks {
  std::span<const float> logits{};  // one per query head, or none

  bool active() const { return !logits.empty(); }
  double sink(index_type head) const { return static_cast<double>(logits[static_cast<std::size_t>(head)]); }
};

}  // namespace adapter
