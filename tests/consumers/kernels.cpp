// A program that links crestmax::kernels: a call by this file, and one by another, both without kernels of their own.
#include "check_attention.hpp"

#if !defined(CRESTMAX_EXTERN_KERNELS)
#error "crestmax::kernels has to say that kernels are compiled elsewhere"
#endif

crestmax::status attend_too(const float* q, const float* k, const float* v, float* out);

int main() {
  const std::vector<float> q = consumer::fill(1), k = consumer::fill(2), v = consumer::fill(3);
  std::vector<float> out(consumer::numbers), too(consumer::numbers);
  const crestmax::status s = crestmax::attention(consumer::view(q.data()), consumer::view(k.data()), consumer::view(v.data()),
                                                 consumer::view(out.data()), {}, crestmax::causal{});
  if (!s.ok()) return consumer::fails(s.message());
  const crestmax::status t = attend_too(q.data(), k.data(), v.data(), too.data());
  if (!t.ok()) return consumer::fails(t.message());
  return consumer::largest_error(q, k, v, out) <= consumer::tolerance && consumer::largest_error(q, k, v, too) <= consumer::tolerance ? 0 : 1;
}
