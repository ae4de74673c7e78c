#include "faults.hpp"

namespace crestmax_test {
namespace {

using crestmax::softmax_kind;

constexpr index_type least = std::numeric_limits<index_type>::min();
constexpr index_type most = std::numeric_limits<index_type>::max();

bool scale(raw_call& c, fuzz_bytes& b) {
  c.options.scale = b.pick({not_a_number, infinity, -infinity});
  return true;
}
bool scale_of_float(raw_call& c, fuzz_bytes& b) {
  for (const scalar_kind kind : {c.query_kind, c.key_kind, c.value_kind}) {
    if (kind == scalar_kind::float64) return false;
  }
  c.options.scale = b.pick({1e39, -1e300});
  return true;
}
bool sampled(raw_call& c) {
  return c.options.softmax.kind == softmax_kind::sampled_max;
}
bool stride(raw_call& c, fuzz_bytes& b) {
  c.options.softmax.stride = b.pick({index_type{0}, index_type{-1}, most, least});
  return sampled(c);
}
bool radius(raw_call& c, fuzz_bytes& b) {
  c.options.softmax.radius = b.pick({index_type{0}, index_type{-1}, most, least});
  return sampled(c);
}
bool windows(raw_call& c, fuzz_bytes& b) {
  c.options.softmax.windows = b.pick({index_type{65}, index_type{-1}, most, least});
  return sampled(c);
}
bool anchors(raw_call& c, fuzz_bytes& b) {
  const index_type bad = b.pick({index_type{-1}, most, least});
  (b.chance(0.5) ? c.options.softmax.first_keys : c.options.softmax.nearest_keys) = bad;
  return true;
}
bool margin(raw_call& c, fuzz_bytes& b) {
  c.options.softmax.margin = b.pick({not_a_number, -1.0, 20.5, infinity, -infinity});
  return true;
}
bool threshold(raw_call& c, fuzz_bytes& b) {
  c.options.softmax.threshold = b.pick({not_a_number, -1.0, 61.0, infinity});
  return true;
}
bool tau(raw_call& c, fuzz_bytes& b) {
  if (c.options.softmax.kind == softmax_kind::running_max || c.options.softmax.kind == softmax_kind::lazy_max) return false;
  c.options.coverage = crestmax::above(b.pick({not_a_number, 0.0, -1.0, infinity}));
  return true;
}
bool coverage(raw_call& c, fuzz_bytes& b) {
  c.options.softmax = crestmax::running_max{};
  c.options.coverage = b.pick({crestmax::above(3), crestmax::plateaus});
  return true;
}
bool guard_limit(raw_call& c, fuzz_bytes& b) {
  c.options.guard_limit = b.pick({not_a_number, -1.0, -infinity, infinity});
  return true;
}
bool lipschitz(raw_call& c, fuzz_bytes& b) {
  c.options.lipschitz = b.pick({not_a_number, -1.0});
  return true;
}
bool query_block(raw_call& c, fuzz_bytes& b) {
  c.options.tiles.query_block = b.pick({index_type{-1}, index_type{4097}, most, least});
  return true;
}
bool key_tile(raw_call& c, fuzz_bytes& b) {
  c.options.tiles.key_tile = b.pick({index_type{-1}, index_type{513}, most, least});
  return true;
}
bool splits(raw_call& c, fuzz_bytes& b) {
  c.options.tiles.splits = b.pick({index_type{-1}, index_type{65}, most, least});
  return true;
}

template <class E>
E no_such(fuzz_bytes& b) {
  return static_cast<E>(b.pick({-1, 99, std::numeric_limits<std::int32_t>::min()}));
}
bool kind(raw_call& c, fuzz_bytes& b) {
  c.options.softmax.kind = no_such<softmax_kind>(b);
  return true;
}
bool coarse(raw_call& c, fuzz_bytes& b) {
  c.options.softmax.coarse = no_such<crestmax::choice>(b);
  return true;
}
bool coverage_of_no_kind(raw_call& c, fuzz_bytes& b) {
  c.options.coverage.kind = no_such<crestmax::coverage_kind>(b);
  return true;
}
bool weights(raw_call& c, fuzz_bytes& b) {
  c.options.weights = no_such<crestmax::weight_type>(b);
  return true;
}

}  // namespace

std::span<const fault> faults_of_options() {
  static constexpr fault faults[] = {
      {"scale is not finite", " scale ", scale},
      {"scale overflows float", " scale ", scale_of_float},
      {"stride is out of range", " stride ", stride},
      {"radius is out of range", " radius ", radius},
      {"windows are out of range", " windows ", windows},
      {"anchors are out of range", " first_keys nearest_keys ", anchors},
      {"margin is out of range", " margin ", margin},
      {"threshold is out of range", " threshold ", threshold},
      {"tau is out of range", " tau ", tau},
      {"coverage has no fixed shift", " coverage ", coverage},
      {"guard_limit is out of range", " guard_limit ", guard_limit},
      {"lipschitz is out of range", " lipschitz ", lipschitz},
      {"query_block is out of range", " tiles.query_block ", query_block},
      {"key_tile is out of range", " tiles.key_tile ", key_tile},
      {"splits are out of range", " tiles.splits ", splits},
      {"a method that does not exist", " softmax.kind ", kind},
      {"a choice that does not exist", " softmax.coarse ", coarse},
      {"a coverage that does not exist", " coverage.kind ", coverage_of_no_kind},
      {"a type of weights that does not exist", " weights ", weights}};
  return faults;
}

}  // namespace crestmax_test
