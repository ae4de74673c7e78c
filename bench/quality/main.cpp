// crestmax_quality FOLDER...: what holding keys and values in fewer bits does to the outputs of attention on captures, a line of JSON for each
// capture and way to hold them. Errors are relative L2 of a row and head beside float64 on the numbers as they were captured.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>

#include "stores.hpp"

namespace crestmax_quality {

namespace {

constexpr index_type most_rows = 256;

std::vector<double> errors_of(const capture& c, const std::vector<float>& output) {
  std::vector<double> errors;
  const auto d = static_cast<std::size_t>(c.head_dim);
  for (std::size_t row = 0; row < output.size(); row += d) {
    double error = 0, size = 0;
    for (std::size_t k = row; k < row + d; ++k) {
      const double wanted = c.attention[k], off = static_cast<double>(output[k]) - wanted;
      error += off * off;
      size += wanted * wanted;
    }
    errors.push_back(size > 0 ? std::sqrt(error / size) : std::sqrt(error));
  }
  std::sort(errors.begin(), errors.end());
  return errors;
}

double share_of(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

void print(const capture& c, const store& s) {
  const std::vector<double> errors = errors_of(c, attention_of(c, s));
  std::printf("{\"capture\": \"%s\", \"store\": \"%s\", \"bits\": %.3f, \"rows\": %zu, \"median\": %.4e, \"p99\": %.4e, \"worst\": %.4e}\n", c.name.c_str(),
              s.name.c_str(), s.bits(c.head_dim), errors.size(), share_of(errors, 0.5), share_of(errors, 0.99), errors.back());
  std::fflush(stdout);
}

}  // namespace

}  // namespace crestmax_quality

int main(int count, char** arguments) {
  using namespace crestmax_quality;
  try {
    for (int i = 1; i < count; ++i) {
      for (const capture& c : captures_in(arguments[i], most_rows)) {
        for (const store& s : stores()) {
          if (s.fits(c.head_dim)) print(c, s);
        }
      }
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "crestmax_quality: %s\n", e.what());
    return 1;
  }
}
