// A vector core of a block: turns scores into weights for its half of the rows. C++17, device code.
//
// Both vector cores and the cube core form a pipeline: while the cube core multiplies for tile j + 1, each vector core
// takes the exponentials of its half of tile j; two buffers of scores and of weights take turns.
#pragma once

#include "kernel_rows.hpp"

CRESTMAX_BEGIN_VERSION

namespace ascend {

template <class Traits>
class vector_core : private vector_rows<Traits> {
  using Element = typename Traits::Element;
  using rows_base = vector_rows<Traits>;
  using rows_base::layout;
  using rows_base::a_;
  using rows_base::key_tile;
  using rows_base::ub;
  using rows_base::after_vector;
  using rows_base::spread;
  using rows_base::from_cube;
  using rows_base::block_;
  using rows_base::sub_block_;

 public:
  __aicore__ inline vector_core(const kernel_arguments& arguments, std::int32_t block, std::int32_t sub_block)
      : rows_base(arguments, block, sub_block),
        schedule_(arguments, Traits::query_tile, Traits::key_tile, Traits::causal, block) {}

  __aicore__ inline void run() {
    prime();
    write_empty_tiles();
    schedule_step step;
    for (std::int32_t n = 0; schedule_.next(step); ++n) {
      if (step.kind == step_kind::sweep) {
        sweep(step, n % 2);
      } else {
        find_crest(step, n % 2);
      }
    }
    write_counters();
    drain();
  }

 private:
  // ---- flags and constants --------------------------------------------------------------------------------------
  __aicore__ inline void prime() {
    this->make_ramp();
    // What a short tile leaves of a buffer is masked, but it has to be a number.
    for (std::int32_t i = 0; i < 2; ++i) AscendC::Duplicate(ub(layout.ub_score[i]), 0.0f, layout.half_rows * key_tile);
    after_vector();
    for (std::int32_t i = 0; i < 2; ++i) {
      this->free_scores(i);
      AscendC::SetFlag<AscendC::HardEvent::MTE3_V>(weights_in_ub + i);
    }
    this->free_output();
    if constexpr (from_cube) AscendC::CrossCoreSetFlag<2, PIPE_V>(vectors_ready);
    AscendC::SetFlag<AscendC::HardEvent::MTE3_V>(row_in_ub);
    AscendC::SetFlag<AscendC::HardEvent::MTE3_S>(scalar);
    AscendC::SetFlag<AscendC::HardEvent::S_MTE2>(scalar);
  }
  __aicore__ inline void drain() {
    for (std::int32_t i = 0; i < 2; ++i) {
      this->take_scores(i);
      AscendC::WaitFlag<AscendC::HardEvent::MTE3_V>(weights_in_ub + i);
    }
    this->take_output();
    AscendC::WaitFlag<AscendC::HardEvent::MTE3_V>(row_in_ub);
    AscendC::WaitFlag<AscendC::HardEvent::MTE3_S>(scalar);
    AscendC::WaitFlag<AscendC::HardEvent::S_MTE2>(scalar);
  }

  // ---- scores in, weights out -----------------------------------------------------------------------------------
  __aicore__ inline std::int32_t half_of(const query_place& p) const { return padded_rows(p) / 2; }
  // The rows of this core's half that are rows of the tensor, and those of them that see no key: the first ones.
  __aicore__ inline std::int32_t real_rows(const query_place& p) const {
    return clamped(p.rows - sub_block_ * half_of(p), 0, half_of(p));
  }
  __aicore__ inline std::int32_t blind_rows(const query_place& p) const {
    if (p.keys_end == 0) return half_of(p);
    return Traits::causal ? clamped(-own_key(p), 0, half_of(p)) : 0;
  }
  // The key at which this half's first row stands.
  __aicore__ inline std::int32_t own_key(const query_place& p) const {
    return p.first_row + p.offset + sub_block_ * half_of(p);
  }

