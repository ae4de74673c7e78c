// What the examples share: numbers to work on, attention as its definition has it, and a verdict.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

namespace example {

using index_type = std::int64_t;

// Standard normal numbers; the same seed gives the same numbers.
inline std::vector<float> random_numbers(index_type count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> numbers(static_cast<std::size_t>(count));
  for (float& x : numbers) x = normal(generator);
  return numbers;
}

inline double dot(const float* a, const float* b, index_type count) {
  double sum = 0;
  for (index_type i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

struct plain_row {
  std::vector<double> output;
  double lse;
};

// One query row in double: score(key) in nats, -inf where hidden; value(key, column).
template <class Score, class Value>
plain_row plain_attention(index_type keys, index_type d_v, Score&& score, Value&& value) {
  std::vector<double> weights(static_cast<std::size_t>(keys));
  double top = -std::numeric_limits<double>::infinity();
  for (index_type j = 0; j < keys; ++j) top = std::max(top, weights[static_cast<std::size_t>(j)] = score(j));
  plain_row row{std::vector<double>(static_cast<std::size_t>(d_v)), top};
  if (top == -std::numeric_limits<double>::infinity()) return row;
  double sum = 0;
  for (double& w : weights) sum += w = std::exp(w - top);
  for (index_type j = 0; j < keys; ++j) {
    const double w = weights[static_cast<std::size_t>(j)] / sum;
    if (w == 0) continue;
    for (index_type c = 0; c < d_v; ++c) row.output[static_cast<std::size_t>(c)] += w * value(j, c);
  }
  row.lse = top + std::log(sum);
  return row;
}

inline double largest_difference(const plain_row& expected, const float* given) {
  double largest = 0;
  for (std::size_t c = 0; c < expected.output.size(); ++c) {
    const double difference = std::fabs(expected.output[c] - static_cast<double>(given[c]));
    if (!(difference <= largest)) largest = difference;  // a NaN stays
  }
  return largest;
}

// Prints the verdict; returns the program's exit code.
inline int verdict(const char* what, double error, double allowed) {
  const bool good = error <= allowed;
  std::printf("%s: largest error %.1e, %s %.1e\n", what, error, good ? "below" : "NOT below", allowed);
  return good ? 0 : 1;
}

inline int failed(const char* what, const char* message) {
  std::fprintf(stderr, "%s: %s\n", what, message);
  return 1;
}

}  // namespace example
