// Exact softmax as the textbook writes it, over Eigen: S = Q K^T, the softmax of every row of S, S V.
// Scores are in memory for a band of query rows at a time, which keeps them near the caches and makes
// this baseline faster than one whole matrix. 16-bit keys and values are widened first, as part of the time.
// clang-format off: Eigen before whatever includes it as well
#include "eigen_core.hpp"
// clang-format on

#include <cmath>
#include <limits>

#include "methods.hpp"

namespace crestmax_bench {

namespace {

using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using strided = Eigen::Map<const matrix, 0, Eigen::OuterStride<>>;

constexpr index_type band_rows = 256;

template <class Stored>
void widen_as(const std::byte* from, index_type count, float* to) {
  using numbers = Eigen::Map<const Eigen::Array<Stored, Eigen::Dynamic, 1>>;
  Eigen::Map<Eigen::ArrayXf>(to, count) =
      numbers(reinterpret_cast<const Stored*>(from), count).template cast<float>();
}

// Eigen's own conversions, which it vectorises.
void widen(scalar_kind kind, const std::byte* from, index_type count, float* to) {
  if (kind == scalar_kind::float16) widen_as<Eigen::half>(from, count, to);
  else if (kind == scalar_kind::bfloat16) widen_as<Eigen::bfloat16>(from, count, to);
  else widen_as<float>(from, count, to);
}

class materialised_runner : public runner {
 public:
  materialised_runner(const workload& w, team& workers) : w_(w), workers_(workers) {
    const shape& s = w.of;
    wide_kv_ = s.kv_kind != scalar_kind::float32;
    if (wide_kv_) {
      key_.resize(s.kv_heads * s.kv_len, s.head_dim);
      value_.resize(s.kv_heads * s.kv_len, s.head_dim);
    }
    // With one query a band is the group of heads that share keys; else it is queries of one head.
    by_group_ = s.q_len == 1;
    bands_ = by_group_ ? 1 : (s.q_len + band_rows - 1) / band_rows;
    for (int i = 0; i < workers.workers(); ++i) {
      const index_type rows = by_group_ ? s.group() : std::min(band_rows, s.q_len);
      scratch_.push_back({matrix(rows, s.kv_len), matrix(rows, s.head_dim), matrix(rows, s.head_dim)});
    }
  }

  void run(int copy) override {
    const shape& s = w_.of;
    const float* key = reinterpret_cast<const float*>(w_.key_copy(copy));
    const float* value = reinterpret_cast<const float*>(w_.value_copy(copy));
    if (wide_kv_) {
      workers_.run(2 * s.kv_heads, [&](index_type item, int) {
        const index_type head = item / 2;
        const index_type elements = s.kv_len * s.head_dim;
        const index_type bytes = head * elements * crestmax::size_of(s.kv_kind);
        if (item % 2 == 0)
          widen(s.kv_kind, w_.key_copy(copy) + bytes, elements, key_.data() + head * elements);
        else widen(s.kv_kind, w_.value_copy(copy) + bytes, elements, value_.data() + head * elements);
      });
      key = key_.data();
      value = value_.data();
    }
    workers_.run(bands_ * (by_group_ ? s.kv_heads : s.q_heads), [&](index_type item, int worker) {
      const index_type head = item / bands_;  // of keys and values if by group, else of queries
      const index_type first = item % bands_ * band_rows;
      const index_type kv_head = by_group_ ? head : head / s.group();
      const index_type start = kv_head * s.kv_len * s.head_dim;
      run_band(by_group_ ? head * s.group() : head, first, key + start, value + start,
               scratch_[static_cast<std::size_t>(worker)]);
    });
  }

  std::string plan() const override {
    return by_group_ ? "Eigen, scores of one group of heads in memory"
                     : "Eigen, scores of " + std::to_string(std::min(band_rows, w_.of.q_len)) +
                           " queries in memory";
  }

 private:
  struct scratch {
    matrix scores;
    matrix query;
    matrix output;
  };

  void run_band(index_type head, index_type first, const float* key, const float* value, scratch& t) {
    const shape& s = w_.of;
    const index_type rows = by_group_ ? s.group() : std::min(band_rows, s.q_len - first);
    const auto place = [&](index_type row) {
      return by_group_ ? w_.query_offset(0, head + row) : w_.query_offset(first + row, head);
    };
    for (index_type r = 0; r < rows; ++r) {
      widen(s.query_kind, w_.query.data() + place(r) * crestmax::size_of(s.query_kind), s.head_dim,
            t.query.data() + r * s.head_dim);
    }
    const index_type offset = s.kv_len - s.q_len;
    const index_type seen = s.causal && !by_group_ ? first + rows + offset : s.kv_len;
    const strided keys(key, seen, s.head_dim, Eigen::OuterStride<>(s.head_dim));
    const strided values(value, seen, s.head_dim, Eigen::OuterStride<>(s.head_dim));
    const float scale = 1.0f / std::sqrt(static_cast<float>(s.head_dim));
    auto scores = t.scores.topLeftCorner(rows, seen);
    scores.noalias() = (t.query.topRows(rows) * scale) * keys.transpose();
    for (index_type r = 0; r < rows; ++r) {
      if (s.causal && !by_group_)
        scores.row(r).tail(rows - 1 - r).setConstant(-std::numeric_limits<float>::infinity());
      const float highest = scores.row(r).maxCoeff();
      scores.row(r) = (scores.row(r).array() - highest).exp();
      scores.row(r) /= scores.row(r).sum();
    }
    t.output.topRows(rows).noalias() = scores * values;
    for (index_type r = 0; r < rows; ++r) {
      for (index_type k = 0; k < s.head_dim; ++k) {
        write_number(s.query_kind, w_.output.data(), place(r) + k, static_cast<double>(t.output(r, k)));
      }
    }
  }

  const workload& w_;
  team& workers_;
  bool wide_kv_ = false;
  bool by_group_ = false;
  index_type bands_ = 1;
  matrix key_;
  matrix value_;
  std::vector<scratch> scratch_;
};

}  // namespace

std::unique_ptr<runner> make_materialised(const workload& w, team& workers) {
  return std::make_unique<materialised_runner>(w, workers);
}

}  // namespace crestmax_bench