  __aicore__ inline AscendC::LocalTensor<float> read_scores(const schedule_step& step, std::int32_t turn,
                                                             core_signal ready = score_ready) {
    const std::int32_t rows = half_of(step.place);
    const auto score = ub(layout.ub_score[turn]);
    AscendC::CrossCoreWaitFlag(ready);
    if constexpr (!from_cube) this->fetch_scores(score, rows, padded_keys(step.keys), turn, step.kind != step_kind::sweep);
    if (Traits::causal && step.kind != step_kind::sample && step.kind != step_kind::plateau &&
        step.key_begin + key_tile > step.place.clear_end) {
      this->hide_later_keys(score, rows, step.key_begin - own_key(step.place));
    }
    if (step.keys < key_tile) this->hide_columns(score, rows, step.keys);
    return score;
  }

  __aicore__ inline void write_weights(std::int32_t rows, std::int32_t turn) {
    AscendC::SetFlag<AscendC::HardEvent::V_MTE3>(weights_in_ub + turn);
    AscendC::WaitFlag<AscendC::HardEvent::V_MTE3>(weights_in_ub + turn);
    AscendC::DataCopy(this->template scratch<Element>(layout.scratch_weights[turn])[this->half_offset(rows, key_tile)],
                      this->template ub_of<Element>(layout.ub_weights[turn]), static_cast<std::uint32_t>(rows * key_tile));
    AscendC::SetFlag<AscendC::HardEvent::MTE3_V>(weights_in_ub + turn);
    AscendC::CrossCoreSetFlag<2, PIPE_MTE3>(weights_ready);
  }

  // ---- the crest: anchors, strided sample, plateaus -------------------------------------------------------------
  __aicore__ inline void find_crest(const schedule_step& step, std::int32_t turn) {
    const query_place& p = step.place;
    const std::int32_t rows = half_of(p);
    const auto crest = ub(layout.ub_crest[p.slot]);
    const auto score = read_scores(step, turn);
    if (step.first) AscendC::Duplicate(crest, hidden, rows);
    const bool first_sample = step.kind == step_kind::sample && step.number == 0;
    if (first_sample) {  // samples are compared with what the anchors have shown, whatever order they come in
      AscendC::Adds(ub(layout.ub_reference), crest, 0.0f, rows);
      for (std::int32_t i = 0; i < most_windows / 2; ++i) {
        peak_[i] = hidden;
        peak_key_[i] = 0;
      }
    }
    this->row_max(ub(layout.ub_row[0]), score, rows);
    after_vector();
    AscendC::Max(crest, crest, ub(layout.ub_row[0]), rows);
    after_vector();
    if (step.kind == step_kind::sample) {
      counters_.keys_sampled += static_cast<std::uint32_t>(step.keys);
      if (p.windows > 0) {
        find_peaks(step, score, rows);
        if (step.number == p.sample_tiles - 1) write_windows(p);
      }
    } else {
      counters_.keys_crest += static_cast<std::uint32_t>(step.keys);
    }
    this->free_scores(turn);
    if constexpr (from_cube) AscendC::CrossCoreSetFlag<2, PIPE_V>(crest_read);
  }

