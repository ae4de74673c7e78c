// A call of one element type, held against the textbook formula.
#pragma once

#include "../check_attention.hpp"

namespace needs {

// Numbers in [-2, 2) that bfloat16 has.
inline std::vector<float> fill(unsigned seed) {
  std::vector<float> x = consumer::fill(seed);
  for (float& value : x) value = std::round(value * 32.0f) / 32.0f;
  return x;
}

template <class T>
std::vector<T> stored(const std::vector<float>& x) {
  std::vector<T> y;
  for (const float value : x) y.push_back(crestmax::convert<T>(value));
  return y;
}

template <class T>
bool fails_in(const std::vector<float>& q, const std::vector<float>& k, const std::vector<float>& v, crestmax::instruction_set set, double tolerance) {
  const std::vector<T> query = stored<T>(q), key = stored<T>(k), value = stored<T>(v);
  std::vector<T> output(consumer::numbers);
  const crestmax::status s = crestmax::attention(consumer::view(query.data()), consumer::view(key.data()), consumer::view(value.data()),
                                                 consumer::view(output.data()), {}, crestmax::causal{}, crestmax::backend::cpu{set});
  if (!s.ok()) return consumer::fails(s.message());
  std::vector<float> numbers;
  for (const T x : output) numbers.push_back(crestmax::convert<float>(x));
  return !(consumer::largest_error(q, k, v, numbers) <= tolerance);
}

bool fails_in_bfloat16(const std::vector<float>& q, const std::vector<float>& k, const std::vector<float>& v, crestmax::instruction_set set);

}  // namespace needs
