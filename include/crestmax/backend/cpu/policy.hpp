// A backend policy from one instruction set's kernels: geometry, memory and counters.
#pragma once

#include "../../float_state.hpp"
#include "../../memory_checks.hpp"
#include "../concept.hpp"
#include "counters.hpp"
#include "entries.hpp"

// A file whose kernels are compiled elsewhere (text/table.inc) is spared the text of the method.
#if !defined(CRESTMAX_EXTERN_KERNELS) || defined(CRESTMAX_INSTANTIATE_KERNELS)
#include "../../stages/pipeline.hpp"
#endif

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

inline void add_counters(const worker_counters& c, report& r) {
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
  r.keys_refined += c.refined;
  r.rows_read_on += c.read_on;
  raise(r.max_output_error, c.output_error);
  raise(r.max_dropped_mass, c.dropped_mass);
  raise(r.max_dropped_estimate, c.dropped_estimate);
  raise(r.max_undershoot_bound, c.undershoot_bound);
  raise(r.lipschitz, c.lipschitz);
  raise(r.max_undershoot, c.undershoot);
  raise(r.max_sampling_bound, c.sampling_bound);
}

// Whether a source had all the rows that a worker asked it for.
inline status check_runs(const failed_runs& failed, bool paged) {
  if (failed.count == 0) return success();
  const failed_runs::place& at = failed.first;
  const char* const argument = paged ? "block_table" : at.of_keys ? "key" : "value";
  return error(status_code::source_failed, validate::entry_name(argument, "sequence", at.sequence, "position", at.position).text,
               "aligned rows while the call ran, at least", 1, at.rows);
}

// Tiles multiply so fast that packing has to serve more rows, and turning from tiles to vectors and back more keys, as far as
// a worker's memory allows; strips are whole groups of either kind.
inline tile_geometry with_tiles(tile_geometry g, const head_shape& p) {
  constexpr scalar_kind kind = scalar_kind::bfloat16;
  if (p.query_kind != kind || p.key_kind != kind || p.value_kind != kind) return g;
  g.query_block = 480;
  if (p.d_qk + p.d_v <= 256 && p.d_v <= 224) {
    g.long_query_block = 832;
    g.long_rows = 2 * g.long_query_block;
    g.key_tile = planner::most_tile_keys;
  }
  g.strip = 96;
  g.row_group = rows_of_tiles;
  g.pairs = pair_product::tiles;
  return g;
}

// Query block: large enough that packing a tile of keys and values is a small part of the work.
// Strip: its scores, and what passes by them, stay in the first two caches.
// Key tile: the block in which sums start from zero. In place: long, since turning from keys to values and back costs
// what was under way to the cache.
// `set` may be a wider one that shares the table.
template <class T>
tile_geometry geometry_of(const kernel_sizes<T>& kernels, const head_shape& p, instruction_set set) {
  constexpr index_type rows = 288 * 4 / static_cast<index_type>(sizeof(T));
  const index_type group = kernels.row_group;
  tile_geometry g{rows, planner::usual_tile_keys, 48 / group * group, group, kernels.panel, static_cast<std::int32_t>(set)};
  g.dots = kernels.reads_in_place && machine_has_dots(set);
  g.reads_planes = kernels.reads_in_place && sizeof(T) == sizeof(float) && may_read_planes(kernels.lanes, kernels.panel);
  g.key_tile_in_place = kernels.reads_in_place ? planner::most_tile_keys : g.key_tile;
  if (!kernels.multiplies_pairs) return g;
  if (pairs_of_set(set).registers) g.pairs = pair_product::registers;
  return pairs_of_set(set).tiles ? with_tiles(g, p) : g;
}

// An item, in the float state that kernels count on.
template <class T>
void run_item_with(const kernel_table<T>& kernels, const call_data<T>& call, index_type stage, index_type item, int worker) {
  const default_float_state state;
  run_item(kernels, call, stage, item, worker);
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
    add_counters(c, r);
    return check_runs(c.failed, call.paged);
  }

 private:
  // A worker's memory begins with its counters; see place().
  template <class T>
  static worker_counters& counters(const call_data<T>& call, int worker) {
    return *pointer_to<worker_counters>(call.workspace.worker(worker));
  }
};

// One instruction set, whatever the machine has: the caller vouches for it.
template <class Kernels>
struct policy : policy_base {
  using narrows = policy;
  const char* instruction_set(const plan_header&) const { return crestmax::name(Kernels::set); }
  status available(const problem&, const options&) const { return success(); }
  template <class T>
  tile_geometry geometry(const head_shape& p) const { return geometry_of(Kernels::template sizes<T>(), p, Kernels::set); }
  template <class T>
  void run(const call_data<T>& call, index_type stage, index_type item, int worker) const {
    run_item_with(Kernels::template table<T>(), call, stage, item, worker);
  }
  template <class T, call_needs Needs>
  static const kernel_table<T>& table_of(crestmax::instruction_set) { return Kernels::template table<T, Needs>(); }
};

// A backend for one call, whose types are known, with the kernels that such a call can come to use: no others are compiled for it.
template <class T, class Backend>
class narrowed : public Backend {
 public:
  using tables = const kernel_table<T>& (*)(crestmax::instruction_set);
  narrowed(const Backend& whole, tables tables_of_call) : Backend(whole), tables_(tables_of_call) {}

  template <class U>
  void run(const call_data<U>& call, index_type stage, index_type item, int worker) const {
    run_item_with(tables_(static_cast<crestmax::instruction_set>(call.plan->tiles.kernels)), call, stage, item, worker);
  }

 private:
  tables tables_;
};

// What serves a call of such needs: a narrowed backend, if it is one that narrows (a type derived from such does not), or the backend itself.
// Where kernels are compiled elsewhere they are all there.
template <class T, call_needs Needs, class Backend>
decltype(auto) narrow(const Backend& backend) {
#if !defined(CRESTMAX_EXTERN_KERNELS) && !defined(CRESTMAX_INSTANTIATE_KERNELS)
  if constexpr (requires { requires std::is_same_v<typename Backend::narrows, Backend>; } && Needs != call_needs{}) {
    return narrowed<T, Backend>(backend, Backend::template table_of<T, Needs>);
  } else
#endif
  {
    return (backend);
  }
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
