// A program whose types live beside functions that have the names of the library's own and take anything: calls inside of the library
// must not find them. greedy.inc has one for every name that is called in the headers; whoever considers it, by argument-
// dependent lookup, does not compile.
#include <crestmax/backend/cpu/avx2.hpp>
#include <crestmax/backend/cpu/avx512.hpp>
#include <crestmax/backend/cpu/generic.hpp>
#include <crestmax/backend/cpu/neon.hpp>
#include <crestmax/backend/cpu/portable.hpp>
#include <crestmax/crestmax.hpp>
#include <crestmax/interop/span.hpp>
#include <crestmax/stages/pipeline.hpp>
#include <crestmax/throwing.hpp>
#include <vector>

namespace greedy {

template <class... Arguments>
struct looked_up {
  static_assert(sizeof...(Arguments) > 1000, "a function of the program was considered in a call inside of the library");
  using type = void;
};

#include "greedy.inc"

struct half {
  std::uint16_t bits;
};

struct softer {
  float by;
  template <class T>
  T operator()(T score, crestmax::score_position) const { return score * static_cast<T>(by); }
  bool active() const { return by != 1.0f; }
  crestmax::status check(crestmax::modifier_shape) const { return crestmax::status{}; }
};
struct every_other {
  bool visible(crestmax::score_position at) const { return at.key % 2 == 0; }
  crestmax::visibility classify(crestmax::score_range) const { return crestmax::visibility::partial; }
  crestmax::key_interval reachable(crestmax::score_range r) const { return {0, r.last_query + 1}; }
};
struct one_sink {
  double sink(crestmax::index_type) const { return 0; }
};

// Of numbers that are the library's, so that nothing but the source is the program's.
struct source {
  const float* rows;
  crestmax::kv_run key_run(crestmax::index_type, crestmax::index_type, crestmax::index_type at) const { return {rows + 8 * at, 8, 16 - at}; }
  crestmax::kv_run value_run(crestmax::index_type, crestmax::index_type, crestmax::index_type at) const { return {rows + 8 * at, 8, 16 - at}; }
  crestmax::source_shape shape() const { return {1, 16, 1, 8, 8}; }
  static constexpr crestmax::scalar_kind key_kind() { return crestmax::scalar_kind::float32; }
  static constexpr crestmax::scalar_kind value_kind() { return crestmax::scalar_kind::float32; }
};

// Memory of the program's own, and an allocator that brings its namespace along with the standard's.
template <class T>
struct allocator {
  using value_type = T;
  T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t) { ::operator delete(memory); }
  friend bool operator==(const allocator&, const allocator&) { return true; }
};

struct threads {
  int workers() const { return 1; }
  template <class Body>
  void run(crestmax::index_type count, const Body& body) const {
    for (crestmax::index_type item = 0; item < count; ++item) body(item, 0);
  }
};

struct backend : crestmax::backend::cpu {};

}  // namespace greedy

template <>
struct crestmax::scalar_traits<greedy::half> {
  static constexpr crestmax::scalar_kind kind = crestmax::scalar_kind::float16;
};

namespace program {

using crestmax::tensor;

crestmax::status attends(tensor<greedy::half> x, tensor<float> y, const crestmax::paged_cache<greedy::half>& cache) {
  const auto modifiers = crestmax::chain(greedy::softer{2}, greedy::every_other{}, greedy::one_sink{},
                                         crestmax::additive_bias<float>{}, crestmax::boolean_mask<bool>{});
  const auto longer = modifiers | crestmax::causal{};
  const crestmax::options o{};
  if (auto s = crestmax::attention(x, x, x, x, o, longer, greedy::backend{}, greedy::threads{}); !s) return s;
  if (auto s = crestmax::attention(y, x, x, y, o, greedy::softer{2}); !s) return s;
  if (auto s = crestmax::attention(x, cache, x, o, modifiers); !s) return s;
  if (auto s = crestmax::attention(y, greedy::source{y.data}, y, o, modifiers, greedy::backend{}, greedy::threads{}); !s) return s;
  if (auto s = crestmax::attention(x, x, x, x, modifiers, greedy::threads{}, greedy::backend{}); !s) return s;
#if defined(__cpp_exceptions)
  crestmax::attention_or_throw(x, x, x, x, o, modifiers, greedy::backend{}, greedy::threads{});
#endif
  return crestmax::attention(x, x, x, x);
}

// The same in steps.
crestmax::status engine(tensor<greedy::half> x, const crestmax::paged_cache<greedy::half>& cache, std::span<std::byte> memory,
                        crestmax::report& report) {
  const auto call = crestmax::tensors(x, cache, x);
  const auto modifiers = greedy::softer{2} | crestmax::causal{};
  const crestmax::options o{};
  crestmax::checked_pages pages;
  if (auto s = crestmax::check_pages(cache, pages); !s) return s;
  std::size_t bytes = 0;
  if (auto s = crestmax::workspace_bytes(call, 1, bytes, o, modifiers, greedy::backend{}); !s) return s;
  crestmax::plan plan;
  if (auto s = crestmax::make_plan(crestmax::problem_of(call), memory, plan, o, modifiers, greedy::backend{}); !s) return s;
  const auto runs = crestmax::attach(plan, 1, call, o, modifiers, greedy::backend{});
  if (auto s = runs.begin(); !s) return s;
  for (crestmax::index_type item = 0; item < runs.items(0); ++item) runs.run(0, item, 0);
  return runs.collect(report);
}

crestmax::status view(std::vector<greedy::half, greedy::allocator<greedy::half>>& numbers, tensor<greedy::half>& result) {
  return crestmax::as_tensor<greedy::half>(numbers, {1, 2, 3, 4}, result);
}

}  // namespace program
