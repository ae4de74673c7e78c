// Packed operands as the table describes them, element by element, and made by hand.
#pragma once

#include "operands.hpp"
#include "plain_weights.hpp"

namespace crestmax_test {

// One of a table's three kinds of packed operands.
template <class T>
struct packed_check {
  kernel_check<T>& c;
  const crestmax::cpu::packed_kernels<T>& kernels;
  bool in_tiles;

  bool in_pairs() const { return kernels.numbers == 2; }
  index_type panel() const { return c.panel; }
  index_type panels(index_type count) const { return crestmax::planner::divide_up(count, c.panel); }

  // Tiles take half of their rows at a time, however few there are.
  index_type stored_rows(index_type rows) const {
    return in_tiles ? crestmax::planner::round_up(rows, crestmax::cpu::rows_of_tiles / 2) : rows;
  }
  static index_type plain_group(index_type rows_left, index_type group) {
    return rows_left >= group ? group : rows_left >= 4 ? 4 : rows_left;
  }

  // Elements of queries, of keys and of values; where each stands.
  index_type query_at(index_type rows, index_type steps, index_type r, index_type k) const {
    if (kernels.takes_rows) return r * steps + k;
    index_type first = 0, group = plain_group(rows, kernels.row_group);
    while (first + group <= r) {
      first += group;
      group = plain_group(rows - first, kernels.row_group);
    }
    return first * steps + k * group + r - first;
  }
  index_type panel_at(index_type steps, index_type number, index_type k) const {
    return number / panel() * steps * panel() + k * panel() + number % panel();
  }

  // Number n of an element.
  double get(const T* packed, index_type element, index_type n) const {
    if (!in_pairs()) return static_cast<double>(packed[element]);
    const crestmax::cpu::bfloat16_pair& pair = crestmax::cpu::pairs_in(packed)[element];
    return number_of(n == 0 ? pair.first : pair.second);
  }
  void set(T* packed, index_type element, index_type n, double x) const {
    if (!in_pairs()) {
      packed[element] = static_cast<T>(x);
      return;
    }
    crestmax::cpu::bfloat16_pair& pair = crestmax::cpu::pairs_in(packed)[element];
    (n == 0 ? pair.first : pair.second) = stored<crestmax::bfloat16>(x);
  }

  // f(type) for every type whose numbers are packed so.
  template <class F>
  void for_every_type(F&& f) const {
    if constexpr (std::is_same_v<T, float>) {
      if (in_pairs()) return f(crestmax::bfloat16{});
    }
    for_every_input<T>(f);
  }
  // Of any size, where that is what is packed; where pairs are made nothing that would be refused.
  double drawn() { return in_pairs() ? c.ordinary() : c.anything(); }

  // What products may lose to subnormal numbers, each.
  wide flushed() const { return in_pairs() ? 4 * wide(std::numeric_limits<float>::min()) : wide(std::numeric_limits<T>::denorm_min()); }
};

// Queries of a strip's rows and the keys of a tile, packed by hand; their products.
template <class T>
struct made_products {
  made_products(packed_check<T>& p, index_type rows, index_type count, index_type d)
      : steps(p.kernels.steps_of(d)),
        query(p.c.random, p.stored_rows(rows) * steps),
        key(p.c.vectors(p.panels(count) * p.panel() * steps)),
        exact(static_cast<std::size_t>(rows * p.panels(count) * p.panel())),
        sizes(exact.size()),
        width(p.panels(count) * p.panel()) {
    const index_type length = steps * p.kernels.numbers;
    const auto draw = [&](index_type numbers) {
      std::vector<double> x(static_cast<std::size_t>(numbers * length), 0.0);
      for (index_type i = 0; i < numbers; ++i) {
        for (index_type k = 0; k < d; ++k) x[static_cast<std::size_t>(i * length + k)] = p.c.ordinary();
      }
      return x;
    };
    const std::vector<double> queries = draw(rows);
    std::vector<double> keys = draw(width);
    std::fill(keys.begin() + static_cast<std::ptrdiff_t>(count * length), keys.end(), 0.0);
    // One of the keys is beyond all bounds, one enormous.
    if (p.c.random.chance(0.3))
      keys[static_cast<std::size_t>(p.c.random.integer(0, count - 1) * length)] = p.c.random.pick({infinity, -0x1p100, 0x1p-100});
    for (index_type k = 0; k < length; ++k) {
      for (index_type r = 0; r < rows; ++r)
        p.set(query.data(), p.query_at(rows, steps, r, k / p.kernels.numbers), k % p.kernels.numbers,
              queries[static_cast<std::size_t>(r * length + k)]);
      for (index_type j = 0; j < width; ++j)
        p.set(key.data(), p.panel_at(steps, j, k / p.kernels.numbers), k % p.kernels.numbers,
              keys[static_cast<std::size_t>(j * length + k)]);
    }
    for (index_type r = 0; r < rows; ++r) {
      for (index_type j = 0; j < width; ++j) {
        for (index_type k = 0; k < d; ++k) {
          const wide product =
              wide(queries[static_cast<std::size_t>(r * length + k)]) * wide(keys[static_cast<std::size_t>(j * length + k)]);
          exact[static_cast<std::size_t>(r * width + j)] += product;
          sizes[static_cast<std::size_t>(r * width + j)] += std::fabs(product);
        }
      }
    }
    rounding_steps = wide(length + 2);
    lost = p.flushed() * rounding_steps;
    query.keep();
    key.keep();
  }

  index_type steps;
  kernel_memory<T> query, key;
  std::vector<wide> exact, sizes;
  index_type width;
  wide rounding_steps = 0, lost = 0;
  crestmax::cpu::fetch_list ahead{};

  wide score(index_type r, index_type j) const { return exact[static_cast<std::size_t>(r * width + j)]; }
  wide tolerance(index_type r, index_type j) const {
    const wide size = sizes[static_cast<std::size_t>(r * width + j)];
    return std::isfinite(size) ? size * rounding_steps * rounding<T> + lost : 0;
  }
  crestmax::cpu::score_operands<T> view(packed_check<T>& p) { return {query.data(), key.data(), steps, width / p.panel(), &ahead}; }
  bool is_untouched() const { return query.is_kept() && key.is_kept(); }
};

}  // namespace crestmax_test
