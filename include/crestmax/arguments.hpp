// The arguments behind a call's tensors: options, modifiers, a backend and an executor, in any order, each at most once.
#pragma once

#include <type_traits>

#include "backend/automatic.hpp"
#include "execution.hpp"
#include "modifiers.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace arguments {

enum class role { options, modifiers, backend, executor };

// By what they have at least, so that a backend or an executor that lacks something is told what.
template <class A>
concept like_a_backend = requires(const A& a, const plan_header& h) { a.name(); a.instruction_set(h); };
template <class A>
concept like_an_executor = requires(A& a) { a.workers(); } || requires(A& a, void (*body)(index_type, int)) { a.run(index_type{}, body); };

// The role of a type, or an error that names what it lacks.
template <class A>
consteval role role_of() {
  if constexpr (std::is_same_v<A, options>) {
    return role::options;
  } else if constexpr (like_a_backend<A>) {
    return role::backend;
  } else if constexpr (like_an_executor<A> && !modifier_or_chain<A>) {
    static_assert(executor<A>);
    return role::executor;
  } else {
    static_assert(modifier_or_chain<A>);
    return role::modifiers;
  }
}

template <role R, class... A>
inline constexpr int count_of = ((role_of<A>() == R ? 1 : 0) + ... + 0);

// Whether these may follow a call's tensors.
template <class... A>
consteval bool are_known() {
  static_assert(count_of<role::options, A...> <= 1, "options are given twice");
  static_assert(count_of<role::modifiers, A...> <= 1, "modifiers are given twice: compose them with |");
  static_assert(count_of<role::backend, A...> <= 1, "a backend is given twice");
  static_assert(count_of<role::executor, A...> <= 1, "an executor is given twice");
  return true;
}
template <class... A>
concept known_together = are_known<std::remove_cvref_t<A>...>();
template <class A>
concept known = known_together<A>;

// Options stand first where they are given in braces: what stands first and is none of them.
template <class A>
concept no_options = !std::is_same_v<std::remove_cvref_t<A>, options>;

template <role R, class Otherwise>
constexpr Otherwise& pick(Otherwise& otherwise) {
  return otherwise;
}
template <role R, class Otherwise, class First, class... More>
constexpr auto& pick(Otherwise& otherwise, First& first, More&... more) {
  if constexpr (role_of<std::remove_const_t<First>>() == R) return first;
  else return arguments::pick<R>(otherwise, more...);
}

// Calls f(options, chain, backend, executor).
template <class F, class... A>
constexpr decltype(auto) tell_apart(F&& f, A&... a) {
  const options usual{};
  const no_modifiers unmodified{};
  const backend::automatic automatic{};
  const serial alone{};
  return f(arguments::pick<role::options>(usual, a...), crestmax::as_chain(arguments::pick<role::modifiers>(unmodified, a...)),
           arguments::pick<role::backend>(automatic, a...), arguments::pick<role::executor>(alone, a...));
}

}  // namespace arguments

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
