// Checks of entries that read rows in planes by their first plane.
#pragma once

#include <vector>

#include "check.hpp"

namespace crestmax_test {

// Keys or values of one head in blocks of random codes; the last keys, if they are no whole block, are rows of float16 that are not coded yet.
class plane_operands {
 public:
  plane_operands(random_source& random, bool are_keys, index_type count, index_type d, crestmax::cpu::decode_rows decode)
      : count_(count), d_(d), coded_(are_keys ? count / 64 * 64 : count), bytes_(random, (count + 63) / 64 * 128 * d),
        steps_(random, are_keys ? (count + 63) / 64 * d : count), minimums_(random, steps_.size()), open_(random, 64 * d), zeros_(random, d),
        decoded_(random, 64 * (d + 16), 64) {
    for (index_type i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<std::uint8_t>(random.integer(0, 255));
    for (index_type i = 0; i < steps_.size(); ++i) {
      steps_[i] = static_cast<float>(random.uniform(1e-6, 5e-5));
      minimums_[i] = static_cast<float>(random.uniform(-2, 1));
    }
    for (index_type i = 0; i < open_.size(); ++i) open_[i] = crestmax::convert<crestmax::float16>(static_cast<float>(random.normal()));
    coding_.scales = {steps_.data(), {0, are_keys ? d : 1, 0, 1}};
    coding_.offsets = {minimums_.data(), {0, are_keys ? d : 1, 0, 1}};
    coding_.offset = crestmax::offset_kind::minimum;
    coding_.group = are_keys ? 1 : 0;
    coding_.keys = are_keys ? 64 : 1;
    if (are_keys) coding_.open = {open_.data(), scalar_kind::float16, {64 * d, d, 0}};
    source_.run = [](const void* self, index_type, index_type, index_type position, crestmax::run_coding& beside) {
      return crestmax::without_coding(static_cast<const plane_operands*>(self)->run(position), true, beside);
    };
    source_.context = this;
    source_.stored = scalar_kind::planes16;
    source_.kind = scalar_kind::float32;
    source_.are_keys = are_keys;
    source_.length = d;
    source_.kv_len = count;
    source_.failed = &failed_;
    source_.zeros = zeros_.data();
    source_.decode = decode;
    source_.decoded = decoded_.data();
    source_.decoded_rows = 64;
    source_.planes = 1;
  }
  plane_operands(const plane_operands&) = delete;
  plane_operands& operator=(const plane_operands&) = delete;

  crestmax::cpu::source_rows& source() { return source_; }
  crestmax::kv_run run(index_type position) const {
    if (position >= count_) return crestmax::no_rows;
    if (position >= coded_) return crestmax::open_run(coding_, 0, 0, position, count_ - position);
    const index_type place = position % 64;
    crestmax::kv_run rows{bytes_.data() + position / 64 * 128 * d_ + place * 2 * d_, 2 * d_, std::min(64 - place, count_ - position)};
    rows.beside.place = place;
    return crestmax::with_coding(rows, coding_, 0, 0, position);
  }
  // What so many planes say of a number, each operation rounded once.
  float number(index_type j, index_type k, int planes = 1) const {
    if (j >= coded_) return crestmax::convert<float>(open_[j % 64 * d_ + k]);
    const std::uint8_t* const block = bytes_.data() + j / 64 * 128 * d_;
    const auto nibble = [&](index_type plane) { return block[plane * 32 * d_ + j % 64 * (d_ / 2) + k / 2] >> (k % 2 * 4) & 15; };
    const float low = planes == 2 ? 127.5f : static_cast<float>(block[64 * d_ + j % 64 * d_ + k]);
    const float code = static_cast<float>(nibble(0)) * 4096 + (planes == 1 ? 2047.5f : static_cast<float>(nibble(1)) * 256 + low);
    const volatile float product = step(j, k) * code;
    return product + minimums_[place_of(j, k)];
  }
  float step(index_type j, index_type k) const { return steps_[place_of(j, k)]; }
  float minimum(index_type j, index_type k) const { return minimums_[place_of(j, k)]; }
  bool is_coded(index_type j) const { return j < coded_; }
  bool is_contained() const { return decoded_.is_contained() && failed_.count == 0; }

 private:
  index_type place_of(index_type j, index_type k) const { return source_.are_keys ? j / 64 * d_ + k : j; }

  index_type count_, d_, coded_;
  kernel_memory<std::uint8_t> bytes_;
  kernel_memory<float> steps_, minimums_;
  kernel_memory<crestmax::float16> open_;
  kernel_memory<float> zeros_, decoded_;
  crestmax::row_coding coding_;
  crestmax::cpu::failed_runs failed_{};
  crestmax::cpu::source_rows source_{};
};

// A block of rows over them.
class plane_block {
 public:
  plane_block(kernel_check<float>& c, index_type count, index_type width, bool are_keys)
      : rows_(c.random.integer(1, most_plane_rows)), d(width), keys(count), stride_(crestmax::planner::round_up(width, crestmax::cpu::widest_lanes)),
        operands(c.random, are_keys, count, width, c.table.planes.decode), query(c.random, rows_ * stride_, 64),
        scores(c.random, rows_ * crestmax::cpu::score_stride, 64), output(c.random, rows_ * crestmax::planner::round_up(width, c.panel), 64),
        key_room(c.random, std::max<index_type>(16 * stride_, rows_ * crestmax::planner::round_up(width, 32)), 64),
        value_room(c.random, std::max<index_type>(16 * stride_, rows_ * 64), 64), output_stride_(crestmax::planner::round_up(width, c.panel)) {
    for (index_type r = 0; r < rows_; ++r) {
      for (index_type k = 0; k < stride_; ++k) query[r * stride_ + k] = k < d ? static_cast<float>(c.random.normal()) : 0;
    }
    for (index_type i = 0; i < output.size(); ++i) output[i] = static_cast<float>(c.random.normal());
    output.keep();
  }

