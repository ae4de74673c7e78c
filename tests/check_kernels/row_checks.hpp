// Checks of entries that act on rows of numbers: totals, outputs, what modifiers do, norms.
#pragma once

#include "operands.hpp"

namespace crestmax_test {

template <class T>
void check_add_totals(kernel_check<T>& c) {
  for (const bool largest_too : {false, true}) {
    c.for_every_tail([&](index_type rows) {
      kernel_memory<T> of = c.vectors(rows * c.lanes), sums = c.numbers(rows), largest = c.numbers(rows);
      c.fill(of, &kernel_check<T>::ordinary);
      if (c.random.chance(0.3)) of[c.random.integer(0, rows * c.lanes - 1)] = std::numeric_limits<T>::infinity();
      c.fill(sums, &kernel_check<T>::ordinary);
      c.fill(largest, &kernel_check<T>::ordinary);
      c.table.add_totals(of.data(), rows, sums.data(), largest_too ? largest.data() : nullptr);
      for (index_type r = 0; r < rows; ++r) {
        wide total = 0, size = std::fabs(wide(sums.kept(r)));
        for (index_type l = 0; l < c.lanes; ++l) {
          total += wide(of[r * c.lanes + l]);
          size += std::fabs(wide(of[r * c.lanes + l]));
        }
        const wide tolerance = std::isinf(total) ? 0 : size * wide(c.lanes + 1) * rounding<T>;
        c.expect(is_near(sums[r], wide(sums.kept(r)) + total, tolerance), "row ", r, " of ", rows, ": ", sums[r]);
        if (largest_too) {
          c.expect(is_near(largest[r], std::max(wide(largest.kept(r)), total), tolerance), "largest of row ", r, " of ", rows, ": ",
                   largest[r]);
        }
      }
      c.expect(sums.is_contained() && largest.is_contained() && (largest_too || largest.is_kept()), "writes outside of the sums");
    });
  }
}

template <class T>
void check_total(kernel_check<T>& c) {
  for (int turn = 0; turn < 50; ++turn) {
    kernel_memory<T> of = c.vectors(c.lanes);
    c.fill(of, &kernel_check<T>::ordinary);
    wide total = 0, size = 0;
    for (index_type l = 0; l < c.lanes; ++l) {
      total += wide(of[l]);
      size += std::fabs(wide(of[l]));
    }
    c.expect(is_near(c.table.total(of.data()), total, size * wide(c.lanes) * rounding<T>), "a total of ", c.table.total(of.data()),
             ", not ", total);
  }
}

template <class T>
void check_scale_row(kernel_check<T>& c) {
  c.for_every_tail([&](index_type vectors) {
    kernel_memory<T> row = c.vectors(vectors * c.lanes);
    c.fill(row, &kernel_check<T>::anything);
    const T factor = static_cast<T>(c.anything());
    c.table.scale_row(row.data(), row.size(), factor);
    for (index_type i = 0; i < row.size(); ++i)
      c.expect(is_same(row[i], row.kept(i) * factor), i, " of ", row.size(), ": ", row.kept(i), " * ", factor, " is ", row[i]);
    c.expect(row.is_contained(), "writes outside of the row");
  });
}

template <class T>
void check_add_scaled(kernel_check<T>& c) {
  c.for_every_tail([&](index_type count) {
    kernel_memory<T> sum = c.vectors(count), of = c.numbers(count);
    c.fill(sum, &kernel_check<T>::ordinary);
    c.fill(of, &kernel_check<T>::finite);
    const T factor = static_cast<T>(c.random.uniform(-1, 1));
    c.table.add_scaled(sum.data(), factor, of.data(), count);
    for (index_type i = 0; i < sum.size(); ++i) {
      const wide product = i < count ? wide(factor) * wide(of[i]) : 0;
      const wide tolerance =
          (std::fabs(wide(sum.kept(i))) + 2 * std::fabs(product)) * rounding<T> + wide(std::numeric_limits<T>::denorm_min());
      c.expect(is_near(sum[i], wide(sum.kept(i)) + product, i < count ? tolerance : 0), i, " of ", count, ": ", sum[i], ", was ",
               sum.kept(i));
    }
    c.expect(of.is_kept() && sum.is_contained(), "writes outside of the sum");
  });
}

template <class T>
void check_all_finite(kernel_check<T>& c) {
  for (index_type vectors = 1; vectors <= 5; ++vectors) {
    kernel_memory<T> numbers = c.vectors(vectors * c.lanes);
    c.fill(numbers, &kernel_check<T>::finite);
    c.expect(c.table.all_finite(numbers.data(), numbers.size()), "finite numbers are not found to be");
    for (index_type i = 0; i < numbers.size(); ++i) {
      numbers[i] = static_cast<T>(c.random.pick({infinity, -infinity, not_a_number}));
      c.expect(!c.table.all_finite(numbers.data(), numbers.size()), numbers[i], " at ", i, " of ", numbers.size(), " is overlooked");
      numbers[i] = numbers.kept(i);
    }
  }
}

template <class T, class Stored>
void check_written(kernel_check<T>& c, Stored) {
  c.for_every_tail([&](index_type count) {
    kernel_memory<T> from = c.vectors(count);
    for (index_type i = 0; i < count; ++i) from[i] = static_cast<T>(c.anything());
    from.keep();
    kernel_memory<Stored> to(c.random, count);
    const double factor = c.random.pick({1.0, 1 / 3.0, c.random.uniform(-2, 2), 0x1p-140, 0x1p60});
    c.table.write(from.data(), factor, crestmax::kind_of<Stored>, to.data(), count);
    for (index_type i = 0; i < count; ++i) {
      const T product = static_cast<T>(static_cast<double>(from[i]) * factor);
      const double exact = rounded_to(crestmax::kind_of<Stored>, static_cast<double>(product));
      c.expect(is_same(number_of(to[i]), exact), name(crestmax::kind_of<Stored>), " ", i, " of ", count, ": ", from[i], " * ", factor,
               " is ", number_of(to[i]), ", not ", exact);
    }
    c.expect(from.is_kept() && to.is_contained(), "writes outside, ", count, " numbers");
  });
}
template <class T>
void check_write(kernel_check<T>& c) {
  check_written(c, float{});
  check_written(c, double{});
  check_written(c, crestmax::float16{});
  check_written(c, crestmax::bfloat16{});
}

template <class T, class Stored>
void check_measured(kernel_check<T>& c, index_type count, index_type d, Stored) {
  const index_type first = c.random.integer(0, 3), step = c.random.integer(1, 3);
  const double unusual = c.random.chance(0.2) ? c.random.pick({infinity, not_a_number}) : 0;
  made_rows<T, Stored> keys(c, first + (count - 1) * step + 1, d, [&] { return c.ordinary(); });
  if (unusual != 0) keys.set(first + c.random.integer(0, count - 1) * step, c.random.integer(0, d - 1), unusual);
  kernel_memory<T> squares = c.numbers(count);
  const T largest = c.table.measure_keys(keys.source(true), first, step, count, squares.data());
  T exact_largest = 0;
  for (index_type j = 0; j < count; ++j) {
    wide square = 0;
    for (index_type k = 0; k < d; ++k) square += wide(keys.number(first + j * step, k)) * wide(keys.number(first + j * step, k));
    c.expect(is_near(squares[j], square, std::isinf(square) ? 0 : square * wide(d + c.lanes) * rounding<T>), "key ", j, " of ", count,
             ", d ", d, ": ", squares[j], ", not ", square);
    exact_largest =
        std::isnan(exact_largest) || std::isnan(squares[j]) ? std::numeric_limits<T>::quiet_NaN() : std::max(exact_largest, squares[j]);
  }
  c.expect(is_same(largest, exact_largest), "the largest is ", largest, ", not ", exact_largest);
  c.expect(keys.is_untouched() && squares.is_contained(), "writes outside");
}
template <class T>
void check_measure_keys(kernel_check<T>& c) {
  for_every_input<T>([&](auto type) {
    c.for_every_tail([&](index_type count) { check_measured(c, count, c.random.integer(1, 40), type); });
    c.for_every_tail([&](index_type d) { check_measured(c, c.random.integer(1, 5), d, type); });
  });
}

// What modifiers do. f(row, scale) acts on a row; exact(i) gives number i of it and how far it may be off.
template <class T, class F, class Exact>
void check_row(kernel_check<T>& c, index_type count, double (kernel_check<T>::*draw)(), F&& f, Exact&& exact) {
  kernel_memory<T> row = c.vectors(count);
  for (index_type i = 0; i < count; ++i) row[i] = static_cast<T>((c.*draw)());
  row.keep();
  const T scale = static_cast<T>(c.random.pick({1.0, 0.25, 0.3}));
  f(row.data(), scale);
  for (index_type i = 0; i < count; ++i) {
    const auto [number, tolerance] = exact(i, wide(row.kept(i)) * wide(scale));
    c.expect(is_near(row[i], number, tolerance), i, " of ", count, ": ", row.kept(i), " times ", scale, " becomes ", row[i], ", not ",
             number);
  }
  c.expect(row.is_contained(), "writes outside of the row");
}
struct exact_number {
  wide number;
  wide tolerance;
};

template <class T>
void check_soft_cap(kernel_check<T>& c) {
  c.for_every_tail([&](index_type count) {
    const T cap = static_cast<T>(c.random.pick({1.0, 30.0, 50.0, 0x1p-60, 0x1p60, 0.37}));
    check_row(
        c, count, &kernel_check<T>::anything, [&](T* row, T scale) { c.table.rows.soft_cap(row, count, scale, cap); },
        [&](index_type, wide x) {
          const wide exact = std::isinf(x) ? std::copysign(wide(cap), x) : wide(cap) * std::tanh(x / wide(cap));
          // A product that is rounded once before; small numbers have no stated error.
          const wide small = wide(cap) * wide(0x1p-60) + wide(std::numeric_limits<T>::denorm_min());
          return exact_number{exact, std::fabs(exact) * (8 * 2 + 1) * rounding<T> + (std::fabs(x) < small ? 2 * small : 0)};
        });
  });
}

template <class T>
void check_add_ramp(kernel_check<T>& c) {
  c.for_every_tail([&](index_type count) {
    const T slope = static_cast<T>(c.random.uniform(-1, 1)), first = static_cast<T>(c.random.integer(-100000, 100000)),
            step = static_cast<T>(c.random.integer(1, 64));
    check_row(
        c, count, &kernel_check<T>::ordinary, [&](T* row, T scale) { c.table.rows.add_ramp(row, count, scale, slope, first, step); },
        [&](index_type i, wide x) {
          const wide product = wide(slope) * (wide(first) + wide(i) * wide(step));
          return exact_number{x + product, (2 * std::fabs(x) + 2 * std::fabs(product)) * rounding<T>};
        });
  });
}

template <class T, class Stored>
void check_added(kernel_check<T>& c, Stored) {
  for (const index_type distance : {0, 1, 2, 5}) {
    c.for_every_tail([&](index_type count) {
      kernel_memory<Stored> of(c.random, (count - 1) * distance + 1);
      for (index_type i = 0; i < of.size(); i += std::max<index_type>(1, distance)) of[i] = stored<Stored>(c.ordinary());
      of.keep();
      const T factor = static_cast<T>(c.random.pick({1.0, -0.7, 1e-3}));
      check_row(c, count, &kernel_check<T>::ordinary, [&](T* row, T scale) {
        c.table.rows.add_numbers(row, count, scale, crestmax::kind_of<Stored>, of.data(), distance, factor);
      }, [&](index_type i, wide x) {
        const wide number = number_of(of[i * distance]) * wide(factor);
        return exact_number{x + number, 3 * (std::fabs(x) + std::fabs(number)) * rounding<T>};
      });
      c.expect(of.is_kept(), "writes to what it adds");
    });
  }
}
template <class T>
void check_add_numbers(kernel_check<T>& c) {
  check_added(c, float{});
  check_added(c, double{});
  check_added(c, crestmax::float16{});
  check_added(c, crestmax::bfloat16{});
}

// Entries that hide and others, drawn from these, over scores of any kind.
template <class T, class Entry>
void check_hidden(kernel_check<T>& c, crestmax::mask_type type, std::initializer_list<Entry> hiding, std::initializer_list<Entry> showing) {
  for (const index_type distance : {0, 1, 2, 5}) {
    c.for_every_tail([&](index_type count) {
      kernel_memory<Entry> of(c.random, (count - 1) * distance + 1);
      std::vector<bool> hidden(static_cast<std::size_t>(of.size()));
      for (index_type i = 0; i < of.size(); i += std::max<index_type>(1, distance)) {
        hidden[static_cast<std::size_t>(i)] = c.random.chance(0.4);
        of[i] = c.random.pick(hidden[static_cast<std::size_t>(i)] ? hiding : showing);
      }
      of.keep();
      kernel_memory<T> row = c.vectors(count);
      c.fill(row, &kernel_check<T>::anything);
      c.table.rows.hide(row.data(), count, type, of.data(), distance);
      for (index_type i = 0; i < count; ++i) {
        const bool is_hidden = hidden[static_cast<std::size_t>(i * distance)];
        const bool right = is_hidden ? is_same(row[i], -std::numeric_limits<T>::infinity()) : row.is_kept(i, 1);
        c.expect(right, i, " of ", count, " at ", distance, is_hidden ? ", hidden: " : ", visible: ", row.kept(i), " becomes ", row[i]);
      }
      c.expect(of.is_kept() && row.is_contained(), "writes outside of the row");
    });
  }
}
template <class T>
void check_hide(kernel_check<T>& c) {
  using crestmax::mask_type;
  constexpr float lowest = std::numeric_limits<float>::lowest(), infinite = std::numeric_limits<float>::infinity();
  constexpr double low = std::numeric_limits<double>::lowest();
  using half = crestmax::float16;
  using brain = crestmax::bfloat16;
  check_hidden<T, std::uint8_t>(c, mask_type::boolean, {0}, {1, 2, 128, 255});
  check_hidden<T, float>(c, mask_type::float32, {lowest, -infinite}, {0, -0.0f, 1, infinite, static_cast<float>(not_a_number), std::nextafter(lowest, 0.0f)});
  check_hidden<T, double>(c, mask_type::float64, {low, -infinity}, {0, 1, not_a_number, std::nextafter(low, 0.0), -1e300});
  check_hidden<T, half>(c, mask_type::float16, {half{0xfbff}, half{0xfc00}}, {half{0}, half{0x8000}, half{0xfbfe}, half{0x7c00}, half{0xfe00}});
  check_hidden<T, brain>(c, mask_type::bfloat16, {brain{0xff7f}, brain{0xff80}}, {brain{0}, brain{0x8000}, brain{0xff7e}, brain{0x7f80}, brain{0xffc0}});
}

}  // namespace crestmax_test
