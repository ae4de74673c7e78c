// The modifiers that engines use. Their values are run-time values, and 'off' is one of them, which default
// construction says: an engine that learns window and cap per layer compiles one chain for all layers. A null pointer to
// entries is a mistake (an allocation that failed), and reported as one.
#pragma once

#include <cmath>
#include <span>

#include "../memory_checks.hpp"
#include "rows.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// Where queries stand among the keys of their sequence: the last query at the last key, or the first at the first.
enum class causal_align : std::int32_t { bottom_right, top_left };

// Query at position i sees keys j <= i: positions in the sequence, or, aligned at the top left, the query's row, whatever the lengths.
struct causal {
  static constexpr bool interval = true;
  static constexpr bool same_for_heads = true;
  static constexpr bool by_position = true;
  bool enabled = true;
  causal_align align = causal_align::bottom_right;

  bool active() const { return enabled; }
  constexpr modifier_kind kind_in_use() const {
    return align == causal_align::top_left ? modifier_kind::causal_top_left : modifier_kind::causal;
  }
  bool visible(score_position at) const { return at.key <= (align == causal_align::top_left ? at.query_index : at.query); }
  visibility classify(score_range r) const {
    const index_type before = above_own(r);
    if (r.first_key > r.last_query - before) return visibility::none;
    return r.last_key <= r.first_query - before ? visibility::all : visibility::partial;
  }
  key_interval reachable(score_range r) const { return {0, r.last_query - above_own(r) + 1}; }
  key_interval own_keys(score_range r) const {
    return align == causal_align::top_left ? key_interval{r.first_query - r.query_offset, r.last_query - r.query_offset + 1} : key_interval{0, 0};
  }

 private:
  // How far positions in the sequence lie above those that count.
  index_type above_own(const score_range& r) const { return align == causal_align::top_left ? r.query_offset : 0; }
};

// Query at position i sees keys i - left <= j <= i + right; a negative side is unlimited.
struct sliding_window {
  static constexpr modifier_kind kind = modifier_kind::sliding_window;
  static constexpr bool interval = true;
  static constexpr bool same_for_heads = true;
  static constexpr bool by_position = true;
  index_type left = -1;
  index_type right = -1;

  bool active() const { return left >= 0 || right >= 0; }
  bool visible(score_position at) const {
    const index_type distance = at.key - at.query;
    return (left < 0 || distance >= -left) && (right < 0 || distance <= right);
  }
  visibility classify(score_range r) const {
    const bool below = left >= 0 && r.last_key - r.first_query < -left;
    const bool beyond = right >= 0 && r.first_key - r.last_query > right;
    if (below || beyond) return visibility::none;
    const bool left_free = left < 0 || r.first_key - r.last_query >= -left;
    const bool right_free = right < 0 || r.last_key - r.first_query <= right;
    return left_free && right_free ? visibility::all : visibility::partial;
  }
  key_interval reachable(score_range r) const {
    constexpr index_type unlimited = std::numeric_limits<index_type>::max();
    const bool is_far = right < 0 || right >= unlimited - std::max<index_type>(0, r.last_query) - 1;
    return {left < 0 || left > r.first_query ? 0 : r.first_query - left,
            is_far ? unlimited : std::max<index_type>(0, r.last_query + right + 1)};
  }
};

inline bool is_absent(std::span<const float> array) { return array.data() == nullptr && array.empty(); }

// A table of one number per query head.
inline status check_per_head(const char* argument, std::span<const float> array, modifier_shape shape) {
  if (static_cast<index_type>(array.size()) != shape.q_heads) {
    return error(status_code::mismatch, argument, "one per query head:", shape.q_heads, static_cast<index_type>(array.size()));
  }
  return validate::suits(array) ? success() : validate::pointer_error(argument, array);
}

// Adds slope[head] * (key - query): the farther back, the lower. Source: Press et al. 2022 (ALiBi).
struct alibi {
  static constexpr modifier_kind kind = modifier_kind::alibi;
  static constexpr bool by_position = true;
  static constexpr bool linear_in_distance = true;
  std::span<const float> slopes{};  // one per query head

  bool active() const { return !crestmax::is_absent(slopes); }
  float slope_of(index_type head) const { return slopes[static_cast<std::size_t>(head)]; }
  template <class T>
  T operator()(T score, score_position at) const {
    return score + static_cast<T>(slope_of(at.head)) * static_cast<T>(at.key - at.query);
  }
  template <class T>
  void modify_row(score_row<T> row, const row_kernels<T>& kernels) const {
    const score_position at = row.first;
    kernels.add_ramp(row.scores, row.count, row.scale, static_cast<T>(slope_of(at.head)), static_cast<T>(at.key - at.query),
                     static_cast<T>(row.key_step));
  }
  status check(modifier_shape shape) const { return check_per_head("alibi.slopes", slopes, shape); }
};

// s -> cap * tanh(s / cap); cap in nats, 0 is 'off'.
struct soft_cap {
  static constexpr modifier_kind kind = modifier_kind::soft_cap;
  static constexpr bool by_position = false;
  float cap = 0;