  // Of every sampled key the best score of a row above that row's crest; the best keys, a window apart, are kept.
  __aicore__ inline void find_peaks(const schedule_step& step, const AscendC::LocalTensor<float>& score,
                                    std::int32_t rows) {
    spread(layout.ub_spread[1], ub(layout.ub_reference), rows);
    this->subtract_rows(score, ub(layout.ub_spread[1]), rows);
    this->column_max(score, rows);
    const auto best = ub(layout.ub_best[0]);
    this->template reduce_max<key_tile / 64>(best, score, 64);
    AscendC::SetFlag<AscendC::HardEvent::V_S>(scalar);
    AscendC::WaitFlag<AscendC::HardEvent::V_S>(scalar);
    float highest = best.GetValue(0);
    if (key_tile > 64 && best.GetValue(1) > highest) highest = best.GetValue(1);
    const std::int32_t peaks = step.place.windows / 2;
    if (highest > weakest_peak(peaks)) {
      for (std::int32_t i = 0; i < step.keys; ++i) {
        keep_peak(score.GetValue(static_cast<std::uint32_t>(i)), step.key_begin + i * step.key_stride, peaks);
      }
    }
    AscendC::SetFlag<AscendC::HardEvent::S_V>(scalar);
    AscendC::WaitFlag<AscendC::HardEvent::S_V>(scalar);
  }
  __aicore__ inline float weakest_peak(std::int32_t peaks) const {
    float weakest = peak_[0];
    for (std::int32_t i = 1; i < peaks; ++i) weakest = peak_[i] < weakest ? peak_[i] : weakest;
    return weakest;
  }
  __aicore__ inline void keep_peak(float height, std::int32_t key, std::int32_t peaks) {
    std::int32_t place = 0;
    for (std::int32_t i = 0; i < peaks; ++i) {
      const std::int32_t apart = key - peak_key_[i];
      if (peak_[i] > hidden && apart > -key_tile / 2 && apart < key_tile / 2) {  // the same plateau
        place = i;
        break;
      }
      if (peak_[i] < peak_[place]) place = i;
    }
    if (height > peak_[place]) {
      peak_[place] = height;
      peak_key_[place] = key;
    }
  }
  // Each core chooses half of the windows, for its half of the rows; all rows get the scores of all of them.
  __aicore__ inline void write_windows(const query_place& p) {
    const auto record = this->take_record();
    for (std::int32_t i = 0; i < 8; ++i) {
      const std::int32_t key = i < p.windows / 2 ? peak_key_[i] : 0;
      record.SetValue(static_cast<std::uint32_t>(i), clamped(key - key_tile / 2, 0, p.clear_end - key_tile));
    }
    this->write_record(this->template scratch<std::int32_t>(layout.scratch_windows)[this->record_offset()], 8);
    AscendC::CrossCoreSetFlag<2, PIPE_MTE3>(windows_ready);
  }

  // ---- the sweep ------------------------------------------------------------------------------------------------
  __aicore__ inline void sweep(const schedule_step& step, std::int32_t turn) {
    const std::int32_t rows = half_of(step.place);
    if (step.first) this->fix_shift(ub(layout.ub_crest[step.place.slot]), rows);
    const auto score = read_scores(step, turn);
    AscendC::WaitFlag<AscendC::HardEvent::MTE3_V>(weights_in_ub + turn);
    this->weigh(score, this->template ub_of<Element>(layout.ub_weights[turn]), rows);
    this->free_scores(turn);
    write_weights(rows, turn);
    counters_.keys_swept += static_cast<std::uint32_t>(step.keys);
    if (step.last) finish(step.place, turn);
  }

  // Guard, O from the cube core or the correction, division, output.
  __aicore__ inline void finish(const query_place& p, std::int32_t turn) {
    if constexpr (!output_may_overflow<Element>) write_guard(p);
    AscendC::CrossCoreWaitFlag(output_ready);
    this->take_output();
    if constexpr (!from_cube) this->fetch_output(layout.ub_output, half_of(p), output_in_ub);
    if constexpr (output_may_overflow<Element>) write_guard(p);
    AscendC::CrossCoreWaitFlag(verdict_ready);
    if (any_core_fails(p)) correct(p, turn);
    write_rows(p);
    this->free_output();
  }
  __aicore__ inline void write_guard(const query_place& p) {
    const std::int32_t failing = failing_rows(p);
    counters_.failing_rows += static_cast<std::uint32_t>(failing);
    this->take_record().SetValue(0, failing);
    for (std::uint32_t i = 1; i < 8; ++i) this->ub_record().SetValue(i, 0);
    this->write_record(this->template scratch<std::int32_t>(layout.scratch_guard[p.slot])[this->record_offset()], 8);
    AscendC::CrossCoreSetFlag<2, PIPE_MTE3>(guard_ready);
  }

