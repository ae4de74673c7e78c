// The typed calls behind call(): one for each combination of element types, source and backend.
#pragma once

#include <crestmax/attention.hpp>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "raw_call.hpp"

namespace crestmax_test {

template <scalar_kind Kind>
struct element_of;
template <>
struct element_of<scalar_kind::float32> { using type = float; };
template <>
struct element_of<scalar_kind::float64> { using type = double; };
template <>
struct element_of<scalar_kind::float16> { using type = crestmax::float16; };
template <>
struct element_of<scalar_kind::bfloat16> { using type = crestmax::bfloat16; };

template <class T>
crestmax::tensor<T> typed(const raw_tensor& t) {
  return {reinterpret_cast<T*>(t.data), t.extents, t.strides};
}

template <raw_types Types, class Backend>
crestmax::status call_typed(const raw_call& c, const crestmax::options& o, Backend backend) {
  using query_type = typename element_of<Types.query>::type;
  using key_type = typename element_of<Types.key>::type;
  using value_type = typename element_of<Types.value>::type;
  using output_type = typename element_of<Types.output>::type;
  const test_modifiers& m = c.modifiers;
  const auto chain = crestmax::chain(c.looks, m.scores, m.causal, m.window, m.mask, m.sinks);
  const auto query = typed<const query_type>(c.query);
  const auto output = typed<output_type>(c.output);
  if (!c.is_paged) {
    return crestmax::attention(query, typed<const key_type>(c.key), typed<const value_type>(c.value), output, o, chain,
                               backend, c.around.executor);
  }
  const crestmax::paged_cache<key_type, value_type> cache{.key_pages = typed<const key_type>(c.key),
                                                          .value_pages = typed<const value_type>(c.value),
                                                          .block_table = c.block_table_given,
                                                          .key_lengths = c.kv_lengths,
                                                          .table_stride = c.table_stride,
                                                          .page_offsets = c.page_offsets};
  return crestmax::attention(query, cache, output, o, chain, backend, c.around.executor);
}

// Calls with the first `Count` of every_types.
template <std::size_t Count, class Backend>
crestmax::status call_with_types(const raw_call& c, const crestmax::options& o, Backend backend) {
  const raw_types wanted{c.query_kind, c.key_kind, c.value_kind, c.output_kind};
  crestmax::status result{};
  const auto try_each = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return ((wanted == every_types[I] && (result = call_typed<every_types[I]>(c, o, backend), true)) || ...);
  };
  if (!try_each(std::make_index_sequence<Count>())) {
    std::fprintf(stderr, "fuzz: this combination of element types is not compiled\n");
    std::abort();
  }
  return result;
}

}  // namespace crestmax_test
