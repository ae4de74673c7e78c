// What every consumer does: one call, held against the textbook formula in double.
#pragma once

#include <crestmax/crestmax.hpp>

#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

namespace consumer {

constexpr crestmax::index_type length = 300, heads = 2, dim = 16;
constexpr std::size_t numbers = static_cast<std::size_t>(length * heads * dim);

// Numbers in [-2, 2) that need no library.
inline std::vector<float> fill(unsigned seed) {
  std::vector<float> x(numbers);
  for (float& value : x) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(seed >> 8) / static_cast<float>(1u << 22) - 2.0f;
  }
  return x;
}

template <class T>
crestmax::tensor<T> view(T* data) { return {data, {1, length, heads, dim}}; }

// Causal attention of one query row, element by element.
inline double expected(const std::vector<float>& q, const std::vector<float>& k, const std::vector<float>& v,
                       crestmax::index_type row, crestmax::index_type head, crestmax::index_type column) {
  const auto at = [&](const std::vector<float>& x, crestmax::index_type i, crestmax::index_type d) {
    return static_cast<double>(x[static_cast<std::size_t>((i * heads + head) * dim + d)]);
  };
  double sum = 0, total = 0;
  for (crestmax::index_type key = 0; key <= row; ++key) {
    double score = 0;
    for (crestmax::index_type d = 0; d < dim; ++d) score += at(q, row, d) * at(k, key, d);
    const double weight = std::exp(score / std::sqrt(static_cast<double>(dim)));
    sum += weight;
    total += weight * at(v, key, column);
  }
  return total / sum;
}

// Largest error over some rows of head 1 before `rows`.
inline double largest_error(const std::vector<float>& q, const std::vector<float>& k, const std::vector<float>& v,
                            const std::vector<float>& out, crestmax::index_type rows = length) {
  double error = 0;
  for (crestmax::index_type row = 0; row < rows; row += 7) {
    for (crestmax::index_type d = 0; d < dim; ++d) {
      const double given = static_cast<double>(out[static_cast<std::size_t>((row * heads + 1) * dim + d)]);
      const double difference = std::fabs(given - expected(q, k, v, row, 1, d));
      if (!(difference <= error)) error = difference;  // NaN stays
    }
  }
  return error;
}

constexpr double tolerance = 2e-6;

inline bool fails(const char* what) {
  std::printf("%s\n", what);
  return true;
}

// 0 if attention() computes what it should here, and tells infinities and NaN from numbers.
inline int check_set(crestmax::instruction_set set) {
  const std::vector<float> q = fill(1), v = fill(3);
  std::vector<float> k = fill(2), out(numbers);
  const auto attend = [&](crestmax::tensor<const float> key, crestmax::tensor<const float> value,
                          const crestmax::options& options) {
    return crestmax::attention(view(q.data()), key, value, view(out.data()), options, crestmax::causal{},
                               crestmax::backend::cpu{set});
  };
  const auto done = attend(view(k.data()), view(v.data()), {});
  if (!done.ok() && fails(done.message())) return 1;
  const double error = largest_error(q, k, v, out);
  std::printf("largest error %g\n", error);
  if (!(error < tolerance)) return 1;

  // A NaN in the last key: every earlier row is as before, the last is NaN.
  k.back() = std::numeric_limits<float>::quiet_NaN();
  if (!attend(view(k.data()), view(v.data()), {}).ok()) return 1;
  if (!(largest_error(q, k, v, out, length - 1) < tolerance) && fails("a hidden NaN was read")) return 1;
  if (!std::isnan(out.back()) && fails("a visible NaN was lost")) return 1;

  // Half as many keys: the first half of the rows sees none of them.
  std::vector<float> lse(static_cast<std::size_t>(length * heads));
  crestmax::tensor<const float> key = view(k.data()), value = view(v.data());
  key.extents[1] = value.extents[1] = length / 2;
  if (!attend(key, value, {.lse = crestmax::row_tensor<float>(lse.data(), {1, length, heads})}).ok()) return 1;
  if (!(std::isinf(lse[0]) && lse[0] < 0 && out[0] == 0.0f) && fails("a row that sees no key")) return 1;
  if (!std::isfinite(lse.back()) && fails("a row that sees keys")) return 1;
  return 0;
}

// The kernels of this machine, and those that the compiler's flags shape.
inline int check() {
  return check_set(crestmax::instruction_set::widest) | check_set(crestmax::instruction_set::generic);
}

}  // namespace consumer
