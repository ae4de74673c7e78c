// A backend policy from one instruction set's kernels: geometry, memory, counters, and the floating
// point state that items run under.
#pragma once

#if defined(__x86_64__) || defined(__i386__)
#include <xmmintrin.h>
#elif !defined(__aarch64__)
#include <cfenv>
#endif

#include "../../memory_checks.hpp"
#include "../concept.hpp"
#include "block.hpp"
#include "features.hpp"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Round to nearest, subnormals kept, no traps, whatever the caller had set; restored afterwards.
class default_float_state {
 public:
#if defined(__x86_64__) || defined(__i386__)
  default_float_state() : saved_(_mm_getcsr()) { _mm_setcsr(0x1f80); }
  ~default_float_state() { _mm_setcsr(saved_); }
#elif defined(__aarch64__)
  default_float_state() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" : : "r"(std::uint64_t{0}));
  }
  ~default_float_state() { asm volatile("msr fpcr, %0" : : "r"(saved_)); }
#else
  default_float_state() {
    std::fegetenv(&saved_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~default_float_state() { std::fesetenv(&saved_); }
#endif
  default_float_state(const default_float_state&) = delete;
  default_float_state& operator=(const default_float_state&) = delete;

 private:
#if defined(__x86_64__) || defined(__i386__)
  unsigned saved_;
#elif defined(__aarch64__)
  std::uint64_t saved_;
#else
  std::fenv_t saved_;
#endif
};

inline void add_counters(const worker_counters& c, const plan_header& h, report& r) {
  const auto raise = [](double& largest, double value) { largest = std::max(largest, value); };
  r.rows += c.rows;
  r.pairs_visible += c.visible;
  r.pairs_sampled += c.sampled;
  r.pairs_crest += c.crest;
  r.pairs_plateau += c.plateau;
  r.pairs_accumulated += c.accumulated;
  r.pairs_skipped += c.skipped;
  r.pairs_masked += c.masked;
  r.bytes_read += c.bytes;
  r.rescales += c.rescales;
  r.rows_corrected += c.corrected;
  r.rows_above_bound += c.above_bound;
  raise(r.max_dropped_mass, c.dropped_mass);
  raise(r.max_dropped_estimate, c.dropped_estimate);
  raise(r.max_undershoot_bound, c.undershoot_bound);
  raise(r.lipschitz, c.lipschitz);
  raise(r.max_undershoot, c.undershoot);
  raise(r.max_sampling_bound, c.sampling_bound);
  r.dropped_mass_kind = h.coverage == coverage_kind::everything ? bound_kind::none
                        : h.coverage == coverage_kind::above    ? bound_kind::rigorous
                                                                : bound_kind::hypothesis;
  if (h.diagnostics) {
    r.lipschitz_from = lipschitz_source::measured;
  } else if (h.lipschitz >= 0) {
    r.lipschitz = h.lipschitz;
    r.lipschitz_from = lipschitz_source::stated;
  } else if (h.estimate_lipschitz) {
    r.lipschitz_from = lipschitz_source::estimated;
  }
}

// Whether a source had all the rows that a worker asked it for.
inline status check_runs(const failed_runs& failed, const plan_header& h) {
  if (failed.count == 0) return success();
  const failed_runs::place& at = failed.first;
  const char* const argument = h.shape.paged ? "block_table" : at.of_keys ? "key" : "value";
  return error(status_code::source_failed, validate::entry_name(argument, "sequence", at.sequence, "position", at.position).text,
               "aligned rows while the call ran, at least", 1, at.rows);
}

// Tiles multiply so fast that packing has to serve more rows, and turning from tiles to vectors and back more keys, as far as
// a worker's memory allows; strips are whole groups of either kind.
inline tile_geometry with_tiles(tile_geometry g, const problem& p) {
  constexpr scalar_kind kind = scalar_kind::bfloat16;
  if (p.query_kind != kind || p.key_kind != kind || p.value_kind != kind) return g;
  const bool narrow = p.d_qk + p.d_v <= 256;
  g.query_block = narrow && p.q_len * p.group() >= 1664 ? 832 : 480;
  if (narrow) g.key_tile = planner::most_tile_keys;
  g.strip = 96;
  g.row_group = rows_of_tiles;
  g.pairs = pair_product::tiles;
  return g;
}

// Query block: large enough that packing a tile of keys and values is a small part of the work.
// Strip: its scores, and what passes by them, stay in the first two caches.
// Key tile: the block in which sums start from zero. In place: long, since turning from keys to values and back costs
// what was under way to the cache.
template <class Kernels, class T>
tile_geometry geometry_of(const problem& p, instruction_set set = Kernels::set) {
  using P = typename Kernels::template vectors<T>;
  constexpr index_type rows = 288 * 4 / static_cast<index_type>(sizeof(T));
  tile_geometry g{rows, planner::usual_tile_keys, 48 / P::row_group * P::row_group, P::row_group, P::panel, static_cast<std::int32_t>(set)};
  g.key_tile_in_place = P::direct_group > 0 ? planner::most_tile_keys : g.key_tile;
  if constexpr (requires { typename P::pairs; }) {
    using enum instruction_set;
    if (set == portable || set == neon_bf16 || set >= avx512_bf16) g.pairs = pair_product::registers;
    if (set >= instruction_set::amx) g = with_tiles(g, p);
  }
  return g;
}

// What does not depend on the instruction set.
struct policy_base {
  const char* name() const { return "cpu"; }
  template <class T>
  std::size_t worker_bytes(const plan_header& h) const { return cpu::worker_bytes<T>(h); }
  template <class T>
  std::size_t shared_bytes(const plan_header& h, index_type splits) const { return cpu::shared_bytes<T>(h, splits); }
  template <class T>
  void begin(const call_data<T>& call, int worker) const { counters(call, worker) = {}; }
  template <class T>
  status collect(const call_data<T>& call, int worker, report& r) const {
    const worker_counters& c = counters(call, worker);
    add_counters(c, call.plan.header(), r);
    return check_runs(c.failed, call.plan.header());
  }

 private:
  // A worker's memory begins with its counters; see place().
  template <class T>
  static worker_counters& counters(const call_data<T>& call, int worker) {
    return *reinterpret_cast<worker_counters*>(call.workspace.worker(worker));
  }
};

// One instruction set, whatever the machine has: the caller vouches for it.
template <class Kernels>
struct policy : policy_base {
  const char* instruction_set(const plan_header&) const { return crestmax::name(Kernels::set); }
  status available(const problem&, const options&) const { return success(); }
  template <class T>
  tile_geometry geometry(const problem& p) const { return geometry_of<Kernels, T>(p); }
  template <class T>
  void run(const call_data<T>& call, index_type stage, index_type item, int worker) const {
    const default_float_state state;
    Kernels::template run<T>(call, stage, item, worker);
  }
};

}  // namespace cpu

CRESTMAX_END_NAMESPACE
