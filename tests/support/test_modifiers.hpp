// One modifier chain type for all tests: score modifiers in an order known at run time, then every
// standard mask and sinks, each of which may be off. Calls are compiled once for all of them.
#pragma once

#include <crestmax/modifiers.hpp>
#include <variant>
#include <vector>

#include "mask_tensors.hpp"
#include "placed_modifiers.hpp"

namespace crestmax_test {

// A modifier as a user would write it: a ripple over the distance.
struct ripple {
  float height = 0;

  bool active() const { return height != 0; }
  template <class T>
  T operator()(T score, crestmax::score_position at) const {
    return score +
           static_cast<T>(height) * std::cos(static_cast<T>(0.25) * static_cast<T>(at.key - at.query));
  }
};

struct score_modifiers {
  using any = std::variant<ripple, crestmax::alibi, crestmax::soft_cap, crestmax::additive_bias<float>,
                           crestmax::additive_bias<crestmax::float16>>;
  std::vector<any> parts;

  bool active() const {
    bool result = false;
    for (const any& part : parts) {
      std::visit([&](const auto& m) { result |= m.active(); }, part);
    }
    return result;
  }
  template <class T>
  T operator()(T score, crestmax::score_position at) const {
    for (const any& part : parts) {
      std::visit([&](const auto& m) { score = m.active() ? m(score, at) : score; }, part);
    }
    return score;
  }
  crestmax::status check(crestmax::modifier_shape shape) const {
    crestmax::status result = crestmax::success();
    for (const any& part : parts) {
      std::visit(
          [&](const auto& m) {
            if constexpr (requires { m.check(shape); }) {
              if (result.ok() && m.active()) result = m.check(shape);
            }
          },
          part);
    }
    return result;
  }
};

struct test_modifiers {
  score_modifiers scores;
  crestmax::causal causal{false};
  crestmax::sliding_window window;
  crestmax::boolean_mask<std::uint8_t> mask;
  crestmax::mask_tensor tensor;
  plain_mask plain;  // what the tensor says
  placed_modifiers placed;
  crestmax::attention_sinks sinks;

  void set_mask(const made_mask& made) {
    tensor = made.tensor;
    plain = made.plain;
  }

  auto chain() const { return crestmax::chain(scores, tensor, causal, window, mask, sinks) | placed.chain(); }

  // What the chain means, element by element.
  template <class T>
  T modify(T score, crestmax::score_position at) const {
    const T modified = scores.active() ? scores(score, at) : score;
    if (plain.numbers == nullptr) return placed.modify(modified, at);
    const auto factor = tensor.factors.empty() ? T(1) : static_cast<T>(tensor.factors[static_cast<std::size_t>(at.head)]);
    return placed.modify(modified + factor * static_cast<T>(plain.at(at)), at);
  }
  bool visible(crestmax::score_position at) const {
    return (!causal.active() || causal.visible(at)) && (!window.active() || window.visible(at)) &&
           (!mask.active() || mask.visible(at)) && (plain.numbers == nullptr || plain.at(at) > -infinity) &&
           placed.visible(at);
  }
  double sink(crestmax::index_type head) const {
    return sinks.active() ? sinks.sink(head) : -std::numeric_limits<double>::infinity();
  }
};

}  // namespace crestmax_test
