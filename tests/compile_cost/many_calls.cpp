// Three element types, contiguous and paged, causal and full: what an engine pays.
#include <crestmax/crestmax.hpp>

template <class T>
struct layer {
  crestmax::tensor<const T> query, key, value;
  crestmax::paged_cache<T> cache;
  crestmax::tensor<T> output;
};

template <class T>
crestmax::status attend(const layer<T>& l, bool paged, bool causal) {
  if (paged) {
    return causal ? crestmax::attention(l.query, l.cache, l.output, {}, crestmax::causal{})
                  : crestmax::attention(l.query, l.cache, l.output);
  }
  return causal ? crestmax::attention(l.query, l.key, l.value, l.output, {}, crestmax::causal{})
                : crestmax::attention(l.query, l.key, l.value, l.output);
}

crestmax::status attend_float32(const layer<float>& l, bool paged, bool causal) { return attend(l, paged, causal); }
crestmax::status attend_float16(const layer<crestmax::float16>& l, bool paged, bool causal) {
  return attend(l, paged, causal);
}
crestmax::status attend_bfloat16(const layer<crestmax::bfloat16>& l, bool paged, bool causal) {
  return attend(l, paged, causal);
}
