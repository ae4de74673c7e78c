// Checks of entries that read keys and values where they lie.
#pragma once

#include <list>

#include "operands.hpp"

namespace crestmax_test {

constexpr index_type most_rows_in_place = 16;

template <class T, class Keys>
void expect_query_in_place(kernel_check<T>& c, index_type rows, index_type d, Keys) {
  for_every_input<T>([&](auto type) {
    using query_type = decltype(type);
    made_queries<T, query_type> queries(c, rows, d, [&] { return c.random.uniform(-1, 1); });
    const index_type stride = crestmax::planner::round_up(d, crestmax::cpu::widest_lanes);
    kernel_memory<T> to(c.random, rows * stride, c.vector_bytes());
    c.table.in_place.pack_query(queries.view(), crestmax::kind_of<Keys>, stride, to.data());
    // In which order is the set's own affair: the scores show whether it is that of the keys.
    for (index_type r = 0; r < rows; ++r) {
      std::vector<double> exact, got;
      for (index_type k = 0; k < d; ++k) {
        exact.push_back(queries.number(r, k));
        got.push_back(static_cast<double>(to[r * stride + k]));
      }
      for (index_type k = d; k < stride; ++k)
        c.expect(to[r * stride + k] == 0, "behind row ", r, " of ", d, " numbers stands ", to[r * stride + k]);
      std::sort(exact.begin(), exact.end());
      std::sort(got.begin(), got.end());
      c.expect(got == exact, "row ", r, " of ", d, " numbers has others, queries ", name(crestmax::kind_of<query_type>), ", keys ",
               name(crestmax::kind_of<Keys>));
    }
    c.expect(to.is_contained() && queries.is_untouched(), "writes outside");
  });
}
template <class T>
void check_pack_query_in_place(kernel_check<T>& c) {
  for_every_input<T>([&](auto keys) {
    c.for_every_tail([&](index_type d) { expect_query_in_place(c, c.random.integer(1, most_rows_in_place), d, keys); });
  });
}

// Blocks that are swept together, their keys and values.
template <class T, class Stored>
class made_blocks {
 public:
  made_blocks(kernel_check<T>& c, index_type row_count, index_type count, index_type d_qk, index_type width_of_value, index_type step,
              double (kernel_check<T>::*draw_value)())
      : c_(c),
        rows(row_count),
        d(d_qk),
        d_v(width_of_value),
        width(crestmax::planner::round_up(count, c.panel)),
        output_stride(crestmax::planner::round_up(d_v, c.panel)),
        query_stride(crestmax::planner::round_up(d, crestmax::cpu::widest_lanes)),
        tile{c.random.integer(0, 3), step, count, crestmax::visibility::all} {
    const index_type behind = c.random.integer(0, 40);
    const index_type keys = tile.first + (count - 1) * step + 1 + behind;
    tile.next = {keys - behind, keys};
    tile.scores_only = c.random.chance(0.3);
    const index_type blocks = c.random.integer(1, 3);
    for (index_type i = 0; i < blocks; ++i) {
      block& b = blocks_.emplace_back(*this, keys, draw_value);
      views_.push_back({row_count, b.packed_query.data(), query_stride, b.scores.data(), b.output.data(), output_stride, &b.key_source,
                        &b.value_source, b.key_run.data(), b.value_run.data(), false});
    }
  }

  struct block {
    block(made_blocks& of, index_type count, double (kernel_check<T>::*draw_value)())
        : query(of.c_, of.rows, of.d, [&] { return of.c_.ordinary(); }),
          keys(of.c_, count, of.d, [&] { return of.c_.ordinary(); }),
          values(of.c_, count, of.d_v, [&] { return (of.c_.*draw_value)(); }),
          packed_query(of.c_.vectors(of.rows * of.query_stride)),
          scores(of.c_.random, (of.rows - 1) * crestmax::cpu::score_stride + of.width, of.c_.vector_bytes()),
          output(of.c_.vectors(of.rows * of.output_stride)),
          key_run(of.c_.vectors(crestmax::cpu::direct_run * of.d)),
          value_run(of.c_.vectors(crestmax::cpu::direct_run * of.d_v)),
          key_source(keys.source(true)),
          value_source(values.source(false)) {
      of.c_.fill(output, &kernel_check<T>::ordinary);
      scores.keep();
    }
    made_queries<T, Stored> query;
    made_rows<T, Stored> keys, values;
    kernel_memory<T> packed_query, scores, output, key_run, value_run;
    crestmax::cpu::source_rows key_source, value_source;
  };

