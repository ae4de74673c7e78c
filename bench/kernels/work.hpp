// What every entry of a table is timed on: the shapes of a strip of a prefill and of a block of few rows, in the first caches.
#pragma once

#include <crestmax/crestmax.hpp>
#include <vector>

#include "../memory.hpp"

namespace crestmax_bench {

using crestmax::index_type;

struct kernel_shape {
  index_type rows = 48;  // of a strip
  index_type rows_in_place = 4;
  index_type keys = 128;
  index_type head_dim = 128;  // of keys and of values
};

// Numbers between -1 and 1 in memory that begins a page.
template <class E>
class numbers_in_memory {
 public:
  explicit numbers_in_memory(index_type count) : memory_(static_cast<std::size_t>(count) * sizeof(E)) {
    std::uint32_t state = 1;
    for (index_type i = 0; i < count; ++i) {
      state = state * 1664525u + 1013904223u;
      const double x = static_cast<double>(state >> 8) * 0x1p-23 - 1;
      if constexpr (std::is_floating_point_v<E>)
        data()[i] = static_cast<E>(x);
      else
        data()[i] = crestmax::convert<E>(static_cast<float>(x));
    }
  }
  E* data() const { return reinterpret_cast<E*>(memory_.data()); }

 private:
  memory_block memory_;
};

// Keys or values of one head, token by token.
template <class Stored>
class rows_in_memory {
 public:
  rows_in_memory(index_type rows, index_type width) : width_(width), numbers_(rows * width), zeros_(2 * width), rows_(rows) {}
  crestmax::cpu::source_rows source(bool keys) {
    return {run, this, crestmax::kind_of<Stored>, crestmax::kind_of<Stored>, keys, width_, 0, 0, rows_, &failed_, zeros_.data()};
  }
  const Stored* data() const { return numbers_.data(); }

 private:
  static crestmax::plain_run run(const void* context, index_type, index_type, index_type position, crestmax::run_coding&) {
    const auto& of = *static_cast<const rows_in_memory*>(context);
    return {reinterpret_cast<const char*>(of.numbers_.data() + position * of.width_), of.width_, of.rows_ - position};
  }
  index_type width_;
  numbers_in_memory<Stored> numbers_;
  numbers_in_memory<double> zeros_;
  index_type rows_;
  crestmax::cpu::failed_runs failed_{};
};

// Everything that kernels of T work on. Packed operands are numbers at random, which serve as pairs as well.
template <class T>
class kernel_work {
 public:
  explicit kernel_work(kernel_shape s = {})
      : shape(s),
        scores(s.rows * crestmax::cpu::score_stride),
        lanes(s.rows * 16),
        rounded_lanes(s.rows * 16),
        of_row(s.rows),
        to_row(s.rows),
        rounded(s.rows * crestmax::cpu::weight_stride),
        query(s.rows * s.head_dim + 16),
        key(s.keys * s.head_dim),
        value(s.keys * s.head_dim),
        output(s.rows * s.head_dim),
        run(crestmax::cpu::direct_run * s.head_dim),
        first_panel_(static_cast<std::size_t>(s.rows)) {
    for (index_type r = 0; r < s.rows; ++r) at_.push_back({0, r, r});
  }

  // A strip that sees all keys, of a set with such panels.
  crestmax::cpu::strip_view<T> strip(index_type panel) {
    if (last_panel_.empty() || last_panel_[0] != shape.keys / panel)
      last_panel_.assign(static_cast<std::size_t>(shape.rows), shape.keys / panel);
    return {shape.rows, scores.data(), rounded.data(), lanes.data(), rounded_lanes.data(), first_panel_.data(), last_panel_.data()};
  }
  template <class Stored>
  crestmax::cpu::query_rows queries(const rows_in_memory<Stored>& of, index_type rows) {
    tensor_ = {of.data(), crestmax::kind_of<Stored>, {1, shape.rows, 1, shape.head_dim}, {0, shape.head_dim, 0, 1}};
    return {&tensor_, at_.data(), rows, 0, 0, shape.head_dim, 0.088};
  }

  kernel_shape shape;
  numbers_in_memory<T> scores, lanes, rounded_lanes, of_row, to_row;
  numbers_in_memory<crestmax::bfloat16> rounded;
  numbers_in_memory<T> query, key, value, output, run;
  crestmax::cpu::fetch_list ahead{};

 private:
  std::vector<index_type> first_panel_, last_panel_;
  std::vector<crestmax::row_position> at_;
  crestmax::tensor_view tensor_;
};

}  // namespace crestmax_bench
