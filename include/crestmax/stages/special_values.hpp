// Values that are no finite numbers. A block's first sweep multiplies them like others, and a weight of 0 makes a NaN even of
// one that the row does not see. Then the block is swept once more (finite_only): such values count as 0, so that every sum is
// bit for bit what it is with any finite numbers under hidden keys, and of those that a row sees it is noted what they make of
// each output: infinity or NaN, whatever else joins it. That is put in when the row is done.
#pragma once

#include "../backend/cpu/block.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

enum special_value : std::uint8_t { no_special = 0, plus_infinity = 1, minus_infinity = 2, not_a_number = 3 };  // both infinities: NaN

template <class Stored>
special_value special_of(Stored number) {
  const double x = convert<double>(number);
  if (is_finite(x)) return no_special;
  return x > 0 ? plus_infinity : x < 0 ? minus_infinity : not_a_number;
}

// What row r has seen for output c.
template <class T>
void note_special(block<T>& b, index_type r, index_type c, special_value seen) {
  const index_type at = r * b.state.output_stride + c;
  b.redo.special[at / specials_per_byte] |= static_cast<std::uint8_t>(seen << 2 * (at % specials_per_byte));
}

template <class T>
void forget_special(block<T>& b) {
  std::memset(b.redo.special, 0, static_cast<std::size_t>(b.view.rows * b.state.output_stride / specials_per_byte));
}

// Joins it.
template <class T>
void join_special(block<T>& b, index_type r) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  if (!b.redo.finite_only) return;
  for (index_type c = 0; c < b.plan->shape.d_v; ++c) {
    const index_type at = r * b.state.output_stride + c;
    const int seen = b.redo.special[at / specials_per_byte] >> 2 * (at % specials_per_byte) & 3;
    if ((seen & plus_infinity) != 0) b.state.output[at] += infinity;
    if ((seen & minus_infinity) != 0) b.state.output[at] -= infinity;
  }
}

// Calls f(j, row) for the values of every key of [begin, end).
template <class T, class F>
void for_each_value_row(const block<T>& b, key_interval keys, F&& f) {
  visit_input_kind<T>(b.operands.value_rows.kind, [&](auto* kind) {
    for_each_row<std::remove_pointer_t<decltype(kind)>>(b.operands.value_rows, keys.begin, 1, keys.end - keys.begin, f);
  });
}

template <class T>
bool has_special_values(const block<T>& b, key_interval keys) {
  bool found = false;
  for_each_value_row(b, keys, [&](index_type, const auto* row) {
    for (index_type c = 0; !found && c < b.plan->shape.d_v; ++c) found = special_of(row[c]) != no_special;
  });
  return found;
}

// Notes what the rows of the strip in hand see of such values in a tile. A score of -inf is a key without weight; a weight that
// underflows makes a NaN of an infinite value, as in the plain formula.
template <class T>
CRESTMAX_OUT_OF_LINE void note_special_values(block<T>& b, row_span strip, const tile_keys& tile) {
  for_each_value_row(b, {tile.first, tile.first + tile.count}, [&](index_type j, const auto* row) {
    for (index_type c = 0; c < b.plan->shape.d_v; ++c) {
      const special_value value = special_of(row[c]);
      if (value == no_special) continue;
      for (index_type r = strip.first; r < strip.first + strip.count; ++r) {
        const T score = score_row(b, strip, r)[j];
        if (!(score > hidden_score<T>)) continue;
        const double below = (static_cast<double>(score) - static_cast<double>(b.state.base[r])) * static_cast<double>(b.weighing.unit);
        note_special(b, r, c, static_cast<T>(std::exp(below)) > T(0) ? value : not_a_number);
      }
    }
  });
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
