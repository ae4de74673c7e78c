// What modifies the scores: the concepts, and the chain that composes modifiers with `|`.
//
// A score s = scale * (query . key), in nats, passes through the score modifiers from left to right,
// then through the masks. Modifiers are pure and cheap to copy. Three kinds, told apart by what they
// offer; a type may offer several:
//   score modifier   T operator()(T score, score_position at) const      for T = float and double
//   mask             bool visible(score_position at) const
//                    visibility classify(score_range range) const        none / partial / all
//   sink             double sink(index_type head) const                  a logit without a key
// and, all optional:
//   bool active() const                        false: as if it were not in the chain (run-time 'off')
//   key_interval reachable(score_range) const  of a mask: a hull of the keys it can leave visible
//   void modify_row(score_row<T>, const row_kernels<T>&) const   of a score modifier: a row at a time, in vectors; see rows.hpp
//   static constexpr bool interval = true      of a mask: what reachable() says of a single query is just what that query sees
//   void mask_row(score_row<T>, const row_kernels<T>&) const     of a mask: -inf for what it hides, a row at a time; see rows.hpp
//   bool changes_scores() const, bool hides_keys() const         what is known only at run time: false, as if it were no score modifier, no mask
//   static constexpr bool linear_in_distance = true  of a score modifier: it adds slope_of(head) * (key - query), no more
//   static constexpr bool same_for_heads = true  of a mask: it hides the same from every head, and is asked about one of several
//   static constexpr bool by_position          whether it goes by distances of positions alone, so that a caller may give these; see positions.hpp
//   key_interval own_keys(score_range) const   the keys around which the queries stand, where the last query is not at the last key: those to look
//                                              at first, a hint that decides no result; empty: it cannot tell
//   status check(modifier_shape) const         bad tables are reported before anything is written
//
// operator() is called for pairs of a query and a key that all masks leave visible, no others: a table may be indexed by
// the score as well as by the positions, whatever hidden keys hold. modify_row() is not: it gets whole rows. Masks are asked about any query and key of a sequence.
// Where q_len > kv_len the first queries stand before the first key, at negative positions down to kv_len - q_len.
#pragma once

#include <algorithm>
#include <concepts>
#include <limits>
#include <span>
#include <tuple>
#include <utility>

#include "../error.hpp"
#include "../tensor.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_VERSION

// Where a score stands. `query` and `key` are positions in their sequence; the last query stands at
// the last key, so query = query_index + kv_len - q_len (bottom-right alignment): negative for queries before the first key.
struct score_position {
  index_type sequence;
  index_type head;
  index_type query;
  index_type query_index;  // row of the query tensor, counted from the sequence's first
  index_type key;
};

// Queries [first_query, last_query] (positions) and keys first_key, first_key + key_step, ... last_key of one head, inclusive.
// What holds for all keys in between holds for those, so that a mask may leave key_step aside.
struct score_range {
  index_type sequence;
  index_type head;
  index_type first_query;
  index_type last_query;
  index_type query_offset;  // position of query_index 0
  index_type first_key;
  index_type last_key;
  index_type key_step = 1;
};

struct key_interval {  // [begin, end)
  index_type begin;
  index_type end;
};

enum class visibility : int { none, partial, all };

// Which modifier it is, for a backend that does not call modifiers but has kernels for some of them. The
// library's own say so by a static member `kind`, or, where it is known at run time, by kind_in_use(); all others are `custom`.
enum class modifier_kind : std::int32_t {
  none, causal, sliding_window, alibi, soft_cap, attention_sinks, additive_bias, boolean_mask, mask_tensor, causal_top_left, at_positions, tree_mask, custom
};
constexpr const char* name(modifier_kind kind) {
  constexpr const char* names[] = {"none", "causal", "sliding_window", "alibi", "soft_cap", "attention_sinks",
                                   "additive_bias", "boolean_mask", "mask_tensor", "causal, aligned at the top left", "positions of the caller's own",
                                   "tree_mask", "a modifier of the caller's own"};
  return names[static_cast<int>(kind)];
}

CRESTMAX_END_VERSION

CRESTMAX_BEGIN_NAMESPACE

// Lengths and offsets of the sequences of a ragged batch, as in options; empty where sequences are equally long.
struct ragged_lengths {
  std::span<const std::int32_t> query_offsets{};
  std::span<const std::int32_t> query_lengths{};
  std::span<const std::int32_t> key_offsets{};
  std::span<const std::int32_t> key_lengths{};

  index_type q_len_of(index_type sequence, index_type usual) const { return length_of(query_lengths, query_offsets, sequence, usual); }
  index_type kv_len_of(index_type sequence, index_type usual) const { return length_of(key_lengths, key_offsets, sequence, usual); }

 private:
  static index_type length_of(std::span<const std::int32_t> lengths, std::span<const std::int32_t> offsets, index_type sequence, index_type usual) {
    const auto i = static_cast<std::size_t>(sequence);
    return !lengths.empty() ? lengths[i] : !offsets.empty() ? index_type{offsets[i + 1]} - offsets[i] : usual;
  }
};

