// Every entry of a table of kernels as something to time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "work.hpp"

namespace crestmax_bench {

enum class bound { none, multiply_adds, exponentials };  // what a machine's ceiling is known of
enum class factors { numbers, pairs, tiles };            // what is multiplied, and so which machines have it

template <class T>
struct timed_entry {
  using table = crestmax::cpu::kernel_table<T>;
  std::string name;
  const char* element;
  double elements;  // of one call
  factors of;
  bound ceiling;
  std::function<bool(const table&)> is_there;
  std::function<void(const table&)> call;
};

template <class T>
class list_of_entries {
 public:
  using table = crestmax::cpu::kernel_table<T>;
  explicit list_of_entries(kernel_work<T>& work) : w_(work) {}

  void add_all() {
    add_packed("numbers", factors::numbers, &table::numbers);
    if constexpr (std::is_same_v<T, float>) {
      add_packed("pairs", factors::pairs, &table::pairs);
      add_packed("tiles", factors::tiles, &table::tiles);
    }
    add_in_place();
    add_scores();
    add_rows();
    add_outputs();
  }
  const std::vector<timed_entry<T>>& entries() const { return entries_; }

 private:
  static constexpr auto always = [](const table&) { return true; };
  template <class Call>
  void add(std::string name, const char* element, index_type elements, Call call, bound ceiling = bound::none,
           factors of = factors::numbers, std::function<bool(const table&)> is_there = always) {
    entries_.push_back({std::move(name), element, static_cast<double>(elements), of, ceiling, std::move(is_there), std::move(call)});
  }
  template <class Stored>
  static std::string with(const std::string& name) {
    return name + " " + crestmax::name(crestmax::kind_of<Stored>);
  }

  void add_packed(const std::string& part, factors of, crestmax::cpu::packed_kernels<T> table::*kernels) {
    const kernel_shape s = w_.shape;
    const auto is_there = [=](const table& t) { return (t.*kernels).score != nullptr; };
    const auto add_one = [&](const char* name, const char* element, index_type elements, bound ceiling, auto call) {
      add(
          part + "." + name, element, elements, [=, this](const table& t) { call(w_, t, t.*kernels); }, ceiling, of, is_there);
    };
    const index_type products = s.rows * s.keys * s.head_dim;
    const auto scored = [](auto& w, const table& t, const auto& k) {
      return crestmax::cpu::score_operands<T>{w.query.data(), w.key.data(), k.steps_of(w.shape.head_dim), w.shape.keys / t.panel, &w.ahead};
    };
    add_one("next_group", "call", 1, bound::none, [](auto& w, const table&, const auto& k) { w.shape.rows += k.next_group(1) - 1; });
    add_one("weigh_with", "call", 1, bound::none,
            [](auto& w, const table&, const auto& k) { w.to_row.data()[0] = k.weigh_with(T(0.1), 2).factor; });
    add_packing<float>(part, of, kernels);
    add_packing<crestmax::float16>(part, of, kernels);
    add_packing<crestmax::bfloat16>(part, of, kernels);
    add_one("score", "multiply-add", products, bound::multiply_adds,
            [=](auto& w, const table& t, const auto& k) { k.score(w.strip(t.panel), scored(w, t, k)); });
    add_one("weigh", "weight", s.rows * s.keys, bound::exponentials,
            [](auto& w, const table& t, const auto& k) { k.weigh(w.strip(t.panel), w.of_row.data(), k.weigh_with(T(0.1), 2)); });
    add_one("score_and_weigh", "multiply-add", products, bound::multiply_adds, [=](auto& w, const table& t, const auto& k) {
      k.score_and_weigh(w.strip(t.panel), scored(w, t, k), w.of_row.data(), k.weigh_with(T(0.1), 2));
    });
    add_one("multiply", "multiply-add", products, bound::multiply_adds, [](auto& w, const table& t, const auto& k) {
      k.multiply(w.strip(t.panel), {w.value.data(), w.shape.keys, k.steps_of(w.shape.keys), k.steps_of(w.shape.keys) * t.panel, t.panel,
                                      w.output.data(), w.shape.head_dim, &w.ahead});
    });
  }

