// A modifier chain behind function pointers that act on blocks of scores in memory: kernels are
// compiled once for all chains, and a chain's own loops are inlined inside the block functions.
#pragma once

#include <cmath>

#include "concepts.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

struct row_position {
  index_type head;
  index_type query;        // position in the sequence
  index_type query_index;  // row of the query tensor
};

// rows x keys scores in nats; key k of the block stands at position first_key + k * key_step.
template <class T>
struct score_block {
  T* scores;
  index_type row_stride;
  const row_position* rows_at;
  index_type rows;
  index_type sequence;
  index_type first_key;
  index_type key_step;
  index_type keys;

  template <class F>
  void for_each(F&& f) const {
    for (index_type r = 0; r < rows; ++r) {
      T* row = scores + r * row_stride;
      const row_position at = rows_at[r];
      for (index_type k = 0; k < keys; ++k) {
        f(row[k], score_position{sequence, at.head, at.query, at.query_index,
                                 first_key + k * key_step});
      }
    }
  }
};

template <class T>
struct modifier_view {
  const void* context;
  void (*modify)(const void* context, const score_block<T>& block);  // score modifiers, in order
  void (*modify_visible)(const void* context, const score_block<T>& block);  // the same, but of what masks leave visible
  void (*mask)(const void* context, const score_block<T>& block);    // -inf where a mask hides
  visibility (*classify)(const void* context, const score_range& range);
  key_interval (*reachable)(const void* context, const score_range& range);
  double (*sink)(const void* context, index_type head);                   // -inf without one
  bool changes_scores;
  bool masks;
  bool sinks;
};

template <class T, class Chain>
struct chain_functions {
  static const Chain& chain_at(const void* context) { return *static_cast<const Chain*>(context); }

  static void modify(const void* context, const score_block<T>& block) {
    chain_at(context).for_each([&](const auto& m) {
      if constexpr (score_modifier<std::remove_cvref_t<decltype(m)>>) {
        if (crestmax::is_active(m)) {
          block.for_each([&](T& s, score_position at) { s = static_cast<T>(m(s, at)); });
        }
      }
    });
  }

  // True if no mask hides a pair.
  static bool sees(const Chain& chain, score_position at) {
    bool seen = true;
    chain.for_each([&](const auto& m) {
      if constexpr (mask_modifier<std::remove_cvref_t<decltype(m)>>) {
        if (seen && is_active(m)) seen = m.visible(at);
      }
    });
    return seen;
  }

  static void modify_visible(const void* context, const score_block<T>& block) {
    const Chain& chain = chain_at(context);
    chain.for_each([&](const auto& m) {
      if constexpr (score_modifier<std::remove_cvref_t<decltype(m)>>) {
        if (is_active(m)) {
          block.for_each([&](T& s, score_position at) {
            if (sees(chain, at)) s = static_cast<T>(m(s, at));
          });
        }
      }
    });
  }

  static void mask(const void* context, const score_block<T>& block) {
    chain_at(context).for_each([&](const auto& m) {
      if constexpr (mask_modifier<std::remove_cvref_t<decltype(m)>>) {
        if (crestmax::is_active(m)) {
          constexpr T hidden = -std::numeric_limits<T>::infinity();
          block.for_each([&](T& s, score_position at) { s = m.visible(at) ? s : hidden; });
        }
      }
    });
  }

  static visibility classify(const void* context, const score_range& range) {
    visibility all = visibility::all;
    chain_at(context).for_each([&](const auto& m) {
      if constexpr (mask_modifier<std::remove_cvref_t<decltype(m)>>) {
        if (all != visibility::none && crestmax::is_active(m)) all = std::min(all, m.classify(range));
      }
    });
    return all;
  }

  static key_interval reachable(const void* context, const score_range& range) {
    key_interval hull{range.first_key, range.last_key + 1};
    chain_at(context).for_each([&](const auto& m) {
      if constexpr (requires { { m.reachable(range) } -> std::same_as<key_interval>; }) {
        if (crestmax::is_active(m)) {
          const key_interval keys = m.reachable(range);
          hull = {std::max(hull.begin, keys.begin), std::min(hull.end, keys.end)};
        }
      }
    });
    return hull;
  }

  static double sink(const void* context, index_type head) {
    double sum = -std::numeric_limits<double>::infinity();
    chain_at(context).for_each([&](const auto& m) {
      if constexpr (sink_modifier<std::remove_cvref_t<decltype(m)>>) {
        if (crestmax::is_active(m)) {  // several sinks add their weights
          const double logit = m.sink(head);
          const double high = std::max(sum, logit);
          const double low = std::min(sum, logit);
          sum = equals(low, -std::numeric_limits<double>::infinity())
                    ? high
                    : high + std::log1p(std::exp(low - high));
        }
      }
    });
    return sum;
  }
};

// The chain must outlive the view.
template <class T, class... M>
modifier_view<T> view_of(const modifier_chain<M...>& chain) {
  using functions = chain_functions<T, modifier_chain<M...>>;
  modifier_view<T> view{&chain, functions::modify, functions::modify_visible, functions::mask, functions::classify,
                        functions::reachable, functions::sink, false, false, false};
  chain.for_each([&](const auto& m) {
    using type = std::remove_cvref_t<decltype(m)>;
    if (!crestmax::is_active(m)) return;
    view.changes_scores |= score_modifier<type>;
    view.masks |= mask_modifier<type>;
    view.sinks |= sink_modifier<type>;
  });
  return view;
}

template <class... M>
status check_modifiers(const modifier_chain<M...>& chain, modifier_shape shape) {
  status result = success();
  chain.for_each([&](const auto& m) {
    if constexpr (requires { { m.check(shape) } -> std::same_as<status>; }) {
      if (result.ok() && crestmax::is_active(m)) result = m.check(shape);
    }
  });
  return result;
}

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
