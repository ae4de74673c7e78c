// Stage: what a coverage leaves out. Norms of queries and keys bound how far computed scores lie from those of the inputs; every tile
// adds to a row's mass_bound, either to what was kept or to what was left out.
#pragma once

#include "operands.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Whether rows get a bound that holds: for every input, or where the L that the caller states is true. Others pay for none.
inline bool certifies(const plan_rules& h) {
  return h.coverage == coverage_kind::above || (h.coverage == coverage_kind::plateaus && h.lipschitz >= 0);
}

// Nats per unit of a score, where `unit` is rounded to T.
template <class T>
double exact_unit(const block<T>& b) {
  return b.weighing.raw ? b.plan->scale : 1.0;
}

// The norms of the block's queries.
template <class T>
void measure_queries(block<T>& b) {
  if (!b.loss.certified) return;
  const index_type d = b.plan->shape.d_qk;
  const query_rows queries = queries_of(b);
  visit_input_kind<T>(b.call->query.kind, [&](auto* kind) {
    for (index_type r = 0; r < b.view.rows; ++r) {
      const auto* query = queries.row<std::remove_pointer_t<decltype(kind)>>(r);
      double sum = static_cast<double>(d) * std::numeric_limits<double>::min();  // squares may underflow
      for (index_type k = 0; k < d; ++k) {
        const double x = static_cast<double>(convert<T>(query[k]));
        sum += x * x;
      }
      b.loss.query_norm[r] = std::sqrt(sum) * (1 + 0x1p-32);
    }
  });
}

// The squared norms of a tile's keys.
template <class T>
void measure_keys(block<T>& b, const tile_keys& tile) {
  b.loss.largest_square = b.kernels->measure_keys(b.operands.key_rows, tile.first, tile.step, tile.count, b.loss.key_square);
}

// Whether masks leave a key to a row.
template <class T>
bool sees_key(const block<T>& b, index_type r, index_type key) {
  const modifier_view<T>& m = b.call->modifiers;
  if (!m.masks) return true;
  T score = 0;
  m.mask(m.context, {&score, 1, b.view.rows_at + r, 1, b.view.sequence_number, key, 1, 1});
  return equals(score, T(0));
}

// The largest squared norm among the keys of the tile that a row sees; -1: it sees none. Hidden keys may hold anything. A score
// of -inf is that of a hidden key, or of one whose products overflowed.
template <class T>
T largest_square_seen(const block<T>& b, row_span strip, index_type r, const tile_keys& tile) {
  if (tile.seen == visibility::all) return b.loss.largest_square;
  constexpr double most = static_cast<double>(std::numeric_limits<T>::max()) / 4;
  const T* scores = score_row(b, strip, r);
  T largest = -1;
  for (index_type j = 0; j < tile.count; ++j) {
    const T square = b.loss.key_square[j];
    if (square <= largest || is_nan(largest)) continue;
    const bool may_overflow = !(b.loss.query_norm[r] * std::sqrt(static_cast<double>(square)) < most);
    if (!equals(scores[j], hidden_score<T>) || (may_overflow && sees_key(b, r, tile.first + j * tile.step))) largest = square;
  }
  return largest;
}

// How far the scores of a row may err, in nats, against keys of at most this squared norm; `top` is the highest of those.
template <class T>
double score_error(const block<T>& b, index_type r, T square, T top) {
  constexpr double ulp = static_cast<double>(std::numeric_limits<T>::epsilon());
  constexpr double least = static_cast<double>(std::numeric_limits<T>::min());
  const double d = static_cast<double>(b.plan->shape.d_qk);
  const double norm = std::sqrt(static_cast<double>(square) * (1 + (d + 2) * ulp) + 4 * d * least);
  const double size = equals(top, hidden_score<T>) ? 0 : std::fabs(static_cast<double>(top)) * exact_unit(b);
  return b.loss.errors.bound(b.loss.query_norm[r], norm, std::max(size, static_cast<double>(b.loss.size[r])));
}

