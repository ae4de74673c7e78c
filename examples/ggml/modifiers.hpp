// ggml's mask and sinks as modifiers of crestmax. Keys of a call are counted from the first that any row sees.
#pragma once

#include <cmath>
#include <limits>
#include <span>

#include "mask_reading.hpp"

namespace adapter {

// Hides what the mask holds -inf for.
struct hidden_by_mask {
  const mask_reading* reading = nullptr;  // null: nothing is hidden
  index_type first_key = 0;

  bool active() const { return reading != nullptr; }
  bool visible(crestmax::score_position at) const {
    const mask_view& m = reading->view();
    return m.row(m.row_number(at.sequence, at.head, at.query_index))[first_key + at.key] != mask_view::hides;
  }
  visibility classify(crestmax::score_range r) const {
    const index_type row = row_of(r);
    return reading->classify(row, row + r.last_query - r.first_query + 1, {first_key + r.first_key, first_key + r.last_key + 1});
  }
  key_interval reachable(crestmax::score_range r) const {
    const index_type row = row_of(r);
    const key_interval keys = reading->hull(row, row + r.last_query - r.first_query + 1);
    return {std::max<index_type>(0, keys.begin - first_key), std::max<index_type>(0, keys.end - first_key)};
  }

 private:
  index_type row_of(const crestmax::score_range& r) const {
    return reading->view().row_number(r.sequence, r.head, r.first_query - r.query_offset);
  }
};

// The same of a mask whose rows see intervals of keys: what is hidden is then hidden whole stretches at a time.
struct cut_by_mask : hidden_by_mask {
  static constexpr bool interval = true;
};

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

// Adds the mask's numbers, times the head's slope.
struct added_by_mask {
  mask_view mask{};  // without data: nothing is added
  index_type first_key = 0;
  std::span<const float> slopes{};  // one per query head

  bool active() const { return mask.data != nullptr; }
  template <class T>
  T operator()(T score, crestmax::score_position at) const {
    const crestmax::float16 number{mask.row(mask.row_number(at.sequence, at.head, at.query_index))[first_key + at.key]};
    return score + static_cast<T>(slopes[static_cast<std::size_t>(at.head)]) * crestmax::convert<T>(number);
  }
};

// A logit without a value for every head. Of any size: -inf is a sink that takes nothing.
struct head_sinks {
  std::span<const float> logits{};  // one per query head, or none

  bool active() const { return !logits.empty(); }
  double sink(index_type head) const { return static_cast<double>(logits[static_cast<std::size_t>(head)]); }
};

}  // namespace adapter
