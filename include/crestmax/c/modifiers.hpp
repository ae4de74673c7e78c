// A list of modifiers that is known at run time: a chain, as far as the rest of the library sees. Each modifier's own
// loops over blocks of scores are those that a C++ chain has.
#pragma once

#include <cstddef>
#include <new>
#include <variant>

#include "../modifiers.hpp"
#include "structs.h"

#if defined(__GNUC__)
#define CRESTMAX_C_INLINE __attribute__((always_inline)) inline
#else
#define CRESTMAX_C_INLINE inline
#endif

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace c {

inline status check_callback(const char* argument, bool is_there) {
  return is_there ? success() : error_text(status_code::null_pointer, argument, "a function", "null");
}

inline crestmax_position position_of(const score_position& at) { return {at.sequence, at.head, at.query, at.query_index, at.key}; }
inline crestmax_range range_of(const score_range& r) {
  return {r.sequence, r.head, r.first_query, r.last_query, r.query_offset, r.first_key, r.last_key, r.key_step};
}

struct custom_score {
  double (*score)(void* user, double score, const crestmax_position* at) = nullptr;
  void* user = nullptr;

  template <class T>
  T operator()(T s, score_position at) const {
    const crestmax_position place = position_of(at);
    return crestmax::convert<T>(score(user, crestmax::convert<double>(s), &place));
  }
  status check(modifier_shape) const { return check_callback("custom_score.score", score != nullptr); }
};

struct custom_mask {
  int32_t (*asked)(void* user, const crestmax_position* at) = nullptr;
  int32_t (*classified)(void* user, const crestmax_range* range) = nullptr;
  void (*reached)(void* user, const crestmax_range* range, int64_t* begin, int64_t* end) = nullptr;
  void* user = nullptr;

  bool visible(score_position at) const {
    const crestmax_position place = position_of(at);
    return asked(user, &place) != 0;
  }
  visibility classify(score_range r) const {
    if (classified == nullptr) return visibility::partial;
    const crestmax_range range = range_of(r);
    const int32_t seen = classified(user, &range);
    return seen == CRESTMAX_SEES_NONE ? visibility::none : seen == CRESTMAX_SEES_ALL ? visibility::all : visibility::partial;
  }
  key_interval reachable(score_range r) const {
    key_interval keys{0, std::numeric_limits<index_type>::max()};
    if (reached == nullptr) return keys;
    const crestmax_range range = range_of(r);
    reached(user, &range, &keys.begin, &keys.end);
    return keys;
  }
  status check(modifier_shape) const { return check_callback("custom_mask.visible", asked != nullptr); }
};

// Copies what it holds and no more: a call makes one, and its runnable keeps another.
class modifier_list {
 public:
  // The most frequent one first.
  using any = std::variant<causal, sliding_window, alibi, soft_cap, attention_sinks, additive_bias<float>, additive_bias<double>,
                           additive_bias<float16>, additive_bias<bfloat16>, boolean_mask<std::uint8_t>, custom_score, custom_mask, mask_tensor, tree_mask,
                           positioned<causal>, positioned<sliding_window>, positioned<alibi>>;
  static_assert(std::is_trivially_copyable_v<any>);
  static constexpr std::size_t most = CRESTMAX_MOST_MODIFIERS;

  modifier_list() = default;
  modifier_list(const modifier_list& other) { *this = other; }
  modifier_list& operator=(const modifier_list& other) {
    count_ = 0;
    for (std::size_t i = 0; i < other.count_; ++i) add(other.at(i));
    return *this;
  }

  // One more, of at most `most`.
  void add(const any& m) { new (memory_ + count_++ * sizeof(any)) any(m); }

  // Inlined, as every f comes once: masks are asked about every few keys.
  template <class F>
  CRESTMAX_C_INLINE void for_each(F&& f) const {
    for (std::size_t i = 0; i < count_; ++i) visit(at(i), f, std::make_index_sequence<std::variant_size_v<any>>());
  }

 private:
  const any& at(std::size_t i) const { return *std::launder(pointer_to<any>(static_cast<const void*>(memory_ + i * sizeof(any)))); }

  template <class F, std::size_t... Type>
  CRESTMAX_C_INLINE static void visit(const any& m, F& f, std::index_sequence<Type...>) {
    static_cast<void>(((m.index() == Type && (f(*std::get_if<Type>(&m)), true)) || ...));
  }

  std::size_t count_ = 0;
  alignas(any) std::byte memory_[most * sizeof(any)];
};

}  // namespace c

template <>
struct is_chain<c::modifier_list> : std::true_type {};

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
#undef CRESTMAX_C_INLINE