  // What is packed is read from memory of its own; pairs are of bfloat16 alone.
  template <class Stored>
  void add_packing(const std::string& part, factors of, crestmax::cpu::packed_kernels<T> table::*kernels) {
    if (of != factors::numbers && !std::is_same_v<Stored, crestmax::bfloat16>) return;
    const kernel_shape s = w_.shape;
    const auto rows = std::make_shared<rows_in_memory<Stored>>(std::max(s.rows, s.keys), s.head_dim);
    const auto is_there = [=](const table& t) { return (t.*kernels).score != nullptr; };
    add(
        with<Stored>(part + ".pack_query"), "number", s.rows * s.head_dim,
        [=, this](const table& t) {
          (t.*kernels).pack_query(w_.queries(*rows, s.rows), (t.*kernels).steps_of(s.head_dim), w_.query.data());
        },
        bound::none, of, is_there);
    add(
        with<Stored>(part + ".pack_keys"), "number", s.keys * s.head_dim,
        [=, this](const table& t) {
          (t.*kernels).pack_keys(rows->source(true), 0, 1, s.keys, (t.*kernels).steps_of(s.head_dim), w_.key.data());
        },
        bound::none, of, is_there);
    add(
        with<Stored>(part + ".pack_values"), "number", s.keys * s.head_dim,
        [=, this](const table& t) {
          (t.*kernels).pack_values(rows->source(false), {0, s.keys, false, false, 2}, (t.*kernels).steps_of(s.keys), w_.value.data());
        },
        bound::none, of, is_there);
  }

  void add_in_place() {
    add_read_in_place<float>();
    add_read_in_place<crestmax::float16>();
    add_read_in_place<crestmax::bfloat16>();
    if constexpr (std::is_same_v<T, float>) add_pairs_in_place();
  }
  template <class Stored>
  crestmax::cpu::rows_in_place<T> in_place(crestmax::cpu::source_rows& keys) {
    return {w_.shape.rows_in_place,
            w_.query.data(),
            w_.shape.head_dim,
            w_.scores.data(),
            w_.output.data(),
            w_.shape.head_dim,
            &keys,
            &keys,
            w_.run.data(),
            w_.run.data(),
            false};
  }
  template <class Stored>
  void add_read_in_place() {
    const kernel_shape s = w_.shape;
    const auto rows = std::make_shared<rows_in_memory<Stored>>(s.keys, s.head_dim);
    const auto is_there = [](const table& t) { return t.in_place.score != nullptr; };
    const index_type products = s.rows_in_place * s.keys * s.head_dim;
    const crestmax::cpu::tile_keys tile{0, 1, s.keys, crestmax::visibility::all};
    add(
        with<Stored>("in_place.pack_query"), "number", s.rows_in_place * s.head_dim,
        [=, this](const table& t) {
          t.in_place.pack_query(w_.queries(*rows, s.rows_in_place), crestmax::kind_of<Stored>, s.head_dim, w_.query.data());
        },
        bound::none, factors::numbers, is_there);
    add(
        with<Stored>("in_place.score"), "multiply-add", products,
        [=, this](const table& t) {
          crestmax::cpu::source_rows keys = rows->source(true);
          const auto block = in_place<Stored>(keys);
          t.in_place.score({&block, 1}, tile);
        },
        bound::multiply_adds, factors::numbers, is_there);
    add(
        with<Stored>("in_place.multiply"), "multiply-add", products,
        [=, this](const table& t) {
          crestmax::cpu::source_rows values = rows->source(false);
          const auto block = in_place<Stored>(values);
          t.in_place.multiply({&block, 1}, tile);
        },
        bound::multiply_adds, factors::numbers, is_there);
  }
  void add_pairs_in_place() {
    using brain = crestmax::bfloat16;
    const kernel_shape s = w_.shape;
    const auto rows = std::make_shared<rows_in_memory<brain>>(s.keys, s.head_dim);
    const auto is_there = [](const table& t) { return t.in_place.score_pairs != nullptr; };
    add(
        "in_place.pack_query_pairs", "number", s.rows_in_place * s.head_dim,
        [=, this](const table& t) {
          t.in_place.pack_query_pairs(w_.queries(*rows, s.rows_in_place), crestmax::kind_of<brain>, w_.query.data());
        },
        bound::none, factors::pairs, is_there);
    add(
        "in_place.score_pairs", "multiply-add", s.rows_in_place * s.keys * s.head_dim,
        [=, this](const table& t) {
          crestmax::cpu::source_rows keys = rows->source(true);
          const auto block = in_place<brain>(keys);
          t.in_place.score_pairs({&block, 1}, {0, 1, s.keys, crestmax::visibility::all});
        },
        bound::multiply_adds, factors::pairs, is_there);
  }

