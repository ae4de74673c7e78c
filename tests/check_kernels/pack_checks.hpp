// Checks of entries that pack: exact, zeros where nothing is, the last key for those behind it, nothing read behind a row.
#pragma once

#include "packed_operands.hpp"

namespace crestmax_test {

template <class T>
void check_next_group(packed_check<T>& p) {
  const index_type group = p.kernels.row_group;
  for (index_type left = 1; left <= 3 * group; ++left) {
    const index_type exact = p.in_tiles ? std::min(left, crestmax::cpu::rows_of_tiles) : p.plain_group(left, group);
    p.c.expect(p.kernels.next_group(left) == exact, left, " rows are left: the next group has ", p.kernels.next_group(left), ", not ",
               exact);
  }
}

template <class T, class Stored>
void check_packed_query(packed_check<T>& p, index_type rows, index_type d, Stored) {
  kernel_check<T>& c = p.c;
  made_queries<T, Stored> queries(c, rows, d, [&] { return p.drawn(); });
  const index_type steps = p.kernels.steps_of(d);
  // What stands behind the last may be written, one vector of it.
  kernel_memory<T> to = kernel_memory<T>(c.random, rows * steps + crestmax::cpu::widest_lanes, c.vector_bytes());
  c.expect(p.kernels.pack_query(queries.view(), steps, to.data()), "ordinary queries are refused");
  for (index_type r = 0; r < rows; ++r) {
    for (index_type k = 0; k < steps * p.kernels.numbers; ++k) {
      const double exact = k < d ? queries.number(r, k) : 0;
      const double got = p.get(to.data(), p.query_at(rows, steps, r, k / p.kernels.numbers), k % p.kernels.numbers);
      c.expect(is_same(got, exact), rows, " rows of ", d, ": number ", k, " of row ", r, " is ", got, ", not ", exact);
    }
  }
  c.expect(to.is_contained() && queries.is_untouched(), "writes outside, ", rows, " rows of ", d);
}

// Queries that instructions on pairs would take for zero, or that would make subnormal keys count.
template <class T>
void check_refused_queries(packed_check<T>& p) {
  constexpr index_type rows = 3, d = 24;
  const index_type steps = p.kernels.steps_of(d);
  const auto is_packed = [&](double unusual, double scale) {
    made_queries<T, crestmax::bfloat16> queries(
        p.c, rows, d, [&] { return 1.0; }, scale);
    queries.set(p.c.random.integer(0, rows - 1), p.c.random.integer(0, d - 1), unusual);
    kernel_memory<T> to = kernel_memory<T>(p.c.random, rows * steps + crestmax::cpu::widest_lanes, p.c.vector_bytes());
    return p.kernels.pack_query(queries.view(), steps, to.data());
  };
  p.c.expect(is_packed(0, 1) && is_packed(0x1p-126, 1) && is_packed(-0x1p85, 0.5), "queries that may be pairs are refused");
  for (int turn = 0; turn < 20; ++turn) {
    p.c.expect(!is_packed(0x1p-127, 1) && !is_packed(-0x1p-133, 1), "a subnormal query is overlooked");
    p.c.expect(!is_packed(0x1p87, 1) && !is_packed(-0x1p80, 256) && !is_packed(infinity, 1), "a huge query is overlooked");
  }
  p.c.expect(!is_packed(1, 0x1p61), "a huge scale is overlooked");
}
template <class T>
void check_pack_query(packed_check<T>& p) {
  p.for_every_type([&](auto type) {
    for (index_type rows = 1; rows <= 2 * p.kernels.row_group + 3; ++rows) check_packed_query(p, rows, p.c.random.integer(1, 40), type);
    p.c.for_every_tail([&](index_type d) { check_packed_query(p, p.c.random.integer(1, 2 * p.kernels.row_group), d, type); });
  });
  if (p.in_pairs()) check_refused_queries(p);
}

template <class T, class Stored>
void check_packed_keys(packed_check<T>& p, index_type count, index_type d, Stored) {
  kernel_check<T>& c = p.c;
  const index_type first = c.random.integer(0, 3), step = c.random.integer(1, 3), steps = p.kernels.steps_of(d);
  made_rows<T, Stored> keys(c, first + (count - 1) * step + 1, d, [&] { return p.drawn(); });
  const index_type padded = p.panels(count) * p.panel();
  kernel_memory<T> to = c.vectors(padded * steps);
  p.kernels.pack_keys(keys.source(true), first, step, count, steps, to.data());
  for (index_type j = 0; j < padded; ++j) {
    for (index_type k = 0; k < steps * p.kernels.numbers; ++k) {
      const double exact = k < d ? keys.number(first + std::min(j, count - 1) * step, k) : 0;
      const double got = p.get(to.data(), p.panel_at(steps, j, k / p.kernels.numbers), k % p.kernels.numbers);
      c.expect(is_same(got, exact), count, " keys of ", d, ": number ", k, " of key ", j, " is ", got, ", not ", exact);
    }
  }
  c.expect(to.is_contained() && keys.is_untouched(), "writes outside, ", count, " keys of ", d);
}
template <class T>
void check_pack_keys(packed_check<T>& p) {
  p.for_every_type([&](auto type) {
    p.c.for_every_tail([&](index_type count) { check_packed_keys(p, count, p.c.random.integer(1, 40), type); });
    p.c.for_every_tail([&](index_type d) { check_packed_keys(p, p.c.random.integer(1, 2 * p.panel()), d, type); });
  });
}

template <class T, class Stored>
void check_packed_values(packed_check<T>& p, index_type count, index_type d, Stored) {
  kernel_check<T>& c = p.c;
  const index_type first = c.random.integer(0, 3), steps = p.kernels.steps_of(count);
  const bool finite_only = c.random.chance(0.5);
  made_rows<T, Stored> values(c, first + count, d, [&] { return finite_only ? c.anything() : p.drawn(); });
  const index_type columns = p.panels(d) * p.panel();
  kernel_memory<T> to = c.vectors(columns * steps);
  const bool may_be_packed = p.kernels.pack_values(values.source(false), {first, count, false, finite_only, 2}, steps, to.data());
  c.expect(may_be_packed || p.in_pairs(), "numbers are refused");
  for (index_type j = 0; j < steps * p.kernels.numbers; ++j) {
    for (index_type column = 0; column < columns; ++column) {
      const double value = j < count && column < d ? values.number(first + j, column) : 0;
      const double exact = finite_only && !std::isfinite(value) ? 0 : value;
      const double got = p.get(to.data(), p.panel_at(steps, column, j / p.kernels.numbers), j % p.kernels.numbers);
      c.expect(is_same(got, exact), count, " values of ", d, ": column ", column, " of value ", j, " is ", got, ", not ", exact);
    }
  }
  c.expect(to.is_contained() && values.is_untouched(), "writes outside, ", count, " values of ", d);
}

// Values that would be lost to instructions on pairs.
template <class T>
void check_refused_values(packed_check<T>& p) {
  constexpr index_type count = 5, d = 20;
  const auto is_packed = [&](double all, double one, bool seen_in_part) {
    made_rows<T, crestmax::bfloat16> values(p.c, count, d, [&] { return all; });
    values.set(p.c.random.integer(0, count - 1), p.c.random.integer(0, d - 1), one);
    const index_type steps = p.kernels.steps_of(count);
    kernel_memory<T> to = p.c.vectors(p.panels(d) * p.panel() * steps);
    return p.kernels.pack_values(values.source(false), {0, count, seen_in_part, false, 2}, steps, to.data());
  };
  for (int turn = 0; turn < 20; ++turn) {
    p.c.expect(is_packed(0, 0, false) && is_packed(0, 0, true), "values that are all zero are refused");
    p.c.expect(is_packed(0x1p-90, 0x1p-78, false), "values are refused of which one counts");
    p.c.expect(!is_packed(0x1p-90, 0x1p-79, false), "values that are all tiny are not found");
    p.c.expect(is_packed(1, 0, true) && !is_packed(1, -0x1p-79, true),
               "a tiny value among larger ones that some row may not see is not found");
  }
}
template <class T>
void check_pack_values(packed_check<T>& p) {
  p.for_every_type([&](auto type) {
    p.c.for_every_tail([&](index_type count) { check_packed_values(p, count, p.c.random.integer(1, 40), type); });
    p.c.for_every_tail([&](index_type d) { check_packed_values(p, p.c.random.integer(1, 40), d, type); });
  });
  if (p.in_pairs()) check_refused_values(p);
}

}  // namespace crestmax_test