  crestmax::cpu::rows_in_place<float> view() {
    return {rows_, query.data(), stride_, scores.data(), output.data(), output_stride_, &operands.source(), &operands.source(),
            key_room.data(), value_room.data(), false};
  }
  float query_at(index_type r, index_type k) const { return query[r * stride_ + k]; }
  float& score_at(index_type r, index_type j) const { return scores[r * crestmax::cpu::score_stride + j]; }
  index_type rows() const { return rows_; }
  index_type output_stride() const { return output_stride_; }
  bool is_contained() const { return scores.is_contained() && output.is_contained() && key_room.is_contained() && value_room.is_contained() && operands.is_contained(); }

 private:
  static constexpr index_type most_plane_rows = 16;
  index_type rows_;

 public:
  index_type d, keys;

 private:
  index_type stride_;

 public:
  plane_operands operands;
  kernel_memory<float> query, scores, output, key_room, value_room;

 private:
  index_type output_stride_;
};

// Calls f(block) for head dims of every tail and numbers of keys that fill blocks or not.
template <class F>
void for_every_plane_block(kernel_check<float>& c, bool are_keys, F&& f) {
  for (index_type d = 2; d <= 2 * c.panel + 4 && !c.failed(); d += 2) {
    plane_block b(c, c.random.pick<index_type>({64, 128, 192, c.random.integer(1, 200)}), d, are_keys);
    f(b);
    c.expect(b.is_contained(), "writes outside, d ", d);
  }
}

template <class T>
void check_plane_decode(kernel_check<T>& c) {
  if constexpr (std::is_same_v<T, float>) {
    for_every_plane_block(c, c.random.chance(0.5), [&](plane_block& b) {
      for (const int planes : {1, 2}) {
        crestmax::cpu::source_rows& of = b.operands.source();
        of.planes = planes;
        const index_type apart = of.decoded_stride(), first = c.random.integer(0, b.keys - 1), step = c.random.integer(1, 3);
        const crestmax::kv_run run = b.operands.run(first);
        const index_type count = std::min<index_type>(16, (run.rows + step - 1) / step);
        kernel_memory<float> to(c.random, count * apart, 64);
        c.table.planes.decode(of, run, 0, step, count, to.data());
        for (index_type i = 0; i < count; ++i) {
          for (index_type k = 0; k < b.d; ++k) {
            const float exact = b.operands.number(first + i * step, k, planes), got = to[i * apart + k];
            c.expect(crestmax::equals(got, exact), planes, " planes of ", b.d, " numbers: number ", k, " is ", got, " instead of ", exact);
          }
        }
        c.expect(to.is_contained(), "writes outside");
      }
    });
  }
}

template <class T>
void check_plane_score(kernel_check<T>& c) {
  if constexpr (std::is_same_v<T, float>) {
    for_every_plane_block(c, true, [&](plane_block& b) {
      const crestmax::cpu::rows_in_place<float> view = b.view();
      c.table.planes.score({&view, 1}, {0, 1, b.keys, crestmax::visibility::all});
      for (index_type r = 0; r < b.rows(); ++r) {
        for (index_type j = 0; j < b.keys; ++j) {
          double exact = 0, size = 0;
          for (index_type k = 0; k < b.d; ++k) {
            const double part = static_cast<double>(b.query_at(r, k)) * static_cast<double>(b.operands.number(j, k));
            exact += part;
            size += std::fabs(part) + std::fabs(static_cast<double>(b.query_at(r, k))) * 4;
          }
          const double got = static_cast<double>(b.score_at(r, j));
          c.expect(std::fabs(got - exact) <= 4e-6 * size, "d ", b.d, ", row ", r, " of ", b.rows(), ", key ", j, " of ", b.keys, ": ", got, " instead of ", exact);
        }
      }
    });
  }
}

template <class T>
void check_plane_multiply(kernel_check<T>& c) {
  if constexpr (std::is_same_v<T, float>) {
    for_every_plane_block(c, false, [&](plane_block& b) {
      for (index_type r = 0; r < b.rows(); ++r) {
        for (index_type j = 0; j < b.keys; ++j) b.score_at(r, j) = static_cast<float>(c.random.uniform());
      }
      const crestmax::cpu::rows_in_place<float> view = b.view();
      c.table.planes.multiply({&view, 1}, {0, 1, b.keys, crestmax::visibility::all});
      for (index_type r = 0; r < b.rows(); ++r) {
        for (index_type k = 0; k < b.d; ++k) {
          double exact = static_cast<double>(b.output.kept(r * b.output_stride() + k)), size = 1;
          for (index_type j = 0; j < b.keys; ++j) {
            exact += static_cast<double>(b.score_at(r, j)) * static_cast<double>(b.operands.number(j, k));
            size += 5 * static_cast<double>(b.score_at(r, j));
          }
          const double got = static_cast<double>(b.output[r * b.output_stride() + k]);
          c.expect(std::fabs(got - exact) <= 4e-6 * size, "d ", b.d, ", row ", r, " of ", b.rows(), ", column ", k, ": ", got, " instead of ", exact);
        }
      }
    });
  }
}

template <class T>
void check_measure_steps(kernel_check<T>& c) {
  if constexpr (std::is_same_v<T, float>) {
    for_every_plane_block(c, true, [&](plane_block& b) {
      const index_type position = c.random.integer(0, (b.keys - 1) / 64) * 64;
      kernel_memory<float> sizes(c.random, b.rows()), squares(c.random, b.rows()), products(c.random, b.rows());
      c.table.planes.measure_steps(b.view(), position, sizes.data(), squares.data(), products.data());
      for (index_type r = 0; r < b.rows(); ++r) {
        double size = 0, square = 0, product = 0;
        for (index_type k = 0; b.operands.is_coded(position) && k < b.d; ++k) {
          const double part = static_cast<double>(b.query_at(r, k)) * static_cast<double>(b.operands.step(position, k));
          size += std::fabs(part);
          square += part * part;
          product += std::fabs(part) * 65535 + std::fabs(static_cast<double>(b.query_at(r, k)) * static_cast<double>(b.operands.minimum(position, k)));
        }
        c.expect(std::fabs(static_cast<double>(products[r]) - product) <= 1e-5 * product, "d ", b.d, ", row ", r, ": ", products[r], " instead of ", product);
        c.expect(std::fabs(static_cast<double>(sizes[r]) - size) <= 1e-5 * size, "d ", b.d, ", row ", r, ": ", sizes[r], " instead of ", size);
        c.expect(std::fabs(static_cast<double>(squares[r]) - square) <= 1e-5 * square, "d ", b.d, ", row ", r, ": ", squares[r], " instead of ", square);
      }
      c.expect(sizes.is_contained() && squares.is_contained(), "writes outside");
    });
  }
}

template <class T>
void check_measure_values(kernel_check<T>& c) {
  if constexpr (std::is_same_v<T, float>) {
    for_every_plane_block(c, false, [&](plane_block& b) {
      kernel_memory<float> squares(c.random, b.keys), steps(c.random, b.keys);
      c.table.planes.measure_values(b.operands.source(), 0, b.keys, squares.data(), steps.data());
      for (index_type j = 0; j < b.keys; ++j) {
        double square = 0;
        for (index_type k = 0; k < b.d; ++k) square += static_cast<double>(b.operands.number(j, k)) * static_cast<double>(b.operands.number(j, k));
        c.expect(std::fabs(static_cast<double>(squares[j]) - square) <= 1e-5 * square + 1e-6, "d ", b.d, ", key ", j, " of ", b.keys, ": ", squares[j], " instead of ", square);
        c.expect(crestmax::equals(steps[j], b.operands.step(j, 0)), "step of key ", j, " is ", steps[j]);
      }
      c.expect(squares.is_contained() && steps.is_contained(), "writes outside");
    });
  }
}

// Rows of weights, what is known of 64 keys, and which of them are left.
class errors_under_check {
 public:
  explicit errors_under_check(kernel_check<float>& c) : rows(c.random.integer(1, 16)), weights(c.random, rows * stride, 64), squared(c.random.chance(0.5)) {
    for (index_type i = 0; i < rows * stride; ++i) weights[i] = c.random.chance(0.1) ? 0.0f : std::exp2(static_cast<float>(c.random.uniform(-12, 0)));
    for (kernel_memory<float>* of : {&sizes, &errors, &key_left, &value_left, &key_errors, &shares, &row_sizes}) {
      for (index_type i = 0; i < of->size(); ++i) {
        const bool is_left = of == &key_left || of == &value_left;
        (*of)[i] = is_left ? (c.random.chance(0.7) ? 1.0f : 0.0f) : static_cast<float>(c.random.uniform());
      }
    }
  }
  crestmax::cpu::errors_of_keys<float> view() const {
    return {rows, weights.data(), stride, sizes.data(), errors.data(), key_left.data(), value_left.data(), squared, key_errors.data(), shares.data(), row_sizes.data(), least};
  }
  double power(index_type r, index_type j) const {
    const double w = static_cast<double>(weights[r * stride + j]);
    return squared ? w * w : w;
  }
  double of_key(index_type r, index_type j) const {
    return power(r, j) * static_cast<double>(shares[r]) * static_cast<double>(key_errors[r]) * (static_cast<double>(sizes[j]) + static_cast<double>(row_sizes[r])) *
           static_cast<double>(key_left[j]);
  }
  double of_value(index_type r, index_type j) const {
    return power(r, j) * static_cast<double>(shares[r]) * (squared ? 1 : 1 + static_cast<double>(key_errors[r])) * static_cast<double>(errors[j]) *
           static_cast<double>(value_left[j]);
  }

