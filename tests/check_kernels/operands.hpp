// The caller's tensors as kernels read them: rows at no alignment, with poison between them and nothing behind the last.
#pragma once

#include "check.hpp"

namespace crestmax_test {

// Keys or values of one head in runs of a few rows, the last run first in memory.
template <class T, class Stored>
class made_rows {
 public:
  // draw() gives each number.
  template <class Draw>
  made_rows(kernel_check<T>& c, index_type count, index_type d, Draw&& draw)
      : count_(count),
        d_(d),
        stride_(d + c.random.integer(0, 3)),
        run_(c.random.chance(0.5) ? count : c.random.integer(1, 20)),
        memory_(c.random, (pages() * run_ - 1) * stride_ + d),
        zeros_(c.vectors(d)) {
    for (index_type j = 0; j < count; ++j) {
      for (index_type k = 0; k < d; ++k) {
        memory_[offset(j) + k] = stored<Stored>(draw());
        numbers_.push_back(number_of(memory_[offset(j) + k]));
      }
    }
    memory_.keep();
    failed_ = {};
  }

  void set(index_type j, index_type k, double x) {
    memory_[offset(j) + k] = stored<Stored>(x);
    numbers_[static_cast<std::size_t>(j * d_ + k)] = x;
    memory_.keep();
  }
  double number(index_type j, index_type k) const { return numbers_[static_cast<std::size_t>(j * d_ + k)]; }
  crestmax::cpu::source_rows source(bool keys) {
    return {run_at, this, crestmax::kind_of<Stored>, crestmax::kind_of<Stored>, keys, d_, 0, 0, count_, &failed_, zeros_.data()};
  }
  bool is_untouched() const { return memory_.is_kept() && memory_.is_contained() && failed_.count == 0; }

 private:
  index_type pages() const { return crestmax::planner::divide_up(count_, run_); }
  index_type offset(index_type j) const { return ((pages() - 1 - j / run_) * run_ + j % run_) * stride_; }
  static crestmax::plain_run run_at(const void* context, index_type, index_type, index_type j, crestmax::run_coding&) {
    const auto& of = *static_cast<const made_rows*>(context);
    return {reinterpret_cast<const char*>(&of.memory_[of.offset(j)]), of.stride_, std::min(of.run_ - j % of.run_, of.count_ - j)};
  }

  index_type count_, d_, stride_, run_;
  kernel_memory<Stored> memory_;
  std::vector<double> numbers_;  // as stored, row by row
  kernel_memory<T> zeros_;
  crestmax::cpu::failed_runs failed_;
};

// Queries of two heads in turn, behind others that are not asked for.
template <class T, class Stored>
class made_queries {
 public:
  static constexpr index_type skipped = 2;
  template <class Draw>
  made_queries(kernel_check<T>& c, index_type rows, index_type d, Draw&& draw, double scale = 1)
      : rows_(rows), d_(d), stride_(d + c.random.integer(0, 3)), scale_(scale), memory_(c.random, (skipped * 2 + rows - 1) * stride_ + d) {
    for (index_type r = 0; r < rows; ++r) {
      for (index_type k = 0; k < d; ++k) {
        memory_[offset(r) + k] = stored<Stored>(draw());
        numbers_.push_back(number_of(memory_[offset(r) + k]));
      }
      at_.push_back({r % 2, 100 + r / 2, r / 2});
    }
    memory_.keep();
    tensor_.data = memory_.data();
    tensor_.kind = crestmax::kind_of<Stored>;
    tensor_.strides = {0, 2 * stride_, stride_, 1};
  }
  void set(index_type r, index_type k, double x) {
    memory_[offset(r) + k] = stored<Stored>(x);
    numbers_[static_cast<std::size_t>(r * d_ + k)] = x;
    memory_.keep();
  }
  double number(index_type r, index_type k) const { return numbers_[static_cast<std::size_t>(r * d_ + k)]; }
  crestmax::cpu::query_rows view() const { return {&tensor_, at_.data(), rows_, 0, skipped, d_, scale_}; }
  bool is_untouched() const { return memory_.is_kept() && memory_.is_contained(); }

 private:
  index_type offset(index_type r) const { return (2 * skipped + r) * stride_; }