  bool active() const { return !equals(cap, 0.0f); }
  template <class T>
  T operator()(T score, score_position) const {
    const T c = static_cast<T>(cap);
    return c * std::tanh(score / c);
  }
  template <class T>
  void modify_row(score_row<T> row, const row_kernels<T>& kernels) const {
    if (cap >= 0x1p-60f && cap <= 0x1p60f) kernels.soft_cap(row.scores, row.count, row.scale, static_cast<T>(cap));
    else crestmax::modify_each(*this, row);
  }
  status check(modifier_shape) const {
    if (cap > 0 && cap <= std::numeric_limits<float>::max()) return success();
    return error_real(status_code::bad_option, "soft_cap.cap", "a positive number (0 is off)", static_cast<double>(cap));
  }
};

// One more logit per head that joins the denominator and has no value.
struct attention_sinks {
  static constexpr modifier_kind kind = modifier_kind::attention_sinks;
  static constexpr bool by_position = false;
  std::span<const float> logits{};  // one per query head, nats

  bool active() const { return !crestmax::is_absent(logits); }
  double sink(index_type head) const {
    return static_cast<double>(logits[static_cast<std::size_t>(head)]);
  }
  status check(modifier_shape shape) const {
    if (status s = check_per_head("attention_sinks.logits", logits, shape); !s.ok()) return s;
    for (float logit : logits) {
      if (!(std::fabs(logit) <= std::numeric_limits<float>::max())) {
        return error_real(status_code::bad_option, "attention_sinks.logits", "finite numbers",
                          static_cast<double>(logit));
      }
    }
    return success();
  }
};

// A table over (sequence, head, query, key); an extent of 1 is broadcast. Indexed by the query's row
// in the query tensor and the key's position.
template <class T>
struct score_table {
  tensor<const T> table{};

  bool active() const { return !crestmax::is_absent(table); }
  const T& entry(score_position at) const {
    return table.data[step(0) * at.sequence + step(1) * at.head + step(2) * at.query_index +
                      step(3) * at.key];
  }
  status check_table(const char* argument, modifier_shape shape) const {
    const index_type wanted[4] = {shape.sequences, shape.q_heads, shape.q_len, shape.kv_len};
    for (std::size_t i = 0; i < 4; ++i) {
      if (table.extents[i] != 1 && table.extents[i] < wanted[i]) {
        return error(status_code::mismatch, argument, "extents of 1 or at least", wanted[i],
                     table.extents[i]);
      }
    }
    validate::byte_range unused;
    return validate::check_view({argument, table.data, static_cast<index_type>(sizeof(T)), static_cast<index_type>(alignof(T)),
                                 table.extents.data(), table.strides.data(), 4, false, false}, unused);
  }

 protected:
  index_type step(std::size_t i) const { return table.extents[i] == 1 ? 0 : table.strides[i]; }
};

// s -> s + bias. A bias of -inf leaves a key without weight; to hide garbage use boolean_mask.
template <class T = float>
struct additive_bias : score_table<T> {
  static constexpr modifier_kind kind = modifier_kind::additive_bias;
  static constexpr bool by_position = false;
  constexpr additive_bias() = default;
  constexpr explicit additive_bias(tensor<const T> bias) : score_table<T>{bias} {}

  template <class S>
  S operator()(S score, score_position at) const {
    return score + crestmax::convert<S>(this->entry(at));
  }
  template <class S>
  void modify_row(score_row<S> row, const row_kernels<S>& kernels) const
    requires requires { kind_of<T>; }
  {
    kernels.add_numbers(row.scores, row.count, row.scale, kind_of<T>, &this->entry(row.first), this->step(3) * row.key_step, S(1));
  }
  status check(modifier_shape shape) const { return this->check_table("additive_bias", shape); }
};
template <class T>
additive_bias(tensor<T>) -> additive_bias<std::remove_const_t<T>>;

// A key is visible where the mask is not 0.
template <class T = bool>
struct boolean_mask : score_table<T> {
  static constexpr modifier_kind kind = modifier_kind::boolean_mask;
  static constexpr bool by_position = false;
  constexpr boolean_mask() = default;
  constexpr explicit boolean_mask(tensor<const T> mask) : score_table<T>{mask} {}

  bool visible(score_position at) const { return static_cast<bool>(this->entry(at)); }
  // Looks at the entry of every key asked about: small beside the d_qk products that each stands for. Coverage plateaus asks
  // about samples, and for its estimate about the strides of those that are hidden, if they are at most 64 keys.
  visibility classify(score_range r) const {
    const index_type last_query = this->table.extents[2] == 1 ? r.first_query : r.last_query;
    const index_type last_key = this->table.extents[3] == 1 ? r.first_key : r.last_key;
    bool any = false;
    bool all = true;
    for (index_type query = r.first_query; query <= last_query; ++query) {
      for (index_type key = r.first_key; key <= last_key; key += r.key_step) {
        const bool seen = visible({r.sequence, r.head, query, query - r.query_offset, key});
        any |= seen;
        all &= seen;
      }
      if (any && !all) return visibility::partial;
    }
    return all ? visibility::all : any ? visibility::partial : visibility::none;
  }
  status check(modifier_shape shape) const { return this->check_table("boolean_mask", shape); }
};
template <class T>
boolean_mask(tensor<T>) -> boolean_mask<std::remove_const_t<T>>;

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
