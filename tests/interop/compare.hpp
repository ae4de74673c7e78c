// The same call through a foreign library's views and through plain pointers must give the same bits.
#pragma once

#include <gtest/gtest.h>

#include <crestmax/attention.hpp>
#include <vector>

namespace crestmax_test {

using index_type = std::int64_t;

// Numbers of both signs that differ from each other.
inline float sample(index_type i) { return static_cast<float>((i * 37) % 101 - 50) / 32.0f; }

template <class T>
std::vector<T> samples(index_type count, index_type first = 0) {
  std::vector<T> numbers(static_cast<std::size_t>(count));
  for (index_type i = 0; i < count; ++i) {
    numbers[static_cast<std::size_t>(i)] = crestmax::convert<T>(sample(first + i));
  }
  return numbers;
}

// (A pointer to const would have g++ believe that uninitialised memory is read.)
template <class T, class Pointer>
void expect_view(const crestmax::tensor<T>& view, Pointer data, std::array<index_type, 4> extents,
                 std::array<index_type, 4> strides) {
  EXPECT_EQ(view.data, data);
  EXPECT_EQ(view.extents, extents);
  for (std::size_t i = 0; i < 4; ++i) {
    if (extents[i] > 1) {
      EXPECT_EQ(view.strides[i], strides[i]) << "dimension " << i;
    }
  }
}

// One sequence of `heads` heads in plain vectors: what a view must lead to.
template <class T>
struct plain_call {
  index_type len, heads, head_dim;
  std::vector<T> query = samples<T>(len * heads * head_dim);
  std::vector<T> key = samples<T>(len * heads * head_dim, 1000);
  std::vector<T> value = samples<T>(len * heads * head_dim, 2000);

  std::vector<T> expected() const {
    std::vector<T> output(query.size());
    const std::array<index_type, 4> shape{1, len, heads, head_dim};
    const crestmax::status s = crestmax::attention(crestmax::tensor<const T>(query.data(), shape),
                                                   crestmax::tensor<const T>(key.data(), shape),
                                                   crestmax::tensor<const T>(value.data(), shape),
                                                   crestmax::tensor<T>(output.data(), shape));
    EXPECT_TRUE(s.ok()) << s.message();
    return output;
  }
};

inline void expect_error(const crestmax::status& s, crestmax::status_code code, const char* words) {
  EXPECT_EQ(s.code, code) << s.message();
  EXPECT_NE(std::string(s.message()).find(words), std::string::npos)
      << "'" << words << "' is not in: " << s.message();
}

}  // namespace crestmax_test