struct modifier_shape {
  index_type sequences;
  index_type q_len;  // of the longest sequence, as the next
  index_type kv_len;
  index_type q_heads;
  ragged_lengths lengths{};

  index_type q_len_of(index_type sequence) const { return lengths.q_len_of(sequence, q_len); }
  index_type kv_len_of(index_type sequence) const { return lengths.kv_len_of(sequence, kv_len); }
};

// In double a score stays double: a modifier that is written for float alone would round it.
template <class M>
concept score_modifier = requires(const M& m, score_position at) {
  { m(float{}, at) } -> std::convertible_to<float>;
  { m(double{}, at) } -> std::same_as<double>;
};

template <class M>
concept mask_modifier = requires(const M& m, score_position at, score_range range) {
  { m.visible(at) } -> std::convertible_to<bool>;
  { m.classify(range) } -> std::same_as<visibility>;
};

template <class M>
concept interval_mask = mask_modifier<M> && M::interval && requires(const M& m, score_range range) {
  { m.reachable(range) } -> std::same_as<key_interval>;
};

template <class M>
concept sink_modifier = requires(const M& m, index_type head) {
  { m.sink(head) } -> std::convertible_to<double>;
};

template <class M>
concept modifier =
    std::copy_constructible<M> && (score_modifier<M> || mask_modifier<M> || sink_modifier<M>);

// Modifiers in the order in which they act.
template <modifier... M>
struct modifier_chain {
  std::tuple<M...> parts;

  static constexpr bool has_score_modifiers = (score_modifier<M> || ...);
  static constexpr bool has_masks = (mask_modifier<M> || ...);
  static constexpr bool has_sinks = (sink_modifier<M> || ...);

  // Calls f on every modifier, from left to right.
  template <class F>
  void for_each(F&& f) const {
    std::apply([&](const M&... m) { (f(m), ...); }, parts);
  }
};

using no_modifiers = modifier_chain<>;

// A list that is known at run time says so by a specialisation; it calls f on its modifiers as modifier_chain does.
template <class M>
struct is_chain : std::false_type {};
template <class... M>
struct is_chain<modifier_chain<M...>> : std::true_type {};

template <class M>
concept any_chain = is_chain<M>::value;
template <class M>
concept modifier_or_chain = modifier<M> || any_chain<M>;

// A chain of its arguments, for types that argument-dependent lookup does not bring to `|`.
template <class... M>
constexpr modifier_chain<M...> chain(M... m) {
  return {std::tuple<M...>(m...)};
}
template <any_chain C>
constexpr const C& as_chain(const C& c) {
  return c;
}
template <modifier M>
constexpr modifier_chain<M> as_chain(const M& m) {
  return {std::tuple<M>(m)};
}

template <modifier_or_chain A, modifier_or_chain B>
constexpr auto operator|(const A& a, const B& b) {
  return std::apply([](const auto&... m) { return crestmax::chain(m...); },
                    std::tuple_cat(crestmax::as_chain(a).parts, crestmax::as_chain(b).parts));
}

template <class M>
constexpr bool is_active(const M& m) {
  if constexpr (requires { { m.active() } -> std::convertible_to<bool>; }) return m.active();
  else return true;
}

template <class M>
constexpr bool changes_scores(const M& m) {
  if constexpr (!score_modifier<M>) return false;
  else if constexpr (requires { { m.changes_scores() } -> std::convertible_to<bool>; }) return crestmax::is_active(m) && m.changes_scores();
  else return crestmax::is_active(m);
}
template <class M>
constexpr bool hides_keys(const M& m) {
  if constexpr (!mask_modifier<M>) return false;
  else if constexpr (requires { { m.hides_keys() } -> std::convertible_to<bool>; }) return crestmax::is_active(m) && m.hides_keys();
  else return crestmax::is_active(m);
}

template <class M>
constexpr modifier_kind kind_of_modifier(const M& m) {
  if constexpr (requires { { m.kind_in_use() } -> std::same_as<modifier_kind>; }) return m.kind_in_use();
  else if constexpr (requires { { M::kind } -> std::convertible_to<modifier_kind>; }) return M::kind;
  else return modifier_kind::custom;
}

// Whether a mask may hide from one head what it leaves to another.
template <class M>
constexpr bool masks_by_head() {
  if constexpr (!mask_modifier<M>) return false;
  else if constexpr (requires { { M::same_for_heads } -> std::convertible_to<bool>; }) return !M::same_for_heads;
  else return true;
}

// The first modifier of a chain that is active and is none of kind `other_than`.
template <any_chain Chain>
modifier_kind first_active(const Chain& chain, modifier_kind other_than) {
  modifier_kind found = modifier_kind::none;
  chain.for_each([&](const auto& m) {
    if (found == modifier_kind::none && crestmax::is_active(m) && crestmax::kind_of_modifier(m) != other_than) found = crestmax::kind_of_modifier(m);
  });
  return found;
}
template <any_chain Chain>
bool has_active(const Chain& chain, modifier_kind wanted) {
  bool found = false;
  chain.for_each([&](const auto& m) { found |= crestmax::is_active(m) && crestmax::kind_of_modifier(m) == wanted; });
  return found;
}

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
