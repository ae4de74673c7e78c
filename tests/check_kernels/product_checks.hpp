// Checks of the multiplies of packed operands, and of weights.
#pragma once

#include "packed_operands.hpp"

namespace crestmax_test {

// f(rows, count, d) with each of them in turn ending in every way.
template <class T, class F>
void for_shapes(packed_check<T>& p, F&& f) {
  const auto some_rows = [&] { return p.c.random.integer(1, 2 * p.kernels.row_group); };
  const auto some_keys = [&] { return p.c.random.integer(1, 3 * p.panel()); };
  for (index_type rows = 1; rows <= 2 * p.kernels.row_group + 3; ++rows) f(rows, some_keys(), p.c.random.integer(1, 20));
  p.c.for_every_tail([&](index_type count) { f(some_rows(), count, p.c.random.integer(1, 20)); });
  p.c.for_every_tail([&](index_type d) { f(some_rows(), some_keys(), d); });
}
template <class T>
made_strip<T> strip_of(packed_check<T>& p, index_type rows, index_type panels) {
  return made_strip<T>(p.c, rows, panels, p.stored_rows(rows), p.kernels.next_group);
}

template <class T>
void check_score(packed_check<T>& p) {
  for_shapes(p, [&](index_type rows, index_type count, index_type d) {
    made_products<T> products(p, rows, count, d);
    made_strip<T> strip = strip_of(p, rows, p.panels(count));
    const bool maxima = p.kernels.score(strip.view(), products.view(p));
    strip.for_each_seen([&](index_type r, index_type j) {
      p.c.expect(is_near(strip.score(r, j), products.score(r, j), products.tolerance(r, j)), rows, " rows, ", count, " keys of ", d,
                 ": score ", j, " of row ", r, " is ", strip.score(r, j), ", not ", products.score(r, j));
    });
    if (maxima) expect_maxima(p.c, strip);
    p.c.expect(strip.unseen_is_kept() && products.is_untouched(), "writes what rows do not see, ", rows, " rows, ", count, " keys");
  });
}

// What stands for a row's weights, and their sums in the lanes. `weight(r, j)` is each as it should be.
template <class T, class Weight>
void expect_weights(packed_check<T>& p, const made_strip<T>& strip, int margin, const Weight& weight) {
  for (index_type r = 0; r < strip.rows; ++r) {
    wide sum = 0, stored_sum = 0, off = 0;
    for (index_type j = strip.begin(r); j < strip.end(r); ++j) {
      const plain_weight w = weight(r, j);
      const wide got = p.in_pairs() ? wide(number_of(strip.weight(r, j))) : wide(strip.score(r, j));
      const bool right = p.in_pairs() ? is_rounded_weight(strip.weight(r, j), w, margin) : is_weight(strip.score(r, j), w, margin);
      p.c.expect(right, "weight ", j, " of row ", r, " is ", got, ", not ", w.exact);
      // Where a set gives infinity or zero at the end of the range, its sum does.
      sum += p.in_pairs() && std::isfinite(got) && std::isfinite(w.exact) ? w.exact : got;
      stored_sum += got;
      off += std::isfinite(w.tolerance) ? w.tolerance : 0;
    }
    const wide additions = wide(strip.end(r) - strip.begin(r)) * rounding<T>;
    const wide least = 4 * wide(std::numeric_limits<T>::min());
    const auto is_sum = [&](const kernel_memory<T>& lanes, wide exact, wide tolerance) {
      return is_near(static_cast<T>(strip.total(lanes, r)), exact, std::isfinite(exact) ? exact * additions + tolerance : 0);
    };
    p.c.expect(is_sum(strip.lanes, sum, p.in_pairs() ? off + least : 0), "the lanes of row ", r, " sum up to ", strip.total(strip.lanes, r),
               ", not ", sum);
    if (p.in_pairs()) {
      p.c.expect(is_sum(strip.rounded_lanes, stored_sum, least * additions / rounding<T>), "rounded weights of row ", r, " sum up to ",
                 strip.total(strip.rounded_lanes, r), ", not ", stored_sum);
    }
  }
}

template <class T>
void check_weigh(packed_check<T>& p) {
  kernel_check<T>& c = p.c;
  for_shapes(p, [&](index_type rows, index_type count, index_type) {
    made_strip<T> strip = strip_of(p, rows, p.panels(count));
    kernel_memory<T> base = c.numbers(rows);
    c.fill(base, &kernel_check<T>::ordinary);
    const double unit = c.random.pick({1.0, 0.125, 0.0883883476483184});
    const int margin = static_cast<int>(c.random.pick({0, 2, -8}));
    // In some strips a score is none, or as high as none may be.
    const bool unusual = c.random.chance(0.3);
    strip.for_each_seen([&](index_type r, index_type j) {
      strip.score(r, j) = static_cast<T>(unusual && c.random.chance(0.02) ? c.anything()
                                         : c.random.chance(0.1)           ? -infinity
                                                                          : c.random.uniform(-60, 3));
    });
    strip.keep();
    p.kernels.weigh(strip.view(), base.data(), p.kernels.weigh_with(static_cast<T>(unit), margin));
    expect_weights(p, strip, margin, [&](index_type r, index_type j) {
      const T score = strip.scores.kept(r * crestmax::cpu::score_stride + j);
      return weight_of<T>(wide(score - base[r]), static_cast<double>(static_cast<T>(unit)), margin);
    });
    c.expect(strip.unseen_is_kept() && base.is_kept(), "writes what rows do not see, ", rows, " rows, ", count, " keys");
  });
}

template <class T>
void check_weigh_with(packed_check<T>& p) {
  kernel_check<T>& c = p.c;
  for (const int margin : {0, 2, -8, 40}) {
    for (const double unit : {1.0, 0.125, 0.0883883476483184, 3e-5}) {
      const auto constants = p.kernels.weigh_with(static_cast<T>(unit), margin);
      const wide powers = wide(static_cast<T>(unit)) * wide(1.442695040888963407359924681L);
      c.expect(is_near(constants.factor, powers, powers * 2 * rounding<T>), "a unit of ", unit, " has the factor ", constants.factor);
      c.expect(wide(constants.low) * powers < least_power<T> + wide(0.5) &&
                   wide(constants.high) * powers > std::numeric_limits<T>::max_exponent - 1,
               "weights are limited from ", constants.low, " to ", constants.high);
      const int last = crestmax::cpu::polynomial_terms<T> - 1;
      c.expect(constants.coefficients[last] == std::ldexp(T(1), -margin), "2^-", margin, " is ", constants.coefficients[last]);
      for (wide fraction = 0; fraction <= wide(0.5); fraction += wide(0.01)) {
        wide sum = 0;
        for (const T coefficient : constants.coefficients) sum = sum * fraction + wide(coefficient);
        const wide exact = std::ldexp(std::exp2(fraction), -margin);
        c.expect(std::fabs(sum - exact) <= exact * 6 * rounding<T>, "2^", fraction, " is ", sum, ", not ", exact);
      }
    }
  }
}

template <class T>
void check_score_and_weigh(packed_check<T>& p) {
  kernel_check<T>& c = p.c;
  for_shapes(p, [&](index_type rows, index_type count, index_type d) {
    made_products<T> products(p, rows, count, d);
    made_strip<T> strip = strip_of(p, rows, p.panels(count));
    kernel_memory<T> shift = c.numbers(rows);
    c.fill(shift, &kernel_check<T>::ordinary);
    const double unit = c.random.pick({1.0, 0.125});
    const int margin = static_cast<int>(c.random.pick({0, 2}));
    p.kernels.score_and_weigh(strip.view(), products.view(p), shift.data(), p.kernels.weigh_with(static_cast<T>(unit), margin));
    expect_weights(p, strip, margin, [&](index_type r, index_type j) {
      const wide x = products.score(r, j) - wide(shift[r]);
      const wide subtraction = std::isfinite(x) ? std::fabs(x) * rounding<T> : 0;
      return weight_of<T>(x, unit, margin, products.tolerance(r, j) + subtraction);
    });
    c.expect(strip.unseen_is_kept() && products.is_untouched() && shift.is_kept(), "writes what rows do not see, ", rows, " rows, ", count,
             " keys");
  });
}

template <class T>
void check_weighted_sums(packed_check<T>& p, index_type rows, index_type keys, index_type d) {
  kernel_check<T>& c = p.c;
  made_strip<T> strip = strip_of(p, rows, p.panels(keys));
  const index_type steps = p.kernels.steps_of(keys), stride = p.panels(d) * p.panel();
  kernel_memory<T> value = c.vectors(stride * steps), output = c.vectors(rows * stride);
  // Values that no row sees stay poison, as do weights of keys that a row does not see.
  std::vector<double> values(static_cast<std::size_t>(keys * stride), 0.0);
  const auto is_seen = [&](index_type j) {
    for (index_type r = 0; r < rows; ++r) {
      if (strip.sees(r, j)) return true;
    }
    return false;
  };
  const bool lying = !p.in_pairs() && c.random.chance(0.3);  // where the caller has them
  for (index_type j = 0; j < steps * p.kernels.numbers; ++j) {
    if (!is_seen(std::min(j, p.panels(keys) * p.panel() - 1))) continue;
    for (index_type column = 0; column < stride; ++column) {
      const double x = j < keys && column < d ? c.ordinary() : 0;
      if (j < keys) values[static_cast<std::size_t>(j * stride + column)] = x;
      const index_type at = lying ? j * stride + column : p.panel_at(steps, column, j / p.kernels.numbers);
      p.set(value.data(), at, j % p.kernels.numbers, x);
    }
  }
  strip.for_each_seen([&](index_type r, index_type j) {
    const double weight = j < keys ? std::fabs(c.ordinary()) : 0;
    if (p.in_pairs())
      strip.weight(r, j) = stored<crestmax::bfloat16>(weight);
    else
      strip.score(r, j) = static_cast<T>(weight);
  });
  strip.keep();
  value.keep();
  c.fill(output, &kernel_check<T>::ordinary);
  crestmax::cpu::fetch_list ahead{};
  p.kernels.multiply(strip.view(),
                     {value.data(), keys, steps, lying ? p.panel() : steps * p.panel(), lying ? stride : p.panel(), output.data(), stride, &ahead});
  for (index_type r = 0; r < rows; ++r) {
    for (index_type column = 0; column < stride; ++column) {
      wide sum = 0, size = 0;
      for (index_type j = strip.begin(r); j < std::min(keys, strip.end(r)); ++j) {
        const wide weight = p.in_pairs() ? wide(number_of(strip.weight(r, j))) : wide(strip.score(r, j));
        sum += weight * wide(values[static_cast<std::size_t>(j * stride + column)]);
        size += std::fabs(weight * wide(values[static_cast<std::size_t>(j * stride + column)]));
      }
      const wide before = wide(output.kept(r * stride + column));
      const wide tolerance = (size * wide(keys + 2) + std::fabs(before)) * rounding<T> + p.flushed() * wide(keys);
      c.expect(is_near(output[r * stride + column], before + sum, size == 0 ? 0 : tolerance), rows, " rows, ", keys, " keys, d_v ", d,
               ": output ", column, " of row ", r, " is ", output[r * stride + column], ", not ", before + sum);
    }
  }
  c.expect(strip.scores.is_kept() && strip.rounded.is_kept() && value.is_kept() && output.is_contained(), "writes outside of the outputs");
}
template <class T>
void check_multiply(packed_check<T>& p) {
  for_shapes(p, [&](index_type rows, index_type keys, index_type d) { check_weighted_sums(p, rows, keys, d); });
}

}  // namespace crestmax_test
