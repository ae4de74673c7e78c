// Mask tensors as modifiers. See mask_view.hpp for what they are, mask_map.hpp for the map that is made of one beforehand.
#pragma once

#include "build_mask_map.hpp"
#include "standard.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// Hides what a mask hides and adds its other numbers to scores: s -> s + factor * number. What is hidden whole is skipped, where nothing is
// hidden or added nothing is done, by the mask's map.
//
// Axes are (sequence, head, query, key): the number of a sequence in the batch, whether its queries and keys are packed or have lengths of
// their own; the query head; the query's row, counted from its sequence's first; the key's position in its sequence, plus first_key. Extents are 1
// or at least those of the call, so one mask serves sequences of different length, each from its own first query and key on.
//
// A row that sees no key has outputs of 0 and an LSE of -inf, whether its entries are -inf or the lowest number. A NaN that is added, or +inf,
// makes its row's outputs NaN. Hidden keys may hold anything. Where a mask does not add, scores are not touched: a call
// costs what the same call costs with a mask by positions.
struct mask_tensor {
  static constexpr modifier_kind kind = modifier_kind::mask_tensor;

  constexpr mask_tensor() = default;
  // The map is one that has been built: what it says of the whole mask is read here. Where a map is built again, the modifier is made again, and
  // an attached call attached again.
  mask_tensor(const mask_view& mask, std::span<const std::byte> map) : mask_(crestmax::without_idle_strides(mask)), map_(map), at_(mask_) {
    if (!crestmax::is_absent(mask) && validate::check_map("", mask_, map_).ok()) facts_ = validate::header_of(map_).facts;
  }

  index_type first_key = 0;                // the entry of a sequence's first key
  std::span<const float> factors{};        // of what is added, one per query head; none: 1
  bool repeats_heads_and_sequences = false;  // extents of heads and of sequences may divide those of the call, and start again

  const mask_view& mask() const { return mask_; }
  std::span<const std::byte> map() const { return map_; }

  bool active() const { return !crestmax::is_absent(mask_) || map_.data() != nullptr; }
  bool changes_scores() const { return (facts_ & mask_facts::adds) != 0; }
  bool hides_keys() const { return (facts_ & mask_facts::hides) != 0; }

  template <class T>
  T operator()(T score, score_position at) const {
    return visit_mask(mask_.type, [&](auto* as) -> T {
      using entry = std::remove_pointer_t<decltype(as)>;
      if constexpr (std::is_same_v<entry, std::uint8_t>) return score;
      else return score + factor_of<T>(at.head) * crestmax::convert<T>(*pointer_to<entry>(entry_at(at)));
    });
  }
  template <class T>
  void modify_row(score_row<T> row, const row_kernels<T>& kernels) const {
    if (mask_.type != mask_type::boolean && adds_to(row)) {
      kernels.add_numbers(row.scores, row.count, row.scale, kind_of_mask(mask_.type), entry_at(row.first), mask_.strides[3] * row.key_step,
                          factor_of<T>(row.first.head));
    } else if (!equals(row.scale, T(1))) {
      kernels.add_ramp(row.scores, row.count, row.scale, T(0), T(0), T(0));
    }
  }

  bool visible(score_position at) const {
    return visit_mask(mask_.type, [&](auto* as) { return !crestmax::hides(*pointer_to<std::remove_pointer_t<decltype(as)>>(entry_at(at))); });
  }
  // By tiles of the map, and where they say that some are visible by what the rows see.
  visibility classify(score_range r) const {
    const index_type number = at_.matrix(r.sequence, r.head);
    const index_type first = mask_query(r.first_query - r.query_offset);
    const index_type last = mask_query(r.last_query - r.query_offset);
    const key_interval keys = mask_keys(r.first_key, r.last_key);
    constexpr std::uint8_t both = mask_facts::shows | mask_facts::hides;
    const std::uint8_t seen = reader().facts(number, first, last, keys.begin, keys.end, both);
    if ((seen & both) == mask_facts::hides) return visibility::none;
    if ((seen & both) == mask_facts::shows) return visibility::all;
    return classify_rows(number, first, last, keys);
  }
  key_interval reachable(score_range r) const {
    const index_type first = mask_query(r.first_query - r.query_offset);
    const key_interval seen = reader().hull(at_.matrix(r.sequence, r.head), first, mask_query(r.last_query - r.query_offset));
    return positions(seen.begin, seen.end);
  }
  // Rows that see all between two keys are cut; others are read.
  template <class T>
  void mask_row(score_row<T> row, const row_kernels<T>& kernels) const {
    const seen_keys seen = reader().row(matrix(row.first), mask_query(row.first.query_index));
    if (seen.is_whole) return crestmax::hide_outside(row, positions(seen.begin, seen.end));
    kernels.hide(row.scores, row.count, mask_.type, entry_at(row.first), mask_.strides[3] * row.key_step);
  }

