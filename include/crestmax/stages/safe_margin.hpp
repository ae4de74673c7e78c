// Stage: safe margin. Fixes the shift c = crest + margin before the sweep, the crest being the highest
// of anchors, plateaus, coarse samples and sink. The margin is a multiple of ln 2 and lives in the
// exponent of the weights (exp(s - crest) * 2^-margin), so that a row which meets its maximum has an
// exact power of two there; exp(s - c) <= 1 as long as the crest is at most `margin` too low.
#pragma once

#include "accumulate.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

template <class T>
void fix_shift(block<T>& b) {
  for (index_type r = 0; r < b.view.rows; ++r) {
    T crest = std::max(b.state.shift[r], b.search.sample_max[r]);
    if (b.call->modifiers.sinks && !b.redo.careful) {
      const double sink = b.call->modifiers.sink(b.call->modifiers.context, b.view.rows_at[r].head);
      crest = std::max(crest, static_cast<T>(sink / static_cast<double>(b.weighing.unit)));
    }
    if (crest > b.state.shift[r]) lift(b, r, crest);
    b.state.crest[r] = b.state.shift[r];
  }
  if (!b.state.all_set) note_set_rows(b);
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
