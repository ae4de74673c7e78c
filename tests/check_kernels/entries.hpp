// Every entry of the tables, each with its check. An entry that is missing here is a test that fails; see check_kernels_test.cpp.
#pragma once

#include <functional>

#include "decode_checks.hpp"
#include "in_place_checks.hpp"
#include "integer_checks.hpp"
#include "pack_checks.hpp"
#include "plane_checks.hpp"
#include "product_checks.hpp"
#include "row_checks.hpp"
#include "score_checks.hpp"
#include "tile_checks.hpp"

namespace crestmax_test {

// Nothing, in place of a kernel.
template <class F>
struct idle;
template <class R, class... Arguments>
struct idle<R (*)(Arguments...)> {
  static R call(Arguments...) {
    if constexpr (!std::is_void_v<R>) return R{};
  }
};

// An entry of Table, which is a table of kernels or a part of one.
template <class Table, class Subject>
struct checked_entry {
  const char* name;
  void (*check)(Subject&);
  bool (*is_there)(const Table&);
  void (*make_idle)(Table&);
};
template <auto Member, class Table, class Subject>
constexpr checked_entry<Table, Subject> entry(const char* name, void (*check)(Subject&)) {
  using function = std::remove_reference_t<decltype(std::declval<Table&>().*Member)>;
  return {name, check, [](const Table& t) { return t.*Member != nullptr; }, [](Table& t) { t.*Member = &idle<function>::call; }};
}

template <class T>
const auto& entries_of_packed() {
  using packed = crestmax::cpu::packed_kernels<T>;
  using subject = packed_check<T>;
  static constexpr checked_entry<packed, subject> entries[] = {
      entry<&packed::next_group, packed, subject>("next_group", check_next_group<T>),
      entry<&packed::weigh_with, packed, subject>("weigh_with", check_weigh_with<T>),
      entry<&packed::pack_query, packed, subject>("pack_query", check_pack_query<T>),
      entry<&packed::pack_keys, packed, subject>("pack_keys", check_pack_keys<T>),
      entry<&packed::pack_values, packed, subject>("pack_values", check_pack_values<T>),
      entry<&packed::score, packed, subject>("score", check_score<T>),
      entry<&packed::weigh, packed, subject>("weigh", check_weigh<T>),
      entry<&packed::score_and_weigh, packed, subject>("score_and_weigh", check_score_and_weigh<T>),
      entry<&packed::multiply, packed, subject>("multiply", check_multiply<T>),
  };
  return entries;
}

template <class T>
const auto& entries_in_place() {
  using in_place = crestmax::cpu::in_place_kernels<T>;
  using subject = kernel_check<T>;
  static constexpr checked_entry<in_place, subject> entries[] = {
      entry<&in_place::pack_query, in_place, subject>("pack_query", check_pack_query_in_place<T>),
      entry<&in_place::pack_query_pairs, in_place, subject>("pack_query_pairs", check_pack_query_pairs<T>),
      entry<&in_place::score, in_place, subject>("score", check_score_in_place<T>),
      entry<&in_place::score_pairs, in_place, subject>("score_pairs", check_score_pairs<T>),
      entry<&in_place::multiply, in_place, subject>("multiply", check_multiply_in_place<T>),
  };
  return entries;
}

// Codes are taken by both products.
template <class T, crestmax::cpu::integer_kernels<T> crestmax::cpu::in_place_kernels<T>::*Part>
const auto& entries_of_integers() {
  using integers = crestmax::cpu::integer_kernels<T>;
  using subject = kernel_check<T>;
  static constexpr checked_entry<integers, subject> entries[] = {
      entry<&integers::take, integers, subject>("take", check_integer_scores<T, Part>),
      entry<&integers::pack_query, integers, subject>("pack_query", check_integer_queries<T, Part>),
      entry<&integers::score, integers, subject>("score", check_integer_scores<T, Part>),
      entry<&integers::multiply, integers, subject>("multiply", check_integer_outputs<T, Part>),
  };
  return entries;
}

template <class T>
const auto& entries_of_planes() {
  using planes = crestmax::cpu::plane_kernels<T>;
  using subject = kernel_check<T>;
  static constexpr checked_entry<planes, subject> entries[] = {
      entry<&planes::decode, planes, subject>("decode", check_plane_decode<T>),
      entry<&planes::score, planes, subject>("score", check_plane_score<T>),
      entry<&planes::multiply, planes, subject>("multiply", check_plane_multiply<T>),
      entry<&planes::measure_steps, planes, subject>("measure_steps", check_measure_steps<T>),
      entry<&planes::measure_values, planes, subject>("measure_values", check_measure_values<T>),
      entry<&planes::sum_errors, planes, subject>("sum_errors", check_sum_errors<T>),
      entry<&planes::share_errors, planes, subject>("share_errors", check_share_errors<T>),
      entry<&planes::score_whole, planes, subject>("score_whole", check_score_whole<T>),
      entry<&planes::rejoin, planes, subject>("rejoin", check_rejoin<T>),
  };
  return entries;
}

template <class T>
const auto& entries_of_rows() {
  using rows = crestmax::row_kernels<T>;
  using subject = kernel_check<T>;
  static constexpr checked_entry<rows, subject> entries[] = {
      entry<&rows::soft_cap, rows, subject>("soft_cap", check_soft_cap<T>),
      entry<&rows::add_ramp, rows, subject>("add_ramp", check_add_ramp<T>),
      entry<&rows::add_numbers, rows, subject>("add_numbers", check_add_numbers<T>),
      entry<&rows::hide, rows, subject>("hide", check_hide<T>),
  };
  return entries;
}

template <class T>
const auto& entries_of_table() {
  using table = crestmax::cpu::kernel_table<T>;
  using subject = kernel_check<T>;
  static constexpr checked_entry<table, subject> entries[] = {
      entry<&table::open_tiles, table, subject>("open_tiles", check_open_tiles<T>),
      entry<&table::close_tiles, table, subject>("close_tiles", check_close_tiles<T>),
      entry<&table::scale_scores, table, subject>("scale_scores", check_scale_scores<T>),
      entry<&table::hide_panel, table, subject>("hide_panel", check_hide_panel<T>),
      entry<&table::hide_columns, table, subject>("hide_columns", check_hide_columns<T>),
      entry<&table::row_maxima, table, subject>("row_maxima", check_row_maxima<T>),
      entry<&table::join_maxima, table, subject>("join_maxima", check_join_maxima<T>),
      entry<&table::round_weights, table, subject>("round_weights", check_round_weights<T>),
      entry<&table::add_totals, table, subject>("add_totals", check_add_totals<T>),
      entry<&table::total, table, subject>("total", check_total<T>),
      entry<&table::scale_row, table, subject>("scale_row", check_scale_row<T>),
      entry<&table::add_scaled, table, subject>("add_scaled", check_add_scaled<T>),
      entry<&table::all_finite, table, subject>("all_finite", check_all_finite<T>),
      entry<&table::write, table, subject>("write", check_write<T>),
      entry<&table::excess_over_crest, table, subject>("excess_over_crest", check_excess_over_crest<T>),
      entry<&table::sum_standing, table, subject>("sum_standing", check_sum_standing<T>),
      entry<&table::measure_keys, table, subject>("measure_keys", check_measure_keys<T>),
      entry<&table::decode, table, subject>("decode", check_decode<T>),
  };
  return entries;
}

// What multiplies, and so which machines and which tables have it.
enum class factors { numbers, pairs, tiles };

// An entry of a whole table. `complaint` is what its check finds first, or nothing.
template <class T>
struct table_entry {
  using table = crestmax::cpu::kernel_table<T>;
  std::string name;
  factors of;
  std::function<bool(const table&)> is_there;
  std::function<std::string(const table&)> complaint;
  std::function<void(table&)> make_idle;
};

template <class T>
void add_packed_entries(std::vector<table_entry<T>>& to, const char* name, factors of,
                        crestmax::cpu::packed_kernels<T> crestmax::cpu::kernel_table<T>::*part) {
  using table = crestmax::cpu::kernel_table<T>;
  for (const auto& e : entries_of_packed<T>()) {
    to.push_back({std::string(name) + "_" + e.name, of, [=](const table& t) { return e.is_there(t.*part); },
                  [=](const table& t) {
                    const open_tiles<T> open(of == factors::tiles ? &t : nullptr);
                    kernel_check<T> c(t);
                    packed_check<T> p{c, t.*part, of == factors::tiles};
                    e.check(p);
                    return c.complaint();
                  },
                  [=](table& t) { e.make_idle(t.*part); }});
  }
}

// Those of a part that is no packed one; part(table) is it.
template <class T, class Entries, class Part>
void add_entries(std::vector<table_entry<T>>& to, const char* prefix, const Entries& entries, const Part& part) {
  using table = crestmax::cpu::kernel_table<T>;
  for (const auto& e : entries) {
    const std::string name = std::string(prefix) + e.name;
    const factors of = name.find("pairs") != name.npos   ? factors::pairs
                       : name.find("tiles") != name.npos ? factors::tiles
                                                         : factors::numbers;
    to.push_back({name, of, [=](const table& t) { return e.is_there(part(t)); },
                  [=](const table& t) {
                    kernel_check<T> c(t);
                    e.check(c);
                    return c.complaint();
                  },
                  [=](table& t) { e.make_idle(part(t)); }});
  }
}

template <class T>
std::vector<table_entry<T>> every_entry() {
  using table = crestmax::cpu::kernel_table<T>;
  std::vector<table_entry<T>> entries;
  add_packed_entries<T>(entries, "numbers", factors::numbers, &table::numbers);
  add_packed_entries<T>(entries, "pairs", factors::pairs, &table::pairs);
  add_packed_entries<T>(entries, "tiles", factors::tiles, &table::tiles);
  add_entries<T>(
      entries, "in_place_", entries_in_place<T>(), [](auto& t) -> auto& { return t.in_place; });
  using in_place = crestmax::cpu::in_place_kernels<T>;
  add_entries<T>(
      entries, "integers_", entries_of_integers<T, &in_place::integers>(), [](auto& t) -> auto& { return t.in_place.integers; });
  add_entries<T>(
      entries, "dots_", entries_of_integers<T, &in_place::dots>(), [](auto& t) -> auto& { return t.in_place.dots; });
  add_entries<T>(
      entries, "planes_", entries_of_planes<T>(), [](auto& t) -> auto& { return t.planes; });
  add_entries<T>(
      entries, "rows_", entries_of_rows<T>(), [](auto& t) -> auto& { return t.rows; });
  add_entries<T>(
      entries, "", entries_of_table<T>(), [](auto& t) -> auto& { return t; });
  return entries;
}

}  // namespace crestmax_test
