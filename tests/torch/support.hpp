// Tensors as torch has them, without torch.
#pragma once

#include <attend.hpp>
#include <random>
#include <vector>

namespace crestmax_test {

using crestmax_torch::array;
using crestmax_torch::element;
using crestmax_torch::index_type;

template <class T>
constexpr element element_of() {
  if constexpr (std::is_same_v<T, float>) return element::float32;
  else if constexpr (std::is_same_v<T, double>) return element::float64;
  else if constexpr (std::is_same_v<T, crestmax::float16>) return element::float16;
  else if constexpr (std::is_same_v<T, crestmax::bfloat16>) return element::bfloat16;
  else if constexpr (std::is_same_v<T, std::int32_t>) return element::int32;
  else if constexpr (std::is_same_v<T, std::int8_t>) return element::int8;
  else if constexpr (std::is_same_v<T, crestmax::float8_e4m3>) return element::float8_e4m3;
  else if constexpr (std::is_same_v<T, crestmax::float8_e5m2>) return element::float8_e5m2;
  else return element::boolean;
}

// A row-major tensor of its own memory. Its description lives as long as it does.
template <class T>
struct stored {
  std::vector<index_type> extents;
  std::vector<index_type> strides;
  std::unique_ptr<T[]> numbers;
  std::size_t count = 1;

  explicit stored(std::vector<index_type> shape) : extents(std::move(shape)), strides(extents.size()) {
    for (std::size_t axis = extents.size(); axis-- > 0;) {
      strides[axis] = static_cast<index_type>(count);
      count *= static_cast<std::size_t>(extents[axis]);
    }
    numbers = std::make_unique<T[]>(count);
  }
  array described(const char* name) const {
    array a;
    a.name = name;
    a.data = numbers.get();
    a.type = element_of<T>();
    a.given = true;
    a.extents = extents;
    a.strides = strides;
    return a;
  }
  // By index of each axis.
  template <class... Index>
  T& at(Index... index) const {
    const index_type indices[] = {index...};
    index_type place = 0;
    for (std::size_t axis = 0; axis < extents.size(); ++axis) place += indices[axis] * strides[axis];
    return numbers[static_cast<std::size_t>(place)];
  }
  // The same tensor with two axes exchanged, in the same memory.
  void exchange(std::size_t one, std::size_t other) {
    std::swap(extents[one], extents[other]);
    std::swap(strides[one], strides[other]);
  }
};

template <class T>
stored<T> random_tensor(std::vector<index_type> shape, unsigned seed) {
  stored<T> t(std::move(shape));
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  for (std::size_t i = 0; i < t.count; ++i) t.numbers[i] = crestmax::convert<T>(normal(generator));
  return t;
}

}  // namespace crestmax_test