 private:
  kernel_check<T>& c_;

 public:
  index_type rows, d, d_v, width, output_stride, query_stride;
  crestmax::cpu::tile_keys tile;

  std::list<block>& blocks() { return blocks_; }
  void count_only_finite_values() {
    for (auto& view : views_) view.finite_only = true;
  }
  crestmax::cpu::side_by_side<T> view() const { return {views_.data(), static_cast<index_type>(views_.size())}; }

  // Scores of the tile's keys, and nothing else of the rows but what fills the last panel.
  void expect_scores() {
    for (block& b : blocks_) {
      for (index_type r = 0; r < rows; ++r) {
        for (index_type j = 0; j < tile.count; ++j) {
          wide exact = 0, size = 0;
          for (index_type k = 0; k < d; ++k) {
            const wide product = wide(b.query.number(r, k)) * wide(b.keys.number(tile.first + j * tile.step, k));
            exact += product;
            size += std::fabs(product);
          }
          const T got = b.scores[r * crestmax::cpu::score_stride + j];
          c_.expect(is_near(got, exact, size * wide(d + 2) * rounding<T>), name(crestmax::kind_of<Stored>), ", ", rows, " rows, ",
                    tile.count, " keys of ", d, ": score ", j, " of row ", r, " is ", got, ", not ", exact);
        }
        if (r + 1 < rows) {
          c_.expect(b.scores.is_kept(r * crestmax::cpu::score_stride + width, crestmax::cpu::score_stride - width),
                    "writes behind the last panel");
        }
      }
      c_.expect(
          b.scores.is_contained() && b.output.is_kept() && b.keys.is_untouched() && b.key_run.is_contained() && b.value_run.is_contained(),
          "writes outside");
    }
  }