  void add_scores() {
    const kernel_shape s = w_.shape;
    const index_type scores = s.rows * s.keys;
    add("scale_scores", "score", scores, [this](const table& t) { t.scale_scores(w_.strip(t.panel), T(1)); });
    add("hide_panel", "row", s.rows, [=, this](const table& t) { t.hide_panel(w_.scores.data() + s.keys, s.rows); });
    add("hide_columns", "row", s.rows, [=, this](const table& t) { t.hide_columns(w_.scores.data() + s.keys, s.rows, 1); });
    add("row_maxima", "score", scores, [this](const table& t) { t.row_maxima(w_.strip(t.panel)); });
    add("join_maxima", "row", s.rows, [this](const table& t) { t.join_maxima(w_.strip(t.panel), w_.to_row.data()); });
    add("round_weights float16", "score", scores,
        [this](const table& t) { t.round_weights(w_.strip(t.panel), crestmax::weight_type::float16, w_.to_row.data()); });
    add("round_weights bfloat16", "score", scores,
        [this](const table& t) { t.round_weights(w_.strip(t.panel), crestmax::weight_type::bfloat16, w_.to_row.data()); });
    add("add_totals", "row", s.rows, [=, this](const table& t) { t.add_totals(w_.lanes.data(), s.rows, w_.to_row.data(), nullptr); });
    add("total", "call", 1, [this](const table& t) { w_.to_row.data()[0] = t.total(w_.lanes.data()); });
    add("excess_over_crest", "score", scores,
        [=, this](const table& t) { t.excess_over_crest(w_.strip(t.panel), w_.of_row.data(), s.keys, w_.run.data()); });
    add("sum_standing", "score", scores,
        [=, this](const table& t) { t.sum_standing(w_.strip(t.panel), w_.key.data(), 0, s.keys, w_.to_row.data()); });
  }

  // Rows of scores for modifiers.
  void add_rows() {
    const index_type keys = w_.shape.keys;
    add(
        "rows.soft_cap", "score", keys, [=, this](const table& t) { t.rows.soft_cap(w_.run.data(), keys, T(1), T(30)); },
        bound::exponentials);
    add("rows.add_ramp", "score", keys, [=, this](const table& t) { t.rows.add_ramp(w_.run.data(), keys, T(0.5), T(0.1), T(-100), T(1)); });
    add_added<float>();
    add_added<double>();
    add_added<crestmax::float16>();
    add_added<crestmax::bfloat16>();
    const auto bools = std::make_shared<std::vector<std::uint8_t>>(static_cast<std::size_t>(keys), std::uint8_t{1});
    add("rows.hide bool", "score", keys,
        [=, this](const table& t) { t.rows.hide(w_.run.data(), keys, crestmax::mask_type::boolean, bools->data(), 1); });
  }
  template <class Stored>
  void add_added() {
    const auto numbers = std::make_shared<numbers_in_memory<Stored>>(w_.shape.keys);
    add(with<Stored>("rows.add_numbers"), "score", w_.shape.keys, [=, this](const table& t) {
      t.rows.add_numbers(w_.run.data(), w_.shape.keys, T(0.5), crestmax::kind_of<Stored>, numbers->data(), 1, T(1));
    });
    add(with<Stored>("rows.hide"), "score", w_.shape.keys, [=, this](const table& t) {
      t.rows.hide(w_.run.data(), w_.shape.keys, crestmax::mask_type_of(crestmax::kind_of<Stored>), numbers->data(), 1);
    });
  }

  void add_outputs() {
    const index_type width = w_.shape.head_dim;
    add("scale_row", "number", width, [=, this](const table& t) { t.scale_row(w_.output.data(), width, T(1)); });
    add("add_scaled", "number", width, [=, this](const table& t) { t.add_scaled(w_.output.data(), T(0x1p-20), w_.key.data() + 1, width); });
    add("all_finite", "number", width,
        [=, this](const table& t) { w_.to_row.data()[0] = t.all_finite(w_.output.data(), width) ? T(1) : T(0); });
    add_written<float>();
    add_written<double>();
    add_written<crestmax::float16>();
    add_written<crestmax::bfloat16>();
    const auto rows = std::make_shared<rows_in_memory<float>>(w_.shape.keys, width);
    add("measure_keys float32", "number", w_.shape.keys * width,
        [=, this](const table& t) { t.measure_keys(rows->source(true), 0, 1, w_.shape.keys, w_.run.data()); });
    add(
        "open_tiles and close_tiles", "call", 1,
        [](const table& t) {
          t.open_tiles();
          t.close_tiles();
        },
        bound::none, factors::tiles, [](const table& t) { return t.open_tiles != nullptr; });
  }
  template <class Stored>
  void add_written() {
    const index_type width = w_.shape.head_dim;
    const auto to = std::make_shared<numbers_in_memory<Stored>>(width);
    add(with<Stored>("write"), "number", width,
        [=, this](const table& t) { t.write(w_.output.data(), 0.7, crestmax::kind_of<Stored>, to->data(), width); });
  }

  kernel_work<T>& w_;
  std::vector<timed_entry<T>> entries_;
};

}  // namespace crestmax_bench