  index_type rows_, d_, stride_;
  double scale_;
  kernel_memory<Stored> memory_;
  std::vector<double> numbers_;  // as stored, row by row
  std::vector<crestmax::row_position> at_;
  crestmax::tensor_view tensor_{};
};

// Rows whose scores are in memory. Each group of them sees some panels; what the others hold is poison that is to stay.
template <class T>
class made_strip {
 public:
  // `stored`: rows that a kernel may write and read, though the strip has fewer. Without next_group rows see what they like.
  made_strip(kernel_check<T>& c, index_type row_count, index_type panel_count, index_type stored, index_type (*next_group)(index_type))
      : rows(row_count),
        panels(panel_count),
        panel(c.panel),
        lanes_per_row(c.lanes),
        scores(c.random, (stored - 1) * crestmax::cpu::score_stride + panels * panel, c.vector_bytes()),
        rounded(c.random, (stored - 1) * crestmax::cpu::weight_stride + panels * panel,
                std::min<std::size_t>(64, 2 * static_cast<std::size_t>(panel))),
        lanes(c.vectors(rows * c.lanes)),
        rounded_lanes(c.vectors(rows * c.lanes)),
        first_(c.random, rows),
        last_(c.random, rows) {
    for (index_type r = 0; r < rows;) {
      const index_type group = next_group == nullptr ? 1 : next_group(rows - r);
      const bool all = c.random.chance(0.4);
      const index_type first = all ? 0 : c.random.integer(0, panels);
      const index_type last = all ? panels : c.random.integer(first, panels);
      for (index_type i = 0; i < group; ++i, ++r) {
        first_[r] = first;
        last_[r] = last;
      }
    }
    first_.keep();
    last_.keep();
    keep();
  }

  index_type rows, panels, panel, lanes_per_row;
  kernel_memory<T> scores;
  kernel_memory<crestmax::bfloat16> rounded;
  kernel_memory<T> lanes, rounded_lanes;

  bool sees(index_type r, index_type j) const { return j >= begin(r) && j < end(r); }
  index_type begin(index_type r) const { return first_[r] * panel; }
  index_type end(index_type r) const { return last_[r] * panel; }
  T& score(index_type r, index_type j) const { return scores[r * crestmax::cpu::score_stride + j]; }
  crestmax::bfloat16& weight(index_type r, index_type j) const { return rounded[r * crestmax::cpu::weight_stride + j]; }
  crestmax::cpu::strip_view<T> view() const {
    return {rows, scores.data(), rounded.data(), lanes.data(), rounded_lanes.data(), first_.data(), last_.data()};
  }
  wide total(const kernel_memory<T>& of, index_type r) const {
    wide sum = 0;
    for (index_type l = 0; l < lanes_per_row; ++l) sum += wide(of[r * lanes_per_row + l]);
    return sum;
  }

  // f(r, j) for every score that a row sees.
  template <class F>
  void for_each_seen(F&& f) const {
    for (index_type r = 0; r < rows; ++r) {
      for (index_type j = begin(r); j < end(r); ++j) f(r, j);
    }
  }
  void keep() {
    scores.keep();
    rounded.keep();
  }
  // Whether nothing has changed that rows do not see, neither scores nor rounded weights.
  bool unseen_is_kept() const {
    bool kept = first_.is_kept() && last_.is_kept() && scores.is_contained() && rounded.is_contained() && lanes.is_contained() &&
                rounded_lanes.is_contained();
    for (index_type r = 0; r < rows; ++r) {
      const auto outside = [&](auto& memory, index_type stride) {
        const index_type row_end = r + 1 < rows ? stride : std::min(stride, memory.size() - r * stride);
        return memory.is_kept(r * stride, begin(r)) && memory.is_kept(r * stride + end(r), row_end - end(r));
      };
      kept = kept && outside(scores, crestmax::cpu::score_stride) && outside(rounded, crestmax::cpu::weight_stride);
    }
    return kept;
  }

 private:
  kernel_memory<index_type> first_, last_;
};

// The larger of two; of a number and NaN the number.
template <class T>
T highest_of(T a, T b) {
  return std::isnan(b) || a > b ? a : b;
}

// Lanes of a strip hold the maxima of what its rows see, which may pass over NaN.
template <class T>
void expect_maxima(kernel_check<T>& c, const made_strip<T>& strip) {
  for (index_type r = 0; r < strip.rows; ++r) {
    for (index_type l = 0; l < c.lanes; ++l) {
      T highest = crestmax::cpu::hidden_score<T>;
      bool nan = false;
      for (index_type j = strip.begin(r) + l; j < strip.end(r); j += c.lanes) {
        highest = highest_of(highest, strip.score(r, j));
        nan = nan || std::isnan(strip.score(r, j));
      }
      const T got = strip.lanes[r * c.lanes + l];
      c.expect(got == highest || (nan && std::isnan(got)), "the maximum of lane ", l, " of row ", r, " is ", got, ", not ", highest);
    }
  }
}

}  // namespace crestmax_test