 private:
  std::list<block> blocks_;
  std::vector<crestmax::cpu::rows_in_place<T>> views_;
};

// f(rows, count, d) with each of them in turn ending in every way; and the head dimensions whose queries stay in registers.
template <class T, class F>
void for_shapes_in_place(kernel_check<T>& c, F&& f) {
  const auto some_rows = [&] { return c.random.integer(1, most_rows_in_place); };
  const auto some_keys = [&] { return c.random.integer(1, 60); };
  for (index_type rows = 1; rows <= most_rows_in_place; ++rows) f(rows, some_keys(), c.random.integer(1, 70));
  c.for_every_tail([&](index_type count) { f(some_rows(), count, c.random.integer(1, 40)); });
  c.for_every_tail([&](index_type d) { f(some_rows(), some_keys(), d); });
  for (index_type rows = 1; rows <= 5; ++rows) {
    for (const index_type d : {32, 64, 96, 128, 160, 256}) f(rows, some_keys(), d);
  }
}

template <class T>
void check_score_in_place(kernel_check<T>& c) {
  for_every_input<T>([&](auto type) {
    for_shapes_in_place(c, [&](index_type rows, index_type count, index_type d) {
      if (c.failed()) return;
      made_blocks<T, decltype(type)> made(c, rows, count, d, 3, c.random.integer(1, 3), &kernel_check<T>::ordinary);
      for (auto& b : made.blocks())
        c.table.in_place.pack_query(b.query.view(), crestmax::kind_of<decltype(type)>, made.query_stride, b.packed_query.data());
      c.table.in_place.score(made.view(), made.tile);
      made.expect_scores();
    });
  });
}

template <class T>
void check_pack_query_pairs(kernel_check<T>& c) {
  constexpr scalar_kind kind = scalar_kind::bfloat16;
  for (index_type d = 1; d <= 160; ++d) {
    made_queries<T, crestmax::bfloat16> queries(c, 3, d, [&] { return c.ordinary(); });
    kernel_memory<T> to = c.numbers(3 * crestmax::planner::divide_up(d, 2));
    const bool packed = c.table.in_place.pack_query_pairs(queries.view(), kind, to.data());
    c.expect(packed || d % (2 * crestmax::cpu::widest_lanes) != 0, d, " dimensions are refused");
    const auto* pairs = crestmax::cpu::pairs_in(to.data());
    for (index_type i = 0; packed && i < 3 * d; ++i) {
      const crestmax::cpu::bfloat16_pair& pair = pairs[i / 2];
      c.expect(number_of(i % 2 == 0 ? pair.first : pair.second) == queries.number(i / d, i % d), "number ", i % d, " of row ", i / d,
               " of ", d, " is another");
    }
    c.expect(to.is_contained() && queries.is_untouched(), "writes outside");
  }
  kernel_memory<T> to = c.numbers(3 * 32);
  made_queries<T, crestmax::bfloat16> tiny(c, 3, 64, [&] { return c.ordinary(); });
  tiny.set(c.random.integer(0, 2), c.random.integer(0, 63), 0x1p-130);
  c.expect(!c.table.in_place.pack_query_pairs(tiny.view(), kind, to.data()), "a subnormal query is overlooked");
  made_queries<T, crestmax::bfloat16> ordinary(c, 3, 64, [&] { return 1.0; });
  c.expect(!c.table.in_place.pack_query_pairs(ordinary.view(), scalar_kind::float32, to.data()), "keys of float32 are no pairs");
  made_queries<T, float> wider(c, 3, 64, [&] { return 1.0; });
  c.expect(!c.table.in_place.pack_query_pairs(wider.view(), kind, to.data()), "queries of float32 are no pairs");
}

template <class T>
void check_score_pairs(kernel_check<T>& c) {
  for_shapes_in_place(c, [&](index_type rows, index_type count, index_type d) {
    if (c.failed()) return;
    const index_type whole = crestmax::planner::round_up(d, 2 * crestmax::cpu::widest_lanes);
    made_blocks<T, crestmax::bfloat16> made(c, rows, count, whole, 3, c.random.integer(1, 3), &kernel_check<T>::ordinary);
    for (auto& b : made.blocks())
      c.expect(c.table.in_place.pack_query_pairs(b.query.view(), scalar_kind::bfloat16, b.packed_query.data()), "queries are refused");
    if (c.failed()) return;
    c.table.in_place.score_pairs(made.view(), made.tile);
    made.expect_scores();
  });
}

template <class T, class Stored>
void check_outputs_in_place(kernel_check<T>& c, index_type rows, index_type count, index_type d_v, Stored) {
  const bool finite_only = c.random.chance(0.3);
  made_blocks<T, Stored> made(c, rows, count, 3, d_v, 1, finite_only ? &kernel_check<T>::anything : &kernel_check<T>::ordinary);
  if (finite_only) made.count_only_finite_values();
  for (auto& b : made.blocks()) {
    for (index_type i = 0; i < rows * count; ++i)
      b.scores[i / count * crestmax::cpu::score_stride + i % count] = static_cast<T>(std::fabs(c.ordinary()) / 16);
    b.scores.keep();
  }
  c.table.in_place.multiply(made.view(), made.tile);
  for (auto& b : made.blocks()) {
    for (index_type r = 0; r < rows; ++r) {
      for (index_type column = 0; column < made.output_stride; ++column) {
        wide sum = 0, size = 0;
        for (index_type j = 0; column < d_v && j < count; ++j) {
          const double value = b.values.number(made.tile.first + j, column);
          const wide product = wide(b.scores[r * crestmax::cpu::score_stride + j]) * wide(finite_only && !std::isfinite(value) ? 0 : value);
          sum += product;
          size += std::fabs(product);
        }
        const index_type at = r * made.output_stride + column;
        const wide tolerance = size == 0 ? 0
                                         : (size * wide(count + 2) + std::fabs(wide(b.output.kept(at)))) * rounding<T> +
                                               wide(count) * wide(std::numeric_limits<T>::denorm_min());
        // Huge numbers of both signs may pass all bounds on the way to a sum.
        if (size > wide(std::numeric_limits<T>::max())) continue;
        c.expect(is_near(b.output[at], wide(b.output.kept(at)) + sum, tolerance), name(crestmax::kind_of<Stored>), ", ", rows, " rows, ",
                 count, " keys, d_v ", d_v, ": output ", column, " of row ", r, " is ", b.output[at], ", not ",
                 wide(b.output.kept(at)) + sum);
      }
    }
    c.expect(
        b.scores.is_kept() && b.output.is_contained() && b.values.is_untouched() && b.key_run.is_contained() && b.value_run.is_contained(),
        "writes outside");
  }
}
template <class T>
void check_multiply_in_place(kernel_check<T>& c) {
  for_every_input<T>([&](auto type) {
    for_shapes_in_place(c, [&](index_type rows, index_type count, index_type d_v) {
      if (!c.failed()) check_outputs_in_place(c, rows, count, d_v, type);
    });
  });
}

}  // namespace crestmax_test
