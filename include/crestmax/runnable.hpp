// A call that is attached to its data and memory: the only thing that runs.
#pragma once

#include "backend/concept.hpp"
#include "place_marks.hpp"
#include "planner.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// Key and value tensors by the plan's places of sequences, so that no array of the caller's is read while a call runs.
template <bool Coded>
struct planned_tensors {
  view_of_tensors<Coded> tensors;  // without offsets of their own
  [[no_unique_address]] codings<Coded> beside{};
  const plan_sequence* sequences = nullptr;

  kv_run key_run(index_type sequence, index_type head, index_type position) const {
    if constexpr (Coded) return coded_run(tensors.key, beside.key, sequence, head, position);
    else return run(tensors.key, sequence, head, position);
  }
  kv_run value_run(index_type sequence, index_type head, index_type position) const {
    if constexpr (Coded) return coded_run(tensors.value, beside.value, sequence, head, position);
    else return run(tensors.value, sequence, head, position);
  }
  source_shape shape() const { return tensors.shape(); }
  scalar_kind key_kind() const { return tensors.key_kind(); }
  scalar_kind value_kind() const { return tensors.value_kind(); }

 private:
  kv_run run(const tensor_view& rows, index_type sequence, index_type head, index_type position) const {
    const plan_sequence& s = sequences[sequence];
    return crestmax::run_of_rows(rows, {}, s.key_batch, head, s.key_begin + position);
  }
  kv_run coded_run(const tensor_view& rows, const row_coding& coding, index_type sequence, index_type head, index_type position) const {
    const plan_sequence& s = sequences[sequence];
    if (is_open(coding, position, s.kv_len)) return open_run(coding, s.key_batch, head, position, s.kv_len - position);
    const kv_run found = run(rows, sequence, head, position);
    return has_coding(rows) ? with_coding(found, coding, s.key_batch, head, s.key_begin + position) : found;
  }
};

// What a runnable is made of. T is the compute type.
template <class T, class Source, class Chain, class Backend>
struct attached_parts {
  crestmax::plan plan;
  problem shape;
  tensor_view query;
  tensor_view output;
  tensor_view key;    // of a source made of tensors
  tensor_view value;
  Source source;
  Chain modifiers;
  Backend backend;
  row_output lse;
  row_output row_max;
  row_output dropped_mass;
  row_output output_error;
  std::byte* workspace = nullptr;
  int workers = 0;
};

// What the numbers of a report are worth, whoever counted them.
inline void note_kinds(const plan_header& h, report& r) {
  r.dropped_mass_kind = h.coverage == coverage_kind::everything ? mass_kind::none
                        : h.coverage == coverage_kind::above    ? mass_kind::rigorous
                        : h.lipschitz >= 0                      ? mass_kind::hypothesis
                                                                : mass_kind::estimate;
  r.output_error_kind = !planner::is_by_planes(h.by_planes)   ? output_error_kind::none
                        : planner::bounds_error(h.by_planes) ? output_error_kind::bound
                                                             : output_error_kind::sigma;
  if (h.diagnostics) {
    r.lipschitz_from = lipschitz_source::measured;
  } else if (h.lipschitz >= 0) {
    r.lipschitz = h.lipschitz;
    r.lipschitz_from = lipschitz_source::stated;
  } else if (h.estimate_lipschitz) {
    r.lipschitz_from = lipschitz_source::estimated;
  }
}

// Made by attach(). What it was attached to must outlive it: tensors, plan, workspace, what a cache, a source or modifiers
// point to; nothing of the options. It may be copied and moved; only one of the copies runs.
//
//   begin(); for each stage: run(stage, item, worker) for every item, then a barrier; collect(report).
//
// begin() and collect() return a status; nothing is written before begin(). A device gets its work in begin(), and has no
// stages. collect() tells of a source that failed meanwhile, of items that there are not, and of memory that begin() has never seen,
// where nothing runs.
template <class T, class Source, class Chain, class Backend>
class runnable {
 public:
  using compute = T;
  using parts = attached_parts<T, Source, Chain, Backend>;
  static constexpr bool is_device = on_device<Backend>;

  runnable(const parts& p, const crestmax::status& ready) : parts_(p), ready_(ready) {}

  // ok, or what was wrong when this was attached: then there are no stages, and run() does nothing.
  const crestmax::status& ready() const { return ready_; }
  index_type stages() const { return ready_.ok() ? parts_.plan.stages() : 0; }
  index_type items(index_type stage) const { return ready_.ok() ? parts_.plan.items(stage) : 0; }
  int workers() const { return parts_.workers; }

  crestmax::status begin() const {
    if (!ready_.ok()) return ready_;
    if constexpr (is_device) {
      return parts_.backend.launch(whole());
    } else {
      marks().clear();
      merges().clear();
      return success();
    }
  }

  // Items of a stage are independent, and a worker runs one at a time. A stage, item or worker that there is not is
  // not run; collect() says so.
  void run(index_type stage, index_type item, int worker) const {
    if constexpr (!is_device) {
      if (!ready_.ok() || !marks().are_clear()) return;
      using misuse = place_marks::misuse;
      if (stage < 0 || stage >= stages()) return marks().note(misuse::stage, stage);
      if (item < 0 || item >= items(stage)) return marks().note(misuse::item, item);
      if (worker < 0 || worker >= parts_.workers) return marks().note(misuse::worker, worker);
      // Where there are fewer items than workers, each item has its own place, whoever runs it.
      const int place = items(stage) < parts_.workers ? static_cast<int>(item) : worker;
      const call_data<T> call = data();
      if (!marks().has(place)) {
        parts_.backend.begin(call, place);
        marks().set(place);
      }
      parts_.backend.run(call, stage, item, place);
    }
  }

  // Sums what was counted. Time: O(places that an item ran in), and a bit for each of the others.
  crestmax::status collect(report& r) const {
    r = report{};
    if (!ready_.ok()) return ready_;
    r.backend = parts_.backend.name();
    r.instruction_set = parts_.backend.instruction_set(parts_.plan.header());
    r.weights = crestmax::name(parts_.plan->weights);
    if constexpr (is_device) {
      return parts_.backend.collect(whole(), r);
    } else {
      note_kinds(parts_.plan.header(), r);
      const call_data<T> call = data();
      crestmax::status result = marks().verdict();
      if (!marks().are_clear()) return result;
      marks().for_each([&](int place) {
        const crestmax::status s = parts_.backend.collect(call, place, r);
        if (result.ok()) result = s;
      });
      return result;
    }
  }

  // The call as kernels see it. Valid while this object lives.
  call_data<T> data() const {
    return {parts_.plan,          parts_.query,
            parts_.output,        crestmax::view_of(parts_.source),
            crestmax::view_of<T>(parts_.modifiers),
            parts_.lse,           parts_.row_max,
            parts_.dropped_mass,  parts_.output_error, {parts_.workspace + marks_bytes(), parts_.plan.workspace()},
            parts_.shape.paged};
  }

 private:
  int places() const { return parts_.plan.workspace().places(parts_.workers); }
  std::size_t marks_bytes() const { return is_device ? 0 : place_marks::bytes(places()); }
  merge_counts merges() const {
    return {parts_.workspace + marks_bytes() + parts_.plan->merges_at, parts_.plan->merges};
  }
  place_marks marks() const { return place_marks(parts_.workspace, places()); }
  device_call whole() const {
    return {parts_.plan,  parts_.shape,  parts_.query, parts_.key,
            parts_.value, parts_.output, parts_.lse,   {parts_.workspace, parts_.plan.workspace()}};
  }

  parts parts_;
  crestmax::status ready_;
};

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