  // A row passes if no tile of its weights sums to the largest number of the weight type: then no weight was saturated, for a lone
  // saturated one makes that very sum. And a crest that was seen has a weight of e^-margin,
  // and O is finite.
  __aicore__ inline std::int32_t failing_rows(const query_place& p) {
    const std::int32_t rows = real_rows(p), blind = blind_rows(p);
    if (rows <= blind) return 0;
    const auto sum = ub(layout.ub_sum), largest = ub(layout.ub_largest_sum), negative = ub(layout.ub_row[0]);
    const auto marks = ub(layout.ub_row[1]), marked = ub(layout.ub_row[3]);
    after_vector();
    AscendC::Muls(negative, sum, -1.0f, rows);
    after_vector();
    if (blind > 0) {
      AscendC::Duplicate(negative, -a_.guard_least_sum, blind);
      after_vector();
    }
    this->template reduce_max<1>(ub(layout.ub_best[0]), largest, rows);
    this->template reduce_max<1>(ub(layout.ub_best[1]), negative, rows);
    if constexpr (output_may_overflow<Element>) this->mark_overflow(marks, marked, half_of(p), rows);
    AscendC::SetFlag<AscendC::HardEvent::V_S>(scalar);
    AscendC::WaitFlag<AscendC::HardEvent::V_S>(scalar);
    std::int32_t failing = 0;
    bool overflow = false;
    if constexpr (output_may_overflow<Element>) overflow = !(marked.GetValue(0) == 0.0f);
    if (overflow || !(ub(layout.ub_best[0]).GetValue(0) < a_.guard_tile_limit) ||
        !(ub(layout.ub_best[1]).GetValue(0) <= -a_.guard_least_sum)) {
      for (std::int32_t r = blind; r < rows; ++r) {
        const auto at = static_cast<std::uint32_t>(r);
        if (!(largest.GetValue(at) < a_.guard_tile_limit) || !(sum.GetValue(at) >= a_.guard_least_sum) ||
            (overflow && !(marks.GetValue(at) == 0.0f))) {
          ++failing;
        }
      }
    }
    AscendC::SetFlag<AscendC::HardEvent::S_V>(scalar);
    AscendC::WaitFlag<AscendC::HardEvent::S_V>(scalar);
    return failing;
  }
  __aicore__ inline bool any_core_fails(const query_place& p) {
    const auto decisions = this->template ub_of<std::int32_t>(layout.ub_decisions);
    AscendC::WaitFlag<AscendC::HardEvent::S_MTE2>(scalar);
    const auto records = this->template scratch<std::int32_t>(layout.scratch_guard[p.slot]);
    AscendC::DataCopy(decisions, records, 8);
    AscendC::DataCopy(decisions[record_bytes / 4], records[record_bytes / 4], 8);
    AscendC::SetFlag<AscendC::HardEvent::MTE2_S>(scalar);
    AscendC::WaitFlag<AscendC::HardEvent::MTE2_S>(scalar);
    const bool fails = decisions.GetValue(0) + decisions.GetValue(record_bytes / 4) > 0;
    AscendC::SetFlag<AscendC::HardEvent::S_MTE2>(scalar);
    return fails;
  }

  // ---- the correction: running maximum, O in the unified buffer and rescaled ------------------------------------
  __aicore__ inline void correct(const query_place& p, std::int32_t turn) {
    const std::int32_t rows = half_of(p);
    const auto crest = ub(layout.ub_crest[p.slot]), scale = ub(layout.ub_row[3]), output = ub(layout.ub_output);
    counters_.corrected_tiles += 1;
    counters_.keys_redone += static_cast<std::uint32_t>(p.keys_end);
    AscendC::Duplicate(output, 0.0f, rows * Traits::d_v);
    AscendC::Duplicate(crest, hidden, rows);
    after_vector();
    this->fix_shift(crest, rows);
    for (std::int32_t tile = 0; tile < p.tiles; ++tile) {
      schedule_step step;
      schedule_.sweep_step(p, tile, step);
      const auto score = read_scores(step, turn, redone_ready);
      this->raise_shift(crest, scale, score, rows);
      AscendC::WaitFlag<AscendC::HardEvent::MTE3_V>(weights_in_ub + turn);
      this->weigh(score, this->template ub_of<Element>(layout.ub_weights[turn]), rows);
      this->free_scores(turn);
      if constexpr (!from_cube) AscendC::SetFlag<AscendC::HardEvent::V_MTE2>(partial_in_ub);
      write_weights(rows, turn);
      spread(layout.ub_spread[1], scale, rows);
      this->scale_output(output, ub(layout.ub_spread[1]), rows);
      AscendC::CrossCoreWaitFlag(output_ready);
      if constexpr (!from_cube) {
        AscendC::WaitFlag<AscendC::HardEvent::V_MTE2>(partial_in_ub);
        this->fetch_output(layout.ub_partial, rows, partial_in_ub);
      }
      AscendC::Add(output, output, ub(layout.ub_partial), rows * Traits::d_v);
      after_vector();
    }
  }