// The scores in hand of a strip are about to be weighed or dropped: how far they may err. Negative: the row sees no key.
template <class T>
void note_errors(block<T>& b, row_span strip, const tile_keys& tile) {
  for (index_type r = strip.first; r < strip.first + strip.count; ++r) {
    const T square = largest_square_seen(b, strip, r, tile);
    b.loss.error[r] = square < 0 ? -1.0 : score_error(b, r, square, b.state.tile_max[r]);
  }
}

// The weights in hand join what is kept.
template <class T>
void keep_strip(block<T>& b, row_span strip) {
  for (index_type r = strip.first; r < strip.first + strip.count; ++r) {
    if (b.loss.error[r] < 0) continue;
    const double sum = static_cast<double>(b.kernels->total(b.scratch.lanes + r * b.kernels->lanes));
    b.loss.mass[r].keep(sum * (1 - weight_error<T>) * std::exp(-b.loss.error[r]));
  }
}

// Coverage above(tau): true if no row has a score above shift + margin - tau in the strip in hand. It is then left out: each row
// loses at most keys * exp(tile max + error - shift - margin).
template <class T>
bool drop_strip(block<T>& b, row_span strip, index_type keys) {
  const double threshold = b.weighing.margin * ln2 - b.plan->tau;
  for (index_type r = strip.first; r < strip.first + strip.count; ++r) {
    if (equals(b.state.shift[r], hidden_score<T>)) return false;
    const double above_shift = (static_cast<double>(b.state.tile_max[r]) - static_cast<double>(b.state.shift[r])) * static_cast<double>(b.weighing.unit);
    if (!(above_shift < threshold)) return false;
  }
  for (index_type r = strip.first; r < strip.first + strip.count; ++r) {
    if (b.loss.error[r] < 0) continue;
    const double above_shift = (static_cast<double>(b.state.tile_max[r]) - static_cast<double>(b.state.shift[r])) * exact_unit(b);
    const bool no_weight = equals(b.state.tile_max[r], hidden_score<T>) && b.loss.error[r] <= std::numeric_limits<double>::max();
    if (no_weight) continue;
    const double most = std::exp(above_shift + b.loss.error[r] + std::fabs(above_shift) * 0x1p-50);
    b.loss.mass[r].leave_out(rounded_up(static_cast<double>(keys) * std::ldexp(most, -b.weighing.margin)));
  }
  return true;
}

// The share of a row's weight that the coverage may have left out, and the estimate of plateaus.
struct lost_mass {
  double bound;
  double estimate;
};

template <class T>
double sink_of(const block<T>& b, index_type r) {
  if (!b.call->modifiers.sinks) return -std::numeric_limits<double>::infinity();
  return b.call->modifiers.sink(b.call->modifiers.context, b.view.rows_at[r].head);
}

// exp(a - b), 0 where a is -inf.
inline double weight_between(double a, double b) {
  if (equals(a, b) && std::fabs(a) <= std::numeric_limits<double>::max()) return 1.0;
  return equals(a, -std::numeric_limits<double>::infinity()) ? 0.0 : std::exp(a - b);
}

// At most the weight of a row's sink beside its keys'. The centre is off by what `unit` is rounded by.
template <class T>
double least_sink_weight(const block<T>& b, index_type r) {
  const double sink = sink_of(b, r);
  const double slack = std::fabs(static_cast<double>(b.state.shift[r])) * std::fabs(static_cast<double>(b.weighing.unit) - exact_unit(b));
  return rounded_down(weight_between(sink - slack - 0x1p-50 * (std::fabs(sink) + std::fabs(b.state.center[r])), b.state.center[r]));
}

template <class T>
lost_mass lost_by(const block<T>& b, index_type r) {
  const plan_rules& h = *b.plan;
  if (b.redo.careful || !b.loss.leaves_out) return {0, 0};
  const double sink = b.call->modifiers.sinks ? least_sink_weight(b, r) : 0;
  mass_bound mass = b.loss.mass[r];
  if (!b.loss.certified) mass.kept = static_cast<double>(b.state.exact_sum[r]);
  const double bound = mass.share(sink);
  return {bound, h.coverage == coverage_kind::above ? bound : mass_bound{b.loss.estimate[r], static_cast<double>(b.state.exact_sum[r])}.share(sink)};
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
