// Checks of entries that pass over the scores of a strip.
#pragma once

#include "operands.hpp"

namespace crestmax_test {

// Calls f(strip) for strips of every height and width that ends in another way.
template <class T, class F>
void for_strips(kernel_check<T>& c, F&& f) {
  c.for_every_tail([&](index_type rows) {
    made_strip<T> strip(c, rows, c.random.integer(1, 5), rows, nullptr);
    f(strip);
    c.expect(strip.unseen_is_kept(), "scores that rows do not see were written, ", rows, " rows");
  });
}
template <class T>
void fill_seen(kernel_check<T>& c, made_strip<T>& strip, double (kernel_check<T>::*draw)()) {
  strip.for_each_seen([&](index_type r, index_type j) { strip.score(r, j) = static_cast<T>((c.*draw)()); });
  strip.keep();
}

template <class T>
void check_scale_scores(kernel_check<T>& c) {
  for_strips(c, [&](made_strip<T>& strip) {
    fill_seen(c, strip, &kernel_check<T>::anything);
    const T factor = static_cast<T>(c.random.uniform(-2, 2));
    c.table.scale_scores(strip.view(), factor);
    strip.for_each_seen([&](index_type r, index_type j) {
      const T before = strip.scores.kept(r * crestmax::cpu::score_stride + j);
      c.expect(is_same(strip.score(r, j), before * factor), "row ", r, ", score ", j, ": ", before, " * ", factor, " is ",
               strip.score(r, j));
    });
  });
}

template <class T>
void check_hide_panel(kernel_check<T>& c) {
  for (index_type rows = 1; rows <= 2 * c.table.row_group + 3; ++rows) {
    kernel_memory<T> scores = c.vectors((rows - 1) * crestmax::cpu::score_stride + c.panel);
    scores.keep();
    c.table.hide_panel(scores.data(), rows);
    for (index_type i = 0; i < scores.size(); ++i) {
      const bool hidden = i % crestmax::cpu::score_stride < c.panel;
      c.expect(hidden ? scores[i] == -std::numeric_limits<T>::infinity() : scores.is_kept(i, 1), "score ", i, " of ", rows, " rows is ",
               scores[i]);
    }
    c.expect(scores.is_contained(), "writes outside");
  }
}

template <class T>
void check_hide_columns(kernel_check<T>& c) {
  for (index_type from = 0; from <= c.panel; ++from) {
    const index_type rows = c.random.integer(1, 2 * c.table.row_group + 3);
    kernel_memory<T> scores = c.vectors((rows - 1) * crestmax::cpu::score_stride + c.panel);
    c.fill(scores, &kernel_check<T>::anything);
    scores.keep();
    c.table.hide_columns(scores.data(), rows, from);
    for (index_type i = 0; i < scores.size(); ++i) {
      const index_type column = i % crestmax::cpu::score_stride;
      const bool hidden = from <= column && column < c.panel;
      c.expect(hidden ? scores[i] == -std::numeric_limits<T>::infinity() : scores.is_kept(i, 1), "score ", i, " of ", rows,
               " rows, hidden from column ", from, " on, is ", scores[i]);
    }
    c.expect(scores.is_contained(), "writes outside");
  }
}

template <class T>
void check_row_maxima(kernel_check<T>& c) {
  for_strips(c, [&](made_strip<T>& strip) {
    fill_seen(c, strip, &kernel_check<T>::anything);
    c.table.row_maxima(strip.view());
    c.expect(strip.scores.is_kept(), "scores were written");
    expect_maxima(c, strip);
  });
}

template <class T>
void check_join_maxima(kernel_check<T>& c) {
  for_strips(c, [&](made_strip<T>& strip) {
    for (index_type i = 0; i < strip.lanes.size(); ++i) strip.lanes[i] = static_cast<T>(c.random.chance(0.1) ? -infinity : c.finite());
    kernel_memory<T> highest = c.numbers(strip.rows);
    c.table.join_maxima(strip.view(), highest.data());
    for (index_type r = 0; r < strip.rows; ++r) {
      T of_row = crestmax::cpu::hidden_score<T>;
      for (index_type l = 0; l < c.lanes; ++l) of_row = highest_of(of_row, strip.lanes[r * c.lanes + l]);
      c.expect(highest[r] == of_row, "row ", r, " of ", strip.rows, ": ", highest[r], ", not ", of_row);
    }
    c.expect(highest.is_contained(), "writes outside");
  });
}

template <class T>
void check_round_weights(kernel_check<T>& c) {
  for (const crestmax::weight_type type : {crestmax::weight_type::float16, crestmax::weight_type::bfloat16}) {
    const scalar_kind kind = type == crestmax::weight_type::float16 ? scalar_kind::float16 : scalar_kind::bfloat16;
    for_strips(c, [&](made_strip<T>& strip) {
      strip.for_each_seen([&](index_type r, index_type j) {
        const bool odd_size = c.random.chance(0.05);
        strip.score(r, j) = static_cast<T>(odd_size ? std::fabs(c.finite()) : c.random.uniform());
      });
      strip.keep();
      kernel_memory<T> sums = c.numbers(strip.rows);
      c.fill(sums, &kernel_check<T>::ordinary);
      c.table.round_weights(strip.view(), type, sums.data());
      for (index_type r = 0; r < strip.rows; ++r) {
        wide sum = 0;
        for (index_type j = strip.begin(r); j < strip.end(r); ++j) {
          const T before = strip.scores.kept(r * crestmax::cpu::score_stride + j);
          const T exact = static_cast<T>(rounded_to(kind, static_cast<double>(before)));
          c.expect(strip.score(r, j) == exact, name(kind), ": ", before, " becomes ", strip.score(r, j), ", not ", exact);
          sum += wide(exact);
        }
        const wide tolerance = (sum + std::fabs(wide(sums.kept(r)))) * wide(strip.end(r) - strip.begin(r) + 1) * rounding<T>;
        c.expect(is_near(sums[r], wide(sums.kept(r)) + sum, tolerance), "row ", r, " of ", strip.rows, ": the sum is ", sums[r]);
      }
      c.expect(sums.is_contained(), "writes outside");
    });
  }
}

template <class T>
void check_excess_over_crest(kernel_check<T>& c) {
  for_strips(c, [&](made_strip<T>& strip) {
    const index_type columns = c.lanes * c.random.integer(1, strip.panels * c.panel / c.lanes);
    for (index_type r = 0; r < strip.rows; ++r) {
      for (index_type j = 0; j < columns; ++j) strip.score(r, j) = static_cast<T>(c.random.chance(0.1) ? -infinity : c.ordinary());
    }
    strip.keep();
    kernel_memory<T> crest = c.numbers(strip.rows), column = c.vectors(columns);
    for (index_type r = 0; r < strip.rows; ++r) {
      crest[r] = static_cast<T>(c.random.chance(0.3) ? c.random.pick({infinity, -infinity, not_a_number}) : c.ordinary());
    }
    for (index_type j = 0; j < columns; ++j) column[j] = static_cast<T>(c.random.chance(0.7) ? -infinity : c.ordinary());
    column.keep();
    c.table.excess_over_crest(strip.view(), crest.data(), columns, column.data());
    for (index_type j = 0; j < columns; ++j) {
      T highest = column.kept(j);
      for (index_type r = 0; r < strip.rows; ++r) {
        if (std::isfinite(crest[r])) highest = highest_of(highest, strip.score(r, j) - crest[r]);
      }
      c.expect(column[j] == highest, "column ", j, " of ", columns, ": ", column[j], ", not ", highest);
    }
    c.expect(strip.scores.is_kept() && column.is_contained(), "writes outside of the column");
  });
}

template <class T>
void check_sum_standing(kernel_check<T>& c) {
  for_strips(c, [&](made_strip<T>& strip) {
    fill_seen(c, strip, &kernel_check<T>::ordinary);
    const index_type vectors = strip.panels * c.panel / c.lanes;
    const index_type from = c.random.integer(0, vectors), end = c.random.integer(from, vectors);
    kernel_memory<T> stands_for = c.vectors(strip.panels * c.panel), sums = c.numbers(strip.rows);
    for (index_type j = from * c.lanes; j < end * c.lanes; ++j) stands_for[j] = static_cast<T>(c.random.integer(0, 64));
    c.fill(sums, &kernel_check<T>::ordinary);
    c.table.sum_standing(strip.view(), stands_for.data(), from * c.lanes, end * c.lanes, sums.data());
    for (index_type r = 0; r < strip.rows; ++r) {
      wide sum = wide(sums.kept(r)), size = std::fabs(sum);
      for (index_type j = std::max(from * c.lanes, strip.begin(r)); j < std::min(end * c.lanes, strip.end(r)); ++j) {
        const wide product = wide(strip.score(r, j)) * wide(stands_for[j]);
        sum += product;
        size += std::fabs(product);
      }
      c.expect(is_near(sums[r], sum, size * wide(vectors + c.lanes) * rounding<T>), "row ", r, " of ", strip.rows, ": ", sums[r], ", not ",
               sum);
    }
    c.expect(strip.scores.is_kept() && sums.is_contained(), "writes outside of the sums");
  });
}

}  // namespace crestmax_test
