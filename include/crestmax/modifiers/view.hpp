// A modifier chain behind function pointers that act on blocks of scores in memory: kernels are
// compiled once for all chains, and a chain's own loops are inlined inside the block functions.
#pragma once

#include <algorithm>
#include <cmath>

#include "rows.hpp"

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
  T* sizes = nullptr;  // per row, if asked for: raised to the size of every finite score on its way through the modifiers
  const row_kernels<T>* kernels = nullptr;  // for modifiers that act on rows
  T scale = 1;  // what the first of these is to multiply by; see modifier_view::takes_scale

  score_position position(index_type r, index_type k) const {
    const row_position at = rows_at[r];
    return {sequence, at.head, at.query, at.query_index, first_key + k * key_step};
  }

  score_row<T> row(index_type r, T factor) const { return {scores + r * row_stride, keys, position(r, 0), key_step, factor}; }

  template <class F>
  void for_each(F&& f) const {
    for (index_type r = 0; r < rows; ++r) {
      T* row = scores + r * row_stride;
      for (index_type k = 0; k < keys; ++k) f(row[k], position(r, k));
    }
  }

  // Raises the sizes of rows to those of scores that stand where `sees` says.
  template <class Sees>
  void note_sizes(const Sees& sees) const {
    for (index_type r = 0; sizes != nullptr && r < rows; ++r) {
      for (index_type k = 0; k < keys; ++k) {
        const T size = std::fabs(scores[r * row_stride + k]);
        if (size > sizes[r] && size <= std::numeric_limits<T>::max() && sees(position(r, k))) sizes[r] = size;
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
  key_interval (*own_keys)(const void* context, const score_range& range);  // around which the queries stand
  double (*sink)(const void* context, index_type head);                   // -inf without one
  int score_modifiers;  // those that are active
  bool masks;
  bool sinks;
  bool masks_by_head;  // what one head sees tells nothing of another
  bool takes_scale;  // the first active score modifier acts on rows: it is left to multiply by the scale, too

  bool changes_scores() const { return score_modifiers > 0; }
};

template <class T, class Chain>
struct chain_functions {
  static const Chain& chain_at(const void* context) { return *static_cast<const Chain*>(context); }

  // Applies the score modifiers, in order, to what stands where `sees` says.
  template <class Sees>
  static void modify_where(const Chain& chain, const score_block<T>& block, const Sees& sees) {
    T scale = block.scale;
    chain.for_each([&](const auto& m) {
      if constexpr (score_modifier<std::remove_cvref_t<decltype(m)>>) {
        if (!crestmax::changes_scores(m)) return;
        const bool whole_rows = modify_rows(m, block, scale);
        scale = 1;
        if (!whole_rows) {
          block.for_each([&](T& s, score_position at) {
            if (sees(at)) s = static_cast<T>(m(s, at));
          });
        }
        block.note_sizes(sees);
      }
    });
  }

  // Row by row, hidden keys too; false if the modifier cannot, or nobody offers kernels.
  template <class M>
  static bool modify_rows(const M& m, const score_block<T>& block, T scale) {
    if constexpr (row_modifier<M, T>) {
      for (index_type r = 0; block.kernels != nullptr && r < block.rows; ++r) m.modify_row(block.row(r, scale), *block.kernels);
      return block.kernels != nullptr;
    } else {
      return false;
    }
  }

  static void modify(const void* context, const score_block<T>& block) {
    modify_where(chain_at(context), block, [](score_position) { return true; });
  }

  // True if no mask hides a pair.
  static bool sees(const Chain& chain, score_position at) {
    bool seen = true;
    chain.for_each([&](const auto& m) {
      if constexpr (mask_modifier<std::remove_cvref_t<decltype(m)>>) {
        if (seen && crestmax::hides_keys(m)) seen = m.visible(at);
      }
    });
    return seen;
  }

  static void modify_visible(const void* context, const score_block<T>& block) {
    const Chain& chain = chain_at(context);
    modify_where(chain, block, [&](score_position at) { return sees(chain, at); });
  }

  // The same of a mask.
  template <class M>
  static bool mask_rows(const M& m, const score_block<T>& block) {
    if constexpr (row_mask<M, T>) {
      for (index_type r = 0; block.kernels != nullptr && r < block.rows; ++r) m.mask_row(block.row(r, T(1)), *block.kernels);
      return block.kernels != nullptr;
    } else {
      return false;
    }
  }

  static void mask(const void* context, const score_block<T>& block) {
    constexpr T hidden = -std::numeric_limits<T>::infinity();
    const index_type last_key = block.first_key + (block.keys - 1) * block.key_step;
    chain_at(context).for_each([&](const auto& m) {
      using type = std::remove_cvref_t<decltype(m)>;
      if constexpr (mask_modifier<type>) {
        if (!crestmax::hides_keys(m) || mask_rows(m, block)) return;
        if constexpr (interval_mask<type>) {
          for (index_type r = 0; r < block.rows; ++r) {
            const row_position at = block.rows_at[r];
            const score_range range{block.sequence, at.head, at.query, at.query, at.query - at.query_index, block.first_key, last_key};
            crestmax::hide_outside(block.row(r, T(1)), m.reachable(range));
          }
        } else {
          block.for_each([&](T& s, score_position at) { s = m.visible(at) ? s : hidden; });
        }
      }
    });
  }

  static visibility classify(const void* context, const score_range& range) {
    visibility all = visibility::all;
    chain_at(context).for_each([&](const auto& m) {
      if constexpr (mask_modifier<std::remove_cvref_t<decltype(m)>>) {
        if (all != visibility::none && crestmax::hides_keys(m)) all = std::min(all, m.classify(range));
      }
    });
    return all;
  }

  static key_interval reachable(const void* context, const score_range& range) {
    key_interval hull{range.first_key, range.last_key + 1};
    chain_at(context).for_each([&](const auto& m) {
      if constexpr (requires { { m.reachable(range) } -> std::same_as<key_interval>; }) {
        if (crestmax::hides_keys(m)) {
          const key_interval keys = m.reachable(range);
          hull = {std::max(hull.begin, keys.begin), std::min(hull.end, keys.end)};
        }
      }
    });
    return hull;
  }

  // Those of the first that can tell; else the last query stands at the last key.
  static key_interval own_keys(const void* context, const score_range& range) {
    key_interval own{0, 0};
    chain_at(context).for_each([&](const auto& m) {
      if constexpr (requires { { m.own_keys(range) } -> std::same_as<key_interval>; }) {
        if (own.begin == own.end && crestmax::is_active(m)) own = m.own_keys(range);
      }
    });
    return own.begin == own.end ? key_interval{range.first_query, range.last_query + 1} : own;
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

// Whether a chain can come to use row_kernels; nobody knows of one whose modifiers are known at run time.
template <class T, any_chain Chain>
inline constexpr bool may_act_on_rows = true;
template <class T, class... M>
inline constexpr bool may_act_on_rows<T, modifier_chain<M...>> = ((row_modifier<M, T> || row_mask<M, T>) || ...);

// The chain must outlive the view.
template <class T, any_chain Chain>
modifier_view<T> view_of(const Chain& chain) {
  using functions = chain_functions<T, Chain>;
  modifier_view<T> view{&chain, functions::modify, functions::modify_visible, functions::mask, functions::classify,
                        functions::reachable, functions::own_keys, functions::sink, 0, false, false, false, false};
  chain.for_each([&](const auto& m) {
    using type = std::remove_cvref_t<decltype(m)>;
    if (!crestmax::is_active(m)) return;
    const bool changes = crestmax::changes_scores(m);
    if (changes && view.score_modifiers == 0) view.takes_scale = row_modifier<type, T>;
    view.score_modifiers += changes ? 1 : 0;
    view.masks |= crestmax::hides_keys(m);
    view.masks_by_head |= crestmax::hides_keys(m) && crestmax::masks_by_head<type>();
    view.sinks |= sink_modifier<type>;
  });
  return view;
}

template <any_chain Chain>
status check_modifiers(const Chain& chain, modifier_shape shape) {
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
