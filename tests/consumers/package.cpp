// What a program needs to show that the package is in working order: the headers are found, and a call of one set is right.
#include "check_attention.hpp"

int main() {
  const std::vector<float> q = consumer::fill(1), k = consumer::fill(2), v = consumer::fill(3);
  std::vector<float> out(consumer::numbers);
  const crestmax::status s = crestmax::attention(consumer::view(q.data()), consumer::view(k.data()), consumer::view(v.data()),
                                                 consumer::view(out.data()), {}, crestmax::causal{}, crestmax::backend::portable{});
  if (!s.ok()) return consumer::fails(s.message());
  return consumer::largest_error(q, k, v, out) <= consumer::tolerance ? 0 : 1;
}