  static constexpr index_type stride = 80;
  static constexpr float least = 0.01f;
  random_source random{3};
  index_type rows;
  kernel_memory<float> weights, sizes{random, 64, 64}, errors{random, 64, 64}, key_left{random, 64, 64}, value_left{random, 64, 64}, key_errors{random, 16}, shares{random, 16},
      row_sizes{random, 16};
  bool squared;
};

inline bool is_near(double got, double exact) { return std::fabs(got - exact) <= 1e-5 * exact + 1e-30; }

template <class T>
void check_sum_errors(kernel_check<T>& c) {
  if constexpr (std::is_same_v<T, float>) {
    for (int i = 0; i < 20; ++i) {
      const errors_under_check e(c);
      for (index_type r = 0; r < e.rows; ++r) {
        double exact[4] = {};
        for (index_type j = 0; j < 64; ++j) {
          const double key = e.power(r, j) * static_cast<double>(e.key_left[j]), error = static_cast<double>(e.errors[j]) * static_cast<double>(e.value_left[j]);
          exact[0] += key;
          exact[1] += key * static_cast<double>(e.sizes[j]);
          exact[2] += e.power(r, j) * error;
          exact[3] += key * error;
        }
        crestmax::cpu::error_sums<float> sums{-1, -1, -1, -1};
        c.table.planes.sum_errors(e.view(), r, sums);
        const float got[4] = {sums.weights, sums.sizes, sums.errors, sums.errors_of_both};
        for (int k = 0; k < 4; ++k) c.expect(is_near(static_cast<double>(got[k]), exact[k]), "sum ", k, " is ", got[k], " instead of ", exact[k]);
      }
    }
  }
}

template <class T>
void check_share_errors(kernel_check<T>& c) {
  if constexpr (std::is_same_v<T, float>) {
    for (int i = 0; i < 20; ++i) {
      const errors_under_check e(c);
      alignas(64) crestmax::cpu::error_shares<float> to{};
      c.table.planes.share_errors(e.view(), to);
      double total[16] = {};
      for (index_type j = 0; j < 64; ++j) {
        double largest_of_key = 0, largest_of_value = 0;
        for (index_type r = 0; r < e.rows; ++r) {
          c.expect(is_near(static_cast<double>(to.of_key[r][j]), e.of_key(r, j)), "key ", j, " of row ", r, " is ", to.of_key[r][j], " instead of ", e.of_key(r, j));
          c.expect(is_near(static_cast<double>(to.of_value[r][j]), e.of_value(r, j)), "value ", j, " of row ", r, " is ", to.of_value[r][j], " instead of ", e.of_value(r, j));
          largest_of_key = std::max(largest_of_key, e.of_key(r, j));
          largest_of_value = std::max(largest_of_value, e.of_value(r, j));
        }
        c.expect(is_near(static_cast<double>(to.largest_of_key[j]), largest_of_key), "largest of key ", j, " is ", to.largest_of_key[j]);
        c.expect(is_near(static_cast<double>(to.largest_of_value[j]), largest_of_value), "largest of value ", j, " is ", to.largest_of_value[j]);
        for (index_type r = 0; r < e.rows; ++r) {
          if (to.largest_of_key[j] < e.least) total[r] += static_cast<double>(to.of_key[r][j]);
          if (to.largest_of_value[j] < e.least) total[r] += static_cast<double>(to.of_value[r][j]);
        }
      }
      for (index_type r = 0; r < e.rows; ++r) c.expect(is_near(static_cast<double>(to.total[r]), total[r]), "total of row ", r, " is ", to.total[r], " instead of ", total[r]);
    }
  }
}

// Some keys that are coded, in rising order.
inline std::vector<index_type> some_coded_keys(random_source& random, const plane_block& b) {
  std::vector<index_type> keys;
  for (index_type j = 0; j < b.keys && b.operands.is_coded(j); j += random.integer(1, 40)) keys.push_back(j);
  return keys;
}

template <class T>
void check_score_whole(kernel_check<T>& c) {
  if constexpr (std::is_same_v<T, float>) {
    for_every_plane_block(c, true, [&](plane_block& b) {
      const std::vector<index_type> keys = some_coded_keys(c.random, b);
      c.table.planes.score_whole(b.view(), keys.data(), std::ssize(keys));
      for (index_type r = 0; r < b.rows(); ++r) {
        for (std::size_t i = 0; i < keys.size(); ++i) {
          double exact = 0, size = 0;
          for (index_type k = 0; k < b.d; ++k) {
            exact += static_cast<double>(b.query_at(r, k)) * static_cast<double>(b.operands.number(keys[i], k, 3));
            size += std::fabs(static_cast<double>(b.query_at(r, k))) * 5;
          }
          const double got = static_cast<double>(b.score_at(r, static_cast<index_type>(i)));
          c.expect(std::fabs(got - exact) <= 4e-6 * size, "d ", b.d, ", row ", r, ", key ", keys[i], ": ", got, " instead of ", exact);
        }
      }
    });
  }
}

template <class T>
void check_rejoin(kernel_check<T>& c) {
  if constexpr (std::is_same_v<T, float>) {
    for_every_plane_block(c, false, [&](plane_block& b) {
      const std::vector<index_type> keys = some_coded_keys(c.random, b);
      kernel_memory<float> weights(c.random, b.rows() * b.keys);
      for (index_type i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(c.random.uniform());
      std::vector<crestmax::cpu::refined_key> list;
      index_type columns = 0;
      for (const index_type key : keys) {
        const bool was_whole = c.random.chance(0.3);
        list.push_back({key, c.random.chance(0.5) ? columns++ : -1, was_whole, was_whole || c.random.chance(0.5)});
      }
      for (index_type r = 0; r < b.rows(); ++r) {
        for (index_type i = 0; i < columns; ++i) b.score_at(r, i) = static_cast<float>(c.random.uniform());
      }
      c.table.planes.rejoin(b.view(), list.data(), std::ssize(list), weights.data(), b.keys);
      for (index_type r = 0; r < b.rows(); ++r) {
        for (index_type k = 0; k < b.d; ++k) {
          double exact = static_cast<double>(b.output.kept(r * b.output_stride() + k)), size = 1;
          for (const crestmax::cpu::refined_key& of : list) {
            const double before = static_cast<double>(weights[r * b.keys + of.key]), after = of.column < 0 ? before : static_cast<double>(b.score_at(r, of.column));
            exact += after * static_cast<double>(b.operands.number(of.key, k, of.is_whole ? 3 : 1));
            exact -= before * static_cast<double>(b.operands.number(of.key, k, of.was_whole ? 3 : 1));
            size += 5 * (before + after);
          }
          const double got = static_cast<double>(b.output[r * b.output_stride() + k]);
          c.expect(std::fabs(got - exact) <= 4e-6 * size, "d ", b.d, ", row ", r, ", column ", k, ": ", got, " instead of ", exact);
        }
      }
      c.expect(weights.is_contained(), "writes outside");
    });
  }
}

}  // namespace crestmax_test