  // ---- output ---------------------------------------------------------------------------------------------------
  // One division and one write of O; LSE with it.
  __aicore__ inline void write_rows(const query_place& p) {
    const std::int32_t rows = half_of(p), real = real_rows(p);
    AscendC::WaitFlag<AscendC::HardEvent::MTE3_V>(row_in_ub);
    this->divide(rows);
    this->log_of_sums(rows, blind_rows(p));
    AscendC::SetFlag<AscendC::HardEvent::V_MTE3>(row_in_ub);
    AscendC::WaitFlag<AscendC::HardEvent::V_MTE3>(row_in_ub);
    if (real > 0) {
      const std::int64_t first = p.first_row + sub_block_ * rows;
      AscendC::DataCopyExtParams out{};
      out.blockCount = static_cast<std::uint16_t>(real);
      out.blockLen = Traits::d_v * 2;
      out.dstStride = static_cast<std::uint32_t>(a_.output.row_stride * 2 - Traits::d_v * 2);
      AscendC::DataCopyPad(rows_of<Element>(a_.output, p.batch, p.head, first, real, Traits::d_v),
                           this->template ub_of<Element>(layout.ub_rounded), out);
      if (a_.lse.address != 0) {
        out.blockLen = 4;
        out.dstStride = static_cast<std::uint32_t>(a_.lse.row_stride * 4 - 4);
        AscendC::DataCopyPad(rows_of<float>(a_.lse, p.batch, p.head, first, real, 1), ub(layout.ub_lse), out);
      }
    }
    AscendC::SetFlag<AscendC::HardEvent::MTE3_V>(row_in_ub);
    counters_.query_tiles += 1;
  }

  // Query tiles whose rows see no key: O = 0, LSE = -inf. The cube core has no part in them.
  __aicore__ inline void write_empty_tiles() {
    for (std::int32_t round = 0; round < schedule_.rounds(); ++round) {
      const std::int32_t item = schedule_.item_of(round);
      if (item < 0) continue;
      const query_place p = schedule_.place_of(item);
      if (p.tiles > 0) continue;
      AscendC::Duplicate(ub(layout.ub_output), 0.0f, half_of(p) * Traits::d_v);
      AscendC::Duplicate(ub(layout.ub_row[0]), hidden, half_of(p));
      after_vector();
      this->fix_shift(ub(layout.ub_row[0]), half_of(p));
      write_rows(p);
    }
  }

  // ---- records --------------------------------------------------------------------------------------------------
  __aicore__ inline void write_counters() {
    const auto record = this->take_record();
    const std::uint32_t numbers[7] = {counters_.query_tiles,  counters_.corrected_tiles, counters_.failing_rows,
                                      counters_.keys_sampled, counters_.keys_crest,      counters_.keys_swept,
                                      counters_.keys_redone};
    for (std::uint32_t i = 0; i < record_bytes / 4; ++i) {
      record.SetValue(i, i < 7 ? static_cast<std::int32_t>(numbers[i]) : 0);
    }
    const std::uint64_t mine = static_cast<std::uint64_t>(block_ * 2 + sub_block_) * record_bytes;
    this->write_record(global<std::int32_t>(a_.counters + mine, record_bytes / 4), record_bytes / 4);
  }

  schedule schedule_;
  core_counters counters_ = {};
  float peak_[most_windows / 2] = {};
  std::int32_t peak_key_[most_windows / 2] = {};
};

}  // namespace ascend

CRESTMAX_END_VERSION