  status check(modifier_shape shape) const;

 private:
  mask_map_reader reader() const { return {at_, map_.data()}; }
  index_type matrix(score_position at) const { return at_.matrix(at.sequence, at.head); }
  index_type mask_query(index_type query_index) const { return at_.queries() == 1 ? 0 : query_index; }
  // The mask's first and last key of the call's.
  key_interval mask_keys(index_type first, index_type last) const {
    return at_.keys() == 1 ? key_interval{0, 0} : key_interval{first_key + first, first_key + last};
  }
  // The call's keys of the mask's [begin, end).
  key_interval positions(index_type begin, index_type end) const {
    if (begin >= end) return {0, 0};
    if (at_.keys() == 1) return {0, std::numeric_limits<index_type>::max()};
    return {std::max<index_type>(0, begin - first_key), std::max<index_type>(0, end - first_key)};
  }
  template <class T>
  T factor_of(index_type head) const { return factors.empty() ? T(1) : static_cast<T>(factors[static_cast<std::size_t>(head)]); }

  const void* entry_at(score_position at) const {
    const index_type sequence = at_.within(at.sequence, 0) * mask_.strides[0];
    const index_type place = sequence + at_.within(at.head, 1) * mask_.strides[1] + at.query_index * mask_.strides[2] + (first_key + at.key) * mask_.strides[3];
    return pointer_to<std::byte>(mask_.data) + place * crestmax::size_of(mask_.type);
  }

  // Whether the tiles that a row of scores stands in add anything.
  template <class T>
  bool adds_to(const score_row<T>& row) const {
    const key_interval keys = mask_keys(row.first.key, row.first.key + (row.count - 1) * row.key_step);
    const index_type query = mask_query(row.first.query_index);
    return (reader().facts(matrix(row.first), query, query, keys.begin, keys.end, mask_facts::adds) & mask_facts::adds) != 0;
  }

  visibility classify_rows(index_type number, index_type first, index_type last, key_interval keys) const {
    bool any = false;
    bool all = true;
    for (index_type query = first; query <= last; ++query) {
      const seen_keys row = reader().row(number, query);
      const bool none = row.end <= keys.begin || row.begin > keys.end;
      const bool inside = row.begin <= keys.begin && keys.end < row.end;
      if (!none && !(inside && row.is_whole)) return visibility::partial;
      any |= !none;
      all &= !none;
      if (any && !all) return visibility::partial;
    }
    return all ? visibility::all : visibility::none;
  }

  mask_view mask_;
  std::span<const std::byte> map_;
  mask_map_layout at_;
  std::int32_t facts_ = mask_facts::none;
};

inline status mask_tensor::check(modifier_shape shape) const {
  constexpr const char* name = "mask_tensor";
  if (first_key < 0 || first_key > index_type{1} << 40) return error(status_code::bad_option, "mask_tensor.first_key", "0 to 2^40", first_key);
  if (status s = validate::check_mask(name, mask_); !s.ok()) return s;
  const index_type wanted[4] = {shape.sequences, shape.q_heads, shape.q_len, first_key + shape.kv_len};
  for (std::size_t i = 0; i < 4; ++i) {
    const index_type extent = mask_.extents[i];
    const bool repeats = i < 2 && repeats_heads_and_sequences && extent > 0 && wanted[i] % extent == 0;
    if (extent != 1 && extent < wanted[i] && !repeats) {
      return error(status_code::mismatch, validate::entry_name(name, "axis", static_cast<index_type>(i)).text, "an extent of 1 or at least", wanted[i], extent);
    }
  }
  if (!factors.empty()) {
    if (status s = crestmax::check_per_head("mask_tensor.factors", factors, shape); !s.ok()) return s;
  }
  if (status s = validate::check_map("mask_tensor.map", mask_, map_); !s.ok()) return s;
  const auto facts = validate::header_of(map_).facts;
  if (facts == facts_) return success();
  return error(status_code::mismatch, "mask_tensor.map", "not built again after the modifier was made: facts", static_cast<index_type>(facts_),
               static_cast<index_type>(facts));
}

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
